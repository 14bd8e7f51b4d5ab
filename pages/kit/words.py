"""The product's words: their help texts, and the names of goals, variants and stages as the screens print them."""

from __future__ import annotations

from iffair_core import wording
from iffair_core.data.option import options_of
from iffair_core.data.task import Task
from iffair_core.metrics import GOALS, METRICS, RATES
from iffair_core.models import MODELS
from iffair_core.study.config import StudyConfig
from iffair_core.telling.figures.common import METRIC_TITLES, RATE_TITLES

GOAL_TITLES = {name: wording.heading(title) for name, title in wording.GOAL_TITLES.items()}
VARIANT_TITLES = {"diverse": "Diverse", "uniform": "Uniform", "efficient": "Efficient"}
MODEL_TITLES = {name: wording.heading(kind.title) for name, kind in MODELS.items()}
STAGE_TITLES = {
    "encode": "Encoding the table",
    "baseline": "Fitting the ordinary model",
    "influence": "Scoring every training row",
    "curve": "Refitting along the curve",
    "fidelity": "Checking scores against refits",
    "rivals": "Running the rival methods",
    "transfer": "Refitting other models",
    "smallest fix": "Looking for the smallest fix",
}

WORDS = {
    declared.term or declared.title: declared.help
    for record in (Task, StudyConfig)
    for declared in options_of(record).values()
    if declared.help
} | {
    "row": "One sample of the table. Its row_id is its place among the file's data rows, counted from 0.",
    "group": "The rows that share a value of the sensitive attribute.",
    "selection rate": RATES["selection_rate"].help,
    "gap": "Signed: the group's rate minus the reference group's. −18 points means that the rate is 18 points lower.",
    "disparity": "Unsigned: the largest difference between any two groups (Fairlearn's definition).",
    "utility": "How good the predictions are: accuracy, balanced accuracy, F1, ROC AUC, log loss.",
    "influence": "How a quantity changes per unit of weight added to a row.",
    "removal effect": "How a quantity changes when the row is left out of training.",
    "relabel effect": "How a quantity changes when the row's recorded outcome is turned round.",
    "effective sample size": "How many equally weighted rows would be as informative as the weighted ones (Kish), "
    "as a share of the training rows.",
    "study": "One run: data, choices and seed give results. The same choices and seed give the same results.",
    "chance band": "What a disparity would show by chance if the groups did not differ at all: the 95th percentile "
    "when group labels are permuted.",
    "interval": "95 % interval. It holds the fitted model fixed and covers the sampling of the rows that it is "
    "judged on.",
    "predicted": "Computed from influences, in small steps from the untouched model, without fitting again. "
    "Always drawn dashed or hollow.",
    "refitted": "The model was really fitted again with these weights. Always drawn solid.",
    "fidelity": "How well the row scores agree with models that were really refitted. "
    "Green: within 5 %. Amber: within 25 %. Red: worse, do not rely on single rows.",
    "smallest fix": "The least change of weights whose refitted model brings the goal's disparity down to a target on "
    "validation rows: the fewest rows moved by the same amount, or the smallest change of all weights.",
    "reference line": "A line that you choose for orientation. Being below it is no verdict.",
    "soft disparity": "The disparity of probabilities instead of decisions: smooth, so that influence can follow it.",
}

METRIC_HELP = {name: metric.help for name, metric in METRICS.items()} | {
    name: rate.help for name, rate in RATES.items()
}
GOAL_HELP = {name: goal.help for name, goal in GOALS.items()}


def word(term: str) -> str:
    """Help text of a word of the product, a metric, a rate or a goal; KeyError for an unknown one."""
    for texts in (WORDS, METRIC_HELP, GOAL_HELP):
        if term in texts:
            return texts[term]
    raise KeyError(term)


def metric_title(name: str) -> str:
    """Printed name of a metric, rate or goal."""
    return {**METRIC_TITLES, **RATE_TITLES, **GOAL_TITLES}[name]
