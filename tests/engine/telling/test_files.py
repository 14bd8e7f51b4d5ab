"""Laws of the files: they hold what the study found, exactly, and other people's code agrees with them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.verify_outputs import deviations
from iffair_core import ConfigError, Study, StudyResult, Task, load_dataset
from iffair_core.metrics import DISPARITIES, METRICS, RATES
from iffair_core.study.config import StudyConfig
from iffair_core.study.results import Repaired
from iffair_core.telling import csv_writing, files
from tests.engine.studies import HOSTILE_GROUPS, hostile_study, hostile_table, plain_study, plain_table


def lines_of(result: StudyResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.rows_csv(result).decode(), newline="")))


def numbers(lines: list[dict[str, str]], column: str) -> np.ndarray:
    return np.array([float(line[column]) if line[column] else np.nan for line in lines])


@pytest.mark.parametrize("study", [plain_study, hostile_study])
def test_rows_hold_every_number_of_the_study_exactly_and_in_file_order(study) -> None:
    result = study()
    lines, data = lines_of(result), result.dataset
    columns = ["row_id", "split", "outcome", "group", "weight"]
    columns += [f"influence_{name}" for name in result.quantities.names] + ["score_before", "score_after"]
    assert list(lines[0]) == columns
    assert [int(line["row_id"]) for line in lines] == data.row_id.tolist() == sorted(data.row_id.tolist())
    assert [line["split"] for line in lines] == [("train", "validation", "test")[code] for code in data.split]
    assert [line["outcome"] for line in lines] == [str(int(outcome)) for outcome in data.y]
    assert np.array_equal(numbers(lines, "score_before"), result.scores_before)
    assert np.array_equal(numbers(lines, "score_after"), result.scores_after)
    train = result.train_rows
    outside = np.setdiff1d(np.arange(data.y.size), train)
    wanted = {"weight": result.weights}
    wanted |= {f"influence_{name}": result.influence[:, i] for i, name in enumerate(result.quantities.names)}
    for column, values in wanted.items():
        found = numbers(lines, column)
        assert np.array_equal(found[train], values)
        assert all(lines[row][column] == "" for row in outside)


def test_rows_without_an_outcome_are_missing_from_the_file_and_keep_their_number() -> None:
    table, lines = hostile_table(), lines_of(hostile_study())
    known = np.flatnonzero(table[table.columns[-1]].notna())
    assert len(known) < len(table)
    assert [int(line["row_id"]) for line in lines] == known.tolist()


def test_groups_that_look_like_formulas_are_disarmed_in_the_csv_and_untouched_in_the_frame() -> None:
    result = hostile_study()
    cells = {line["group"] for line in lines_of(result)}
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert any(cell.startswith("'=1+1 / ") for cell in cells)
    names = set(files.rows_frame(result)["group"])
    assert names == set(result.dataset.groups)
    assert {name.split(" / ")[0] for name in names} == set(HOSTILE_GROUPS)


@given(st.text(max_size=30))
def test_any_text_survives_a_csv_cell(text: str) -> None:
    cell = csv_writing._cell(text)
    read = next(csv.reader(io.StringIO(f"{cell},1\n", newline="")))
    encoded = text.encode("utf-8", "backslashreplace").decode()
    assert read == [csv_writing.safe_cell(encoded), "1"]
    assert csv_writing.safe_cell(text).removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("=A1", "'=A1"), ("+49 30", "'+49 30"), ("-5", "-5"), ("+1.5e3", "+1.5e3"), ("-", "'-"), ("\tx", "'\tx"),
     ("\rx", "'\rx"), ("@x", "'@x"), ("a=b", "a=b"), ("-5 / x", "'-5 / x"), ("", "")],
)  # fmt: skip
def test_only_texts_that_a_spreadsheet_would_run_are_escaped(text: str, shown: str) -> None:
    assert csv_writing.safe_cell(text) == shown


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    def run(seed: int) -> tuple[bytes, bytes, bytes]:
        result = plain_study.__wrapped__(seed=seed, rivals="none")  # computed anew each time
        return files.rows_csv(result), files.curve_csv(result), files.design_parquet(result)

    assert run(0) == run(0)
    assert run(0)[0] != run(1)[0]


def test_summary_is_strict_json_with_every_metric_a_number_beside_its_uncertainty() -> None:
    result = plain_study()

    def refuse(token: str) -> None:
        raise AssertionError(token)

    found = json.loads(files.summary_json(result, 0.25), parse_constant=refuse)
    assert found["dataset"]["groups"] == dict(zip("AB", np.bincount(result.dataset.group_codes).tolist(), strict=True))
    assert sum(found["dataset"]["splits"].values()) == found["dataset"]["rows"] == 400
    assert found["timing"]["read"] == 0.25
    assert set(result.timing) < set(found["timing"])
    for stage, evaluations in (("baseline", result.baseline), ("after", result.after)):
        for split in ("validation", "test"):
            one, evaluation = found[stage][split], evaluations[split]
            assert {name: one[name] for name in METRICS} == evaluation.values
            assert set(one) == {*METRICS, "intervals", "chance_band", "groups"}
            for name in METRICS:
                low, high = one["intervals"][name]
                assert low <= one[name] <= high
            assert one["chance_band"] == evaluation.chance_band
            assert set(one["chance_band"]) == set(DISPARITIES)
            assert set(one["groups"]) == {"A", "B"}
            reference = result.dataset.reference
            for group, row in one["groups"].items():
                assert set(row["rates"]) == set(RATES)
                assert set(row["gaps"]) == (set() if group == reference else set(RATES))
                for rate, gap in row["gaps"].items():
                    difference = row["rates"][rate]["value"] - one["groups"][reference]["rates"][rate]["value"]
                    assert gap["value"] == pytest.approx(difference, abs=1e-12)
    assert set(found["predicted"]["test"]) == set(METRICS)
    weights = result.weights
    assert found["weights"]["effective_sample_size"] == pytest.approx(
        weights.sum() ** 2 / (weights**2).sum() / weights.size
    )
    assert found["weights"]["changed_share"] == np.mean(weights != 1)


def test_what_cannot_be_estimated_is_null_and_never_zero() -> None:
    table = plain_table()
    table.loc[table["g"] == "B", "y"] = 0
    result = Study(table, Task("y", 1, "g"), metric="demographic_parity").run()
    found = files.summary(result)["baseline"]["test"]
    rate = found["groups"]["B"]["rates"]["true_positive_rate"]
    assert rate == {"value": None, "low": None, "high": None, "count": 0}
    assert found["equal_opportunity_difference"] is None
    assert found["intervals"]["equal_opportunity_difference"] is None
    assert found["accuracy"] > 0


def test_settings_restore_the_study() -> None:
    result = hostile_study()
    saved = json.loads(files.settings_json(result))
    task = Task.from_dict(saved["task"])
    config = StudyConfig.from_dict(saved["config"])
    assert config == result.config
    again = Study(hostile_table(), task, name=saved["table"]["name"], **saved["config"]).run()
    assert again.fingerprint == saved["table"]["fingerprint"]
    assert files.rows_csv(again) == files.rows_csv(result)


def test_curve_has_every_point_twice_and_is_empty_where_infeasible() -> None:
    result = plain_study()
    lines = list(csv.DictReader(io.StringIO(files.curve_csv(result).decode())))
    frame = result.curve.frame()
    assert list(lines[0]) == list(frame.columns)
    assert len(lines) == 2 * len(result.curve.points)
    for name in frame.columns.drop("split"):
        assert np.array_equal(numbers(lines, name), frame[name].to_numpy(float), equal_nan=True)
    point = replace(result.curve.points[-1], feasible=False, refitted={}, soft={}, weights=None, theta=None)
    curve = replace(result.curve, points=(*result.curve.points[:-1], point))
    last = files.curve_csv(result.having(replace(result.record(Repaired), curve=curve))).decode().splitlines()[-1]
    assert last.startswith("1.25,test,,,,,")


def test_a_line_whose_last_cell_is_missing_still_ends() -> None:
    result = plain_study(max_weight=1.02, rivals="none")
    frame = pd.read_csv(io.BytesIO(files.curve_csv(result)))
    assert len(frame) == 2 * len(result.curve.points)  # type: ignore[union-attr]
    assert frame["price_log_loss"].isna().any() and frame["price_log_loss"].notna().any()


@pytest.mark.parametrize("study", [plain_study, hostile_study])
def test_design_has_the_rows_of_the_csv_and_the_features_as_the_model_saw_them(study) -> None:
    result = study()
    stored = pq.read_table(io.BytesIO(files.design_parquet(result)))
    assert stored.schema.metadata is None
    assert [str(kind) for kind in stored.schema.types] == ["int64"] + ["double"] * result.dataset.X.shape[1]
    frame = stored.to_pandas()
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["row_id"].tolist() == [int(line["row_id"]) for line in lines_of(result)]
    assert np.array_equal(frame.drop(columns="row_id").to_numpy(), result.dataset.X)
    names = ["row_id (feature)" if name == "row_id" else name for name in result.dataset.feature_names]
    assert list(frame.columns) == ["row_id", *names]


def test_strangers_compute_the_same_metrics_and_refit_the_same_scores(tmp_path: Path) -> None:
    table, task = load_dataset("example")
    result = Study(table, task, metric="equal_opportunity", strength=0.5, name="example").run()
    (tmp_path / "summary.json").write_text(files.summary_json(result))
    (tmp_path / "rows.csv").write_bytes(files.rows_csv(result))
    files.write_design(result, tmp_path / "design.parquet")
    found = deviations(tmp_path)
    assert found["metric"] <= 1e-12, found["metric_at"]
    assert found["weight_mean"] <= 1e-12
    assert max(found["score_before"], found["score_after"]) <= 1e-6
    assert not np.array_equal(result.scores_before, result.scores_after)


def test_many_rows_are_written_in_blocks_without_a_seam() -> None:
    n = 2 * csv_writing.BLOCK_ROWS + 3
    values = np.arange(n) / 7
    text = csv_writing.columns_csv({"a": np.arange(n), "b": (np.arange(n) % 2, ["x,y", "z"]), "c": values}).decode()
    lines = text.splitlines()
    assert len(lines) == n + 1
    assert text.endswith("\n")
    assert lines[-1] == f'{n - 1},"x,y",{float(values[-1])!r}'
    assert lines[csv_writing.BLOCK_ROWS + 1].split(",")[0] == str(csv_writing.BLOCK_ROWS)


def test_an_unfinished_study_writes_nothing() -> None:
    result = replace(plain_study(), timing={})
    for write in (files.summary, files.rows_csv, files.rows_frame, files.curve_csv):
        with pytest.raises(ConfigError, match="not finished"):
            write(result)
