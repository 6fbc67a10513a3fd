"""Tensors print as torch prints them: against recorded texts, and against torch itself where there is one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from printing_cases import Case, cases, numpy_dtype
from record_printing import GOLDENS, torch_text

from reference_engine import printing

#: Before, columns kept the width of the notation that would have been chosen.
FORCED_NOTATION_HAS_ITS_WIDTH = (2, 13)

RECORDED = json.loads(GOLDENS.read_text())["cases"]


def reference_text(case: Case) -> str:
    words = printing.Words(
        dtype=case.dtype,
        default_dtype=case.default_dtype,
        requires_grad=case.history != "none",
        grad_fn="CloneBackward0" if case.history == "clone" else None,
    )
    with printing.printoptions(**case.options):
        return printing.tensor_repr(case.values, case.values.shape, words)


def from_json(record: dict[str, Any]) -> Case:
    read = {"c": complex, "f": float, "V": float, "i": int, "u": int, "b": lambda text: text == "True"}
    dtype = numpy_dtype(record["dtype"])
    values = np.array([read[dtype.kind](text) for text in record["values"]]).astype(dtype).reshape(record["shape"])
    return Case(values, record["dtype"], record["default_dtype"], record["history"], record["options"])


@pytest.mark.parametrize("record", RECORDED, ids=[str(number) for number in range(len(RECORDED))])
def test_a_recorded_tensor_prints_as_torch_printed_it(record: dict[str, Any]) -> None:
    assert reference_text(from_json(record)) == record["text"]


@pytest.mark.parametrize("seed", range(10))
def test_random_tensors_print_as_torch_prints_them(seed: int) -> None:
    version = tuple(int(part) for part in pytest.importorskip("torch").__version__.split(".")[:2])
    for case in cases(seed, 300):
        if version < FORCED_NOTATION_HAS_ITS_WIDTH:
            case.options.pop("sci_mode", None)
        assert reference_text(case) == torch_text(case), case


def test_an_option_that_is_not_given_keeps_its_value_but_notation_returns_to_automatic() -> None:
    with printing.printoptions(precision=2, sci_mode=True):
        printing.set_printoptions(linewidth=40)
        assert printing.get_printoptions() == {
            "precision": 2,
            "threshold": 1000,
            "edgeitems": 3,
            "linewidth": 40,
            "sci_mode": None,
        }
    assert printing.get_printoptions()["linewidth"] == 80


def test_a_tensor_without_values_shows_its_size() -> None:
    words = printing.Words(dtype="float64", device="meta", requires_grad=True)
    expected = "tensor(..., device='meta', size=(2, 3), dtype=torch.float64,\n       requires_grad=True)"
    assert printing.tensor_repr(None, (2, 3), words) == expected
