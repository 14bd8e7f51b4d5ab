"""The chapters of the Learn page: words first, then one picture, with numbers of the example's own study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from iffair_core import wording
from iffair_core.datasets.catalog import example_biased_rows
from iffair_core.study.results import StudyResult
from iffair_core.telling import figures, rows, sentences
from pages.kit import preview, widgets
from pages.kit.text import count, percent, plain, value
from pages.kit.words import GOAL_HELP, GOAL_TITLES, METRIC_HELP, WORDS, metric_title
from pages.parts.learn.comparison import compare
from pages.session import state
from pages.session.settings import EXAMPLE

REFERENCES = (
    ("IFFair", "Yang et al., arXiv 2512.07249", "The method this product is after: reweighting by group-oriented "
     "influence, before training."),
    ("Cook and Weisberg 1982", "Residuals and Influence in Regression", "What one row does to a fitted model."),
    ("Koh and Liang 2017", "Understanding Black-box Predictions via Influence Functions", "Influence for classifiers."),
    ("Rad and Maleki 2020", "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out "
     "cross-validation", "Leaving a row out without a refit, corrected by its leverage."),
    ("Kamiran and Calders 2012", "Data preprocessing techniques for classification without discrimination",
     "Reweighing: the rival that runs beside every curve here."),
    ("Li and Liu 2022", "Achieving Fairness at No Utility Cost via Data Reweighing with Influence",
     "Weights from influences by a linear programme."),
    ("Wilson 1927", "Probable inference, the law of succession, and statistical inference",
     "The intervals of rates."),
    ("Fairlearn", "fairlearn.org", "Names and definitions of the disparities."),
    ("AIF360", "aif360.res.ibm.com", "The other names of the same disparities, and the Theil index."),
)  # fmt: skip

WHOSE = (
    ("Reweight training rows by their influence on groups", "the paper's", "Abstract and public summaries."),
    ("Touch only weights: not model, features, labels or threshold", "the paper's", "Abstract."),
    ("The variants Uniform and Diverse", "the paper's names", "What they do exactly is our formulation."),
    ("A limit on what fairness may cost in utility", "the paper's idea", "Budget and guard rails are our formulation."),
    ("Influence, leverage, leaving one row out", "standard", "Cook and Weisberg; Koh and Liang; Rad and Maleki."),
    ("Formulas of the weights; the variant Efficient", "ours", ""),
    ("Strength, the path of refits, the predicted curve", "ours", ""),
    ("Recommendation, fidelity badge, chance band beside each number", "ours", "Each part has older relatives."),
    ("Reweighing, disparities, Wilson intervals", "standard", "Kamiran and Calders; Fairlearn and AIF360; Wilson."),
)


@dataclass(frozen=True)
class Chapter:
    """A chapter: its name in the list, and what draws it; from the example's study where it shows numbers of it."""

    name: str
    draw: Callable[..., None]
    numbers: bool = True


