"""Memory shared with other libraries (DLPack) and with files.

Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""

from __future__ import annotations

import enum
import os
from typing import Any

import numpy as np

from reference_engine import creation, dtypes
from reference_engine.dtypes import dtype as _dtype
from reference_engine.tensor import Tensor


class DLDeviceType(enum.IntEnum):
    """The kinds of devices that memory may be on; here there is one."""

    kDLCPU = 1


class _Capsule:
    """What NumPy asks for a capsule that somebody else made."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (int(DLDeviceType.kDLCPU), 0)


class _Writable:
    """The memory of an array that NumPy takes for constant, because an old capsule does not say."""

    def __init__(self, array: Any) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def to_dlpack(tensor: Tensor) -> Any:
    """The tensor's memory as a capsule.

    Raises:
        BufferError: it requires grad, or is lazily conjugated.
    """
    if tensor.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if tensor.is_conj():
        raise BufferError("Can't export tensors with the conjugate bit set")
    return tensor._array().__dlpack__()


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of an array of another library, or of a capsule.

    Raises:
        RuntimeError: no such thing. BufferError: a tensor that requires grad.
    """
    if isinstance(ext_tensor, Tensor):
        to_dlpack(ext_tensor)  # or it refuses
        return ext_tensor.clone() if copy else ext_tensor.detach()
    if isinstance(ext_tensor, np.ndarray):
        array = ext_tensor
    else:
        if hasattr(ext_tensor, "__dlpack__"):
            ext_tensor = ext_tensor.__dlpack__()
        try:
            array = np.from_dlpack(_Capsule(ext_tensor))
        except (BufferError, TypeError, ValueError, RuntimeError):
            raise RuntimeError(
                "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so "
                "you might have already constructed a tensor from it once."
            ) from None
        array = array if array.flags.writeable else np.asarray(_Writable(array))
    made = creation.from_numpy(array)
    return made.clone() if copy else made


def from_file(
    filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: _dtype | None = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor over a file; what is written to it reaches the file only if that is ``shared``, and makes it if needed.

    Raises:
        RuntimeError: there is no such file, or it is too small.
    """
    d = dtype or dtypes.get_default_dtype()
    count = (size or 0) * d.itemsize
    if shared and (not os.path.exists(filename) or os.path.getsize(filename) < count):
        with open(filename, "ab") as grown:
            grown.truncate(count)
    if not os.path.exists(filename):
        raise RuntimeError(f"unable to open file <{filename}> in read-only mode: No such file or directory (2)")
    there = os.path.getsize(filename)
    if there < count:
        raise RuntimeError(f"file <{filename}> size <{there}> is smaller than the required mapping size <{count}>")
    mapped = np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(count,)) if count else np.zeros(0, np.uint8)
    made = creation.from_numpy(np.asarray(mapped).view(d.np))
    return made.requires_grad_() if requires_grad else made


def _dlpack(self: Tensor, *, stream: Any = -1, max_version: Any = None, dl_device: Any = None, copy: Any = None) -> Any:
    return to_dlpack(self)


def attach() -> None:
    """Make tensors objects that other libraries can take the memory of."""
    cls: Any = Tensor
    cls.__dlpack__ = _dlpack
    cls.__dlpack_device__ = lambda self: (DLDeviceType.kDLCPU, 0)


attach()
