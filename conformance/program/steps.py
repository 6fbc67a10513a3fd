"""A Program: an immutable sequence of Steps, each a piece of data.

Nothing here runs anything. A Step names values (`"t0"`, `"y"`, ...) and says what to do with them in torch's own words;
the Machine in `conformance.execute` gives it meaning on any subject, and `conformance.program.script` prints it as a
torch script. A Step that is refused is as welcome as one that works: most rules are about what must be refused.

Arguments are literals (None, bool, int, float, str) or one of the tagged structs of the first half of this module. A
float that JSON cannot say (nan, an infinity) is a `Special`.
"""

from __future__ import annotations

import keyword
import re
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

__all__ = [
    "ARG_TYPES",
    "NAME",
    "STEP_TYPES",
    "UNSET",
    "AddHook",
    "Apply",
    "Arg",
    "Backward",
    "Callback",
    "CallbackKind",
    "Complex",
    "CustomFunction",
    "Delete",
    "Device",
    "Dtype",
    "Edge",
    "Ellipsis_",
    "EnterMode",
    "ExitMode",
    "FunctionDef",
    "FunctionLit",
    "Generator",
    "GetItem",
    "Grad",
    "HookKind",
    "Make",
    "Mapping",
    "NodeOf",
    "Opaque",
    "Overriding",
    "Program",
    "Read",
    "Ref",
    "Region",
    "RemoveHook",
    "Seq",
    "SetAttr",
    "SetItem",
    "Slice",
    "Special",
    "Step",
    "TorchAttr",
    "is_name",
]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
# Names that the printed script needs for itself.
RESERVED = frozenset({
    "bool", "complex", "copy", "float", "int", "iter", "len", "object", "operator", "print", "repr", "slice", "torch",
    "types",
})  # fmt: skip


def is_name(text: str) -> bool:
    """Whether a value may be called `text`: a Python identifier that is public and means nothing yet."""
    return NAME.match(text) is not None and not keyword.iskeyword(text) and text not in RESERVED


# -- arguments ---------------------------------------------------------------------------------------------------------


class _Arg(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True, forbid_unknown_fields=True):
    """Base of the arguments that are not plain literals."""


class Ref(_Arg, frozen=True, tag="ref"):
    """The value called `name`."""

    name: str


class Seq(_Arg, frozen=True, tag="seq"):
    """A list, a tuple, or a torch.Size."""

    items: tuple[Arg, ...]
    type: Literal["list", "tuple", "size", "set"] = "tuple"


class Mapping(_Arg, frozen=True, tag="mapping"):
    """A dict, or a read-only look at one: pairs in their order."""

    items: tuple[tuple[Arg, Arg], ...]
    type: Literal["dict", "mappingproxy"] = "dict"


class Generator(_Arg, frozen=True, tag="generator"):
    """A generator that yields the items, once."""

    items: tuple[Arg, ...]


class Special(_Arg, frozen=True, tag="special"):
    """A float that JSON has no word for."""

    value: Literal["nan", "inf", "-inf"]


class Complex(_Arg, frozen=True, tag="complex"):
    """A complex number; a part that JSON cannot say is written as a word."""

    re: float | Literal["nan", "inf", "-inf"]
    im: float | Literal["nan", "inf", "-inf"]


class Dtype(_Arg, frozen=True, tag="dtype"):
    """`torch.<name>`, a dtype."""

    name: str


class Device(_Arg, frozen=True, tag="device"):
    """`torch.device(name)`; the machine's default device is the subject's, so that a Program names none."""

    name: Literal["cpu", "meta"]


class TorchAttr(_Arg, frozen=True, tag="torch"):
    """A public constant, type or function of torch: `strided`, `preserve_format`, `sin`, `Tensor`."""

    name: str


class Slice(_Arg, frozen=True, tag="slice"):
    """`start:stop:step`, in an index."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None


class Ellipsis_(_Arg, frozen=True, tag="ellipsis"):
    """`...`, in an index."""


class Edge(_Arg, frozen=True, tag="edge"):
    """`torch.autograd.graph.get_gradient_edge(name)`."""

    name: str


class NodeOf(_Arg, frozen=True, tag="node"):
    """`name.grad_fn`, followed through `next_functions[i][0]` for each i of `path`."""

    name: str
    path: tuple[int, ...] = ()


class Opaque(_Arg, frozen=True, tag="opaque"):
    """An object of a type that torch has never heard of."""


class Overriding(_Arg, frozen=True, tag="overriding"):
    """An object with `__torch_function__`, which logs the function's name and returns `returns`."""

    returns: Arg = None