def table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table of words."""
    preview.printed_table("", [(title, False) for title in titles], lines)


def fairness(result: StudyResult) -> None:
    """What fairness means here, and which goal suits which harm."""
    st.markdown(
        "A model predicts who gets a **favorable** outcome. Fairness here means: some rate that matters to people is "
        "**the same in every group**. A **gap** says how far one group's rate is from the reference group's, with its "
        "sign; a **disparity** is the largest difference between any two groups. Which rate matters depends on the "
        "harm, and only people can say which harm is at stake."
    )
    widgets.sentence(sentences.baseline_sentence(result))
    picture = figures.rates_by_group(result.baseline["test"], widgets.theme(), goal=result.config.goal)
    widgets.chart(picture, "learn_rates")
    st.markdown("**Which goal suits which harm**")
    goals = [(GOAL_TITLES[goal], *text.rstrip(".").split(": fits where ")) for goal, text in GOAL_HELP.items()]
    table(("Goal", "asks for", "fits where"), goals)
    st.markdown(
        "The goals pull against each other where groups differ in their recorded outcomes: closing one gap can leave "
        "another open. Equal opportunity and equalized odds take the recorded outcome as the truth; where that record "
        "is itself in doubt, they repair less than they seem to."
    )


def influence(result: StudyResult) -> None:
    """Influence in one example with numbers."""
    goal = result.goal
    row = rows.ledger(result).iloc[0]
    st.markdown(
        "Every training row pulls the model a little. Its **influence** on a quantity is how much that quantity of the "
        "fitted model moves per unit of weight added to the row. Nobody has to refit the model to know: the fit's own "
        "slope and curvature say where it would go."
    )
    widgets.sentence(sentences.influence_sentence(result))
    tested = result.fidelity.refits
    same = tested[tested["row_id"] == row["row_id"]]
    really = [wording.points(float(change), 3) for change in same["refitted"]]
    refitted = f" A model that was really fitted without it: {really[0]}." if really else ""
    st.markdown(
        f"**One row.** Row {row['row_id']} of the example is a {value(row['group'])} application recorded as "
        f"{value(row['outcome'])}, though the ordinary model gives it a probability of {percent(row['score'])}. "
        f"The gap in {wording.RATE_TITLES[goal.rate]}, {value(goal.over)} minus {value(goal.under)}, is "
        f"{plain(wording.points(goal.value))} in probabilities. Leaving this one row out is "
        f"predicted to change it by {plain(wording.points(row['gap_if_removed'], 3))}.{plain(refitted)} Had it been "
        f"recorded the other way: {plain(wording.points(row['gap_if_relabeled'], 3))}, predicted. "
        f"So its weight becomes {row['weight']:.2f} instead of 1."
    )
    values = rows.row_facts(result, state.catalog_table(EXAMPLE).frame, int(row["row_id"])).values
    with st.expander(f"Row {row['row_id']} as the table has it", type="compact"):
        widgets.table(values, "learn_row", alt="The values of this row")
    widgets.chart(figures.influence_distribution(result, widgets.theme()), "learn_influence")


def weights(result: StudyResult) -> None:
    """What the weights are."""
    st.markdown(
        "A weight says how often a row counts in training: 1 is as usual, 0 is not at all, 2 is twice. Rows that widen "
        "the gap get less, rows that narrow it get more, just enough to close the share of the gap that the "
        "**strength** asks for. The mean stays 1, no weight is negative, none is above the largest you allow, and rows "
        "that you pin keep 1. Nothing else changes: not the model's form, the features, the labels or the threshold."
    )
    widgets.sentence(sentences.repair_sentence(result))
    widgets.chart(figures.weights_by_group(result, widgets.theme()), "learn_weights")
    st.markdown(f"**Variants.** {plain(WORDS['variant'])}")
    why = "Few heavy rows make it small, and the fit unsteady; that is what the guard rail is for."
    st.markdown(f"**Effective sample size.** {plain(WORDS['effective sample size'])} {why}")


def curve(result: StudyResult) -> None:
    """The whole trade-off, predicted and refitted."""
    st.markdown(
        "There is no one repair, there is a curve: from strength 0, the untouched model, to 1.25. Each point is a "
        "model that was really **refitted** with its weights (solid); the **predicted** curve (dashed) needs no refit. "
        "Validation rows recommend a point, test rows only report it. Disparity can go up again beyond the point where "
        "the gap closes: then it has turned round."
    )
    widgets.sentence(sentences.compare_sentence(result))
    widgets.chart(figures.tradeoff(result, widgets.theme()), "learn_curve")
    st.markdown(
        "The recommendation is the smallest disparity on validation rows that costs at most "
        f"{plain(wording.points(result.curve.budget, signed=False))} of accuracy there. Whether that price is worth it "
        "is not a question for a curve."
    )


def fidelity(result: StudyResult) -> None:
    """How far the scores can be trusted."""
    st.markdown(
        "Influence is an approximation, so every study checks itself: it leaves rows out **for real**, refits, and "
        "compares. It also compares the predicted gap with the refitted one at the chosen strength. The worse of the "
        "two is the badge: **green** within 5 %, **amber** within 25 %, **red** beyond; **not judged** where the gap "
        "is so small that chance could make it, or no repair is chosen."
    )
    widgets.sentence(result.fidelity.sentence)
    widgets.chart(figures.proof(result.fidelity, widgets.theme()), "learn_proof")
    st.markdown(
        "**Do not believe single rows** when the badge is red; when a few rows carry most of the fit (high leverage); "
        "when groups are tiny; or when a handful of rows is removed together: effects of many rows do not simply add "
        "up. The refitted numbers hold even then, because no approximation is in them."
    )


def injected(result: StudyResult) -> None:
    """How well influence finds rows that are known to be altered."""
    known = example_biased_rows()
    area, misses, found, _ = rows.found_rows(result, known)
    st.markdown(
        "The example is synthetic, so it is known which recorded decisions were altered: creditworthy applicants of "
        "Cedar, fewer of Birch, recorded as denied, and some weak applications of Alder recorded as granted. The "
        "method never sees which. Do the rows with the largest effect on the gap turn out to be these?"
    )
    widgets.sentence(
        f"Ranking training rows by their effect on the gap finds altered rows with a ROC AUC of {area:.2f}; "
        f"the tenth of rows with the largest effect holds {percent(found[len(found) // 10])} of them. "
        "By chance it would be 0.50 and 10 %."
    )
    widgets.chart(figures.roc_of_ground_truth(misses, found, area, widgets.theme()), "learn_found")
    st.markdown(
        "**Why not 1.0?** Influence asks another question: does this row move *this gap* of *this model*? Altered "
        "decisions that were close calls look like ordinary noise and move it little. Altered rows of Birch hardly "
        "touch a gap between Alder and Cedar. And rows that were recorded correctly can have a large effect because "
        "they are unusual. In a real table nobody knows the altered rows: a large effect is a reason to look, "
        "not a finding."
    )


def cannot(result: StudyResult) -> None:
    """What a number cannot tell."""
    st.markdown("\n".join(f"- {plain(limit)}" for limit in wording.LIMITS))
    st.markdown("**Look at who pays.** A smaller gap alone does not say whose rate moved, and in which direction.")
    widgets.chart(figures.who_pays(result, widgets.theme()), "learn_pays")


def whose() -> None:
    """What is the paper's and what is ours."""
    st.markdown(
        "This product follows **IFFair** (Yang et al., arXiv 2512.07249). The paper's full method text was not "
        "available to us: we had its abstract and public summaries. Where they say nothing, the formulation is our own "
        "and may differ from the paper's. We claim none of its numbers; every number here comes from this program, on "
        "your table. Others did parts of this before (Li and Liu 2022 among them): as far as we know it is the first "
        "to combine them on one screen."
    )
    table(("Part", "Whose", "From where"), WHOSE)


