"""Which dtypes a kernel is defined for: what it never takes, and what it takes only since a later release."""

from __future__ import annotations

from collections.abc import Mapping

from reference_engine.dtypes import dtype
from reference_engine.ops.kernels import HALF, dtypes_in
from reference_engine.semantics import refusal, switch

#: The switches with which kernels that are not pointwise learned half precision on the CPU.
HALF_LATER = {"float16": "ops.half"}
LAYERS = {"float16": "nn.half.layers"}
CLASSES = {"float16": "nn.half.losses"}
LOSSES = {**CLASSES, "bfloat16": "nn.half.losses"}

NEVER_BOOL = dtypes_in("bool")
ONLY_FLOATING = dtypes_in("bool int complex")


def refuse_unsupported(
    kernel: str, d: dtype, since: Mapping[str, str] = HALF_LATER, not_for: frozenset[dtype] = frozenset()
) -> None:
    """Raise if a kernel is not defined for a dtype in the version in force.

    Args:
        kernel: as the refusal calls it.
        since: name of a dtype to the switch with which it came.
        not_for: what the kernel does not take in any version.
    """
    late = since.get(d.name)
    if d in not_for or (late is not None and not switch(late)):
        raise refusal("ops.not_implemented_for", op=kernel, dtype=d.scalar_name)


__all__ = ["CLASSES", "HALF", "HALF_LATER", "LAYERS", "LOSSES", "NEVER_BOOL", "ONLY_FLOATING", "refuse_unsupported"]
