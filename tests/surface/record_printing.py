"""Record how the installed torch prints some tensors, for machines that have none.

python tests/surface/record_printing.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from printing_cases import Case, cases

GOLDENS = Path(__file__).parent / "goldens" / "printing.json"


def torch_text(case: Case) -> str:
    """What torch prints for `case`."""
    import torch

    widest = np.complex128 if case.dtype.startswith("complex") else np.float64
    exact = case.values.astype(widest) if case.dtype == "bfloat16" else case.values
    tensor = torch.tensor(exact).to(getattr(torch, case.dtype))
    if case.history != "none":
        tensor = tensor.requires_grad_()
    if case.history == "clone":
        tensor = tensor.clone()
    try:
        torch.set_default_dtype(getattr(torch, case.default_dtype))
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**case.options)
        return repr(tensor)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")


def as_json(case: Case) -> dict[str, Any]:
    wide = case.values.astype(np.complex128 if case.dtype.startswith("complex") else object)
    return {
        "values": [str(value) for value in wide.reshape(-1).tolist()],
        "shape": list(case.values.shape),
        "dtype": case.dtype,
        "default_dtype": case.default_dtype,
        "history": case.history,
        "options": case.options,
        "text": torch_text(case),
    }


if __name__ == "__main__":
    import torch

    recorded = [as_json(case) for case in cases(seed=20, count=250) if case.values.size <= 100]
    document = {"torch": torch.__version__.split("+")[0], "cases": recorded}
    GOLDENS.write_text(json.dumps(document, indent=0) + "\n")
