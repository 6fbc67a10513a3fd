"""``torch.autograd.forward_ad``: dual numbers."""

from __future__ import annotations


def detach_keeps_tangent() -> bool:
    return True


active = False
"""Whether a dual level is open; ops look at tangents only then."""


def push_forward(op: object, primals: object, results: object, inplace: bool) -> None:
    """Compute the tangents of an op's results."""
