"""Indexing along a dimension: what is refused, in which order and words, what is saved, and where ``out=`` goes.

The expectations were measured on torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import reference_engine as torch

OVERLAP = "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory"
ONES = torch.ones


def long(*values: Any) -> Any:
    return torch.tensor(list(values), dtype=torch.int64)


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # index_add and index_reduce: the index, the dimension of the source, its size, shared memory, shape
    (lambda: ONES(()).index_add(1, long([0]), ONES(())), IndexError, "Dimension out of range"),
    (
        lambda: ONES(()).index_add(0, long(1, 0), ONES(())),
        IndexError,
        "Dimension specified as 0 but tensor has no dimensions",
    ),
    (
        lambda: ONES(0).index_add(-1, long(0), ONES(0)),
        RuntimeError,
        "index_add_(): Number of indices (1) should be equal to source.size(dim): (0), for dim: 0",
    ),
    (
        lambda: ONES(2, 3).index_add(-1, long(0), ONES(1)),
        RuntimeError,
        "index_add_(): Indexing dim 1 is out of bounds of the source tensor with dim 1",
    ),
    (
        lambda: ONES(2).index_reduce_(0, torch.tensor(1), ONES(1, 1), "amin"),
        RuntimeError,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = [2]",
    ),
    (lambda: ONES(()).index_add(0, torch.tensor(1), ONES(())), IndexError, "index out of range in self"),
    (
        lambda: ONES(2, 3).index_add(1, long(-1), ONES(2, 1)),
        RuntimeError,
        "index -1 is out of bounds for dimension 1 with size 3",
    ),
    # index_select: other words along the second dimension
    (lambda: ONES(2, 2).index_add(1, long(0, 5), ONES(2, 2)), RuntimeError, "index 5 is out of bounds for dimension 1"),
    (lambda: ONES(2, 2).index_add(1, long(0, 5), ONES(2, 2), alpha=2), IndexError, "index out of range in self"),
    (lambda: ONES(1, 2, 1).index_add(1, long(0, 5), ONES(1, 2, 1)), IndexError, "index out of range in self"),
    (lambda: ONES(2, 2).index_select(0, long(5)), IndexError, "index out of range in self"),
    (
        lambda: ONES(2, 2).index_select(1, long(5)),
        RuntimeError,
        "INDICES element is out of DATA bounds, id=5 axis_dim=2",
    ),
    (
        lambda: ONES(0, 2).index_select(0, long(5)),
        RuntimeError,
        "index_select(): self indexing axis dim should be positive",
    ),
    # scatter: a source of a lower rank
    (lambda: ONES(2, 3).scatter(0, long([0]), ONES(1)), IndexError, "Dimension out of range"),
    (
        lambda: ONES(2, 3).scatter(0, long([0]), ONES(())),
        RuntimeError,
        "Index tensor must have the same number of dimensions as src",
    ),
    (
        lambda: ONES(2).scatter_reduce(0, long([0]), ONES(2), "foo"),
        RuntimeError,
        "Index tensor must have the same number",
    ),
    (
        lambda: torch.take_along_dim(ONES(()), torch.tensor(0), -1),
        IndexError,
        "Dimension specified as 0 but tensor has no dimensions",
    ),
    (
        lambda: torch.take_along_dim(ONES(2), long(5), 0),
        RuntimeError,
        "index 5 is out of bounds for dimension 0 with size 2",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_does_not_fit_is_refused_in_torchs_words(case: int) -> None:
    call, kind, words = REFUSED[case]
    with pytest.raises(kind) as refused:
        call()
    assert str(refused.value).startswith(words)


def test_shared_memory_is_looked_at_where_torch_does() -> None:
    x = ONES(2, 2)
    with pytest.raises(RuntimeError, match=r"index_add_\(\): Number of indices"):
        x.index_add_(0, long(0), x[0])  # the count comes first
    with pytest.raises(RuntimeError, match=OVERLAP):
        x.index_copy_(0, long(0), x[0])  # here memory does
    with pytest.raises(RuntimeError, match=OVERLAP):
        x.put_(long(0, 1), x[0])
    assert x._version == 0


@pytest.mark.parametrize("op", ["index_select", "gather", "take", "index_add"])
def test_out_is_neither_what_is_read_nor_of_another_dtype(op: str) -> None:
    x = ONES(2, 2)
    arguments = {
        "index_select": (0, long(0, 1)),
        "gather": (0, long([0, 1], [1, 0])),
        "take": (long([0, 1], [1, 0]),),
        "index_add": (0, long(0, 1), x),
    }[op]
    with pytest.raises(RuntimeError, match=OVERLAP):
        getattr(torch, op)(x, *arguments, out=x)
    with pytest.raises(RuntimeError, match=r"dtype|same scalar type"):
        getattr(torch, op)(x, *arguments, out=ONES(2, 2).double())


def test_out_of_take_along_dim_is_that_of_gather() -> None:
    x = ONES(2).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^gather\(\): functions with out="):
        torch.take_along_dim(x, long(0), 0, out=ONES(1))
    out = ONES(1)
    assert torch.take_along_dim(torch.tensor([1.0, 5.0]), long(-1), 0, out=out) is out
    assert out.tolist() == [5.0]


SAVING: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "gather": (lambda x, z: x.gather(0, long([0, 1])), "x"),
    "take": (lambda x, z: x.take(long(0)), "x"),
    "masked_select": (lambda x, z: x.masked_select(x.detach() > 0), "x"),
    "index_add": (lambda x, z: x.index_add(0, long(0, 1), z), "z"),
    "index_copy": (lambda x, z: x.index_copy(0, long(0, 1), z), "z"),
    "put": (lambda x, z: x.put(long([0, 1], [2, 3]), z), "z"),
}


@pytest.mark.parametrize("op", SAVING)
def test_a_tensor_of_which_only_the_shape_is_needed_is_saved_all_the_same(op: str) -> None:
    call, saved = SAVING[op]
    leaves = {name: ONES(2, 2).requires_grad_() for name in "xz"}
    used = {name: t * 1 for name, t in leaves.items()}
    result = call(used["x"], used["z"])
    used[saved].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_searching_warns_of_the_copies_that_it_makes() -> None:
    keys = torch.tensor([[1.0, 2.0], [2.0, 3.0]])
    with pytest.warns(UserWarning, match="input value tensor is non-contiguous"):
        torch.bucketize(keys.t(), keys[0])
    with pytest.warns(UserWarning, match="boundary tensor is non-contiguous"):
        torch.searchsorted(keys.t(), keys)


def test_searching_takes_boundaries_that_fit() -> None:
    with pytest.raises(RuntimeError, match="input value can be a scalar only when boundaries tensor dimension is 1"):
        torch.searchsorted(ONES(()), ONES(()))
    with pytest.raises(RuntimeError, match="boundary and sorter must have the same size"):
        torch.searchsorted(ONES(2), ONES(2), sorter=long(0, 1, 2))
    with pytest.raises(RuntimeError, match="sorter index out of range"):
        torch.searchsorted(ONES(2), ONES(2), sorter=long(0, 5))
