"""Weighted fits with the derivatives that influence needs."""

from __future__ import annotations

from iffair_core.errors import ConfigError
from iffair_core.models.base import InfluenceModel
from iffair_core.models.logistic import LogisticModel
from iffair_core.models.mlp import MLPModel

USUAL_C = {"logistic": 1.0, "mlp": 0.1}
"""Inverse penalty of each model where the user gives none: a network needs a stronger one to be judged row by row."""

MODELS = tuple(USUAL_C)

__all__ = ["MODELS", "USUAL_C", "InfluenceModel", "LogisticModel", "MLPModel", "make_model", "usual_C"]


def usual_C(name: str) -> float:
    """The inverse penalty that the model `name` has where none is given; ConfigError for an unknown name."""
    if name not in MODELS:
        raise ConfigError(f"There is no model {name!r}. Choose one of {', '.join(MODELS)}.")
    return USUAL_C[name]


def make_model(name: str, C: float | None = None, seed: int = 0) -> InfluenceModel:
    """The model `name`, not fitted: "logistic", or "mlp" with one hidden layer of 4 units, started from `seed`."""
    C = usual_C(name) if C is None else C
    return LogisticModel(C) if name == "logistic" else MLPModel(C=C, seed=seed)
