"""The README keeps its word: its Python and its commands run, what it names is there, and it says what it has to."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import sklearn

from iffair_core.__main__ import main
from iffair_core.wording import ORIGIN

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [
    line.split("#")[0].strip()
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_the_librarys_lines_run(code, capsys):
    found: dict[str, object] = {}
    with sklearn.config_context():
        exec(compile(code, "README.md", "exec"), found)
    if "result" in found:
        mean, largest = (float(text) for text in capsys.readouterr().out.splitlines()[-1].split())
        assert mean == pytest.approx(1.0, abs=1e-12)
        assert 1.0 <= largest <= 5.0
    elif "search" in found:
        gaps = found["search"].cv_results_["mean_test_gap"]
        assert (gaps <= 0).all() and gaps.max() > gaps[0]
    else:
        weights = found["reweigher"].sample_weight_
        assert len(weights) == len(found["table"]) and weights.min() >= 0
        assert found["model"].predict(found["X"]).shape == weights.shape


def test_the_first_lines_of_the_library_are_at_most_ten():
    assert sum(bool(line.strip()) for line in PYTHON[0].splitlines()) <= 10


@pytest.mark.parametrize("command", [text for text in COMMANDS if text.startswith("python -m iffair_core")])
def test_the_command_line_runs_and_writes_what_the_table_says(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[3:]) == 0
    printed = capsys.readouterr().out.splitlines()
    if " run " in command:
        promised = set(re.findall(r"^\| `([\w.]+)` \|", README, re.MULTILINE))
        expected = promised - {
            "model.skops",
            "rows.parquet",
            *([] if "--save-design" in command else ["design.parquet"]),
        }
        assert {path.name for path in (tmp_path / "results").iterdir()} == expected
        assert {Path(path).name for path in printed} == expected


def test_a_file_of_ones_own_runs_with_the_options_that_are_shown(tmp_path, monkeypatch, capsys):
    command = next(text for _, text in BLOCKS if "people.csv --target" in text)
    lines = ["hired,gender,years"]
    for i in range(300):
        lines.append(f"{'yes' if (i * 7) % 10 > 4 + (i % 3 == 0) else 'no'},{'f' if i % 3 == 0 else 'm'},{i % 17}")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[3:]) == 0
    assert (tmp_path / "results" / "report.html").is_file()
    capsys.readouterr()


def test_every_make_target_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_every_file_that_is_linked_is_there(page):
    for name in re.findall(r"\]\(((?!https?:)[^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / name).is_file(), name


def test_the_picture_of_the_house_shows_every_folder():
    house = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    engine = [path.parent.name for path in (ROOT / "iffair_core").glob("*/__init__.py")]
    pages = [path.parent.name for path in (ROOT / "pages").glob("*/__init__.py")]
    assert [name for name in (*engine, *(f"pages/{name}" for name in pages)) if f"{name}/" not in house] == []


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stat().st_size < 200_000, picture.name


def test_meaning_and_limits_stand_before_the_first_command():
    order = [
        README.index(f"## {title}") for title in ("What fairness means here", "What a number cannot tell", "Start")
    ]
    assert order == sorted(order)
    assert order[-1] < README.index("```")


@pytest.mark.parametrize("text", [README, METHOD, CHANGES, *ORIGIN], ids=lambda text: text[:20])
def test_no_verdicts_and_nothing_of_the_workshop(text):
    assert not re.search(r"\b(un)?biased\b|\bcompliant\b", text)
    assert not re.search(r"/work\b|/tmp\b|/home/", text)


def test_the_papers_part_is_kept_apart():
    assert "full method text was not available" in README
    assert "None of the paper's numbers are claimed" in README
    assert re.search(r"first to combine", README) and not re.search(r"\bthe first (dash|tool|product)", README)
