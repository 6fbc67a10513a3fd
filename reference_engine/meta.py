"""The meta device: tensors that have shapes, dtypes and histories, and no values.

What is on it is known by its memory. An operation on such tensors is run as any other, on zeros; its results have no
values either. What needs a value is refused, and no random number is used up.

Source: https://docs.pytorch.org/docs/stable/meta.html
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import devices, random
from reference_engine.tensor import Tensor, tensors_in

NO_DATA = "Cannot copy out of meta tensor; no data!"
NO_ITEM = "Tensor.item() cannot be called on meta tensors"

_NO_KERNEL = (
    "aten::{op}: attempted to run this operator with Meta tensors, but there was no fake impl or Meta kernel "
    "registered. You may have run into this message while using an operator with PT2 compilation APIs "
    "(torch.compile/torch.export); in order to use this operator with those APIs you'll need to add a fake impl. "
    "Please see the following for next steps:  https://pytorch.org/tutorials/advanced/custom_ops_landing_page.html"
)
_NONZERO = (
    "The register_meta function for torch.nonzero() raises unimplemented by default, as a correct data-independent "
    "implementation does not exist. This implementation returns a fake value, assuming all elements of the tensor are "
    "non-zero. To enable this registration, please set 'torch.fx.experimental._config.meta_nonzero_assume_all_nonzero' "
    "to True."
)

used = False
"""Whether there ever was a tensor on it; operations look for one only then."""


def is_on(place: Any) -> bool:
    """Whether a device (None: the default one) is the meta device."""
    wanted = devices.default() if place is None else place
    return isinstance(wanted, (str, devices.device)) and devices.device(wanted).type == "meta"


def put(result: Any) -> Any:
    """Take the values from what was just made."""
    global used
    used = True
    for tensor in [result] if isinstance(result, Tensor) else tensors_in(list(result)):
        tensor._storage.meta = True
        if tensor._node is not None:  # its gradient lives there too
            metadata = tensor._node.input_metadata
            metadata[tensor._output_nr] = metadata[tensor._output_nr]._replace(meta=True)
    return result


def among(values: Sequence[Any]) -> bool:
    return any(t._storage.meta for t in tensors_in(values))


def run(run_op: Callable[..., Any], op: Any, values: list[Any], inplace: bool, out: Any, written: Any) -> Any:
    """Run an operation, on the meta device if one of its arguments is there.

    Raises:
        NotImplementedError: the shape of the result, or what it is copied to, depends on values.
        RuntimeError: the result is a number.
    """
    if not among([*values, out]):
        return run_op(op, values, inplace, out, written)
    if op.name.startswith("_index") and any(t._dtype.category == 0 for t in tensors_in(values[1:])):
        raise NotImplementedError(_NONZERO)
    if op.name in _OF_VALUES:
        name = _OF_VALUES[op.name]
        raise NotImplementedError(_NONZERO if name == "nonzero" else _NO_KERNEL.format(op=name))
    target = values[0] if inplace else out
    if isinstance(target, Tensor) and not target._storage.meta:
        if op.name in ("copy", "_copy"):
            raise NotImplementedError(NO_DATA)
        return target  # nothing is known that could be written
    if "generator" not in op.index_of:
        result = run_op(op, values, inplace, out, written)
    else:
        with random.fork_rng():
            result = run_op(op, values, inplace, out, written)
    if isinstance(result, (bool, int, float)):
        raise RuntimeError(NO_ITEM)
    return put(result)


#: Operations whose results have another shape for other values, or are numbers, and what torch calls them.
_OF_VALUES = {
    "nonzero": "nonzero", "masked_select": "masked_select", "unique": "_unique2", "_unique2": "_unique2",
    "unique_consecutive": "unique_consecutive", "equal": "equal", "bincount": "bincount",
}  # fmt: skip


#: What these make for themselves is made on the CPU.
_THEIR_OWN = ("reference_engine.autograd", "reference_engine.nn.recurrent", "reference_engine.nn.sequences")
_BETWEEN = ("reference_engine.ops", "reference_engine.overrides", "reference_engine.dispatcher")


def refuse_mixture(values: Sequence[Any]) -> None:
    """Refuse that a program gives tensors of which some are on the CPU, unless these are numbers.

    Raises:
        RuntimeError: they are in different places.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_BETWEEN):
        frame = frame.f_back
    if str(frame.f_globals.get("__name__")).startswith(_THEIR_OWN):
        return
    tensors = tensors_in(values)
    places = {t._storage.meta for t in tensors if t._shape or t._storage.meta}
    if len(places) == 2:
        first, other = ("meta", "cpu") if tensors[0]._storage.meta else ("cpu", "meta")
        raise RuntimeError(f"Tensor on device {other} is not on the expected device {first}!")


# -- making tensors there --------------------------------------------------------------------------------------------


def factory(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes a tensor from nothing, or like its first argument, on the device that was asked for."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Tensor:
        place = kwargs.get("device")
        if place is None and used and args and isinstance(args[0], Tensor):
            there = args[0]._storage.meta
        else:
            there = (place is not None or bool(devices.chosen)) and is_on(place)
        if not there:
            return function(*args, **kwargs)
        kwargs.pop("device", None)
        with random.fork_rng():
            return put(function(*args, **kwargs))

    return made


def layer(initialise: Callable[..., None]) -> Callable[..., None]:
    """The ``__init__`` of a layer that can be made there."""
    at = list(inspect.signature(initialise).parameters).index("device")

    @functools.wraps(initialise)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        place = kwargs.get("device", args[at - 1] if len(args) >= at else None)
        if (place is None and not devices.chosen) or not is_on(place):
            initialise(self, *args, **kwargs)
            return
        with random.fork_rng():
            initialise(self, *args, **kwargs)
        for tensor in (*self.parameters(), *self.buffers()):
            put(tensor)

    return made


# -- leaving ---------------------------------------------------------------------------------------------------------


def moved(tensor: Tensor, place: Any) -> Tensor | None:
    """The tensor on another device; None if it is there.

    Raises:
        NotImplementedError: there are no values to be moved.
    """
    if place is None or is_on(place) == tensor._storage.meta:
        return None
    if tensor._storage.meta:
        raise NotImplementedError(NO_DATA)
    return put(tensor._to_copy(tensor._dtype, None))
