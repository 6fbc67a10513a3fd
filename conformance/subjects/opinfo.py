"""Torch's own table of ops for its own tests (OpInfo): which ops of autograd it knows."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.subjects.base import SubjectUnavailable


@dataclass(frozen=True)
class OpInfoEntry:
    """An entry that supports autograd: a name, the variant of it, and torch's other names for the same op."""

    name: str
    variant: str
    aliases: tuple[str, ...]


def autograd_entries() -> tuple[OpInfoEntry, ...]:
    """Every OpInfo entry of the installed torch that supports autograd, in torch's order.

    Raises:
        SubjectUnavailable: there is no torch here, or none of its testing extras.
    """
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError as error:
        missing = error.name or str(error)
        raise SubjectUnavailable(f"torch's own op table needs {missing}, which is not installed here") from error
    return tuple(
        OpInfoEntry(op.name, op.variant_test_name, tuple(alias.name for alias in op.aliases))
        for op in op_db
        if op.supports_autograd
    )
