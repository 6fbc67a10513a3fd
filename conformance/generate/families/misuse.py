"""What callers seldom do: arguments of another kind, names that cannot be set, calls in the wrong place.

Most of it is refused. Each entry is a few steps about one tensor that requires grad, drawn now and then, so that no
rule waits for an accident to be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import making
from conformance.program import steps as s


def misuse(b: Builder) -> None:
    leaf = b.pick(lambda t: t.requires_grad and not made(t) and t.dtype.is_floating_point)
    leaf = leaf or making.new(b, (2,), "float32", True)
    b.choose.one_of(_ENTRIES)(b, leaf)


def _scalar(b: Builder, leaf: str) -> str:
    """A root of one element that depends on the leaf."""
    return b.call("sum", leaf) or leaf


def _edge_of_no_node(b: Builder, leaf: str) -> None:
    edge = b.fresh("e")
    node = s.Opaque() if b.choose.coin(0.5) else s.NodeOf(_scalar(b, leaf))
    b.emit(s.Apply("autograd.graph.GradientEdge", (node, b.choose.one_of((0, 7))), (), (edge,)))
    root = s.Ref(_scalar(b, leaf))
    if b.choose.coin(0.5):
        b.emit(s.Backward(root, inputs=s.Ref(edge)))
    else:
        b.emit(s.Grad((b.fresh("g"),), root, s.Ref(edge)))


def _no_roots(b: Builder, leaf: str) -> None:
    if b.choose.coin(0.5):
        b.emit(s.Backward(s.Seq(()), form="function"))
    else:
        b.emit(s.Grad((b.fresh("g"),), s.Seq(()), s.Ref(leaf), allow_unused=b.choose.coin(0.5)))


def _overriding_root(b: Builder, leaf: str) -> None:
    root = s.Overriding(s.Seq((s.Ref(leaf),)))
    if b.choose.coin(0.5):
        b.emit(s.Backward(root, form="function"))
    else:
        b.emit(s.Grad((b.fresh("g"),), root, s.Ref(leaf)))


def _flags(b: Builder, leaf: str) -> None:
    root, out = s.Ref(_scalar(b, leaf)), (b.fresh("g"),)
    if b.choose.coin(0.5):
        wrong: Any = b.choose.one_of(("a", 1.5))
        b.emit(s.Grad(out, root, s.Ref(leaf), allow_unused=wrong))
    else:  # the zeros of an unused input ask for a bool
        other = making.new(b, (2,), "float32", True)
        b.emit(s.Grad(out, root, s.Ref(other), create_graph=b.choose.one_of((1, 0)), materialize_grads=True))


def _batch_without_batch(b: Builder, leaf: str) -> None:
    root, grad = _scalar(b, leaf), b.choose.one_of(((), (0,), (0, 1)))
    given = s.Ref(making.new(b, grad, b.tensors[root].dtype.name, False))
    b.emit(s.Grad((b.fresh("g"),), s.Ref(root), s.Ref(leaf), grad_outputs=given, is_grads_batched=True))


def _batch_for_an_edge(b: Builder, leaf: str) -> None:
    given = s.Ref(making.new(b, (2, 3), "float32", False))
    outputs = s.Edge(_scalar(b, leaf))
    b.emit(s.Grad((b.fresh("g"),), outputs, s.Ref(leaf), grad_outputs=given, is_grads_batched=True))


def _callback_outside(b: Builder, leaf: str) -> None:
    b.emit(s.Apply("autograd.Variable._execution_engine.queue_callback", (s.Callback("observe"),)))


def _node_by_hand(b: Builder, leaf: str) -> None:
    node = s.NodeOf(_scalar(b, leaf))
    args: Any = b.choose.one_of(((), (1,), (s.Ref(leaf), s.Ref(leaf))))
    b.emit(s.Apply("", (node, *args), (), (b.fresh("q"),), "call"))


def _read_only(b: Builder, leaf: str) -> None:
    name = b.choose.one_of(("is_leaf", "grad_fn", "output_nr", "_version", "retains_grad"))
    value: Any = b.choose.one_of((True, None, 1))
    b.emit(s.SetAttr(leaf, name, value))


def _data_of_another_kind(b: Builder, leaf: str) -> None:
    value: Any = b.choose.one_of((1, "a", s.Ref(making.new(b, (2,), "int64", False))))
    b.emit(s.SetAttr(leaf, "data", value))


def _overlapping_gradient(b: Builder, leaf: str) -> None:
    """A gradient set by hand, whose elements are perhaps one, is added to."""
    shape = tuple(b.tensors[leaf].shape)
    one = making.new(b, (), b.tensors[leaf].dtype.name, False)
    wide = b.call("expand", one, s.Seq(shape)) if b.choose.coin(0.5) else None
    wide = wide or making.new(b, shape, b.tensors[leaf].dtype.name, False)
    b.emit(s.SetAttr(leaf, "grad", s.Ref(wide)))
    b.emit(s.Backward(s.Ref(_scalar(b, leaf))))


def _grad_dtype(b: Builder, leaf: str) -> None:
    dtype = s.Dtype(b.choose.one_of(("float16", "float32", "float64", "bfloat16")))
    target = leaf if b.choose.coin(0.7) else _scalar(b, leaf)
    b.emit(s.SetAttr(target, "grad_dtype", dtype if b.choose.coin(0.8) else b.choose.one_of((1, None))))
    if b.choose.coin(0.2):
        b.emit(s.Read(target, "grad_dtype"))
    else:
        b.emit(s.Backward(s.Ref(_scalar(b, leaf))))


def _arguments_of_methods(b: Builder, leaf: str) -> None:
    method: str
    argument: Any
    method, argument = b.choose.one_of((("register_hook", 1), ("requires_grad_", "a")))
    b.emit(s.Apply(method, (s.Ref(leaf), argument), form="method"))
    b.emit(s.Backward(s.Ref(_scalar(b, leaf))))


def _hooks_of_a_group(b: Builder, leaf: str) -> None:
    given = (s.Seq((s.Ref(leaf),)), s.Callback("observe"))
    b.emit(s.Apply("autograd.graph.register_multi_grad_hook", given, (("mode", "some"),)))


def _hook_after_accumulation(b: Builder, leaf: str) -> None:
    callback = b.choose.one_of((s.Callback("wrong_type"), s.Callback("identity")))
    b.emit(s.AddHook(b.fresh("h"), "post_accumulate", (leaf,), callback))
    b.emit(s.Backward(s.Ref(_scalar(b, leaf))))


def _hook_of_an_accumulator(b: Builder, leaf: str) -> None:
    root = _scalar(b, leaf)
    kind = b.choose.one_of(("node_pre", "node_post"))
    entry = s.FunctionLit(("g",), (), s.Seq(("a",), "tuple"))
    callback = b.choose.one_of((s.Callback("observe"), s.Callback("short_tuple"), entry))
    path = (0,) if b.choose.coin(0.5) else ()
    b.emit(s.AddHook(b.fresh("h"), kind, (root,), callback, path))  # type: ignore[arg-type]
    b.emit(s.Backward(s.Ref(root)))


def _mode_of_another_kind(b: Builder, leaf: str) -> None:
    modes = "set_grad_enabled", "autograd.set_detect_anomaly", "autograd.set_multithreading_enabled", "inference_mode"
    mode = b.choose.one_of(modes)
    value: Any = b.choose.one_of(("a", 1.5))
    b.emit(s.Apply(mode, (value,)))


def _saved_tensors(b: Builder, leaf: str) -> None:
    """Hooks on what a node has saved: once, twice, after it was freed, or of another kind."""
    root = b.call("square", leaf)
    if root is None:
        return
    kept = b.fresh("v")
    b.emit(s.Apply("_raw_saved_self", (s.NodeOf(root),), (), (kept,), "property"))
    hooks = (s.Callback("identity"), s.Callback("identity")) if b.choose.coin(0.7) else (1, 2)
    if b.choose.coin(0.3):
        b.emit(s.Backward(s.Ref(_scalar(b, root))))
    for _ in range(b.choose.integer(1, 2)):
        b.emit(s.Apply("register_hooks", (s.Ref(kept), *hooks), form="method"))


def _changed_in_anomaly_mode(b: Builder, leaf: str) -> None:
    b.open_modes += 1
    b.emit(s.EnterMode("autograd.detect_anomaly"))
    copy = b.call("clone", leaf)
    root = b.call("exp", copy) if copy is not None else None
    if copy is not None and root is not None:
        b.emit(s.Apply("mul", (s.Ref(b.choose.one_of((copy, root))), 2), form="inplace"))
        b.emit(s.Backward(s.Ref(_scalar(b, root))))


def _pack_and_unpack(b: Builder, leaf: str) -> None:
    """Hooks on saved tensors that are none, change what they are given, or return something else."""
    pair: Any = b.choose.one_of(
        ((1, 2), (s.Callback("identity"), s.Callback("wrong_type")), (s.Callback("inplace_scale", 2.0),) * 2)
    )
    b.open_modes += 1
    b.emit(s.EnterMode("autograd.graph.saved_tensors_hooks", pair))
    root = b.call("square", leaf)
    if root is not None:
        b.emit(s.Backward(s.Ref(_scalar(b, root))))


def _counted_by_hand(b: Builder, leaf: str) -> None:
    """What has been saved counts as changed, though nothing was written."""
    root = _scalar(b, b.call("square", leaf) or leaf)
    ref = s.Ref(leaf)
    given: Any = b.choose.one_of((ref, s.Seq((ref, ref)), s.Seq(()), 1, s.Seq((ref, 1))))
    b.emit(s.Apply("autograd.graph.increment_version", (given,)))
    b.emit(s.Backward(s.Ref(root)))


def _data_of_another_dtype(b: Builder, leaf: str) -> None:
    """The accumulator that a graph holds is of the old dtype; the next graph finds another."""
    before = _scalar(b, leaf)
    other = making.new(b, tuple(b.tensors[leaf].shape), b.choose.one_of(("float64", "float32", "float16")), False)
    b.emit(s.SetAttr(leaf, "data", s.Ref(other)))
    for root in (before, _scalar(b, leaf)) if b.choose.coin(0.5) else (_scalar(b, leaf), before):
        b.emit(s.Backward(s.Ref(root)))


def _copied_with_gradient(b: Builder, leaf: str) -> None:
    b.emit(s.Backward(s.Ref(_scalar(b, leaf))))
    copy = b.fresh()
    b.emit(s.Apply("copy.deepcopy", (s.Ref(leaf),), (), (copy,)))
    if copy in b.tensors:
        b.emit(s.Backward(s.Ref(_scalar(b, copy))))


def _inference_tensor(b: Builder, leaf: str) -> None:
    """A tensor made in inference mode, used where it does not belong."""
    b.emit(s.EnterMode("inference_mode", (True,)))
    made_there = making.new(b, tuple(b.tensors[leaf].shape), b.tensors[leaf].dtype.name, False)
    if b.choose.coin(0.2):
        b.emit(s.Read(made_there, "_version"))
    b.emit(s.ExitMode())
    match b.choose.integer(0, 4):
        case 0:
            b.call("mul", made_there, 2, form="inplace")
        case 1:
            b.emit(s.SetAttr(made_there, "requires_grad", True))
        case 2:
            b.emit(s.Apply("resize_", (s.Ref(made_there), s.Seq((1,))), form="method"))
        case 3:
            b.call("mul", leaf, made_there)
        case _:
            b.call("add", made_there, 1)


def _gradient_of_another_shape(b: Builder, leaf: str) -> None:
    other = making.new(b, (*b.tensors[leaf].shape, 2), b.tensors[leaf].dtype.name, False)
    b.emit(s.SetAttr(leaf, "grad", s.Ref(other)))


def _detached_after_it_was_saved(b: Builder, leaf: str) -> None:
    inner = b.call("mul", leaf, 2)
    root = b.call("square", inner) if inner is not None else None
    if inner is not None and root is not None:
        b.emit(s.Apply("detach_", (s.Ref(inner),), form="method"))
        b.emit(s.Backward(s.Ref(_scalar(b, root))))


def _leaf_that_became_interior(b: Builder, leaf: str) -> None:
    """A graph still leads to a leaf that has a history of its own by now."""
    root, factor = _scalar(b, leaf), making.new(b, (), b.tensors[leaf].dtype.name, True)
    b.emit(s.Apply("detach_", (s.Ref(leaf),), form="method"))
    b.call("mul", leaf, factor, form="inplace")
    b.emit(s.Backward(s.Ref(root)))


def _view_made_without_recording(b: Builder, leaf: str) -> None:
    """A view made where nothing is recorded, a view of that, and a change through it, of it or of their base."""
    recorded, shape = b.choose.coin(0.7), s.Seq(tuple(b.tensors[leaf].shape))
    base = b.call("mul", leaf, 2) if recorded else making.new(b, tuple(b.tensors[leaf].shape), "float32", False)
    if base is None:
        return
    b.emit(s.EnterMode(b.choose.one_of(("no_grad", "inference_mode"))))
    inner = b.call("view", base, shape)
    b.emit(s.ExitMode())
    outer = b.call("view", inner, shape) if inner is not None else None
    if inner is None or outer is None:
        return
    b.call("mul", b.choose.one_of((outer, base)) if recorded else inner, 2 if recorded else leaf, form="inplace")
    b.call("add", outer, 1)


def _batch_without_gradient(b: Builder, leaf: str) -> None:
    plain = making.new(b, (), "float32", False)
    b.emit(s.Grad((b.fresh("g"),), s.Ref(plain), s.Ref(leaf), is_grads_batched=True))


def _diagonal_of_no_matrix(b: Builder, leaf: str) -> None:
    other = making.new(b, b.choose.one_of(((2,), (2, 3, 2))), "float32", False)
    b.emit(s.Apply("fill_diagonal_", (s.Ref(other), 1), form="method"))


def _arguments_of_calls(b: Builder, leaf: str) -> None:
    """Keywords that do not exist, and calls without what they need."""
    root, ref = s.Ref(_scalar(b, leaf)), s.Ref(leaf)
    name, args, kwargs = b.choose.one_of(
        (
            ("backward", (root,), (("bogus", 1),)),
            ("backward", (), ()),
            ("grad", (root, ref), (("bogus", 1),)),
            ("grad", (root,), ()),
        )
    )
    b.emit(s.Apply(f"autograd.{name}", args, kwargs))


def _variables(b: Builder, leaf: str) -> None:
    """What is left of the time when only a Variable could require grad."""
    plain = s.Ref(making.new(b, (2,), "float32", False))
    name: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    name, args, kwargs = b.choose.one_of(
        (
            ("Variable", (3,), ()),
            ("Variable", (plain, True), ()),
            ("Variable", (plain,), (("volatile", True),)),
            ("Variable", (3, True, True), ()),
            ("Variable", (3, True, False, s.NodeOf(_scalar(b, leaf))), ()),
            ("variable", (plain,), ()),
        )
    )
    b.emit(s.Apply(f"autograd.{name}", args, kwargs, (b.fresh(),)))
    if b.choose.coin(0.3):
        b.emit(s.Read(leaf, "volatile"))


def _grad_dtype_of_a_result(b: Builder, leaf: str) -> None:
    """The dtype of a gradient that nobody keeps."""
    root = b.call("mul", leaf, 2) or leaf
    if b.choose.coin(0.6):
        b.emit(s.SetAttr(root, "grad_dtype", b.choose.one_of((3, None))))
    else:
        b.emit(s.Read(root, "grad_dtype"))


def _elsewhere(b: Builder, leaf: str) -> None:
    """A gradient, or data, on another device."""
    there, shape = b.fresh(), b.tensors[leaf].shape
    on_meta = ("device", s.Device("meta"))
    b.emit(s.Apply("ones", (s.Seq(tuple(shape)),), (on_meta,), (there,)))
    match b.choose.integer(0, 2):
        case 0:
            b.emit(s.SetAttr(leaf, "grad", s.Ref(there)))
        case 1:
            b.emit(s.SetAttr(leaf, "data", s.Ref(there)))
        case _:
            root = b.call("mul", leaf, 2)
            if root is not None:
                b.emit(s.Backward(s.Ref(root), s.Ref(there)))
    b.emit(s.Delete((there,)))  # what operations make of it is another story


_ENTRIES: tuple[Callable[[Builder, str], None], ...] = (
    _edge_of_no_node, _no_roots, _overriding_root, _flags, _batch_without_batch, _batch_for_an_edge, _callback_outside,
    _node_by_hand, _read_only, _data_of_another_kind, _overlapping_gradient, _grad_dtype, _arguments_of_methods,
    _hooks_of_a_group, _hook_after_accumulation, _hook_of_an_accumulator, _mode_of_another_kind, _saved_tensors,
    _changed_in_anomaly_mode, _pack_and_unpack, _counted_by_hand, _data_of_another_dtype, _copied_with_gradient,
    _inference_tensor, _gradient_of_another_shape, _detached_after_it_was_saved, _leaf_that_became_interior,
    _view_made_without_recording, _batch_without_gradient, _diagonal_of_no_matrix,
    _arguments_of_calls, _variables, _grad_dtype_of_a_result, _elsewhere,
)  # fmt: skip
