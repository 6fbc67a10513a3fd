"""Checkpointing: forget what a region saved for backward, and compute the region again when it is needed.

https://docs.pytorch.org/docs/stable/checkpoint.html

Two ways. The reentrant one runs the region without recording, as the forward of a custom Function, and runs it again
with recording inside its backward, which then starts a backward of its own. The other records the region as usual,
but packs every saved tensor into an empty `Holder`; the first that is unpacked runs the region again to fill them.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import reference_engine as torch
from reference_engine import random
from reference_engine.amp.autocast_mode import autocast
from reference_engine.autocasting import state as casting
from reference_engine.autograd import engine
from reference_engine.autograd.function import Function
from reference_engine.autograd.graph import saved_tensors_hooks
from reference_engine.modes import enable_grad, is_grad_enabled, no_grad
from reference_engine.tensor import Tensor
from reference_engine.utils.selective import (
    SAC_IGNORED_OPS,
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
)
from reference_engine.versions import SavedTensor

__all__ = [
    "SAC_IGNORED_OPS", "CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType",
    "GraphExecGroup", "SelectiveCheckpointContext", "check_backward_validity", "checkpoint", "checkpoint_sequential",
    "create_selective_checkpoint_contexts", "detach_variable", "get_device_states", "noop_context_fn",
    "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip

_CHOOSE = (
    "{name}: the use_reentrant parameter should be passed explicitly. {when} use_reentrant=False is recommended, but "
    "if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more "
    "details on the differences between the two variants."
)

_TIP = """
Tip: To see a more detailed error message, either pass `debug=True` to
`torch.utils.checkpoint.checkpoint(...)` or wrap the code block
with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to
enable checkpoint‑debug mode globally.

If this error occurs under torch.compile with automatic_dynamic_shapes enabled,
it may be because the recomputation selected a different compiled graph than the
forward pass (e.g., a dynamic graph instead of the original static graph).
To fix this, either:
  - Use torch._dynamo.mark_dynamic() to explicitly mark varying dimensions as
    dynamic upfront, avoiding the static-to-dynamic transition.
  - Call torch._C._dynamo.eval_frame._set_lru_cache(False) to disable LRU cache
    reordering, which can change which graph is checked first between forward
    and recompute.
See https://github.com/pytorch/pytorch/issues/166926 for more details and
workaround examples.
"""


_OVERLAP = (
    "Performing two backward calls that overlap (i.e. require the same saved activation in order to compute "
    "gradients) is not allowed while under the torch.utils.checkpoint.GraphExecGroup context. "
)


class CheckpointError(RuntimeError):
    """The region did something else when it was run again."""


Key = Any  # a backward by its number, or a group of them

_early_stop: bool | None = None
_group: GraphExecGroup | None = None


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether regions entered inside stop running again as soon as all that was saved is there."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Whether differences are reported with the operations of both runs; here they are reported as they always are."""
    yield


class GraphExecGroup:
    """Backwards inside are one to checkpointing: a region that several of them need runs again once."""

    def __enter__(self) -> GraphExecGroup:
        """Begin the group.

        Raises:
            RuntimeError: inside another group.
        """
        global _group
        if _group is not None:
            raise RuntimeError(f"GraphExecGroup contexts cannot be nested. Already inside group {_group}")
        _group = self
        return self

    def __exit__(self, *exc: object) -> None:
        global _group
        _group = None


