"""The engine's shape: what it may import, in which order its modules build on each other, and their docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import iffair_core

ROOT = Path(iffair_core.__file__).parent
LONG = 15

# A module imports only from what stands before it; CONTRIBUTING.md describes the same order in words.
ORDER = [
    "errors", "wording", "honesty",
    "uncertainty", "metrics",
    "classifiers",
    "data.values", "data.cohorts", "data.dates", "data.conditions", "data.groups",
    "data.dialect", "data.utf8", "data.cells", "data.detection", "data.likeness", "data.alignment", "data.repair_notes",
    "data.layout", "data.repairs", "data.runs", "data.body", "data.delimited",
    "data.sources", "data.numerals", "data.number_columns", "data.columns", "data.columnar", "data.workbook",
    "data.reading", "data.splitting", "data.task", "data.resolving",
    "data.encoding", "data.separation", "data.evidence",
    "data.checks_columns", "data.checks_time", "data.checks_groups", "data.checks_table", "data.checks", "data.example",
    "data.downloads", "data.originals", "data.catalog",
    "models.blocks", "models.base", "models.logistic", "models.mlp",
    "quantities", "influence", "fidelity", "rivals.base", "rivals.weights", "rivals.mitigators", "rivals.registry",
    "reweighting", "path", "tradeoff",
    "results", "disclosure", "arranged", "transfer", "choice", "study", "smallest", "estimator",
    "tables", "rows", "explain", "replication",
    "figures.common", "figures.canvas", "figures.cohorts", "figures.columns", "figures.groups", "figures.scores",
    "figures.change", "figures.influence", "figures.tradeoff", "figures.transfer", "figures.replication",
    "outputs", "reproduce", "report_blocks", "report",
    "options", "__main__",
]  # fmt: skip
PACKAGES = ("data", "models", "rivals", "figures")


def modules() -> dict[str, ast.Module]:
    """Syntax tree of every module, by its name within the package; a package's own file bears the package's name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of everything that a module imports, inside functions too; of `from a import b` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(tree: ast.Module) -> set[str]:
    """Modules of this package that a module imports; what it takes from a package's own file may be from any of it."""
    names = {name.removeprefix("iffair_core.") for name in imported(tree) if name.startswith("iffair_core.")}
    found = {name for name in names if name in ORDER}
    for package in PACKAGES:
        within = [name for name in ORDER if name.startswith(f"{package}.")]
        if package in names and not found & set(within):
            found.add(within[-1])
    return found


@pytest.mark.parametrize("name", MODULES)
def test_the_engine_knows_no_screen(name: str) -> None:
    roots = {imported_name.split(".")[0] for imported_name in imported(MODULES[name])}
    assert not roots & {"streamlit", "pages", "app"}


def test_the_order_names_every_module_once() -> None:
    assert sorted(ORDER) == sorted(name for name in MODULES if name not in ("", *PACKAGES))


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_what_stands_before_it(name: str) -> None:
    later = own_imports(MODULES[name]) - set(ORDER[: ORDER.index(name)])
    assert not later, f"{name} imports {', '.join(sorted(later))}, which do not stand before it"


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_long_public_functions_have_docstrings(name: str) -> None:
    tree = MODULES[name]
    assert ast.get_docstring(tree)
    assert not [f"{name}.{function.name}" for function in public_functions(tree) if not ast.get_docstring(function)]


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions, and methods of public classes, of more than 15 lines whose name does not begin with an underscore."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    functions = [node for part in (tree, *classes) for node in part.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > LONG and not function.name.startswith("_"):
            yield function
