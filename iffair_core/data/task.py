"""The user's choices: outcome, favorable value, groups, reference group, features, and which rows count how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.option import Option, Several, Whole, YesNo, option, options_of
from iffair_core.data.row_selectors import DUPLICATES
from iffair_core.data.task_options import Bins, Pool, Reference, Types, Values
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.types import TYPES
from iffair_core.reading.values import value_label


@dataclass(frozen=True)
class Task:
    """What the user chose. Values are matched by `value_label`, so 1, 1.0 and "1" mean the same.

    target: column of the outcome; favorable: its value that is good for the person, or several; sensitive: column, or
    several to be crossed; reference: group that others are compared with, None for the suggested one; drop: columns
    that are no features; bins: cut points of numeric sensitive columns or of a numeric outcome, left-closed, or
    "quantiles:4" for four bins of like size; of sensitive columns of dates years and days, "years" for one group per
    year, or "age 25, 60 at 2024-12-31"; use_sensitive_as_feature: whether the model sees the sensitive columns.

    types: {column: one of `columns.TYPES`} where the type that is seen is not meant; missing: cells that mean missing
    in every column; pool: {sensitive column: {name: values}}, values taken together under one name, "(missing)" among
    them; exclude: rows left out, "COLUMN=VALUE", "COLUMN<X", "COLUMN>=X" or "duplicates" (`data.cohorts`).
    weights: column of row weights; split: column that fixes the parts; unit: column whose equal values stay in one
    part. None of the three is a feature. smallest_group: show nothing about fewer rows than this, and no single row.
    """

    target: str = option(
        Option(
            title="outcome",
            usage="column of the outcome",
            help="The column that is predicted. Rows without an outcome are left out, and counted.",
        )
    )
    favorable: object = option(
        Values(
            title="favorable value",
            usage="its value that is good for the person; repeat for a set",
            help="The outcome that is good for the person. The model predicts its probability; "
            "a decision is favorable at 0.5 or more, unless another threshold is chosen.",
            metavar="VALUE",
            action="append",
        )
    )
    sensitive: str | tuple[str, ...] = option(
        Several(
            title="sensitive attribute",
            usage="sensitive column; repeat to cross several",
            help="The column, or several crossed, whose values make the groups. A missing value is a group of its own.",
            action="append",
        )
    )
    reference: object | None = option(
        Reference(
            title="reference group",
            usage="group that others are compared with (default: suggested)",
            help="The group that others are compared with. Suggested, never forced: the highest share of "
            "favorable outcomes among groups of at least 30 rows, the least certain of three or more aside.",
            metavar="GROUP",
            unset="suggested",
        ),
        None,
    )
    drop: tuple[str, ...] = option(
        Several(title="columns left out", usage="columns that are no features", action="extend"), ()
    )
    bins: Mapping[str, Sequence[float | str] | str] | None = option(
        Bins(
            title="bins",
            usage="cut points of a sensitive column or of the outcome: age=25,60 or age=quantiles:4; of dates "
            "born=1970,1985-07-01, born=years or 'born=age 25,60 at 2024-12-31'",
            metavar="COL=CUTS",
            action="extend",
            expected="; give a column and its cut points, as age=25,60.",
        ),
        None,
        hash=False,
    )
    use_sensitive_as_feature: bool = option(
        YesNo(
            title="sensitive attribute as a feature",
            usage="whether the model sees the sensitive columns (default: no)",
            metavar="yes|no",
            allowed=("yes", "no"),
        ),
        False,
    )
    _: KW_ONLY
    types: Mapping[str, str] | None = option(
        Types(
            title="types of columns",
            usage=f"type of a column: {', '.join(TYPES)}",
            flag="type",
            metavar="COL=TYPE",
            action="extend",
            expected=f"; give a column and its type, as zip=category, of: {', '.join(TYPES)}.",
        ),
        None,
        hash=False,
    )
    missing: tuple[str, ...] = option(
        Several(
            title="what means missing",
            usage="cells that mean missing in every column, as ?",
            metavar="VALUE",
            action="extend",
        ),
        (),
    )
    pool: Mapping[str, Mapping[str, Sequence[object]]] | None = option(
        Pool(
            title="pooled values",
            usage="take values of a sensitive column together, race:other=Asian,Black; repeat for more",
            metavar="COL:NAME=V1,V2",
            action="append",
            expected="; give a column, a name and values, as race:other=Asian,Black.",
        ),
        None,
        hash=False,
    )
    exclude: tuple[str, ...] = option(
        Several(
            title="rows left out",
            usage=f"rows to leave out, as race=Unknown, age<18, date>=2020-01-01, or {DUPLICATES}",
            metavar="COND",
            action="extend",
        ),
        (),
    )
    weights: str | None = option(Option(title="row weights of the file", usage="column of row weights"), None)
    split: str | None = option(
        Option(
            title="column of parts",
            usage="column that says train, validation or test for each row",
            flag="split-column",
        ),
        None,
    )
    unit: str | None = option(
        Option(
            title="unit that stays on one side",
            usage="column whose equal values stay in one part, as a person's id",
        ),
        None,
    )
    smallest_group: int | None = option(
        Whole(
            title="smallest group shown",
            usage="show nothing about fewer than K rows, and no single row",
            help="No single row and no number of rows from 1 to k − 1 is shown or written to a file; what would give "
            "one away is withheld too. It protects what leaves this screen, not the file itself, and is no "
            "differential privacy: numbers of different runs can be compared.",
            term="cohort-only",
            metavar="K",
            dial=(2, 1_000_000),
        ),
        None,
    )

    def __post_init__(self) -> None:
        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        sensitive = _texts(self.sensitive)
        settle("sensitive", sensitive[0] if len(sensitive) == 1 else sensitive)
        settle("target", str(self.target))
        settle("favorable", _one_or_several(self.favorable, single=True))
        settle("reference", _one_or_several(self.reference, single=False))
        for name in ("drop", "missing", "exclude"):
            settle(name, _texts(getattr(self, name)))
        for name in ("weights", "split", "unit"):
            if getattr(self, name) is not None:
                settle(name, str(getattr(self, name)))
        settle("bins", {column: _cuts(cuts) for column, cuts in _entries(self.bins, "bins")} or None)
        settle("types", {column: str(kind) for column, kind in _entries(self.types, "types")} or None)
        pools = {column: dict(_entries(names, "pool")) for column, names in _entries(self.pool, "pool")}
        settle(
            "pool",
            {
                column: {name: tuple(_plain(value) for value in _several(values)) for name, values in names.items()}
                for column, names in pools.items()
                if names
            }
            or None,
        )
        if isinstance(self.smallest_group, np.integer):
            settle("smallest_group", int(self.smallest_group))

    @property
    def sensitive_columns(self) -> tuple[str, ...]:
        return (self.sensitive,) if isinstance(self.sensitive, str) else self.sensitive

    @property
    def favorable_labels(self) -> tuple[str, ...]:
        """Names of the favorable values, each once."""
        return tuple(dict.fromkeys(value_label(value) for value in _several(self.favorable)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` restores an equal task. The later choices are in it only where made."""
        plain = {name: _json(getattr(self, name)) for name in options_of(Task)}
        plain["sensitive"] = list(self.sensitive_columns)
        plain["use_sensitive_as_feature"] = bool(self.use_sensitive_as_feature)
        return {name: value for name, value in plain.items() if name in _ALWAYS or value not in (None, [], {})}

    @classmethod
    def from_dict(cls, choices: Mapping[str, Any]) -> Task:
        known = list(cls.__dataclass_fields__)
        unknown = sorted(set(choices) - set(known))
        absent = [name for name in ("target", "favorable", "sensitive") if name not in choices]
        if unknown or absent:
            what = f"has no {listing(absent)}" if absent else f"has unknown entries: {listing(unknown)}"
            raise TaskError(
                f"The saved task {what}. It needs {listing(known[:3])} and may have {listing(known[3:], 20)}."
            )
        return cls(**choices)


