"""Hostile uploads: each is shown or refused in a sentence, and no page reads markup out of names and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pandas as pd
import pytest

from pages.parts.reweight import outcomes
from pages.session import state, uploads
from tests.hostile import container_bytes, csv_bytes, mutated
from tests.nasty.corpus import CORPUS, Refused
from tests.pages.conftest import upload

FILES = {nasty.name: nasty for nasty in CORPUS}
REFUSED = ("bomb.csv.gz", "several.zip", "records.json", "model.pkl", "nulls.csv", "only_header.csv", "entities.xlsx")
SHOWN = (
    "words_of_ours.csv",
    "formula_names.csv",
    "rtl_names.csv",
    "control_names.csv",
    "long_name.csv",
    "far_dates.parquet",
)


def take(opened: Any, name: str, raw: bytes) -> Any:
    """Give another file to a session that has one."""
    return opened.give(name, raw)


def refusals(opened: Any) -> list[str]:
    return [str(error.proto) for error in opened.app.error if "The file was not taken" in str(error.proto)]


def test_hostile_files_one_after_the_other_are_shown_or_refused(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    for name in (*SHOWN, *REFUSED):
        nasty = FILES[name]
        take(opened, name, nasty.make())
        if isinstance(nasty.expect, Refused):
            opened.until(refusals, seconds=30)  # what takes long is read in the background
        else:
            assert not refusals(opened), name
            assert f"{nasty.expect.rows:,} row" in opened.words(), name


@pytest.mark.parametrize("name", ["odd_towns.csv", "words_of_ours.csv"])
def test_hostile_names_and_groups_can_be_chosen(screen, name):
    nasty = FILES[name]
    opened = upload(screen("data"), name, nasty.make())
    opened.set("selectbox", "choice_target", "paid")
    opened.set("selectbox", "choice_favorable", "yes")
    wanted = ["town"] if name == "odd_towns.csv" else ["(missing)", "split"]
    opened.set("multiselect", "choice_sensitive", wanted)
    assert f"{nasty.expect.rows} rows; " in opened.words()
    assert "<script" not in opened.words()


def test_bytes_drawn_by_the_fuzzer_never_break_the_page(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    rng = Random(11)
    for place in range(8):
        raw = container_bytes(rng) if place % 4 == 3 else mutated(rng, csv_bytes(rng))
        name = f"fuzz {place}.csv"
        take(opened, name, raw)
        opened.until(lambda now: uploads.READING.key not in now.app.session_state, seconds=30)
        assert bool(refusals(opened)) != (opened.app.session_state[state._UPLOADED].name == name)


# ------------------------------------------------------------------------------------------------------------- markup

SHOWN_LITERALLY = {
    *("Text.body", "Code.code_text", "Html.body", "DataFrame.alt", "PlotlyChart.alt", "PlotlyChart.spec", "Arrow.alt"),
    *(
        "Selectbox.options",
        "Selectbox.raw_value",
        "MultiSelect.options",
        "MultiSelect.raw_values",
        "MultiSelect.placeholder",
    ),
    *("TextInput.default", "TextInput.value", "TextInput.placeholder", "TextArea.default", "TextArea.placeholder"),
    *("PageLink.query_string",),
}
"""Fields that Streamlit reads no Markdown in."""
MARKED = "**Zq** :red[Zq]"


TABS = {
    "baseline": ("baseline_tab", ("All metrics", "Intersections", "Without a model")),
    "influence": ("influence_tab", ("Cohorts", "Between goals", "What to collect", "Proof by refits")),
    "reweight": ("reweight_tab", tuple(outcomes.TABLES)),
    "compare": ("compare_tab", ("All points", "Other methods")),
    "report": ("report_view", ("Preview", "The same numbers again")),
}


def texts_of(message: Any) -> Iterator[tuple[str, str]]:
    """(kind.field, text) of every text in a protobuf message and what it holds."""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
                yield from texts_of(one)
            elif field.type == field.TYPE_STRING:
                yield f"{message.DESCRIPTOR.name}.{field.name}", one


def markup_of_the_file(opened: Any) -> set[tuple[str, str]]:
    """Texts on the screen in which Streamlit would read the file's marks."""
    protos = [node.proto for node in opened.app._tree if getattr(node, "proto", None) is not None]
    found = {told for proto in protos for told in texts_of(proto)}
    return {
        (kind, text[:300])
        for kind, text in found
        if kind not in SHOWN_LITERALLY and not kind.endswith(".id") and re.search(r"(?<!\\)[\[*$]Zq", text)
    }


def marked_csv() -> bytes:
    rng = Random(3)
    rows = []
    for _ in range(300):
        group = rng.choice("ABC")
        paid = rng.random() < (0.7 if group == "A" else 0.4)
        rows.append((f"{MARKED} {'yes' if paid else 'no'}", f"{group} {MARKED}", paid + rng.gauss(0, 1), f"c {MARKED}"))
    names = [f"outcome {MARKED}", f"group {MARKED}", f"score {MARKED}", f"kind {MARKED}"]
    return pd.DataFrame(rows, columns=names).to_csv(index=False).encode()


def test_no_page_reads_markup_out_of_a_file(screen):
    query = {
        "source": "upload",
        "target": f"outcome {MARKED}",
        "favorable": f"{MARKED} yes",
        "sensitive": f"group {MARKED}",
    }
    opened = upload(screen("data", query), f"{MARKED}.csv", marked_csv())
    assert not markup_of_the_file(opened)
    opened.click("card_run").ready()
    for page, (key, titles) in TABS.items():
        opened.go(page)
        for title in titles:
            opened.app.session_state[key] = title
            assert not markup_of_the_file(opened.run()), (page, title)
        assert MARKED in opened.words()
