"""``x[...]`` and ``x[...] = value``: views and copies, the transpose rule, refusals; against NumPy where it agrees."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import reference_engine as engine
from reference_engine.semantics import Semantics, using

PIECES: tuple[Any, ...] = (0, -1, slice(None), slice(1, None), slice(None, None, 2), None, Ellipsis, [0, 1], [[1], [0]])


def _as_numpy(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.array(p) if isinstance(p, list) else p for p in index)


def _numbers_beside_lists(index: tuple[Any, ...]) -> bool:
    """torch takes numbers first, NumPy counts them as index arrays: the place of the result's dimensions differs."""
    return any(isinstance(p, int) for p in index) and any(isinstance(p, list) for p in index)


@pytest.mark.parametrize("index", list(itertools.product(PIECES, repeat=2)) + [(p,) for p in PIECES], ids=str)
def test_reading_agrees_with_numpy(index: tuple[Any, ...]) -> None:
    if index.count(Ellipsis) > 1 or _numbers_beside_lists(index):
        return
    array = np.arange(24.0).reshape(2, 3, 4)
    got = engine.tensor(array)[index]
    expected = array[_as_numpy(index)]
    assert tuple(got.shape) == expected.shape
    assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("index", list(itertools.product(PIECES, repeat=2)) + [(p,) for p in PIECES], ids=str)
def test_writing_agrees_with_numpy(index: tuple[Any, ...]) -> None:
    if index.count(Ellipsis) > 1 or _numbers_beside_lists(index):
        return
    array = np.arange(24.0).reshape(2, 3, 4)
    target = engine.tensor(array)
    target[index] = -1.0
    array[_as_numpy(index)] = -1.0
    assert target.tolist() == array.tolist()
    assert target._version == 1


@pytest.mark.parametrize("index", [(0,), (slice(1, 2),), (None,), (Ellipsis,), (0, slice(None), 1)], ids=str)
def test_numbers_slices_none_and_ellipsis_make_views(index: tuple[Any, ...]) -> None:
    x = engine.zeros(2, 3, 4)
    view = x[index]
    assert view._base is x
    assert view.untyped_storage() is x.untyped_storage()


@pytest.mark.parametrize("index", [([0],), (True,), (engine.tensor([True, False]),)], ids=str)
def test_sequences_bools_and_tensors_make_copies(index: tuple[Any, ...]) -> None:
    x = engine.zeros(2, 3, 4)
    copy = x[index]
    assert copy._base is None
    assert copy.untyped_storage() is not x.untyped_storage()


def test_separated_index_tensors_put_their_dimension_first() -> None:
    x = engine.zeros(2, 3, 4)
    assert tuple(x[[0], :, [1]].shape) == (1, 3)
    assert tuple(x[:, [0, 1], [1, 2]].shape) == (2, 2)


def test_an_element_read_twice_gets_both_gradients() -> None:
    x = engine.ones(3, requires_grad=True)
    x[[0, 0, 2]].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


def test_assigning_to_false_changes_nothing() -> None:
    x = engine.zeros(2, requires_grad=True)
    x[False] = 1.0
    assert x.tolist() == [0.0, 0.0]
    assert x._version == 0


@pytest.mark.parametrize(
    ("version", "name"), [("2.0", ["SliceBackward0", "SliceBackward0"]), ("2.13", ["AliasBackward0"])]
)
def test_slices_of_whole_dimensions_are_views_by_version(version: str, name: list[str]) -> None:
    with using(Semantics(version)):
        node = (engine.ones(2, 3, requires_grad=True) * 1)[:, :].grad_fn
        names = []
        while node is not None and node.name() != "MulBackward0":
            names.append(node.name())
            node = node.next_functions[0][0]
    assert names == name


@pytest.mark.parametrize(
    ("index", "kind", "words"),
    [
        (5, IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        (0.5, IndexError, "got float"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (engine.tensor([7]), IndexError, "index 7 is out of bounds for dimension 0 with size 2"),
        (engine.tensor([True]), IndexError, r"The shape of the mask \[1\] at index 0"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together with shapes"),
        (engine.tensor([0.5]), IndexError, "tensors used as indices must be"),
    ],
)
def test_what_does_not_index_is_refused(index: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        engine.zeros(2, 3, 4)[index]


def test_an_excluded_target_takes_no_part_in_a_tie() -> None:
    x = engine.tensor([1.0, 5.0], requires_grad=True)
    source = engine.tensor([1.0, 1.0], requires_grad=True)
    x.scatter_reduce(0, engine.tensor([0, 0]), source, "amax", include_self=False).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]
    assert source.grad.tolist() == [0.5, 0.5]
