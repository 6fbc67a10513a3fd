"""PyTorch itself, in eager mode."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Hashable
from ctypes import string_at
from typing import Any

import numpy as np

from conformance.subjects.base import Places, Subject, SubjectUnavailable


class TorchEager(Subject):
    """The torch that is installed, on one kind of device."""

    library = "torch"

    def __init__(self, device: str = "cpu") -> None:
        super().__init__()
        try:
            import torch
        except ImportError as error:
            raise SubjectUnavailable(
                "no torch is installed here; install one, for example: "
                "pip install torch --index-url https://download.pytorch.org/whl/cpu"
            ) from error
        self.api = torch
        self.device = device
        self.name = "torch" if device == "cpu" else f"torch-{device}"
        if device != "cpu":
            self._require(device)
        self._context: Any = None
        self._cpu = device == "cpu"
        # torch below 2.0 has the untyped storage under another name.
        self._storage = getattr(torch.Tensor, "untyped_storage", None) or torch.Tensor._storage
        torch.set_warn_always(True)
        self._warm_up()

    def _warm_up(self) -> None:
        """Import what torch imports on first use: its warnings belong to no Program."""
        api = self.api
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for module in ("utils.checkpoint", "autograd.forward_ad", "autograd.functional", "func"):
                with contextlib.suppress(AttributeError):
                    self.resolve(module)
            with api.autograd.forward_ad.dual_level():
                api.autograd.forward_ad.make_dual(api.ones(()), api.ones(()))

    def _require(self, device: str) -> None:
        if not hasattr(self.api, "set_default_device"):
            raise SubjectUnavailable(f"torch {self.version()} can't run a whole Program on {device!r}; 2.0 can")
        try:
            self.api.empty(1, device=device)
        except (RuntimeError, AssertionError, ImportError) as error:
            reason = str(error).splitlines()[0]
            raise SubjectUnavailable(f"this torch has no device {device!r} here: {reason}") from error

    def version(self) -> str:
        return str(self.api.__version__)

    def begin(self) -> None:
        if not self._cpu:
            self._context = self.api.device(self.device)
            self._context.__enter__()

    def end(self) -> None:
        if self._context is not None:
            self._context.__exit__(None, None, None)
            self._context = None
        self.api.set_grad_enabled(True)

    def storage_key(self, tensor: Any) -> Hashable | None:
        if tensor.layout is not self.api.strided:
            return None
        try:
            key: int = self._storage(tensor)._cdata
        except NotImplementedError:  # torch below 2.1 shows no storage of a "zero tensor"
            return None
        return key

    def value_bytes(self, tensor: Any) -> bytes | None:
        # Straight from memory: an op, even detach, would be seen by modes and would cost more than all the rest.
        if not self._cpu or tensor.layout is not self.api.strided or tensor.device.type != "cpu":
            return self._copied(tensor)
        count = tensor.numel()
        if not count:
            return b""
        size = tensor.element_size()
        try:
            address = tensor.data_ptr()
        except RuntimeError:  # inside of a transform: a tensor without memory of its own
            return None
        if not address:  # a "zero tensor": sign's gradient, for one, has no memory and reads as zeros
            return bytes(count * size)
        if tensor.is_contiguous() and not tensor.is_conj() and not tensor.is_neg():
            return string_at(address, count * size)
        return _gather(tensor, address, size)

    def places(self, tensor: Any) -> Places | None:
        layout = str(tensor.layout).removeprefix("torch.")
        names = _PARTS.get(layout)
        if names is None or not self._cpu:
            return None
        with self.api.no_grad():
            kept = tensor.detach()  # the values of a tensor with a history are a view of it
            *indices, values = (getattr(kept, name)() for name in names)
        parts = tuple(string_at(i.data_ptr(), i.numel() * 8) if i.numel() else b"" for i in map(_row_major, indices))
        coalesced = tensor.is_coalesced() if layout == "sparse_coo" else None
        return Places(tensor._nnz(), parts, self._copied(values) or b"", coalesced)

    def _copied(self, tensor: Any) -> bytes | None:
        """The value of a tensor on another device, or in another layout; None where it has none."""
        if tensor.device.type == "meta":
            return None
        with self.api.no_grad():
            dense = tensor.detach()
            if dense.layout is not self.api.strided:
                dense = dense.to_dense()
            dense = dense.to("cpu").resolve_conj().resolve_neg().contiguous()
        return string_at(dense.data_ptr(), dense.numel() * dense.element_size()) if dense.numel() else b""


_PARTS = {
    "sparse_coo": ("_indices", "_values"),
    "sparse_csr": ("crow_indices", "col_indices", "values"),
    "sparse_csc": ("ccol_indices", "row_indices", "values"),
    "sparse_bsr": ("crow_indices", "col_indices", "values"),
    "sparse_bsc": ("ccol_indices", "row_indices", "values"),
}


def _row_major(indices: Any) -> Any:
    return indices.long().contiguous()


def _gather(tensor: Any, address: int, size: int) -> bytes:
    """The elements of a strided or lazily conjugated tensor, in row-major order."""
    shape, strides = tuple(tensor.shape), tensor.stride()
    extent = 1 + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    memory = string_at(address, extent * size)
    element: Any = f"V{size}"
    if tensor.is_conj() or tensor.is_neg():
        element = {2: np.float16, 4: np.float32, 8: np.complex64 if tensor.is_complex() else np.float64}.get(
            size, np.complex128
        )
    values: Any = np.ndarray(shape, element, memory, 0, tuple([stride * size for stride in strides]))
    if tensor.is_conj():
        values = np.conjugate(values)
    if tensor.is_neg():
        values = np.negative(values)
    raw: bytes = values.tobytes()
    return raw