CallbackKind: TypeAlias = Literal[
    "observe",  # log the arguments, return None
    "identity",  # return the argument
    "clone",  # return a copy of the argument
    "scale",  # return the argument times `value`
    "add",  # return the argument plus `value`
    "replace",  # return `value`
    "detach",  # return the argument, detached
    "zeros",  # return zeros like the argument
    "wrong_shape",  # return the argument with one dimension more, of size two
    "wrong_dtype",  # return the argument in another dtype
    "wrong_type",  # return a str
    "raise",  # raise ValueError(value)
    "inplace_scale",  # multiply the argument by `value` in place, return None
    "inplace_zero",  # zero the argument in place, return None
    "none_tuple",  # return a tuple of None, one for each argument (node hooks)
    "short_tuple",  # return an empty tuple (node hooks)
    "scale_first",  # return the arguments with the first multiplied by `value`, as a tuple (node hooks)
    "clear_grad",  # set the argument's .grad to None, return None (post-accumulate hooks)
    "keep",  # give the argument the name `value` in the Program, return None
    "keep_detached",  # give the detached argument the name `value` in the Program, return None
]


class Callback(_Arg, frozen=True, tag="callback"):
    """A small function from a closed list, for hooks, pack and unpack; each call is logged with its arguments."""

    do: CallbackKind
    value: Arg = None


class FunctionLit(_Arg, frozen=True, tag="function"):
    """A function: `params` are bound, `steps` run in a scope of their own, and `result` is returned.

    Names of the Program around it can be read. Unlike in the Program itself, a step that raises ends the function.
    """

    params: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    result: Arg = None
    decorators: tuple[EnterMode, ...] = ()
    generator: bool = False


Arg: TypeAlias = (
    bool
    | int
    | float
    | str
    | Ref
    | Seq
    | Mapping
    | Generator
    | Special
    | Complex
    | Dtype
    | Device
    | TorchAttr
    | Slice
    | Ellipsis_
    | Edge
    | NodeOf
    | Opaque
    | Overriding
    | Callback
    | FunctionLit
    | None
)

ARG_TYPES: tuple[type[_Arg], ...] = tuple(_Arg.__subclasses__())

# -- steps -------------------------------------------------------------------------------------------------------------


class _Step(msgspec.Struct, frozen=True, tag_field="step", omit_defaults=True, forbid_unknown_fields=True):
    """Base of the steps. `outs` names what a step makes; one name binds the result, two or more unpack it."""


class Make(_Step, frozen=True, tag="make"):
    """A tensor from literal values in row-major order; a single value fills the shape.

    With `strides`, the values are the buffer, and the tensor is a strided window on it: a view of a nameless tensor.
    """

    out: str
    values: tuple[bool | int | float | Literal["nan", "inf", "-inf"] | Complex, ...]
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    requires_grad: bool = False
    strides: tuple[int, ...] | None = None
    offset: int = 0


class Apply(_Step, frozen=True, tag="apply"):
    """Call `op`, by its dotted name under `torch`: "mul", "nn.functional.relu", "linalg.solve".

    Forms: `function` torch.op(*args); `method` args[0].op(*args[1:]); `operator` args[0] + args[1], by the name that
    Python's operator module has for it; `inplace` args[0].op_(*args[1:]); `out` torch.op(..., out=...); `property`
    args[0].op; `augmented` args[0] += args[1]; `call` args[0](*args[1:]), with `op` empty.
    One name in `outs` takes the result, whatever it is; two or more unpack it; `unpack` unpacks also into one.
    """

    op: str
    args: tuple[Arg, ...] = ()
    kwargs: tuple[tuple[str, Arg], ...] = ()
    outs: tuple[str, ...] = ()
    form: Literal["function", "method", "operator", "inplace", "out", "property", "augmented", "call"] = "function"
    unpack: bool = False


class GetItem(_Step, frozen=True, tag="getitem"):
    """`out = source[index]`."""

    out: str
    source: str
    index: Arg


class SetItem(_Step, frozen=True, tag="setitem"):
    """`target[index] = value`."""

    target: str
    index: Arg
    value: Arg


class SetAttr(_Step, frozen=True, tag="setattr"):
    """`target.name = value`: requires_grad, grad, data, ..."""

    target: str
    name: str
    value: Arg


class EnterMode(_Step, frozen=True, tag="enter"):
    """Enter the context manager `torch.<mode>(*args)`; what is still open at the end of a Program is closed there."""

    mode: str
    args: tuple[Arg, ...] = ()
    kwargs: tuple[tuple[str, Arg], ...] = ()
    out: str | None = None


