"""What a study is asked besides the table and the task; each field declares its option (`data.option`)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from iffair_core.data.option import Choice, Choices, Number, Option, Several, Whole, option, options_of
from iffair_core.data.row_selectors import pin_names
from iffair_core.errors import ConfigError
from iffair_core.metrics import GOALS, THRESHOLD
from iffair_core.models import MODELS, usual_C
from iffair_core.path import MAX_STRENGTH, Repair
from iffair_core.reweighting import VARIANTS
from iffair_core.rivals.registry import RIVALS, WEIGHTS, rival_names, rivals_text
from iffair_core.study.classifiers import TRANSFER_MODELS
from iffair_core.wording import GOAL_TITLES, heading

BALANCED = "balanced"
LEAST_THRESHOLD = 1e-4
_USUAL = ", ".join(f"{kind.usual_C:g} for {name}" for name, kind in MODELS.items())


class Goal(Choice):
    """A goal, by its title in sentences."""

    def said(self, value: Any) -> str:
        return heading(GOAL_TITLES[value])


class Threshold(Number):
    """A probability, or "balanced" for one that is chosen on validation rows."""

    def one(self, text: str) -> Any:
        return text if text == BALANCED else super().one(text)

    def words(self, value: Any) -> list[str]:
        return [value] if isinstance(value, str) else super().words(value)

    def written(self, value: Any) -> list[str]:
        return self.words(value)

    def read(self, texts: Sequence[str]) -> Any:
        return BALANCED if list(texts) == [BALANCED] else super().read(texts)

    def said(self, value: Any) -> str:
        return "chosen on validation rows" if value == BALANCED else f"{value:g}"

    def check(self, name: str, value: Any) -> None:
        if value != BALANCED:
            super().check(name, value)


class Pins(Several):
    """Rows: cohorts "COLUMN=VALUE" and row ids. In a link, ids stand together: "12,405"."""

    def one(self, text: str) -> int | str:
        if "=" in text:
            return text
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise ValueError("no row")
        return int(text)

    def words(self, value: Any) -> list[str]:
        return [str(pin) for pin in value]

    def read(self, texts: Sequence[str]) -> tuple[int | str, ...]:
        cohorts = [text for text in texts if "=" in text]
        return in_order([*cohorts, *(row for text in texts if "=" not in text for row in parse_rows(text))])


class Rivals(Option):
    """Other methods: the name of a set, or names joined by commas."""

    def one(self, text: str) -> tuple[str, ...]:
        return rival_names(text)

    def words(self, value: Any) -> list[str]:
        return [rivals_text(value)]

    written = words


def in_order(pins: Iterable[int | str]) -> tuple[int | str, ...]:
    """Each pin once, cohorts as they come and then row ids ascending, so that the same pins are the same choice."""
    names = pin_names(pins)
    return (*(name for name in names if isinstance(name, str)), *sorted(n for n in names if isinstance(n, int)))


def parse_rows(text: str) -> tuple[int, ...]:
    """Row numbers written as "12, 405"; ValueError for anything that is no whole number of at least 0."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        raise ValueError("no row numbers")
    return tuple(sorted({int(part) for part in parts}))


@dataclass(frozen=True)
class StudyOptions:
    """The options that command line, links and `StudyConfig` share, as they were given."""

    goal: str = option(
        Goal(
            title="goal",
            usage="{allowed} (default: {default})",
            help="The disparity that the weights are asked to repair.",
            public="metric",
            metavar="NAME",
            allowed=tuple(GOALS),
        ),
        "equalized_odds",
    )
    also: tuple[str, ...] = option(
        Choices(
            title="goals closed as well",
            usage="another of these to close by the same share; repeatable",
            help="Other goals whose disparities the same weights have to close by the same share. The "
            "recommended strength still goes by the goal itself.",
            metavar="NAME",
            action="append",
            allowed=tuple(GOALS),
        ),
        (),
    )
    variant: str = option(
        Choice(
            title="variant",
            usage="{allowed} (default: {default})",
            help="How the weights are chosen. Diverse: every row moves a little, in proportion to its influence. "
            "Uniform: the fewest rows move, all by the same amount. Efficient: like Diverse, but the training loss "
            "that a repair costs counts too, so that it loses less utility.",
            metavar="NAME",
            allowed=VARIANTS,
        ),
        "diverse",
    )
    model: str = option(
        Choice(
            title="model",
            usage="{allowed} (default: {default})",
            help="What is trained on the rows. Logistic regression: one weight per feature, fast, with one optimum. "
            "Neural network: one hidden layer of 4 units, which finds interactions by itself, takes much longer and "
            "has no variant Efficient; watch the fidelity of its row scores.",
            metavar="NAME",
            allowed=tuple(MODELS),
        ),
        "logistic",
    )
    strength: float | None = option(
        Number(
            title="strength",
            usage="0 to 1.25, share of the gap to close (default: recommended)",
            help="The share of the soft disparity that the weights are asked to close, from 0 (the untouched model) "
            "to 1.25. At 1 the soft disparity closes; the one counted in decisions may cross zero a little earlier or "
            "later.",
            metavar="S",
            unset="recommended",
            high=MAX_STRENGTH,
        ),
        None,
    )
    threshold: float | str = option(
        Threshold(
            title="threshold",
            usage="P(favorable) from which everybody is selected, or balanced: where balanced accuracy of the ordinary "
            "model is largest on validation rows (default: {default:g})",
            help="A decision is favorable from this probability on, for everybody alike, before and after the repair. "
            "Where the favorable outcome is rare, hardly anybody reaches 0.5, and a model that selects nobody shows no "
            "gap. Chosen on validation rows: where the mean of true positive and true negative rate of the ordinary "
            "model is largest there.",
            metavar="P",
            low=LEAST_THRESHOLD,
            high=1 - LEAST_THRESHOLD,
            expected=", which is no probability. Give a number, as 0.2, or balanced.",
        ),
        THRESHOLD,
    )
    utility_budget: float | None = option(
        Number(
            title="utility budget",
            usage="accuracy that the repair may cost, as 0.01",
            help="How much accuracy the recommended strength may cost.",
            metavar="B",
            unset="default",
            high=1.0,
        ),
        None,
    )
    max_weight: float = option(
        Number(
            title="largest weight",
            usage="no row weighs more (default: {default:g})",
            help="No row gets a weight above this.",
            metavar="W",
            low=1.0,
            above=True,
            dial=(1.01, 1000.0),
        ),
        5.0,
    )
    min_effective_sample_size: float = option(
        Number(
            title="smallest effective sample size",
            usage="smallest share of the training rows (default: {default:g})",
            help="Weights that leave a smaller effective sample size are refused.",
            metavar="S",
            high=1.0,
        ),
        0.5,
    )
    min_accuracy: float | None = option(
        Number(
            title="smallest accuracy",
            usage="floor on the rows that guide the repair, as 0.8",
            help="Weights whose refitted model has a smaller accuracy are refused. Measured on the training "
            "and validation rows that guide the repair.",
            metavar="A",
            high=1.0,
        ),
        None,
    )
    C: float = option(
        Number(
            title="inverse penalty C",
            usage=f"inverse penalty of the model (default: {_USUAL})",
            metavar="C",
            unset="the model's usual",
            above=True,
        ),
        None,  # settled by StudyConfig
    )
    pinned: tuple[int | str, ...] = option(
        Pins(
            title="rows that keep weight 1",
            usage="rows whose weight stays 1; repeat for more",
            help="Rows whose weight stays 1 whatever the repair: single ones, or every row that has a value.",
            term="pinned rows",
            flag="pin",
            metavar="COL=VALUE|ROW_ID",
            action="append",
            expected=". Give COLUMN=VALUE, or the id of a row, as 12.",
        ),
        (),
    )
    seed: int = option(
        Whole(
            title="seed",
            usage="split and random draws (default: {default})",
            help="Sets the split into training, validation and test rows and every random draw.",
            dial=(0, 2**32 - 1),
        ),
        0,
    )


