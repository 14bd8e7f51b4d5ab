"""A design with its categories as codes gives what the same matrix as an array gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iffair_core import Study, Task
from iffair_core.data import design
from iffair_core.data.design import (
    CodedDesign,
    Design,
    coded_design,
    cross_product,
    dense,
    extent,
    row_forms,
    squared,
    squared_lengths,
)
from iffair_core.data.encoding import encode
from iffair_core.fidelity import leave_one_out_parameters
from iffair_core.influence import hard_removal_effects, removal_effects
from iffair_core.models import LogisticModel, MLPModel, blocks
from iffair_core.quantities import fairness_quantities
from iffair_core.telling.files import design_parquet
from tests.engine.studies import plain_table

SEEDS = st.integers(0, 2**32 - 1)


def pair(seed: int, n: int | None = None) -> tuple[CodedDesign, np.ndarray]:
    """A coded design whose columns stand in any order, and the array that it stands for, filled cell by cell."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60)) if n is None else n
    sizes = rng.integers(1, 25, rng.integers(1, 5))
    starts = np.cumsum([0, *sizes])
    a = int(rng.integers(0, 4))
    places = rng.permutation(a + starts[-1])
    numbers = rng.normal(size=(n, a))
    levels = np.column_stack([rng.integers(-1, size, n) for size in sizes])
    X = np.zeros((n, a + starts[-1]))
    X[:, places[:a]] = numbers
    for row in range(n):
        for start, level in zip(starts, levels[row], strict=False):
            if level >= 0:
                X[row, places[a + start + level]] = 1.0
    with_one = np.column_stack([numbers, np.ones(n)])
    coded = coded_design(with_one, list(levels.T), sizes.tolist(), places[:a], places[a:])
    if rng.random() < 0.5:
        order = rng.permutation(n)
        coded = coded.arranged(order)
        assert np.array_equal(dense(coded[order]), X[order])
        assert coded[order] is coded[order]
    return coded, X


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


@given(SEEDS)
def test_products_are_those_of_the_array(seed):
    coded, X = pair(seed)
    (n, p), rng = X.shape, np.random.default_rng(seed)
    assert coded.shape == X.shape
    assert np.array_equal(dense(coded), X)
    for k in ((), (1,), (3,)):
        V, C = rng.normal(size=(p, *k)), rng.normal(size=(n, *k))
        close(coded @ V, X @ V)
        close(coded.T @ C, X.T @ C)
    d, A = rng.normal(size=n), rng.normal(size=(p + 1, p + 1))
    beside = np.column_stack([X, np.ones(n)])
    for weights in (d, np.abs(d), np.zeros(n)):
        close(cross_product(coded, weights), beside.T @ (weights[:, None] * beside))
        close(cross_product(X, weights), beside.T @ (weights[:, None] * beside))
    for own in (coded, X):
        close(row_forms(own, A + A.T)(own[:]), np.einsum("ij,jk,ik->i", beside, A + A.T, beside))
    close(dense(squared(coded)), X**2)


@given(SEEDS)
def test_lengths_are_those_of_the_array(seed):
    coded, X = pair(seed)
    W = np.tril(np.random.default_rng(seed).normal(size=(X.shape[1] + 1,) * 2))
    wanted = np.sum((np.column_stack([X, np.ones(X.shape[0])]) @ W.T) ** 2, axis=1)
    close(squared_lengths(coded, W)(coded[:]), wanted)
    close(squared_lengths(X, W)(X), wanted)


@given(SEEDS, st.data())
def test_rows_are_those_of_the_array(seed, data):
    coded, X = pair(seed)
    n = X.shape[0]
    some = data.draw(
        st.one_of(
            st.slices(n).filter(lambda rows: rows.step is None or rows.step > 0),
            st.lists(st.integers(0, n - 1)).map(lambda rows: np.array(rows, dtype=np.intp)),
            st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
        )
    )
    assert np.array_equal(dense(coded[some]), X[some])
    V, C = np.ones(X.shape[1]), np.ones((X[some].shape[0], 2))
    close(coded[some] @ V, X[some] @ V)
    close(coded[some].T @ C, X[some].T @ C)
    close(cross_product(coded[some], C[:, 0]), cross_product(X[some], C[:, 0]))


def problem(seed: int, n: int = 500) -> tuple[CodedDesign, np.ndarray, np.ndarray, np.ndarray]:
    coded, X = pair(seed, n)
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 2, n)
    chance = 1 / (1 + np.exp(-(X @ rng.normal(size=X.shape[1]) / 2 - 0.5 * groups)))
    return coded, X, (rng.random(n) < chance).astype(float), groups