class ExitMode(_Step, frozen=True, tag="exit"):
    """Leave the mode entered last."""


HookKind: TypeAlias = Literal[
    "tensor", "retain_grad", "post_accumulate", "node_pre", "node_post", "multi_all", "multi_any"
]


class AddHook(_Step, frozen=True, tag="add_hook"):
    """Register `callback` on the targets, and call the handle `out`.

    `retain_grad` takes no callback and gives no handle. The kinds of node hooks go to the target's grad_fn, or further
    along `path` as in `NodeOf`.
    """

    out: str
    on: HookKind
    targets: tuple[str, ...]
    callback: Callback | FunctionLit = Callback("observe")
    path: tuple[int, ...] = ()


class RemoveHook(_Step, frozen=True, tag="remove_hook"):
    """`handle.remove()`."""

    handle: str


class FunctionDef(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A subclass of torch.autograd.Function.

    Each method is a FunctionLit whose first parameter is, by custom, `ctx`; what it does with ctx is written in
    steps: `Apply("save_for_backward", (Ref("ctx"), Ref("x")), form="method")`, `Apply("saved_tensors", (Ref("ctx"),),
    form="property", outs=("x",), unpack=True)`, `SetAttr("ctx", "k", 2)`. `attributes` are of the class.
    """

    name: str
    forward: FunctionLit
    backward: FunctionLit | None = None
    setup_context: FunctionLit | None = None
    jvp: FunctionLit | None = None
    vmap: FunctionLit | None = None
    vjp: FunctionLit | None = None
    once_differentiable: bool = False
    generate_vmap_rule: bool | None = None
    attributes: tuple[tuple[str, Arg], ...] = ()


class CustomFunction(_Step, frozen=True, tag="custom_function"):
    """Define a torch.autograd.Function and apply it: `outs = Name.apply(*args, **kwargs)`."""

    function: FunctionDef
    args: tuple[Arg, ...] = ()
    outs: tuple[str, ...] = ()
    unpack: bool = False
    kwargs: tuple[tuple[str, Arg], ...] = ()


class Backward(_Step, frozen=True, tag="backward"):
    """`torch.autograd.backward(tensors, ...)`, or `tensors.backward(...)` in the form `method`.

    What is UNSET is not passed.
    """

    tensors: Arg
    grad_tensors: Arg | UnsetType = UNSET
    retain_graph: Arg | UnsetType = UNSET
    create_graph: Arg | UnsetType = UNSET
    inputs: Arg | UnsetType = UNSET
    grad_variables: Arg | UnsetType = UNSET
    form: Literal["function", "method"] = "method"


class Grad(_Step, frozen=True, tag="grad"):
    """`outs = torch.autograd.grad(outputs, inputs, ...)`; the result is a tuple, unpacked into `outs`."""

    outs: tuple[str, ...]
    outputs: Arg
    inputs: Arg
    grad_outputs: Arg | UnsetType = UNSET
    retain_graph: Arg | UnsetType = UNSET
    create_graph: Arg | UnsetType = UNSET
    only_inputs: Arg | UnsetType = UNSET
    allow_unused: Arg | UnsetType = UNSET
    is_grads_batched: Arg | UnsetType = UNSET
    materialize_grads: Arg | UnsetType = UNSET


class Read(_Step, frozen=True, tag="read"):
    """Look at a value as a user would, and record what is seen.

    `what` is a function of Python (`bool`, `float`, `len`, `repr`, ...), a method without arguments (`item`, `tolist`,
    ...), or else a property (`grad`, `grad_fn`, `is_leaf`, `_version`, ...); `conformance.program.words` says which.
    """

    target: str
    what: str
    out: str | None = None


class Delete(_Step, frozen=True, tag="delete"):
    """`del names`."""

    names: tuple[str, ...]


Step: TypeAlias = (
    Make
    | Apply
    | GetItem
    | SetItem
    | SetAttr
    | EnterMode
    | ExitMode
    | AddHook
    | RemoveHook
    | CustomFunction
    | Backward
    | Grad
    | Read
    | Delete
)

STEP_TYPES: tuple[type[_Step], ...] = tuple(_Step.__subclasses__())


class Region(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Steps `start` to `stop` (exclusive) as one function of what they read. Eager subjects ignore the mark."""

    start: int
    stop: int
    name: str = ""


class Program(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Steps in the order in which they run; tensors are looked at after each step, or once at the end."""

    steps: tuple[Step, ...]
    observe: Literal["each", "end"] = "each"
    regions: tuple[Region, ...] = ()