@dataclass(frozen=True)
class StudyConfig(StudyOptions):
    """Everything that decides a study besides the table and the task, checked.

    `goal`: what to repair. `threshold`: P(favorable) from which a row is selected, "balanced" for one chosen on
    validation rows. `strength` in 0..1.25, None for the recommended one. `utility_budget`: accuracy on
    validation rows that a repair may cost (a share); None is 0.01 for the recommendation and no cap on a given
    strength. `min_effective_sample_size`: a share of training rows. `model`: of `models.MODELS`; the variant efficient
    needs a logistic one. `C`: inverse ridge penalty on the sum of losses, None for the model's usual one.
    `min_accuracy`: floor on the rows that guide the repair, a share. `pinned`: rows whose weight stays 1, as row ids or
    as cohorts "COLUMN=VALUE" (`data.cohorts`). `also`: other goals to close by the same share; the recommendation goes
    by `goal`. `transfer`: names of other models (`classifiers.TRANSFER_MODELS`) to refit with the weights.
    `rivals`: names of other methods (`rivals.RIVALS`) to run beside ours, or "weights", "all" or "none".

    Raises ConfigError for values that no study can have.
    """

    transfer: tuple[str, ...] = option(
        Choices(
            title="other model",
            usage="also fit another model with the weights; repeat for several: {allowed}",
            metavar="NAME",
            action="append",
            allowed=tuple(TRANSFER_MODELS),
        ),
        (),
    )
    rivals: tuple[str, ...] = option(
        Rivals(
            title="other methods",
            usage="methods to run beside ours: weights, all (Fairlearn's too, much slower), none, "
            f"or some of {', '.join(RIVALS)}, joined by commas (default: weights)",
            metavar="NAMES",
        ),
        WEIGHTS,
    )

    def __post_init__(self) -> None:
        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        settle("also", tuple(self.also))
        settle("transfer", tuple(dict.fromkeys(self.transfer)))
        for name, declared in options_of(type(self)).items():
            declared.check(declared.public, getattr(self, name))
        if self.variant in (without := MODELS[self.model].without):
            usable = " or ".join(one for one in VARIANTS if one not in without)
            able = " or ".join(name for name, kind in MODELS.items() if self.variant not in kind.without)
            raise ConfigError(f"The variant {self.variant} needs model {able}, not {self.model}. Use {usable}.")
        settle("C", usual_C(self.model) if self.C is None else self.C)
        settle("pinned", pin_names(self.pinned))
        settle("rivals", rival_names(self.rivals))
        settle("also", self.repair.also)

    @property
    def repair(self) -> Repair:
        rails = (self.max_weight, self.min_effective_sample_size, self.min_accuracy)
        return Repair(self.goal, self.variant, *rails, self.also)

    def to_dict(self) -> dict[str, Any]:
        """Plain values under the public names, `metric` for the goal; `from_dict` restores an equal configuration."""
        return {declared.public: getattr(self, name) for name, declared in options_of(type(self)).items()}

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> Self:
        """The configuration of options under their public names; ConfigError for a name that is none of them."""
        names = {declared.public: name for name, declared in options_of(cls).items()}
        for name in options:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"Did you mean {near[0]}?" if near else f"Choose among: {', '.join(names)}."
                raise ConfigError(f"A study has no option {name!r}. {hint}")
        return cls(**{names[name]: value for name, value in options.items()})
