"""The histogram with a threshold: bars end at it, every row is in one of them, words say the same as the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.telling.figures import threshold_histogram

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.integers(-50, 50).map(float), min_size=1, max_size=60)


@given(NUMBERS, st.floats(-1e6, 1e6), st.booleans())
def test_every_row_stands_on_its_side_of_the_threshold(values, cut, at_least):
    known = np.array(values)
    picture = threshold_histogram(np.append(known, [np.nan, np.inf]), cut, "light", name="x", at_least=at_least)
    table = picture.table
    assert table["rows"].sum() == len(known)
    assert (table["to"] > table["from"]).all()
    assert table.loc[table["side"] == "at least", "rows"].sum() == (known >= cut).sum()
    assert len(picture.figure.data[0].x) == len(table)


@given(st.lists(st.integers(0, 500), min_size=2, max_size=60), st.integers(1, 499))
def test_bars_of_whole_numbers_hold_equally_many_of_them(values, cut):
    table = threshold_histogram(np.array(values, float), float(cut), "dark", name="x", at_least=None).table
    if max(values) - min(values) >= 1:
        widths = (table["to"] - table["from"]).to_numpy()
        assert np.allclose(widths, widths[0]) and widths[0] == round(widths[0])


def test_the_picture_says_its_shares_and_marks_the_favorable_side_by_more_than_color():
    values = np.arange(10.0)
    above = threshold_histogram(values, 7.0, "light", name="<grade>", at_least=True)
    assert above.caption == "30.0 % of 10 rows are at least 7, 70.0 % below."
    assert "Favorable: at least 7" in above.alt and "&lt;grade&gt;" in above.figure.layout.xaxis.title.text
    fills = above.figure.data[0].marker.color
    assert len({fill for fill, side in zip(fills, above.table["side"], strict=True) if side == "below"}) == 1
    assert set(fills) - {fills[0]} == {fills[-1]} and fills[0].startswith("rgba") and not fills[-1].startswith("rgba")
    open_choice = threshold_histogram(values, 7.0, "light", name="grade", at_least=None)
    assert len(set(open_choice.figure.data[0].marker.color)) == 1 and "Favorable" not in open_choice.alt


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [3.0, 3.0]])
def test_a_column_without_spread_is_drawn_too(values):
    picture = threshold_histogram(np.array(values), 3.0, "light", name="x", at_least=False)
    assert picture.table["rows"].sum() == np.isfinite(np.array(values)).sum()
    assert ("not estimable" in picture.caption) == (picture.table["rows"].sum() == 0)
