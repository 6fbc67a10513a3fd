"""A sparse tensor computes what the dense one of the same elements does, and its gradient is that of the dense one
where it is specified."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference_engine as engine

Tensor = Any


def drawn(seed: int, shape: tuple[int, ...], sparse_dim: int, nnz: int) -> Tensor:
    """Coordinates with places that may repeat."""
    rng = np.random.default_rng(seed)
    places = np.stack([rng.integers(0, n, nnz) for n in shape[:sparse_dim]])
    values = rng.integers(1, 9, (nnz, *shape[sparse_dim:])) / 4
    return engine.sparse_coo_tensor(
        engine.tensor(places), engine.tensor(values), shape, dtype=engine.float64, check_invariants=True
    )


CASES = [
    (0, (3, 4), 2, 7),
    (1, (3, 4), 1, 4),
    (2, (2, 3, 2), 2, 5),
    (3, (5,), 1, 6),
    (4, (3, 4), 2, 0),
    (5, (3, 4), 2, 1),
]

UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": lambda t: -t,
    "abs": lambda t: t.abs(),
    "sin": lambda t: t.sin(),
    "relu": lambda t: t.relu(),
    "square": lambda t: t**2,
    "half": lambda t: t / 2,
    "twice": lambda t: t * 2,
    "clone": lambda t: t.clone(),
    "single": lambda t: t.float(),
    "sum over the first": lambda t: t.sum(0),
    "total": lambda t: t.sum(),
    "unsqueezed": lambda t: t.unsqueeze(0),
    "chosen": lambda t: t.index_select(0, engine.tensor([1, 0, 1])),
    "selected": lambda t: t.select(0, 1),
    "narrowed": lambda t: t.narrow_copy(0, 1, 1),
    "joined": lambda t: engine.cat([t, t], 0),
    "stacked": lambda t: engine.stack([t, t], 1),
    "added to itself": lambda t: t + t,
    "times itself": lambda t: t * t,
    "norm": lambda t: t.norm(),
}


def dense(t: Tensor) -> Any:
    return t.to_dense()._read()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("coalesced", [False, True])
def test_an_op_computes_what_it_does_of_the_dense_tensor(case: Any, name: str, coalesced: bool) -> None:
    t = drawn(*case)
    t = t.coalesce() if coalesced else t
    np.testing.assert_allclose(dense(UNARY[name](t)), dense(UNARY[name](t.to_dense())), rtol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_products_and_sums_of_two(case: Any, seed: int) -> None:
    a, b = drawn(*case), drawn(10 + seed, case[1], case[2], 5)
    whole = engine.arange(float(np.prod(case[1])), dtype=engine.float64).reshape(case[1])
    for x, y in ((a, b), (b.coalesce(), a), (a.coalesce(), b.coalesce())):
        np.testing.assert_allclose(dense(x + y), dense(x) + dense(y))
        np.testing.assert_allclose(dense(x - y), dense(x) - dense(y))
        np.testing.assert_allclose(dense(x * y), dense(x) * dense(y))
        np.testing.assert_allclose(dense(whole + x), dense(whole) + dense(x))
        np.testing.assert_allclose(dense(whole * x), dense(whole) * dense(x))


def test_a_factor_of_size_one_is_stretched() -> None:
    t = engine.sparse_coo_tensor([[0, 0], [0, 2]], [1.0, 2.0], (1, 3), check_invariants=True)
    whole = engine.arange(6.0).reshape(2, 3)
    assert dense(t * whole).tolist() == (dense(t) * dense(whole)).tolist()
    assert dense(t * engine.ones(2, 2, 3)).tolist() == (dense(t) * np.ones((2, 2, 3))).tolist()


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"])
def test_each_layout_holds_the_same_elements(layout: str) -> None:
    whole = engine.tensor([[0.0, 1.0, 0.0, 2.0], [3.0, 0.0, 0.0, 0.0]])
    blocksize = (2, 2) if layout in ("sparse_bsr", "sparse_bsc") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = whole.to_sparse(layout=getattr(engine, layout), blocksize=blocksize)
        assert str(made.layout) == f"torch.{layout}"
        assert made.to_dense().tolist() == whole.tolist()
        assert made.to_sparse(layout=engine.sparse_coo).to_dense().tolist() == whole.tolist()


@pytest.mark.parametrize("case", [c for c in CASES if c[2] == 2 and len(c[1]) == 2], ids=str)
def test_a_product_of_matrices_and_its_gradients(case: Any) -> None:
    t = drawn(*case)
    other = engine.arange(8.0, dtype=engine.float64).reshape(4, 2).requires_grad_()
    sparse, whole = t.clone().requires_grad_(), t.to_dense().requires_grad_()
    (engine.sparse.mm(sparse, other) ** 2).sum().backward()
    mine, other.grad = other.grad, None
    (whole.mm(other) ** 2).sum().backward()
    np.testing.assert_allclose(mine._read(), other.grad._read())
    mask = dense(t) != 0
    np.testing.assert_allclose(dense(sparse.grad), whole.grad._read() * mask)


@pytest.mark.parametrize("case", CASES[:4], ids=str)
@pytest.mark.parametrize(
    "name", ["neg", "abs", "relu", "square", "half", "twice", "clone", "single", "added to itself", "times itself"]
)
def test_a_gradient_is_that_of_the_dense_tensor_where_it_is_specified(case: Any, name: str) -> None:
    t = drawn(*case).coalesce()
    sparse, whole = t.clone().requires_grad_(), t.to_dense().requires_grad_()
    (UNARY[name](sparse).to_dense() ** 2).sum().backward()
    (UNARY[name](whole) ** 2).sum().backward()
    np.testing.assert_allclose(dense(sparse.grad), whole.grad._read() * (dense(t) != 0), rtol=1e-6)


def test_a_table_has_the_same_gradient_sparse_and_dense() -> None:
    rows = engine.arange(8.0).reshape(4, 2)
    indices = engine.tensor([[1, 3], [1, 0]])
    grads = []
    for sparse in (False, True):
        table = rows.clone().requires_grad_()
        (engine.nn.functional.embedding(indices, table, padding_idx=3, sparse=sparse) ** 2).sum().backward()
        assert table.grad.is_sparse is sparse
        grads.append(dense(table.grad).tolist())
    assert grads[0] == grads[1]
