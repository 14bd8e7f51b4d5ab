"""The engine's shape: what it may import, in which order its modules build on each other, and their docstrings."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import iffair_core

ROOT = Path(iffair_core.__file__).parent
LONG = 15

# A module imports only from its own layer and the ones before it. A folder is one layer; within it there is no circle.
LAYERS = [
    "errors",
    "uncertainty", "metrics", "wording",
    "reading", "data", "checks", "datasets",
    "models", "quantities", "influence", "fidelity", "rivals", "reweighting", "path", "tradeoff",
    "study", "audit", "causes", "estimator", "cluster",
    "telling",
    "scenarios",
    "options", "__main__",
]  # fmt: skip


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
    """Modules of this package that a module imports; a name taken from a package's own file counts as that package."""
    names = {name.removeprefix("iffair_core.") for name in imported(tree) if name.startswith("iffair_core.")}
    return {name for name in names if name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_the_engine_knows_no_screen(name: str) -> None:
    roots = {imported_name.split(".")[0] for imported_name in imported(MODULES[name])}
    assert not roots & {"streamlit", "pages", "app"}


def test_every_module_and_folder_is_a_layer() -> None:
    assert set(LAYERS) == {name.split(".")[0] for name in MODULES if name}


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_a_module_imports_only_from_its_own_layer_and_the_ones_before(name: str) -> None:
    allowed = set(LAYERS[: LAYERS.index(name.split(".", maxsplit=1)[0]) + 1])
    later = {other for other in own_imports(MODULES[name]) if other.split(".")[0] not in allowed}
    assert not later, f"{name} imports {', '.join(sorted(later))}, which come after it"


def test_there_is_no_circle() -> None:
    packages = {name for name in MODULES if any(other.startswith(f"{name}.") for other in MODULES)}
    graph = {name: own_imports(tree) - packages for name, tree in MODULES.items() if name}
    assert list(TopologicalSorter(graph).static_order())


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


@pytest.mark.parametrize("path", sorted((ROOT.parent / "benchmarks").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_benchmark_still_finds_what_it_measures(path):
    if path.stem != "pydvl_scores":  # runs in an environment of its own
        importlib.import_module(f"benchmarks.{path.stem}")
