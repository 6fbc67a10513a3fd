"""``fill_diagonal_``: the diagonal starts again below the bottom of a tall matrix, one row later, if it wraps."""

from __future__ import annotations

import pytest

import reference_engine as engine

WHERE = {  # the places that torch fills, row-major: without and with wrapping
    (7, 3): ([0, 4, 8], [0, 4, 8, 12, 16, 20]),
    (8, 3): ([0, 4, 8], [0, 4, 8, 12, 16, 20]),
    (9, 3): ([0, 4, 8], [0, 4, 8, 12, 16, 20, 24]),
    (3, 7): ([0, 8, 16], [0, 8, 16]),
    (6, 2): ([0, 3], [0, 3, 6, 9]),
    (2, 2, 2): ([0, 7], [0, 7]),
    (5, 5): ([0, 6, 12, 18, 24], [0, 6, 12, 18, 24]),
    (4, 3): ([0, 4, 8], [0, 4, 8]),
    (1, 4): ([0], [0]),
    (4, 1): ([0], [0, 2]),
}


@pytest.mark.parametrize("shape", WHERE, ids=str)
def test_the_diagonal_wraps_where_torch_wraps_it(shape: tuple[int, ...]) -> None:
    for wrap, places in zip((False, True), WHERE[shape], strict=True):
        t = engine.zeros(shape)
        assert t.fill_diagonal_(1.0, wrap) is t
        assert t.reshape(-1).nonzero().flatten().tolist() == places


def test_it_wraps_in_the_order_of_the_rows_of_any_layout() -> None:
    t = engine.zeros(3, 7).t()
    t.fill_diagonal_(2.0, True)
    assert t.reshape(-1).nonzero().flatten().tolist() == [0, 4, 8, 12, 16, 20]


def test_what_has_no_diagonal_is_refused() -> None:
    with pytest.raises(RuntimeError, match="dimensions must larger than 1"):
        engine.zeros(3).fill_diagonal_(1.0)
    with pytest.raises(RuntimeError, match="all dimensions of input must be of equal length"):
        engine.zeros(2, 3, 2).fill_diagonal_(1.0)