def noop_context_fn() -> tuple[Any, Any]:
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call `function`, and call it again during backward instead of keeping what it saved."""
    if use_reentrant is None:
        when = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
        warnings.warn(_CHOOSE.format(name="torch.utils.checkpoint", when=when), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    with recorded_without_saving(function, args, kwargs, preserve, context_fn, determinism_check, early_stop):
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Checkpoint a chain of functions in segments; the last segment runs as usual."""
    if use_reentrant is None:
        when = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        warnings.warn(_CHOOSE.format(name="torch.utils.checkpoint.checkpoint_sequential", when=when), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if isinstance(functions, torch.nn.Sequential):
        functions = list(functions.children())

    def chain(start: int, stop: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for function in functions[start:stop]:
                value = function(value)
            return value

        return run

    size = len(functions) // segments
    last = size * (segments - 1)
    for start in range(0, last, size) if size else ():
        segment = chain(start, start + size)
        input = checkpoint(segment, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return chain(last, len(functions))(input)


@contextlib.contextmanager
def same_random_numbers(state: Any) -> Iterator[None]:
    """Run the block from a saved state of the random stream, and continue the present stream after it."""
    if state is None:
        yield
        return
    present = random.default_generator.snapshot()
    random.default_generator.restore(state)
    try:
        yield
    finally:
        random.default_generator.restore(present)


def same_precision() -> autocast:
    """What autocast does now, to be done again."""
    return autocast("cpu", casting.dtype, casting.enabled, casting.caches)


# -- reentrant -------------------------------------------------------------------------------------------------------


def check_backward_validity(inputs: Iterable[Any]) -> None:
    if not any(value.requires_grad for value in inputs if isinstance(value, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detached(inputs: Iterable[Any]) -> tuple[Any, ...]:
    """Leaves in place of tensors, with their flags."""
    leaves = []
    for value in inputs:
        if isinstance(value, Tensor):
            leaf = value.detach()
            leaf.requires_grad = value.requires_grad
            value = leaf
        leaves.append(value)
    return tuple(leaves)


detach_variable = detached


class DefaultDeviceType:
    """The kind of device whose random stream is kept besides the CPU's; here there is none besides."""

    _default_device_type: str | None = None

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type() -> str:
        return DefaultDeviceType._default_device_type or "cpu"


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The devices of tensors that are not on the CPU, and the states of their random streams."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Bring back the states of random streams of devices."""


class CheckpointFunction(Function):
    """The region as one node."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.random_state = random.default_generator.snapshot() if preserve_rng_state else None
        ctx.precision = same_precision()
        ctx.places = [index for index, value in enumerate(args) if isinstance(value, Tensor)]
        ctx.inputs = [None if isinstance(value, Tensor) else value for value in args]
        ctx.save_for_backward(*(args[index] for index in ctx.places))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        running = engine.current_pass()
        if running is not None and running.captures is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.inputs)
        for index, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            inputs[index] = tensor
        with same_random_numbers(ctx.random_state):
            leaves = detached(inputs)
            with enable_grad(), ctx.precision:
                outputs = ctx.run_function(*leaves)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        pairs = [
            (output, grad)
            for output, grad in zip(outputs, args, strict=True)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        torch.autograd.backward([output for output, _ in pairs], [grad for _, grad in pairs])
        return (None, None, *(leaf.grad if isinstance(leaf, Tensor) else None for leaf in leaves))


# -- not reentrant ---------------------------------------------------------------------------------------------------


class Handle:
    """Stands for one saved tensor in one backward."""


class Holder:
    """What the graph keeps in place of a saved tensor: an empty box, filled once in each backward."""

    def __init__(self) -> None:
        self.handles: dict[Key, Handle | None] = {}


class _Stop(Exception):
    pass


_StopRecomputationError = _Stop


def metadata(tensor: Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


DETERMINISM_CHECKS: dict[str, Callable[[Tensor], Any]] = {"default": metadata, "none": lambda tensor: None}

_outside = itertools.count(-1, -1)


@dataclass
class Frame:
    """One checkpointed call: how to run it again, and what came of it."""

    recompute: Callable[..., Any]
    early_stop: bool
    describe: Callable[[Tensor], Any]
    saved_args: list[Any] = field(default_factory=list)
    holders: list[weakref.ref[Holder]] = field(default_factory=list)
    descriptions: list[Any] = field(default_factory=list)
    recomputed: dict[Key, Any] = field(default_factory=lambda: defaultdict(weakref.WeakKeyDictionary))
    count: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    done: set[Key] = field(default_factory=set)
    forward_completed: bool = False
    ignore_mismatch: bool = False

    # -- during forward --

    def pack(self, tensor: Tensor) -> Holder:
        holder = Holder()
        self.holders.append(weakref.ref(holder))
        self.descriptions.append(self.describe(tensor))
        return holder

    # -- during backward --

    def unpack(self, holder: Holder) -> Tensor:
        running = engine.current_pass()
        key = next(_outside) if running is None else running.number if _group is None else _group
        if key not in self.done:
            self._recompute(key)
        handle = holder.handles[key]
        if handle is None:
            overlap = "" if _group is None else _OVERLAP
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. "
                f"{overlap}If you are calling ctx.saved_tensors in backward, make sure to do so only once. Otherwise "
                "please open an issue with details on your use case."
            )
        found: Tensor = self.recomputed[key][handle]
        holder.handles[key] = None
        return found

    def _recompute(self, key: Key) -> None:
        args = [value.unpack() if isinstance(value, SavedTensor) else value for value in self.saved_args]

        def collect(tensor: Tensor) -> Tensor:
            return self._collect(key, tensor)

        with contextlib.suppress(_Stop), saved_tensors_hooks(collect, lambda kept: kept), enable_grad():
            self.recompute(*args)
        self.done.add(key)
        self._check(key)

    def _collect(self, key: Key, tensor: Tensor) -> Tensor:
        """Put a tensor that is saved again into the box of its predecessor."""
        tensor = tensor.detach() if tensor.requires_grad else tensor
        index = self.count[key]
        self.count[key] += 1
        if index >= len(self.holders):
            if not self.forward_completed:
                # A backward inside the region, before its forward was over.
                self.ignore_mismatch = True
                return tensor
            raise CheckpointError(
                "torch.utils.checkpoint: trying to save more tensors during recomputation than during the original "
                f"forward pass.\n{_TIP}"
            )
        holder = self.holders[index]()
        if holder is not None:
            handle = holder.handles[key] = Handle()
            self.recomputed[key][handle] = tensor
        if self.early_stop and self.count[key] == len(self.holders):
            raise _Stop
        return tensor

    def _check(self, key: Key) -> None:
        if self.ignore_mismatch:
            return
        if len(self.holders) != self.count[key]:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.holders)}\n"
                f"Number of tensors saved during recomputation: {self.count[key]}.\n{_TIP}"
            )
        different = ""
        for index, reference in enumerate(self.holders):
            holder = reference()
            if holder is None:
                continue
            before, now = self.descriptions[index], self.describe(self.recomputed[key][holder.handles[key]])
            if before != now:
                different += f"tensor at position {index}:\nsaved metadata: {before}\nrecomputed metadata: {now}\n"
        if different:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                f"during the forward pass.\n{different}.\n{_TIP}"
            )


@contextlib.contextmanager
def recorded_without_saving(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    preserve_rng_state: bool,
    context_fn: Callable[[], tuple[Any, Any]],
    determinism_check: str,
    early_stop: bool,
) -> Iterator[None]:
    """Inside, saved tensors are packed into holders."""
    if determinism_check not in DETERMINISM_CHECKS:
        raise ValueError(f"determinism_check should be one of {list(DETERMINISM_CHECKS)}, but got {determinism_check}")
    forward_context, recompute_context = context_fn()
    state = random.default_generator.snapshot() if preserve_rng_state else None
    precision = same_precision()

    def recompute(*again: Any) -> None:
        with same_random_numbers(state), precision, recompute_context:
            function(*again, **kwargs)

    if not is_grad_enabled():
        yield
        return
    frame = Frame(recompute, early_stop if _early_stop is None else _early_stop, DETERMINISM_CHECKS[determinism_check])
    owner: Any = frame  # stands where a node does
    frame.saved_args = [SavedTensor(value, owner) if isinstance(value, Tensor) else value for value in args]
    with saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        yield
    frame.forward_completed = True
