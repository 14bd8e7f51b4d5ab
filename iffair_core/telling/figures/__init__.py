"""Results as plotly figures: pure functions, each returning a `Picture` (figure, alt text, table, caption).

Colors and shapes mean the same everywhere: a group keeps its Okabe-Ito color and its symbol, the reference group is
gray; the baseline is a diamond, the chosen point a star, rivals are hollow; predicted is dashed or hollow, refitted is
solid. Pass the figures to a page without letting it restyle them (`st.plotly_chart(..., theme=None)`).
"""

from iffair_core.telling.figures.beside import Line, curves_beside, metrics_beside
from iffair_core.telling.figures.causes import cause_bars, cohort_bars, collect_bars, conflict_map, gaps_along_curve
from iffair_core.telling.figures.change import before_after, metrics_along_strength, weights_by_group
from iffair_core.telling.figures.columns import threshold_histogram
from iffair_core.telling.figures.common import GroupStyle, Picture, Theme, group_styles
from iffair_core.telling.figures.groups import group_bars, heatmap, rates_by_group, who_pays
from iffair_core.telling.figures.influence import (
    influence_distribution,
    influence_scatter,
    proof,
    roc_of_ground_truth,
    scatter_axes,
)
from iffair_core.telling.figures.replication import replication_curves, replication_margins
from iffair_core.telling.figures.scores import calibration, score_distribution
from iffair_core.telling.figures.seeds import seeds_tradeoff
from iffair_core.telling.figures.tradeoff import tradeoff
from iffair_core.telling.figures.transfer import transfers