_ALWAYS = ("target", "favorable", "sensitive", "reference", "drop", "bins", "use_sensitive_as_feature")


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple, np.ndarray, pd.Series, pd.Index)) else (value,)


def _texts(value: Any) -> tuple[str, ...]:
    """Text, or any number of texts."""
    if value is None or isinstance(value, str):
        return () if value is None else (value,)
    return tuple(str(one) for one in (value if isinstance(value, Iterable) else (value,)))


def _one_or_several(value: Any, *, single: bool) -> object:
    """A value, or a tuple of several; with `single` a tuple of one is that value."""
    several = tuple(_plain(one) for one in _several(value))
    return several[0] if len(several) == 1 and (single or not isinstance(value, (list, tuple))) else several


def _cuts(cuts: Any) -> tuple[Any, ...] | str:
    return cuts.strip() if isinstance(cuts, str) else tuple(_plain(cut) for cut in _several(cuts))


def _entries(value: Any, name: str) -> list[tuple[str, Any]]:
    """The entries of a mapping by column; TaskError where it is none."""
    if not isinstance(value, Mapping | None):
        raise TaskError(f"The choice {name} is {shorten(repr(value))}, not a table of columns. Give {{column: ...}}.")
    return [(str(key), entry) for key, entry in (value or {}).items()]


def _json(value: Any) -> Any:
    """A choice in the types of JSON."""
    if isinstance(value, Mapping):
        return {column: _json(entry) for column, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python value it stands for, anything that JSON cannot hold as its label."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, (str, bool, int, float)) else value_label(value)
