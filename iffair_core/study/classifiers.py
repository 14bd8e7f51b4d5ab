"""Classifiers of scikit-learn that take row weights, by name: where a study's weights can travel to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from iffair_core.errors import ConfigError, listing

MAX_JOBS = 2


@dataclass(frozen=True)
class Classifier:
    """`kind`: module and class within scikit-learn; `note` says what its `options` are."""

    title: str
    kind: str
    note: str
    options: Mapping[str, Any]

    def make(self, seed: int) -> Any:
        """An unfitted estimator whose `fit` takes `sample_weight`, seeded if it draws at random."""
        # Imported here: to name the classifiers must not cost a page its first second.
        module, _, name = self.kind.rpartition(".")
        made = getattr(import_module(f"sklearn.{module}"), name)(**self.options)
        return made.set_params(random_state=seed) if "random_state" in made.get_params() else made


def transfer_model(name: str) -> Classifier:
    """The classifier of that name in TRANSFER_MODELS; ConfigError naming them all where there is none."""
    if name not in TRANSFER_MODELS:
        raise ConfigError(f"There is no other model {listing([name])!r}. Choose among: {', '.join(TRANSFER_MODELS)}.")
    return TRANSFER_MODELS[name]


TRANSFER_MODELS = {
    "hist_gradient_boosting": Classifier(
        "Histogram gradient boosting",
        "ensemble.HistGradientBoostingClassifier",
        "100 trees of up to 31 leaves, no early stopping.",
        {"early_stopping": False},
    ),
    "random_forest": Classifier(
        "Random forest",
        "ensemble.RandomForestClassifier",
        "100 trees, leaves of at least 5 rows: in leaves of one row weights could move nothing.",
        {"min_samples_leaf": 5, "n_jobs": MAX_JOBS},
    ),
    "linear_svm": Classifier("Linear SVM", "svm.LinearSVC", "Squared hinge loss, C = 1.", {"max_iter": 10_000}),
    "gaussian_naive_bayes": Classifier(
        "Gaussian naive Bayes", "naive_bayes.GaussianNB", "Every encoded feature as an independent normal.", {}
    ),
    "decision_tree": Classifier(
        "Decision tree",
        "tree.DecisionTreeClassifier",
        "One tree, leaves of at least 20 rows.",
        {"min_samples_leaf": 20},
    ),
}
"""Classifiers by name. Those with threads use at most MAX_JOBS."""
