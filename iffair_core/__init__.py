"""IFFair: which training rows make a model unfair, which row weights repair it, and what the repair costs.

A row's influence is how much a quantity of the fitted model, such as the gap between two groups' selection rates,
changes per unit of weight added to that row. Rows that widen the gap get less weight and rows that narrow it more, just
enough to close the share of the gap that was asked for; the model is refitted with those weights and measured again.
Nothing else changes: not the model, the features, the labels or the decision threshold.

    >>> from iffair_core import Study, load_dataset
    >>> table, task = load_dataset("example")
    >>> result = Study(table, task, metric="equalized_odds").run()      # doctest: +SKIP
    >>> result.weights, result.after["test"].values                     # doctest: +SKIP

`Study.run` shows the stages in turn; each module says which one it is, and `docs/method.md` has the formulas.
After "IFFair" (arXiv 2512.07249); its full method text was not available, so formulas marked ours are our own.
"""

from iffair_core.data.task import Task
from iffair_core.datasets.catalog import load_dataset
from iffair_core.errors import (
    ArrayError,
    Cancelled,
    ConfigError,
    DownloadError,
    FitError,
    IFFairError,
    Infeasible,
    NotSupported,
    SplitError,
    TableError,
    TaskError,
)
from iffair_core.estimator import InfluenceReweigher, ReweightedClassifier
from iffair_core.reading.door import read_table
from iffair_core.study.results import StudyResult
from iffair_core.study.run import Study

__version__ = "0.1.0"

__all__ = [
    "ArrayError",
    "Cancelled",
    "ConfigError",
    "DownloadError",
    "FitError",
    "IFFairError",
    "Infeasible",
    "InfluenceReweigher",
    "NotSupported",
    "ReweightedClassifier",
    "SplitError",
    "Study",
    "StudyResult",
    "TableError",
    "Task",
    "TaskError",
    "__version__",
    "load_dataset",
    "read_table",
]
