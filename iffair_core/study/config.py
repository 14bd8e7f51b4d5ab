"""What a study is asked besides the table and the task."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from iffair_core.data.row_selectors import pin_names
from iffair_core.errors import ConfigError
from iffair_core.models import usual_C
from iffair_core.path import Repair, require_strength
from iffair_core.rivals.registry import WEIGHTS, rival_names
from iffair_core.study.classifiers import transfer_model


@dataclass(frozen=True)
class StudyConfig:
    """Everything that decides a study besides the table and the task.

    `goal`: what to repair. `strength` in 0..1.25, None for the recommended one. `utility_budget`: accuracy on
    validation rows that a repair may cost (a share); None is 0.01 for the recommendation and no cap on a given
    strength.
    `min_effective_sample_size`: a share of training rows. `model`: of `models.MODELS`; the variant efficient needs a
    logistic one. `C`: inverse ridge penalty on the sum of losses, None for the model's usual one.
    `transfer`: names of other models (`classifiers.TRANSFER_MODELS`) to refit with the weights.
    `rivals`: names of other methods (`rivals.RIVALS`) to run beside ours.
    `min_accuracy`: floor on the rows that guide the repair, a share. `pinned`: rows whose weight stays 1, as row ids or
    as cohorts "COLUMN=VALUE" (`data.cohorts`). `also`: other goals to close by the same share; the recommendation goes
    by `goal`.
    """

    goal: str = "equalized_odds"
    variant: str = "diverse"
    strength: float | None = None
    seed: int = 0
    utility_budget: float | None = None
    max_weight: float = 5.0
    min_effective_sample_size: float = 0.5
    model: str = "logistic"
    C: float = None  # type: ignore[assignment]  # settled below
    transfer: tuple[str, ...] = ()
    rivals: tuple[str, ...] = WEIGHTS
    min_accuracy: float | None = None
    pinned: tuple[int | str, ...] = ()
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        usual = usual_C(self.model)  # refuses an unknown model
        object.__setattr__(self, "C", usual if self.C is None else self.C)
        if self.model != "logistic" and self.variant == "efficient":
            raise ConfigError(f"The variant efficient needs model logistic, not {self.model}. Use diverse or uniform.")
        if self.strength is not None:
            require_strength(self.strength)
        if self.utility_budget is not None and not 0 <= self.utility_budget <= 1:
            raise ConfigError(f"The utility budget is {self.utility_budget}; it is a share of accuracy from 0 to 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise ConfigError(f"The seed is {self.seed!r}; give a whole number of at least 0.")
        if not (np.isfinite(self.C) and self.C > 0):
            raise ConfigError(f"C is {self.C}; it is the inverse penalty. Give a number above 0.")
        object.__setattr__(self, "pinned", pin_names(self.pinned))
        object.__setattr__(self, "transfer", tuple(self.transfer))
        for name in self.transfer:
            transfer_model(name)
        object.__setattr__(self, "rivals", rival_names(self.rivals))
        object.__setattr__(self, "also", self.repair.also)  # goals, variant and guard rails are validated there

    @property
    def repair(self) -> Repair:
        rails = (self.max_weight, self.min_effective_sample_size, self.min_accuracy)
        return Repair(self.goal, self.variant, *rails, self.also)

    def to_dict(self) -> dict[str, Any]:
        """Plain values under the public names, `metric` for the goal; `from_dict` restores an equal configuration."""
        return {_PUBLIC.get(entry.name, entry.name): getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> Self:
        """The configuration of options under their public names; ConfigError for a name that is none of them."""
        names = {_PUBLIC.get(entry.name, entry.name): entry.name for entry in fields(cls)}
        for name in options:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"Did you mean {near[0]}?" if near else f"Choose among: {', '.join(names)}."
                raise ConfigError(f"A study has no option {name!r}. {hint}")
        return cls(**{names[name]: value for name, value in options.items()})


_PUBLIC = {"goal": "metric"}
