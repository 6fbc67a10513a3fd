"""``torch.utils._contextlib``: context managers that also decorate functions."""

from __future__ import annotations

from reference_engine.modes import _ContextDecorator as _DecoratorContextManager


class _NoParamDecoratorContextManager(_DecoratorContextManager):
    """One that is made without arguments, so that the class itself decorates."""

    def __new__(cls, orig_func=None):  # type: ignore[no-untyped-def]
        made = super().__new__(cls)
        return made if orig_func is None else made(orig_func)


__all__ = ["_DecoratorContextManager", "_NoParamDecoratorContextManager"]
