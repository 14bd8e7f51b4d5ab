"""Scenarios on the command line: listed, told, written to a folder and deleted, each by id or name."""

from __future__ import annotations

from pathlib import Path

import pytest

from iffair_core.__main__ import main
from iffair_core.scenarios.keeping import keep
from iffair_core.scenarios.store import DATABASE, store
from iffair_core.telling import files
from tests.engine.studies import hostile_study, plain_study


def test_scenarios_are_listed_shown_exported_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(DATABASE, f"sqlite:///{tmp_path / 'kept.sqlite'}")

    def said(*arguments: str, status: int = 0) -> list[str]:
        assert main(["scenarios", *arguments]) == status
        out, err = capsys.readouterr()
        assert (out if status else err) == "" and "Traceback" not in err
        return (err if status else out).splitlines()

    assert said("list") == ["There are no scenarios. The dashboard saves them."]
    kept = [keep(study(), choices={}, source="upload", private=True) for study in (plain_study, hostile_study)]
    spring = store().add("spring \x1b[31m", "Agreed:\nwait", kept[0])
    twins = [store().add("twin", "", one) for one in kept]
    assert [line.split()[0] for line in said("list")] == [one.id for one in store().all()]
    shown = said("show", "spring [31m")
    assert shown[0].startswith(f"{spring.id}  spring [31m: plain.csv, equalized_odds, saved ")
    assert shown[1:3] == ["Agreed:", "wait"] and shown[3:-1] == kept[0].head["sentences"]
    assert plain_study().fingerprint in shown[-1]
    for wrong, words in (
        (("show", "twin"), "Give the id of one"), (("show", "none"), "There is no scenario 'none'"),
        (("delete",), "Name a scenario by its id or name"), (("export", spring.id), "needs --out"),
        (("rename",), "invalid choice"),
    ):  # fmt: skip
        (line,) = said(*wrong, status=2)
        assert words in line
    written = said("export", spring.id, "--out", str(tmp_path / "out"))
    assert sorted(Path(line).name for line in written) == sorted(kept[0].files)
    assert (tmp_path / "out" / "settings.json").read_text() == files.settings_json(plain_study())
    assert said("delete", twins[0].id)[0].startswith(f"Deleted: {twins[0].id}  twin")
    assert {one.id for one in store().all()} == {spring.id, twins[1].id}
