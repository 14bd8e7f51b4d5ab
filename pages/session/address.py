"""The choices as the query parameters of a link, and back: any address can be shared, and nothing in it is trusted."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from iffair_core.data.option import options_of
from iffair_core.datasets.catalog import DATASETS
from iffair_core.errors import ConfigError, joined, shorten
from pages.session import folders
from pages.session.settings import EXAMPLE, UPLOAD, Choices, preset, variants_of

Query = Mapping[str, Sequence[str]]


def to_query(choices: Choices) -> dict[str, list[str]]:
    """Query parameters of the choices that differ from their source's preset."""
    usual = preset(choices.source)
    query = {} if choices.source == EXAMPLE else {"source": [choices.source]}
    for name, declared in options_of(Choices).items():
        value = getattr(choices, name)
        if value != getattr(usual, name):
            query[declared.public] = declared.written(value) or [""]
    return query


def from_query(query: Query) -> tuple[Choices, list[str]]:
    """The choices of a link, and a sentence for each part of it that could not be used."""
    problems = _unknown(query)
    if len(query.get("source", ())) > 1:
        problems.append("The link names more than one source; the first is used.")
    source = next(iter(query.get("source", ())), EXAMPLE)
    if source != UPLOAD and source not in {entry.name for entry in DATASETS} and not folders.is_offered(source):
        problems.append(f"The link names the source '{shorten(source)}', which is not known; the example is shown.")
        source = EXAMPLE
    choices = preset(source)
    for name, declared in options_of(Choices).items():
        if declared.public in query:
            try:
                choices = replace(choices, **{name: declared.read(list(query[declared.public]))})
            except (ValueError, OverflowError, RecursionError, ConfigError):
                shown, part = shorten(", ".join(query[declared.public])), declared.public.replace("_", " ")
                problems.append(f"The link's {part} '{shown}' cannot be used; its default is.")
    if choices.source != UPLOAD and (choices.file or choices.reading):
        problems.append("The link says how to read a file, but its source is no uploaded file; this is ignored.")
        choices = replace(choices, file=None, reading={})
    if choices.variant not in variants_of(choices.model):
        problems.append(f"The link's variant '{choices.variant}' does not go with its model; its default is used.")
        choices = replace(choices, variant=Choices.variant)
    return choices, problems


def _unknown(query: Query) -> list[str]:
    """A sentence that names the parameters that no choice has, and those that were probably meant."""
    names = {"source": "source"}
    for name, declared in options_of(Choices).items():
        names |= {name: declared.public, declared.flag: declared.public}
    known = {"source", *(declared.public for declared in options_of(Choices).values())}
    parts = []
    for given in query:
        if given not in known:
            near = difflib.get_close_matches(given.casefold()[:40], names, n=1)
            hint = f" (did you mean '{names[near[0]]}'?)" if near else ""
            parts.append(f"'{shorten(given, 40)}'{hint}")
    return [f"The link has {joined(parts)}, which no choice goes by; this is ignored."] if parts else []
