"""The product's words: their help texts, and the names of goals, variants and stages as the screens print them."""

from __future__ import annotations

from iffair_core import wording
from iffair_core.telling.figures.common import METRIC_TITLES, RATE_TITLES

GOAL_TITLES = {name: wording.heading(title) for name, title in wording.GOAL_TITLES.items()}
VARIANT_TITLES = {"diverse": "Diverse", "uniform": "Uniform", "efficient": "Efficient"}
MODEL_TITLES = {"logistic": "Logistic regression", "mlp": "Neural network"}
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
    "row": "One sample of the table. Its row_id is its place among the file's data rows, counted from 0.",
    "outcome": "The column that is predicted. Rows without an outcome are left out, and counted.",
    "favorable value": "The outcome that is good for the person. The model predicts its probability; "
    "a decision is favorable at 0.5 or more.",
    "sensitive attribute": "The column, or several crossed, whose values make the groups. "
    "A missing value is a group of its own.",
    "group": "The rows that share a value of the sensitive attribute.",
    "reference group": "The group that others are compared with. Suggested, never forced: the highest share of "
    "favorable outcomes among groups of at least 30 rows, ties to the larger.",
    "selection rate": "Share of a group's rows that the model predicts favorable.",
    "gap": "Signed: the group's rate minus the reference group's. −18 points means that the rate is 18 points lower.",
    "disparity": "Unsigned: the largest difference between any two groups (Fairlearn's definition).",
    "utility": "How good the predictions are: accuracy, balanced accuracy, F1, ROC AUC, log loss.",
    "influence": "How a quantity changes per unit of weight added to a row.",
    "removal effect": "How a quantity changes when the row is left out of training.",
    "relabel effect": "How a quantity changes when the row's recorded outcome is turned round.",
    "strength": "The share of the soft disparity that the weights are asked to close, from 0 (the untouched model) "
    "to 1.25. At 1 the soft disparity closes; the one counted in decisions may cross zero a little earlier or later.",
    "variant": "How the weights are chosen. Diverse: every row moves a little, in proportion to its influence. "
    "Uniform: the fewest rows move, all by the same amount. Efficient: like Diverse, but the training loss that a "
    "repair costs counts too, so that it loses less utility.",
    "model": "What is trained on the rows. Logistic regression: one weight per feature, fast, with one optimum. Neural "
    "network: one hidden layer of 4 units, which finds interactions by itself, takes much longer and has no variant "
    "Efficient; watch the fidelity of its row scores.",
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
    "utility budget": "How much accuracy the recommended strength may cost.",
    "largest weight": "No row gets a weight above this.",
    "smallest effective sample size": "Weights that leave a smaller effective sample size are refused.",
    "smallest accuracy": "Weights whose refitted model has a smaller accuracy are refused. Measured on the training "
    "and validation rows that guide the repair.",
    "goals closed as well": "Other goals whose disparities the same weights have to close by the same share. The "
    "recommended strength still goes by the goal itself.",
    "cohort-only": "No single row and no number of rows from 1 to k − 1 is shown or written to a file; what would give "
    "one away is withheld too. It protects what leaves this screen, not the file itself, and is no differential "
    "privacy: numbers of different runs can be compared.",
    "pinned rows": "Rows whose weight stays 1 whatever the repair: single ones, or every row that has a value.",
    "smallest fix": "The least change of weights whose refitted model brings the goal's disparity down to a target on "
    "validation rows: the fewest rows moved by the same amount, or the smallest change of all weights.",
    "seed": "Sets the split into training, validation and test rows and every random draw.",
    "reference line": "A line that you choose for orientation. Being below it is no verdict.",
    "goal": "The disparity that the weights are asked to repair.",
    "soft disparity": "The disparity of probabilities instead of decisions: smooth, so that influence can follow it.",
}

METRIC_HELP = {
    "demographic_parity_difference": "Largest difference in selection rate between groups. "
    "AIF360: statistical parity difference (signed).",
    "demographic_parity_ratio": "Smallest selection rate divided by the largest. AIF360: disparate impact.",
    "equal_opportunity_difference": "Largest difference in true positive rate between groups. "
    "AIF360: equal opportunity difference (signed).",
    "equalized_odds_difference": "The larger of the differences in true and in false positive rate between groups. "
    "AIF360 has its mean: average odds difference.",
    "average_absolute_odds_difference": "Mean of the differences in true and in false positive rate. "
    "AIF360: average absolute odds difference.",
    "error_rate_difference": "Largest difference in error rate between groups. AIF360: error rate difference (signed).",
    "predictive_parity_difference": "Largest difference in precision between groups.",
    "theil_index": "Inequality of benefit over all rows, 0 if everybody gets the benefit they should. "
    "AIF360: Theil index.",
    "accuracy": "Share of rows predicted right.",
    "balanced_accuracy": "Mean of true positive and true negative rate.",
    "f1": "Harmonic mean of precision and true positive rate.",
    "roc_auc": "Chance that a favorable row is scored above an unfavorable one.",
    "log_loss": "Mean surprise of the probabilities; smaller is better.",
    "selection_rate": WORDS["selection rate"],
    "true_positive_rate": "Share of the rows with a favorable outcome that the model predicts favorable.",
    "false_positive_rate": "Share of the rows without a favorable outcome that the model predicts favorable.",
    "error_rate": "Share of rows predicted wrong.",
    "precision": "Share of the rows predicted favorable that have a favorable outcome.",
}
GOAL_HELP = {
    "demographic_parity": "Equal selection rates: fits where the recorded outcome itself is in doubt.",
    "equal_opportunity": "Equal true positive rates: fits where those who deserve the benefit must not be missed.",
    "equalized_odds": "Equal true and false positive rates: fits where both kinds of error do harm.",
    "error_rate_parity": "Equal error rates: fits where being judged wrongly, either way, is the harm.",
}


def word(term: str) -> str:
    """Help text of a word of the product, a metric, a rate or a goal; KeyError for an unknown one."""
    for texts in (WORDS, METRIC_HELP, GOAL_HELP):
        if term in texts:
            return texts[term]
    raise KeyError(term)


def metric_title(name: str) -> str:
    """Printed name of a metric, rate or goal."""
    return {**METRIC_TITLES, **RATE_TITLES, **GOAL_TITLES}[name]