def glossary() -> None:
    """The product's words, from the same source as the help texts."""
    wanted = st.text_input("Find a word", key="learn_find", placeholder="gap", persist_state="session").strip().lower()
    terms = {name.capitalize(): text for name, text in WORDS.items()}
    terms |= {metric_title(name): text for name, text in METRIC_HELP.items() if name not in WORDS}
    terms |= {GOAL_TITLES[name]: text for name, text in GOAL_HELP.items()}
    shown = {name: text for name, text in sorted(terms.items()) if wanted in f"{name} {text}".lower()}
    if not shown:
        st.info("No word holds that. Try a shorter one.")
        return
    st.caption(f"{count(len(shown))} of {count(len(terms))} words; the same texts as the help on every page.")
    table(("Word", "Meaning"), list(shown.items()))


def references() -> None:
    """Where it comes from."""
    table(("Who", "What", "Used here for"), REFERENCES)


CHAPTERS = (
    Chapter("What fairness means here", fairness),
    Chapter("Influence, by one row", influence),
    Chapter("Weights", weights),
    Chapter("The curve", curve),
    Chapter("Fidelity: when not to believe it", fidelity),
    Chapter("Does it find altered rows?", injected),
    Chapter("How it compares", compare, numbers=False),
    Chapter("What a number cannot tell", cannot),
    Chapter("The paper's and ours", whose, numbers=False),
    Chapter("Glossary", glossary, numbers=False),
    Chapter("References", references, numbers=False),
)
