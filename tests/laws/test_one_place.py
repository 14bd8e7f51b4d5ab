"""An option, a metric and a goal are each declared in one place: one entry in the source, and every screen has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENTRIES = {
    "iffair_core/study/config.py": (
        "    seed: int = option(",
        '    patience: float = option(Number(title="patience", usage="how long", help="Long.", high=10.0), 1.0)\n',
    ),
    "iffair_core/metrics.py": (
        '    "theil_index": Metric(',
        '    "alarm_difference": Metric(\n'
        '        "alarm difference", "Alarms.", lambda of: _spread(of, "false_positive_rate")\n    ),\n',
    ),
}
GOAL = (
    '    "error_rate_parity": Goal(',
    '    "alarm_parity": Goal("alarm parity", "alarm_difference", ("false_positive_rate",), "Equal alarms."),\n',
)
START = """
from dataclasses import replace
from iffair_core import Study, load_dataset
from iffair_core.errors import ConfigError
from iffair_core.options import command_parser, study_config
from iffair_core.telling import files
from iffair_core.telling.report import report_html
from iffair_core.telling.reproduce import command_line, reproduce_script
from pages.session.address import from_query, to_query
from pages.session.settings import Choices, differences

table, task = load_dataset("example")
table = table.head(1500)
def run(**options):
    return Study(table, task, rivals="none", strength=0.5, min_effective_sample_size=0.0, **options).run()
"""
OPTION = """
made = command_parser().parse_args(["run", "example", "--out", "x", "--patience", "3"])
assert study_config(made).patience == 3.0
chosen, problems = from_query({"patience": ["3"]})
assert problems == [] and chosen.patience == 3.0 and chosen.options()["patience"] == 3.0
assert to_query(chosen) == {"patience": ["3"]} and len(from_query({"patience": ["11"]})[1]) == 1
assert differences(Choices(), replace(Choices(), patience=3.0)) == ["patience (1 to 3)"]
result = run(patience=3.0)
assert "--patience 3.0" in command_line(result, "example") and "patience=3.0," in reproduce_script(result, "example")
assert files.settings(result)["config"]["patience"] == 3.0 and "--patience 3.0" in report_html(result, source="example")
try:
    run(patience=11.0)
except ConfigError as error:
    assert "patience is 11.0; the patience is a number from 0 to 10." in str(error)
else:
    raise AssertionError

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
PagesManager.uses_pages_directory = False
app = AppTest.from_string("from pages.shell import card; card._choices()")
app.session_state["choices"] = chosen
app.run(timeout=60)
assert ":small[:gray[Patience] 3]" in [one.value for one in app.markdown], [one.value for one in app.markdown]
"""
METRIC = """
from iffair_core.metrics import DISPARITIES
from iffair_core.telling.figures.common import METRIC_TITLES
from pages.kit.words import metric_title, word
result = run()
found = result.baseline["test"]
assert found.values["alarm_difference"] is not None and found.intervals["alarm_difference"] is not None
assert found.chance_band["alarm_difference"] is not None
assert files.summary(result)["baseline"]["test"]["alarm_difference"] == found.values["alarm_difference"]
assert b"alarm_difference" in files.curve_csv(result) and "larm difference" in report_html(result, source="example")
assert metric_title("alarm_difference") == "Alarm difference" and word("alarm_difference") == "Alarms."
assert from_query({"disparity_axis": ["alarm_difference"]})[1] == []
"""
A_GOAL = """
from pages.kit.words import GOAL_TITLES, word
result = run(metric="alarm_parity")
assert result.curve.metric == "alarm_difference" and "alarm parity" in report_html(result, source="example")
made = command_parser().parse_args(["run", "example", "--out", "x", "--metric", "alarm_parity"])
assert study_config(made).goal == "alarm_parity" and GOAL_TITLES["alarm_parity"] == "Alarm parity"
assert from_query({"metric": ["alarm_parity"]})[0].goal == "alarm_parity" and word("alarm_parity") == "Equal alarms."
"""


def test_one_entry_is_found_everywhere(tmp_path: Path) -> None:
    """In a copy of the product with one more option, metric and goal."""
    for name in ("iffair_core", "pages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, (before, entry) in [*ENTRIES.items(), ("iffair_core/metrics.py", GOAL)]:
        source = (tmp_path / path).read_text(encoding="utf-8")
        assert source.count(before) == 1
        (tmp_path / path).write_text(source.replace(before, entry + before), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}){START}{METRIC}{A_GOAL}{OPTION}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
