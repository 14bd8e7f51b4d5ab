"""By group and outcome: what the rows of each do to the gap one by one, with its check by refits."""

from __future__ import annotations

from iffair_core.causes.change import proven_cells
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures import Theme, influence_distribution
from pages.kit import widgets
from pages.parts.causes import asked


def by_group_and_outcome(result: StudyResult, theme: Theme) -> None:
    """The boxes, and how their medians and extremes fared when the rows were really left out."""
    widgets.chart(influence_distribution(result, theme), "influence_cells")
    task = asked.task(proven_cells, result)
    found = asked.answer("cells", result, task, "Refitting without rows", "The effects could not be checked")
    if found is not None:
        asked.proof("the median and extreme rows of each group and outcome", found)
