"""Exception types of torch that Python has no name for."""

from __future__ import annotations


class LinAlgError(RuntimeError):
    """``torch.linalg.LinAlgError``: a matrix for which the decomposition does not exist."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"


class GradcheckError(RuntimeError):
    """Raised by gradcheck and gradgradcheck."""

    __module__ = "torch.autograd.gradcheck"  # where scripts know it


class OutOfMemoryError(RuntimeError):
    """An accelerator has no memory left."""

    __module__ = "torch"


class AcceleratorError(RuntimeError):
    """An accelerator failed."""

    __module__ = "torch"


class FatalError(RuntimeError):
    """Nothing can be done any more."""

    __module__ = "torch"


class DeprecatedAttributeError(AttributeError):
    """An attribute that torch removed."""
