"""A study of a folder of Parquet files whose rows stay on the workers of a Dask cluster.

The stages are those of any study: what they do with rows is sent to the workers (`ClusterDesign`). Vectors of one or a
few numbers a row (outcome, group, part, scores, influences, weights) are held by this process, and so are weights
solved; the matrix never comes here.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from iffair_core.checks.run import Check
from iffair_core.cluster.encoding import encode_folder, roles
from iffair_core.cluster.folder import ParquetFolder
from iffair_core.data.encoding import Dataset
from iffair_core.data.task import Task
from iffair_core.errors import ConfigError, StopCheck, never_stop
from iffair_core.study.run import Study

LEFT_OUT = (
    "Studied on a cluster: the checks of the table before a model is fitted, and other methods that need all rows in "
    "one place, are left out."
)


class ClusterStudy(Study):
    """`Study` of a folder of Parquet files; `client` is the cluster's (`connecting.connected`).

    Raises ConfigError for a model or for transfers that need all rows in one place.
    """

    def __init__(self, client: Any, folder: ParquetFolder, task: Task, *, name: str | None = None, **options: Any):
        super().__init__(pd.DataFrame(), task, name=folder.name if name is None else name, **options)
        if self.config.model != "logistic":
            raise ConfigError("Only the model logistic is fitted on a cluster. Choose no other.")
        if self.config.transfer:
            raise ConfigError("Other models need all rows in one place, not on a cluster. Choose none.")
        self.client, self.folder = client, folder
        self.table = roles(folder, task, self.config.pinned)

    def fingerprint(self) -> str:
        """What two folders share only if their files have the same names, sizes, columns and numbers of rows."""
        return self.folder.fingerprint

    def encoded(self, table: pd.DataFrame) -> Dataset:
        """The rows of the folder, ready for a model; their matrix is on the workers."""
        return encode_folder(self.client, self.folder, self.task, table, seed=self.config.seed)

    def checked(self, table: pd.DataFrame, dataset: Dataset, stop_check: StopCheck = never_stop) -> tuple[Check, ...]:
        """None: the checks look at all cells of all rows."""
        return ()
