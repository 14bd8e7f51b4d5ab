"""Weighted fits with the derivatives that influence needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iffair_core.errors import ConfigError
from iffair_core.models.base import InfluenceModel
from iffair_core.models.logistic import LogisticModel
from iffair_core.models.mlp import MLPModel

__all__ = ["MODELS", "InfluenceModel", "LogisticModel", "MLPModel", "ModelKind", "make_model", "usual_C"]


@dataclass(frozen=True)
class ModelKind:
    """A model that a study can train. `make(C, seed)` gives one that is not fitted.

    `usual_C`: inverse penalty where the user gives none. `title` in a sentence, `described` with its form. `free`: what
    is without penalty. `elsewhere`: how another program comes to its scores, with {C}. `without`: variants it has not.
    """

    make: Callable[[float, int], InfluenceModel]
    usual_C: float
    title: str
    described: str
    free: str
    elsewhere: str
    without: tuple[str, ...] = ()


MODELS = {
    "logistic": ModelKind(
        lambda C, seed: LogisticModel(C),
        usual_C=1.0,
        title="logistic regression",
        described="logistic regression",
        free="intercept",
        elsewhere="scikit-learn's LogisticRegression(C={C:g}), fitted on the training lines of design.parquet "
        "with the weights of rows.csv, gives the scores of rows.csv.",
    ),
    "mlp": ModelKind(
        lambda C, seed: MLPModel(C=C, seed=seed),
        usual_C=0.1,  # a network needs a stronger penalty to be judged row by row
        title="neural network",
        described="neural network (tanh, one hidden layer of 4 units)",
        free="biases",
        elsewhere="A network has many optima, and the study's refits follow one of them along the curve. The same "
        "command gives the same scores; another program that starts elsewhere gives others, with the weights of "
        "rows.csv too.",
        without=("efficient",),
    ),
}
"""Every model by name."""


def _kind(name: str) -> ModelKind:
    if name not in MODELS:
        raise ConfigError(f"There is no model {name!r}. Choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def usual_C(name: str) -> float:
    """The inverse penalty that the model `name` has where none is given; ConfigError for an unknown name."""
    return _kind(name).usual_C


def make_model(name: str, C: float | None = None, seed: int = 0) -> InfluenceModel:
    """The model `name` of MODELS, not fitted, started from `seed`; ConfigError for an unknown name.

    `C`: inverse penalty, None for its usual one.
    """
    kind = _kind(name)
    return kind.make(kind.usual_C if C is None else C, seed)
