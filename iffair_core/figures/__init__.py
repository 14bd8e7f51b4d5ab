"""Results as plotly figures: pure functions, each returning a `Picture` (figure, alt text, table, caption).

Colors and shapes mean the same everywhere: a group keeps its Okabe-Ito color and its symbol, the reference group is
grey; the baseline is a diamond, the chosen point a star, rivals are hollow; predicted is dashed or hollow, refitted is
solid. Pass the figures to a page without letting it restyle them (`st.plotly_chart(..., theme=None)`).
"""

from iffair_core.figures.common import GroupStyle, Picture, group_styles
from iffair_core.figures.groups import group_bars

__all__ = ["GroupStyle", "Picture", "group_bars", "group_styles"]
