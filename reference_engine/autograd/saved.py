"""What happens to tensors between being saved for backward and being used there: hooks of the user's choice.

Source: https://docs.pytorch.org/docs/stable/autograd.html#saved-tensors-default-hooks
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reference_engine.modes import no_grad
from reference_engine.semantics import cite, refusal, require, switch

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Pack = Callable[..., Any]
Unpack = Callable[..., Any]


class _Pairs(threading.local):
    """The default pairs in force in a thread, innermost last: that one alone is used; and what forbids more."""

    def __init__(self) -> None:
        self.stack: list[tuple[Pack, Unpack]] = []
        self.disabled: str | None = None
        self.in_hook = 0  # what a hook does is no part of the formula that asked for its tensor


pairs = _Pairs()


def enabled() -> bool:
    """Whether this thread may put a pair in force."""
    return pairs.disabled is None


def innermost() -> tuple[Pack, Unpack] | None:
    """The pair that a tensor saved now goes through."""
    stack = pairs.stack
    return stack[-1] if stack else None


def run_pack(pack: Pack, tensor: Tensor, original: bool) -> Any:
    """Call the pack hook, unrecorded. What is saved as it was is shown detached.

    Raises:
        RuntimeError: the hook changed its tensor in place.
    """
    version = tensor._version_counter.value
    cite("saved.hooks.not_recorded")
    with no_grad():
        packed = _as_torch_raises(pack, tensor.detach() if original else tensor)
    if tensor._version_counter.value != version:
        raise refusal("saved.hooks.pack_in_place")
    return packed


def run_unpack(unpack: Unpack, packed: Any) -> Tensor:
    """Call the unpack hook.

    Raises:
        TypeError: it returned something else than a tensor.
    """
    from reference_engine.tensor import Tensor

    found = _as_torch_raises(unpack, packed)
    if not isinstance(found, Tensor):
        raise refusal("saved.hooks.unpack_type", type=type(found).__name__)
    return found


def _as_torch_raises(hook: Callable[..., Any], argument: Any) -> Any:
    """An exception of the hook reaches the caller; older versions made it a RuntimeError with its text."""
    pairs.in_hook += 1
    try:
        return hook(argument)
    except Exception as error:
        cite("saved.hooks.exception")
        if switch("saved.hooks.exception_kept"):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
    finally:
        pairs.in_hook -= 1


def push_default_hooks(pack: Any, unpack: Any) -> None:
    """Put a pair in force.

    Raises:
        TypeError: not callables. RuntimeError: hooks are disabled.
    """
    if not callable(pack) or not callable(unpack):
        raise refusal("saved.hooks.callable", pack=repr(pack), unpack=repr(unpack))
    if pairs.disabled is not None:
        raise refusal("saved.hooks.disabled", message=pairs.disabled)
    pairs.stack.append((pack, unpack))


def pop_default_hooks() -> tuple[Pack, Unpack]:
    """End the innermost pair."""
    return pairs.stack.pop()


@contextmanager
def unseen() -> Iterator[None]:
    """Inside, tensors are saved as they are: for the engine's own graphs, which no program will ever see."""
    before, pairs.stack = pairs.stack, []
    try:
        yield
    finally:
        pairs.stack = before


class saved_tensors_hooks:
    """Inside, a tensor saved for backward is replaced by ``pack_hook(tensor)``, and ``unpack_hook`` gives it back."""

    def __init__(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        cite("saved.hooks.innermost")
        push_default_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        pop_default_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors on the CPU, which is where this engine has them: nothing is copied unless pinned."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> Any:
            return tensor.device, tensor.clone() if pin_memory else tensor

        def unpack(packed: Any) -> Tensor:
            found: Tensor = packed[1]
            return found

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Refuse saved-tensor hooks inside, in these words.

    Raises:
        RuntimeError: with ``error_message``, where hooks are in force already.
    """
    before = pairs.disabled
    try:
        pairs.disabled = error_message
        if pairs.stack:
            raise refusal("saved.hooks.disabled", message=error_message)
        yield
    finally:
        pairs.disabled = before


# -- mutation ----------------------------------------------------------------------------------------------------------


class _Handle:
    """Stands for a saved tensor."""


class _AllowMutationOnSavedContext:
    """The tensors saved inside one context: as they are, or, once changed in place, as they were."""

    def __init__(self) -> None:
        self.cloned: weakref.WeakKeyDictionary[_Handle, Tensor] = weakref.WeakKeyDictionary()
        self.original: weakref.WeakKeyDictionary[_Handle, Tensor] = weakref.WeakKeyDictionary()
        self.changed_elsewhere: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self.tid_to_weakhandle: weakref.WeakValueDictionary[tuple[Any, ...], _Handle] = weakref.WeakValueDictionary()

    def clear(self) -> None:
        """Forget everything."""
        self.cloned.clear()
        self.original.clear()
        self.tid_to_weakhandle.clear()

    def pack(self, tensor: Tensor) -> _Handle:
        """The same tensor at the same version is kept once."""
        key = id(tensor._storage), tensor._version_counter.value, tensor._offset, tensor._shape, tensor._strides
        handle = self.tid_to_weakhandle.get(key)
        if handle is None:
            handle = self.tid_to_weakhandle[key] = _Handle()
            self.original[handle] = tensor
        return handle

    def unpack(self, handle: _Handle) -> Tensor:
        if _mutation is None or not (handle in self.cloned or handle in self.original):
            raise refusal("saved.allow_mutation.outside")
        if handle in self.changed_elsewhere:
            cite("saved.allow_mutation.view")
        return self.cloned[handle] if handle in self.cloned else self.original[handle]

    def before_write(self, target: Tensor) -> None:
        """Copy what was saved of this memory and has not been changed since."""
        if target._inference:
            cite("saved.allow_mutation.inference")
        for handle, tensor in list(self.original.items()):
            if tensor._storage is target._storage and handle not in self.cloned:
                cite("saved.allow_mutation.cloned")
                if tensor._offset != target._offset:
                    self.changed_elsewhere.add(handle)
                with no_grad():
                    self.cloned[handle] = tensor.clone()
                del self.original[handle]


_mutation: _AllowMutationOnSavedContext | None = None


def before_write(target: Tensor) -> None:
    """To be called before memory is changed in place."""
    if _mutation is not None:
        _mutation.before_write(target)


def note_inference_target() -> None:
    """An inference tensor, which is never saved, is about to be changed."""
    if _mutation is not None:
        cite("saved.allow_mutation.inference")


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Inside, a saved tensor that is changed in place is copied first, so that backward sees the old value.

    Raises:
        RuntimeError: within another such context.
    """
    global _mutation
    require("saved.allow_mutation.exists", "torch.autograd.graph", "allow_mutation_on_saved_tensors")
    context = _AllowMutationOnSavedContext()
    with saved_tensors_hooks(context.pack, context.unpack):
        outer = _mutation
        try:
            if outer is not None:
                raise refusal("saved.allow_mutation.nested")
            _mutation = context
            yield context
        finally:
            context.clear()
            _mutation = None
