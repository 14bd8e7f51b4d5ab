"""Every rival by name, and the one way to run it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from iffair_core.data.design import Design, RemoteDesign
from iffair_core.errors import Cancelled, ConfigError, IFFairError, RivalFailed, shorten
from iffair_core.metrics import GOALS as _ALL_GOALS
from iffair_core.models.logistic import LogisticModel
from iffair_core.rivals import mitigators, weights
from iffair_core.rivals.base import Method, Prediction, RivalProblem, Solution

GOALS = tuple(_ALL_GOALS)
_WITHOUT_ERROR_RATES = tuple(name for name in GOALS if name != "error_rate_parity")
_REDUCTIONS = "Agarwal et al. (2018), ICML; Fairlearn"

METHODS = (
    Method(
        "reweighing", "Reweighing (Kamiran-Calders)", "weights", False, False, False, GOALS,
        "Kamiran and Calders (2012), Knowl. Inf. Syst. 33", weights.reweighing,
    ),
    Method(
        "fairbalance", "FairBalance (Yu et al.)", "weights", False, False, False, GOALS,
        "Yu, Chakraborty and Menzies (2024), IEEE Trans. Software Eng.", weights.fairbalance,
    ),
    Method(
        "fairbalance_variant", "FairBalanceVariant (Yu et al.)", "weights", False, False, False, GOALS,
        "Yu, Chakraborty and Menzies (2024), IEEE Trans. Software Eng.", weights.fairbalance_variant,
    ),
    Method(
        "label_bias", "Label bias (Jiang-Nachum)", "weights", True, False, False, _WITHOUT_ERROR_RATES,
        "Jiang and Nachum (2020), AISTATS", weights.label_bias,
        "The paper states no objective for error rates.",
    ),
    Method(
        "influence_programme", "Influence programme (Li-Liu)", "weights", True, False, False, GOALS,
        "Li and Liu (2022), ICML", weights.influence_programme,
    ),
    Method(
        "exponentiated_gradient", "Exponentiated gradient (Fairlearn)", "training", True, False, True, GOALS,
        _REDUCTIONS, mitigators.exponentiated_gradient,
    ),
    Method(
        "grid_search", "Grid search (Fairlearn)", "training", True, False, False, GOALS,
        _REDUCTIONS, mitigators.grid_search,
    ),
    Method(
        "threshold_optimizer", "Threshold optimizer (Fairlearn)", "thresholds", True, True, True, _WITHOUT_ERROR_RATES,
        "Hardt, Price and Srebro (2016), NeurIPS; Fairlearn", mitigators.threshold_optimizer,
        "Fairlearn's threshold optimizer has no constraint on error rates.",
    ),
    Method(
        "correlation_remover", "Correlation remover (Fairlearn)", "features", False, True, False, GOALS,
        "Fairlearn", mitigators.correlation_remover,
    ),
)  # fmt: skip

RIVALS = {method.name: method for method in METHODS}
WEIGHTS = tuple(method.name for method in METHODS if method.kind == "weights")
FAIRLEARN = tuple(method.name for method in METHODS if method.kind != "weights")
ALL = tuple(RIVALS)
AT_ONCE = (*FAIRLEARN, "influence_programme")
"""Methods that need all rows in one place."""
SETS = {"weights": WEIGHTS, "all": ALL, "none": ()}


def rival_names(asked: str | Sequence[str]) -> tuple[str, ...]:
    """Names of rivals in the order of `RIVALS`, each once.

    `asked`: "weights", "all", "none", names joined by commas, or names. Raises ConfigError for a name of none.
    """
    if isinstance(asked, str):
        if asked in SETS:
            return SETS[asked]
        asked = [name.strip() for name in asked.split(",") if name.strip()]
    for name in asked:
        if name not in RIVALS:
            raise ConfigError(
                f"The rivals name '{shorten(name)}', which is no method here. "
                f"Choose {', '.join(SETS)}, or some of: {', '.join(RIVALS)}."
            )
    return tuple(name for name in RIVALS if name in asked)


def rivals_text(names: Sequence[str]) -> str:
    """What `rival_names` reads as these names: the name of a set, or names joined by commas."""
    return next((word for word, members in SETS.items() if members == tuple(names)), ",".join(names))


def answer(
    name: str, problem: RivalProblem, parts: Mapping[str, tuple[Design, np.ndarray]]
) -> tuple[Solution, dict[str, Prediction]]:
    """The rival's solution, and its prediction for each part: features (m, p) and group codes (m,).

    What its libraries warned of becomes notes; deprecations, which concern their authors, do not. Raises Cancelled when
    the user cancels, and RivalFailed, which says why, for everything else that goes wrong.
    """
    method = RIVALS[name]
    if problem.goal not in method.goals:
        raise RivalFailed(method.elsewhere)
    if name in AT_ONCE and isinstance(problem.X, RemoteDesign):
        raise RivalFailed("It needs all rows in one place, and these lie on a cluster.")
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        try:
            solution = method.run(problem)
            predictions = {part: solution.decide(*rows) for part, rows in parts.items()}
        except (Cancelled, RivalFailed):
            raise
        except IFFairError as error:
            raise RivalFailed(str(error)) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise RivalFailed(f"It failed: {type(error).__name__}, {shorten(error, 200)}") from error
    kept = [one for one in noticed if not issubclass(one.category, DeprecationWarning | FutureWarning)]
    said = dict.fromkeys(f"{one.category.__name__}: {shorten(one.message, 160)}" for one in kept)
    if method.name in FAIRLEARN and not isinstance(problem.model, LogisticModel):
        said["It trained logistic regressions, not the model of this study."] = None
    return replace(solution, notes=(*solution.notes, *said)), predictions
