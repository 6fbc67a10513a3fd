"""Pickling tensors; ``torch.save`` and ``torch.load``.

The files are this engine's own: a pickle whose memories stand apart, so that tensors that share one still do when they
are read again. Unless told otherwise, reading makes nothing but tensors and containers of them.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import copy
import io
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference_engine.dtypes import dtype
from reference_engine.semantics import warn
from reference_engine.sparse import memory
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor
from reference_engine.tensor_base import TensorBase

_INTERNAL = frozenset(TensorBase.__annotations__) | {"_is_param", "_is_buffer"}


def user_attributes(t: Tensor) -> dict[str, Any]:
    """What a program keeps on a tensor besides what the engine does."""
    return {name: value for name, value in vars(t).items() if name not in _INTERNAL}


class Memory:
    """Stands for a storage in a pickle. Outside of a file each tensor brings its own."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def __reduce__(self) -> Any:
        return _memory, (self.storage.bytes.tobytes(),)


def _memory(content: bytes) -> Memory:
    storage = Storage(0)
    storage.bytes = np.frombuffer(content, np.uint8).copy()
    return Memory(storage)


def _rebuild(
    cls: type[Any], memory: Memory, d: dtype, shape: tuple[int, ...], strides: tuple[int, ...], offset: int,
    lazy: tuple[bool, bool], requires_grad: bool, state: dict[str, Any],
) -> Any:  # fmt: skip
    made: Any = Tensor._make(memory.storage, d, shape, strides, offset)
    made._conj, made._neg = lazy
    made.__class__ = cls
    made._leaf_requires_grad = requires_grad
    vars(made).update(state)
    return made


def _rebuild_sparse(
    cls: type[Any], kept: memory.Coo | memory.Compressed, shape: tuple[int, ...], requires_grad: bool,
    state: dict[str, Any],
) -> Any:  # fmt: skip
    made: Any = memory.tensor(shape, kept)
    made.__class__ = cls
    made._leaf_requires_grad = requires_grad
    vars(made).update(state)
    return made


def reduce(t: Tensor) -> Any:
    """``Tensor.__reduce_ex__``: values, layout and flag; neither history nor gradient.

    Warns:
        UserWarning: the tensor has hooks, which are not kept.
    """
    for hook in (t._backward_hooks or {}).values():
        if not getattr(hook, "__torch_unserializable__", False):
            warn("tensor.pickle.hooks", hook=repr(hook))
    state = user_attributes(t)
    state |= {name: True for name in ("_is_param", "_is_buffer") if name in vars(t)}
    if t._sparse is not None:
        return _rebuild_sparse, (type(t), t._sparse, t._shape, t.requires_grad, state)
    return _rebuild, (
        type(t), Memory(t._storage), t._dtype, t._shape, t._strides, t._offset, (t._conj, t._neg), t.requires_grad,
        state,
    )  # fmt: skip


class _Writer(pickle.Pickler):
    def __init__(self, file: Any, protocol: int, storages: dict[int, Storage]) -> None:
        super().__init__(file, protocol)
        self.storages = storages

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, Memory):
            return None
        self.storages[id(obj.storage)] = obj.storage
        return id(obj.storage)


class _Reader(pickle.Unpickler):
    def __init__(self, file: Any, storages: dict[int, Memory], weights_only: bool) -> None:
        super().__init__(file)
        self.storages, self.weights_only = storages, weights_only

    def persistent_load(self, pid: Any) -> Any:
        return self.storages[pid]

    def find_class(self, module: str, name: str) -> Any:
        if self.weights_only and not _harmless(module, name):
            raise pickle.UnpicklingError(
                "Weights only load failed. This file can still be loaded, to do so you have two options, do those "
                "steps only if you trust the source of the checkpoint. \n\t(1) Re-running `torch.load` with "
                "`weights_only` set to `False` will likely succeed, but it can result in arbitrary code execution. "
                f"Do it only if you got the file from a trusted source.\n\tUnsupported global: GLOBAL {module}.{name} "
                "was not an allowed global by default."
            )
        return super().find_class(module, name)


_HARMLESS = {
    "reference_engine.serialization": {"_rebuild", "_memory"},
    "reference_engine.tensor": {"Tensor"},
    "reference_engine.nn.parameter": {"Parameter", "Buffer"},
    "reference_engine.size": {"Size"},
    "collections": {"OrderedDict", "Counter", "defaultdict"},
    "builtins": {"set", "complex", "bytearray", "slice", "range"},
    "_codecs": {"encode"},
}


def _harmless(module: str, name: str) -> bool:
    if module == "reference_engine.dtypes":
        return name not in ("set_default_dtype",)
    return name in _HARMLESS.get(module, ())


@contextmanager
def _opened(file: Any, mode: str) -> Iterator[Any]:
    if isinstance(file, (str, os.PathLike)):
        with open(file, mode) as opened:
            yield opened
    else:
        yield file


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2, **options: Any) -> None:
    """Write an object to a file, or to anything that has ``write``."""
    body, storages = io.BytesIO(), dict[int, Storage]()
    _Writer(body, pickle_protocol, storages).dump(obj)
    content = {key: storage.bytes.tobytes() for key, storage in storages.items()}
    with _opened(f, "wb") as file:
        pickle.dump((content, body.getvalue()), file, pickle_protocol)


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None, **options: Any
) -> Any:
    """Read what ``save`` wrote.

    Raises:
        pickle.UnpicklingError: something else than tensors and containers, with ``weights_only``, which is the default.
    """
    with _opened(f, "rb") as file:
        content, body = _Reader(file, {}, True).load()
    storages = {key: _memory(value) for key, value in content.items()}
    return _Reader(io.BytesIO(body), storages, weights_only is not False).load()


def copy_user_attributes(of: Tensor, to: Tensor, memo: dict[int, Any]) -> None:
    """What ``copy.deepcopy`` of a tensor does about them."""
    for name, value in user_attributes(of).items():
        setattr(to, name, copy.deepcopy(value, memo))


def unserializable_hook(f: Any) -> Any:
    """Marks a hook that is known not to be pickled with its tensor."""
    f.__torch_unserializable__ = True
    return f
