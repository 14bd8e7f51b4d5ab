"""Weighted fits with the derivatives that influence needs."""

from iffair_core.models.base import InfluenceModel
from iffair_core.models.logistic import LogisticModel

__all__ = ["InfluenceModel", "LogisticModel"]
