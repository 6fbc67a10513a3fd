"""The three programs of the study that the project started from: where does the gradient of ``x`` go?"""

from __future__ import annotations

from conformance.examples.example import do, example, leaf, plain
from conformance.program import steps as s

EXAMPLES = (
    example(
        "study-leaf-by-call",
        "leaf.factory",
        leaf("x", 1.0, 2.0, 3.0, 4.0, shape=(2, 2)),
        do("mul", "x", "x", out="y"),
        do("sum", "y", out="z"),
        s.Backward(s.Ref("z")),
        s.Read("x", "grad"),
    ),
    example(
        "study-view-of-a-leaf",
        "leaf.grad.read_non_leaf",
        leaf("w", 1.0, 2.0, 3.0, 4.0),
        do("view", "w", 2, 2, out="x"),
        do("mul", "x", "x", out="y"),
        do("sum", "y", out="z"),
        s.Backward(s.Ref("z")),
        s.Read("x", "grad"),
        s.Read("w", "grad"),
    ),
    example(
        "study-view-made-a-leaf",
        "leaf.requires_grad.set",
        plain("w", 1.0, 2.0, 3.0, 4.0),
        do("view", "w", 2, 2, out="x"),
        s.SetAttr("x", "requires_grad", True),
        do("mul", "x", "x", out="y"),
        do("sum", "y", out="z"),
        s.Backward(s.Ref("z")),
        s.Read("x", "grad"),
        s.Read("w", "grad"),
    ),
)
