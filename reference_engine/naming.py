"""Classes that print under the names that scripts know."""

from __future__ import annotations


class TorchNamed(type):
    """``<class 'torch.distributions.normal.Normal'>``, whatever the package is called here."""

    def __repr__(cls) -> str:
        home = cls.__module__.replace("reference_engine", "torch", 1)
        return f"<class '{home}.{cls.__qualname__}'>"