@given(st.integers(0, 2**16))
def test_a_model_and_its_influences_do_not_depend_on_the_form(seed):
    coded, X, y, groups = problem(seed)
    found = []
    for own in (coded, X):
        model, held = LogisticModel().fit(own, y), slice(0, 200)
        quantities = fairness_quantities(own[held], y[held], groups[held])
        rows = np.arange(0, y.size, 50)
        found.append(
            (
                model.theta_,
                model.hessian(),
                model.leverage(),
                model.stepped(1.0 + groups).theta_,
                quantities.values(model),
                removal_effects(model, quantities, order=2),
                hard_removal_effects(model, quantities),
                leave_one_out_parameters(model, rows),
            )
        )
    for ours, theirs in zip(*found, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_a_network_takes_codes():
    coded, X, y, groups = problem(3)
    ours, theirs = (MLPModel(C=0.1).fit(own, y) for own in (coded, X))
    assert_allclose(ours.theta_, theirs.theta_, atol=1e-7)
    quantities = [fairness_quantities(own, y, groups) for own in (coded, X)]
    assert_allclose(quantities[0].gradients(theirs), quantities[1].gradients(theirs), atol=1e-12)


def test_the_same_bytes_come_of_any_number_of_threads(monkeypatch):
    coded, _, y, groups = problem(5, 4_000)
    monkeypatch.setattr(design, "CALLS", 1)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10_000)
    assert len(blocks.row_blocks(*extent(coded))) > 4
    found = []
    for cores in (1, 2, 7):
        monkeypatch.setattr(blocks, "_cores", lambda cores=cores: cores)
        model = LogisticModel().fit(coded, y)
        effects = removal_effects(model, fairness_quantities(coded, y, groups), order=2)
        found.append(model.theta_.tobytes() + effects.tobytes())
    assert len(set(found)) == 1


# ------------------------------------------------------------------------------------------------------------- studies


def as_codes(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    monkeypatch.setattr(design, "CODED_FROM", 0 if wanted else np.inf)
    monkeypatch.setattr(design, "CODED_SHARE", np.inf)


@pytest.mark.parametrize("options", [{}, {"variant": "efficient", "metric": "demographic_parity"}])
def test_a_study_does_not_depend_on_the_form(monkeypatch, options):
    table, found = plain_table(600), []
    for wanted in (True, False):
        as_codes(monkeypatch, wanted)
        task = Task("y", 1, "g", use_sensitive_as_feature=True)
        found.append(Study(table, task, rivals=("label_bias", "grid_search"), **options).run())
        assert isinstance(found[-1].dataset.X, CodedDesign) == wanted
    assert design_parquet(found[0]) == design_parquet(found[1])
    assert_same_study(*found, atol=1e-9)


def assert_same_study(ours, theirs, atol: float) -> None:
    assert ours.strength == theirs.strength
    for name in ("scores_before", "scores_after", "removal", "influence", "leverage", "weights"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=atol, atol=atol, err_msg=name)
    pd.testing.assert_frame_equal(ours.curve.frame(), theirs.curve.frame(), rtol=atol, atol=atol)
    pd.testing.assert_frame_equal(ours.fidelity.refits, theirs.fidelity.refits, rtol=1e-6, atol=atol)
    for one, other in zip(ours.rivals, theirs.rivals, strict=True):
        for split, numbers in one.metrics.items():
            assert numbers == pytest.approx(other.metrics[split], abs=atol)


def test_every_kind_of_column_is_the_same_in_both_forms(monkeypatch):
    rng = np.random.default_rng(0)
    n = 600
    table = pd.DataFrame(
        {
            "two": rng.choice(["a", "b"], n),
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "many": rng.choice(list("pqrstuv"), n),
            "mostly missing": np.where(rng.random(n) < 0.8, None, rng.choice(list("xyz"), n)),
            "group": rng.choice(["f", "m"], n),
            "kind": rng.choice(["one", "other", "third"], n),
            "y": rng.integers(0, 2, n),
        }
    )
    found: list[Design] = []
    for wanted in (True, False):
        as_codes(monkeypatch, wanted)
        found.append(encode(table, Task("y", 1, "group")).X)
    assert isinstance(found[0], CodedDesign)
    assert isinstance(found[1], np.ndarray)
    assert np.array_equal(dense(found[0]), found[1])
