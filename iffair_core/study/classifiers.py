"""Classifiers of scikit-learn that take row weights, by name: where a study's weights can travel to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iffair_core.errors import ConfigError, listing

MAX_JOBS = 2


@dataclass(frozen=True)
class Classifier:
    """`make(seed)` gives an unfitted estimator whose `fit` takes `sample_weight`; `note` says what its options are."""

    title: str
    make: Callable[[int], Any]
    note: str


def transfer_model(name: str) -> Classifier:
    """The classifier of that name in TRANSFER_MODELS; ConfigError naming them all where there is none."""
    if name not in TRANSFER_MODELS:
        raise ConfigError(f"There is no other model {listing([name])!r}. Choose among: {', '.join(TRANSFER_MODELS)}.")
    return TRANSFER_MODELS[name]


# scikit-learn is imported where a classifier is made: naming them must not cost a page its first second.


def _hist_gradient_boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed)


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(min_samples_leaf=5, n_jobs=MAX_JOBS, random_state=seed)


def _linear_svm(seed: int) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(max_iter=10_000, random_state=seed)


def _gaussian_naive_bayes(_: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _decision_tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(min_samples_leaf=20, random_state=seed)


TRANSFER_MODELS = {
    "hist_gradient_boosting": Classifier(
        "Histogram gradient boosting",
        _hist_gradient_boosting,
        "100 trees of up to 31 leaves, no early stopping.",
    ),
    "random_forest": Classifier(
        "Random forest",
        _random_forest,
        "100 trees, leaves of at least 5 rows: in leaves of one row weights could move nothing.",
    ),
    "linear_svm": Classifier("Linear SVM", _linear_svm, "Squared hinge loss, C = 1."),
    "gaussian_naive_bayes": Classifier(
        "Gaussian naive Bayes", _gaussian_naive_bayes, "Every encoded feature as an independent normal."
    ),
    "decision_tree": Classifier("Decision tree", _decision_tree, "One tree, leaves of at least 20 rows."),
}
"""Classifiers by name. All random ones are seeded; those with threads use at most MAX_JOBS."""
