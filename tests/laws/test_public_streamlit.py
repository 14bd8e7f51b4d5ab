"""The pages use what Streamlit documents: nothing of its runtime, and no name that begins with an underscore."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "app.py"]
INTERNAL = re.compile(r"streamlit\.(runtime|elements|proto|web|delta_generator_singletons)\b")


def private_uses(code: str) -> list[str]:
    """What of Streamlit's inside the code imports or touches."""
    uses = []
    for node in ast.walk(ast.parse(code)):
        names = [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamlit"):
            names = [f"{node.module}.{name}" for name in names]
        uses += [name for name in names if INTERNAL.match(name) or re.match(r"streamlit\b.*\._", name)]
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            inside = node.attr.startswith("_") and not node.attr.startswith("__")
            if INTERNAL.match(text) or (inside and not text.startswith("self.")):
                uses.append(text)
    return uses


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_reaches_into_streamlit(path):
    assert private_uses(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        "from streamlit.runtime.scriptrunner import get_script_run_ctx",
        "import streamlit.runtime",
        "from streamlit import runtime",
        "import streamlit\nstreamlit.runtime.get_instance()",
        "st.session_state._state",
        "held._key_id_mapper.id_key_mapping",
    ],
)
def test_a_use_of_the_inside_is_seen(code):
    assert private_uses(code)
