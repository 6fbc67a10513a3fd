"""The names under which scripts know our classes."""

from __future__ import annotations


def shown(cls: type) -> str:
    """``<class 'torch.distributions.normal.Normal'>``, whatever the package is called here.

    No metaclass does this: classes of scripts derive from ours and from others at once.
    """
    home = cls.__module__.replace("reference_engine", "torch", 1)
    return f"<class '{home}.{cls.__qualname__}'>"
