"""Lines of an upload that are no rows: told with number and text, but for cohort-only mode."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Screen, upload

POLLUTED = "79,M, by the sea,4.1,yes"


@pytest.fixture
def polluted() -> bytes:
    rows = [f"{i},{'F' if i % 3 else 'M'},{(37 * i % 101) / 10},{'yes' if i % 2 else 'no'}" for i in range(200)]
    rows[80] = POLLUTED
    return "\n".join(["id,gender,score,hired", *rows, ""]).encode()


def left_out(page: Screen) -> list[list[object]]:
    return [list(row) for frame in page.app.dataframe if "Why" in frame.value for row in frame.value.to_numpy()]


def test_a_line_that_was_left_out_is_shown_with_its_number_and_text(screen, polluted: bytes) -> None:
    page = upload(screen("data"), "people.csv", polluted)
    assert "199 rows and 4 columns" in page.words()
    assert left_out(page) == [[82, "5 cells in place of 4", POLLUTED]]


def test_cohort_only_mode_tells_only_how_many(screen, polluted: bytes) -> None:
    page = upload(screen("data", {"source": "upload", "smallest_group": "10"}), "people.csv", polluted)
    assert "1 line of the file is no row of the table. Cohort-only mode" in page.words()
    assert left_out(page) == []
    assert "by the sea" not in page.words()


def test_a_header_one_name_short_shifts_no_column(screen) -> None:
    people = "".join(
        f"app_{i:03d},{'FM'[i % 2]},{('Black', 'White')[i // 3 % 2]},{i},{'yn'[i % 2]}\n" for i in range(90)
    )
    page = upload(screen("data"), "r.csv", ("sex,race,income,granted\n" + people).encode())
    columns = next(frame.value for frame in page.app.dataframe if "example" in frame.value)
    assert columns["name"].tolist() == ["column 1", "sex", "race", "income", "granted"]
    assert columns["example"].tolist()[:3] == ["app_000", "F", "Black"]
