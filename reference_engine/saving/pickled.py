"""The pickle inside of a file: it names memories instead of holding them, and globals by torch's names."""

from __future__ import annotations

import collections
import pickle
import types
from collections.abc import Callable
from typing import Any

from reference_engine import dtypes, layouts, typed_storage
from reference_engine.nn.parameter import Parameter
from reference_engine.saving import names, rebuilding
from reference_engine.semantics import warn
from reference_engine.storage import UntypedStorage
from reference_engine.tensor import Tensor
from reference_engine.typed_storage import TypedStorage

_Pickler: Any = vars(pickle)["_Pickler"]  # the pickler in Python, of which more can be overridden


class Writer(_Pickler):  # type: ignore[misc]
    """Writes in Python, so that names of globals can be chosen.

    Attributes:
        storages: the memories that were named, by key.
    """

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.keys: dict[int, str] = {}
        self.storages: dict[str, UntypedStorage] = {}

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, TypedStorage):
            kind: Any = typed_storage.LEGACY[obj.pickle_storage_type()]
            memory, count = obj.untyped(), len(obj)
        elif isinstance(obj, UntypedStorage):
            kind, memory, count = UntypedStorage, obj, obj.nbytes()
        else:
            return None
        key = self.keys.setdefault(id(memory), str(len(self.keys)))
        self.storages[key] = memory
        return ("storage", kind, key, "cpu", count)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Tensor) and not isinstance(obj, type):
            return _reduced(obj)
        if isinstance(obj, layouts.layout):
            return rebuilding.layout_named, (str(obj),)
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        found = names.name_of(obj, name)
        if found is None:
            super().save_global(obj, name)
            return
        self.write(pickle.GLOBAL + f"{found[0]}\n{found[1]}\n".encode())
        self.memoize(obj)

    def save_type(self, obj: Any) -> None:
        if names.name_of(obj, None) is None:
            super().save_type(obj)
        else:
            self.save_global(obj)

    dispatch = {**_Pickler.dispatch, type: save_type, types.FunctionType: save_global}  # noqa: RUF012


def _reduced(t: Tensor) -> Any:
    """What a file has in the place of a tensor: values, layout and flag; neither history nor gradient."""
    from reference_engine.serialization import user_attributes

    for hook in (t._backward_hooks or {}).values():
        if not getattr(hook, "__torch_unserializable__", False):
            warn("tensor.pickle.hooks", hook=repr(hook))
    memory = TypedStorage(wrap_storage=t._storage, dtype=t._dtype, _internal=True)
    no_hooks: Any = collections.OrderedDict()
    flag = t.requires_grad and not isinstance(t, Parameter)
    args: tuple[Any, ...] = (memory, t._offset, t._shape, t._strides, flag, no_hooks)
    if t._conj or t._neg:
        args = (*args, {name: True for name, on in (("conj", t._conj), ("neg", t._neg)) if on})
    state = user_attributes(t)
    if type(t) is Tensor and not state:
        return rebuilding.rebuild_tensor, args
    if type(t) is Parameter:
        data = rebuilding.rebuild_tensor(*args)
        if not state:
            return rebuilding.rebuild_parameter, (data, t.requires_grad, no_hooks)
        return rebuilding.rebuild_parameter_with_state, (data, t.requires_grad, no_hooks, state)
    return rebuilding.rebuild_from_type, (rebuilding.rebuild_tensor, type(t), args, state or None)


class Reader(pickle.Unpickler):
    """Reads what `Writer` wrote.

    Args:
        memory: gives the storage of a persistent id.
        allowed: whether a global may be loaded; anything may, without it.
    """

    def __init__(
        self, file: Any, memory: Callable[[Any], Any], allowed: Callable[[str, str], Any] | None = None, **options: Any
    ) -> None:
        super().__init__(file, **options)
        self.memory, self.allowed = memory, allowed

    def persistent_load(self, pid: Any) -> Any:
        return self.memory(pid)

    def find_class(self, module: str, name: str) -> Any:
        if self.allowed is not None:
            found = self.allowed(module, name)
            if found is not None:
                return found
        try:
            return names.value_of(module, name)
        except (ImportError, AttributeError):
            return super().find_class(module, name)


#: What may be loaded without being trusted: it makes tensors and containers, and does nothing else.
HARMLESS = {
    "collections": {"OrderedDict", "Counter"},
    "torch": {"Size", "Tensor", "device", *(d.name for d in dtypes.ALL), *typed_storage.LEGACY},
    "torch.nn.parameter": {"Parameter", "Buffer"},
    "torch.storage": {"UntypedStorage", "TypedStorage"},
    "torch._utils": {
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state",
    },
    "torch._tensor": {"_rebuild_from_type_v2"},
    "torch.serialization": {"_get_layout"},
    "builtins": {"set", "complex", "bytearray"},
    "__builtin__": {"set", "complex", "bytearray"},
    "_codecs": {"encode"},
}  # fmt: skip


def is_harmless(module: str, name: str) -> bool:
    return name in HARMLESS.get(module, ())
