"""A call of an op: bind the arguments, compute, connect the result to the graph.

The order is torch's, because it is observable: arguments, in-place permission, node (and what it saves), computation,
version, history.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from reference_engine import autocasting, dtypes, levels, meta, overrides, remarks, strides, views
from reference_engine.autograd import engine, forward_ad, profiler, saved
from reference_engine.autograd.node import OpNode, collect_edges
from reference_engine.dispatcher import watching
from reference_engine.modes import state
from reference_engine.ops import binding, kernels, older_forms, out_form, written_in_python
from reference_engine.ops.declare import OPS, Op, in_force
from reference_engine.override_names import is_native, named
from reference_engine.semantics import cite, quiet, refusal, warn
from reference_engine.sparse import kernels as sparse_kernels
from reference_engine.sparse import memory
from reference_engine.tensor import Tensor, tensors_in

_asked: str | None = None
"""The op that was called from outside: what is done on its behalf is evidence for it."""


def asked() -> str | None:
    """The op that was called from outside, if one is running."""
    return _asked


class Function:
    """What ``torch.add`` is: a public name with its overloads.

    Args:
        name: the dotted public name.
        ops: the overloads, in the order in which they are tried.
        inplace: this is the in-place form (``add_``).
    """

    def __init__(self, name: str, ops: Sequence[Op], inplace: bool = False) -> None:
        self.name, self.ops, self.inplace = name, list(ops), inplace
        self.by_version = any(op.when for op in self.ops)
        self.has_older_forms = name.removesuffix("_") in older_forms.NAMES
        space, _, short = name.rpartition(".")
        self.__name__ = self.__qualname__ = f"{space}_{short}" if space in ("fft", "linalg", "special") else short
        # what refusals of arguments call it: names of torch.sparse stand for ops of another name
        said = self.ops[0].name if name.startswith("sparse.") else name
        self.spoken = said.removeprefix("nn.functional.").replace(".", "_")
        self.__module__ = ".".join(["reference_engine", *name.split(".")[:-1]])
        self._native = tuple(is_native(name, method) or inplace for method in (False, True))

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.call(args, kwargs, is_method=False)

    def __repr__(self) -> str:
        return f"<built-in method {self.__name__} of type object>"

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> Any:
        if overrides.state.modes and self._seen_by_modes():
            tensor_like = [x for v in (*args, *kwargs.values()) for x in (v if isinstance(v, (list, tuple)) else (v,))]
            if not overrides.state.passed_over:
                return self._offer(tensor_like, args, kwargs, is_method)
            overrides.state.passed_over = False
        for a in args:
            if type(a) is not Tensor and (isinstance(a, (list, tuple)) or overrides._overrides(a)):
                tensor_like = [
                    x for v in (*args, *kwargs.values()) for x in (v if isinstance(v, (list, tuple)) else (v,))
                ]
                if overrides.has_torch_function(tensor_like):
                    return self._offer(tensor_like, args, kwargs, is_method)
                break
        if autocasting.state.enabled and autocasting.affects(self.name):
            args, kwargs = autocasting.cast(self.name, args, kwargs)
            autocasting.state.enabled = False  # what it is made of is not cast again
            try:
                return self.call(args, kwargs, is_method)
            finally:
                autocasting.state.enabled = True
        if profiler.running:
            with profiler.observed(f"aten::{self.spoken}", args):
                return self._ask(args, kwargs, is_method)
        return self._ask(args, kwargs, is_method)

    def _offer(self, values: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> Any:
        """Let others take over the call."""
        public: Any = getattr(Tensor, self.__name__, self) if is_method else self
        native = is_native(self.name, is_method)
        if not native:
            defaults = written_in_python.parameters(self.ops[0], is_method)
            args, kwargs = named(defaults, args, kwargs)
        return overrides.offer(public, values, args, kwargs, native)

    @property
    def __signature__(self) -> inspect.Signature:
        """The parameters of what torch writes in Python.

        Raises:
            ValueError: it is written in C.
        """
        if is_native(self.name, is_method=False):
            raise ValueError(f"no signature found for builtin {self!r}")
        return written_in_python.signature(self.ops[0], is_method=False)

    def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> Any:
        global _asked
        if _asked is not None:
            return self._call(args, kwargs, is_method)
        if not self._native[is_method]:
            op = next((op for op in self.ops if op.holds()), self.ops[0])
            args, kwargs = written_in_python.checked(op, args, kwargs, is_method)
        if meta.used and not self.inplace and _in_one_place(self.ops[0], args):
            meta.refuse_mixture(args)
        _asked = self.ops[0].name
        try:
            return self._call(args, kwargs, is_method)
        finally:
            _asked = None

    def _seen_by_modes(self) -> bool:
        """Only what a program calls: not what an op or a formula is made of."""
        return _asked is None and self.__name__[0] != "_" and not isinstance(engine.current_node(), OpNode)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> Any:
        given = dict(kwargs) if "out" in kwargs else None
        out = kwargs.pop("out", None) if "out" in kwargs and any(op.out for op in self.ops) else None
        ops = [op for op in self.ops if op.holds()] if self.by_version else self.ops
        if not ops:  # a name of other versions
            where = "'Tensor' object" if is_method else f"module '{self.__module__}'"
            raise AttributeError(f"{where} has no attribute '{self.__name__}'")
        if self.has_older_forms and (len(args) > 2 or not isinstance(args[0] if args else None, Tensor)):
            args, kwargs = older_forms.today(self.name, ops, self.spoken, args, kwargs, is_method)
        if len(ops) == 1:
            op = ops[0]
            values = binding.bind(op, self.spoken, args, kwargs, is_method)
        else:
            op, values = binding.resolve(ops, self.spoken, args, kwargs, is_method, out, given)
        if out is not None and not op.out.numbers:
            binding.refuse_numbers(op, self.spoken, values)
        return run(op, values, self.inplace or op.asks_in_place(values), out)


def _in_one_place(op: Op, args: tuple[Any, ...]) -> bool:
    """Whether an operation looks where its arguments are: those element by element, cat, and sums with products."""
    return (
        isinstance(op.forward, kernels.elementwise)
        or op.name == "cat"
        or op.name.startswith("add")
        or (op.name == "nn.functional.linear" and len(args) > 2 and args[2] is not None)
    )


def run(op: Op, values: list[Any], inplace: bool = False, out: Any = None, written: Any = None) -> Any:
    """Run one op on bound arguments. ``written`` is the tensor given as ``out=`` that will take the result, if any."""
    return meta.run(_run, op, values, inplace, out, written) if meta.used else _run(op, values, inplace, out, written)


def _run(op: Op, values: list[Any], inplace: bool, out: Any, written: Any) -> Any:
    forward = op.forward
    if memory.met:
        forward = sparse_kernels.forward_of(op, values)
    if op.composite and not inplace and out is None:
        kernels.will_write(None, written)
        made = forward(*values)
        if (
            isinstance(made, Tensor)
            and made._version_counter.value
            and all(t._version_counter is not made._version_counter for t in tensors_in(values))
        ):
            cite("version.birth")
        return made
    if out is not None:
        if op.out.underived and in_force(op.out.underived):
            op = op.without_derivative
        if watching.used and watching.sees([*values, out]):
            return _show_out(op, values, out)
        return out_form.run_out(run, _record, op, values, out)
    if levels.used:
        if inplace:
            levels.refuse_captured(values[0], _schema_name(op))
        values = levels.lifted(values)
        if (level := levels.innermost()) is not None and level.kind == "vmap":
            from reference_engine.ops import batching

            if not forward_ad.active or not batching.only_tangents(level, values):
                return batching.run(level, op, values, inplace, written)
    target = values[0] if inplace else None
    above = not state.beneath
    active = _active(op, values) if above and state.grad and op.recorded and not state.inference else None
    if state.inference and op.recorded and _any_requires_grad(values):
        cite("inference.not_recorded")
    if forward_ad.active and above and op.underived:
        forward_ad.check_underived(op, values, inplace)
    if target is not None:
        if op.in_place_clause is not None:
            cite(op.in_place_clause)
        remarks.recall(target)
        # what has no derivative at all writes where it is told to
        wants = bool(active) or (_any_requires_grad(values) and not _only_inference(op, values))
        views.check_in_place(target, above and op.recorded and wants)
    if forward_ad.active and above and target is None:
        forward_ad.check_op(op, values, inplace=False)
    node = make_node(op, values, active, inplace) if active else None
    dual = forward_ad.active and above and not _only_inference(op, values)
    duals = forward_ad.before(values, target) if dual else None
    kernels.will_write(target, written)
    if levels.used and (level := levels.innermost()) is not None and level.kind != "vmap":
        result = _run_outside(level, op, values, inplace, written)
    elif watching.used and watching.sees(values):
        result = _show(op, values, inplace)
    else:
        with quiet():
            if memory.met and target is not None and target._sparse is not None:
                sparse_kernels.check_in_place(op, values)
            result = forward(*values)
        if target is not None:
            beside = tensors_in([values[i] for i in op.read_beside])
            if op.name != "copy":  # which alone knows how to read what is lazily conjugated or negated
                beside = list(kernels.read_directly(target, beside))
            check = partial(forward_ad.check_in_place, op, values) if forward_ad.active and op.recorded else None
            if memory.met and sparse_kernels.touches(target, result):
                result = sparse_kernels.write(op, values, target, result, check)
            if target._sparse is None:
                write_in_place(target, result, beside, op.overlap and partial(op.overlap, *values), check)
            result = target
            kernels.will_write(None, None)  # it would keep the graph of the tensor
    results: list[Tensor] = [result] if isinstance(result, Tensor) else [r for r in result if isinstance(r, Tensor)]
    if node is not None:
        _connect(op, node, results, inplace)
    if duals is not None:
        forward_ad.push_forward(op, duals, results, inplace)
    return result


def _show(op: Op, values: list[Any], inplace: bool) -> Any:
    """Let a mode or a subclass compute."""
    from reference_engine.dispatcher import kernels as operators

    result = operators.shown(op, values, inplace)
    if inplace:
        views.bump(values[0])
        kernels.will_write(None, None)
    return result


def _show_out(op: Op, values: list[Any], out: Any) -> Any:
    from reference_engine.dispatcher import kernels as operators

    out_form.refuse_recording(op, values, [out] if isinstance(out, Tensor) else list(out))
    return operators.shown_out(op, values, out)


def _run_outside(level: levels.Level, op: Op, values: list[Any], inplace: bool, written: Any) -> Any:
    """Inside a transform nothing is computed: the op runs on what is below the wrappers, and its result is wrapped."""
    below = levels.lowered(values)
    with levels.outside(level):
        result = run(op, below, inplace, written=written)
    if inplace:
        views.bump(values[0])
        return values[0]
    memory = {id(t._storage) for t in tensors_in(below)}
    if any(id(r._storage) in memory for r in ([result] if isinstance(result, Tensor) else tensors_in(result))):
        with quiet():
            made = op.forward(*values)  # a view of wrappers, not only of what is below them
        levels.attach(made, result, level, any(t._captured for t in tensors_in(values)))
        return made
    return levels.raised(result, level)


def _schema_name(op: Op) -> str:
    """What torch calls the in-place form of an op."""
    kind = op.params[1].type if len(op.params) > 1 and op.params[1].required else ""
    several = "|" in kind or len([o for o in OPS[op.name] if o.inplace]) > 1
    overload = kind.split("|")[0]
    return f"aten::{op.reference_name}_" + f".{overload}" * (several and overload in ("Tensor", "Scalar"))


def _active(op: Op, values: Sequence[Any]) -> set[str]:
    """The differentiable arguments that require grad."""
    found, normal = set(), False
    for i in op.differentiable:
        value = values[i]
        if isinstance(value, Tensor):
            if value.requires_grad:
                found.add(op.params[i].name)
                normal = normal or not value._inference
        elif isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) and v.requires_grad for v in value):
            found.add(op.params[i].name)
    if found and not normal and all(t._inference for t in tensors_in(values)):
        cite("inference.recorded_with_normal")
        if _only_inference(op, values):
            return set()
    return found


def _only_inference(op: Op, values: Sequence[Any]) -> bool:
    """Inference tensors record nothing by themselves; a number that stands for a tensor is a normal one."""
    return all(t._inference for t in tensors_in(values)) and not any(
        op.params[i].type == "Tensor|Scalar" and not isinstance(values[i], Tensor) for i in op.tensor_params
    )


def _any_requires_grad(values: Sequence[Any]) -> bool:
    return any(t.requires_grad for t in tensors_in(values))


def make_node(op: Op, values: list[Any], active: set[str], inplace: bool) -> OpNode:
    """The node of one call, with its edges to the histories of the arguments and what it saves of them."""
    tensors: list[Tensor | None] = []
    slots: dict[str, tuple[int, int | None]] = {}
    if op.slots is not None:
        tensors, slots = [v if isinstance(v := values[i], Tensor) else None for i in op.differentiable], op.slots
    for i in op.differentiable if op.slots is None else ():
        value = values[i]
        if isinstance(value, (list, tuple)):
            slots[op.params[i].name] = (len(tensors), len(value))
            tensors.extend(v if isinstance(v, Tensor) else None for v in value)
        else:
            slots[op.params[i].name] = (len(tensors), None)
            tensors.append(value if isinstance(value, Tensor) else None)
    node = op.make_node(values, collect_edges(tensors), active, inplace)
    node.slots = slots
    node.asked = _asked or op.name
    evaluating = engine.current_node()
    if isinstance(evaluating, OpNode):
        node.made_by = evaluating.made_by or evaluating.asked
    return node


def _record(op: Op, values: list[Any], outs: Sequence[Tensor]) -> None:
    """Make what was written to as ``out=`` refuse to be differentiated."""
    active = _active(op, values) if state.grad and not state.inference else None
    if active:
        cite("ops.out.underived")
        node = make_node(op, values, active, False)
        for i, out in enumerate(outs):
            if i not in op.non_differentiable_outputs and out._dtype.is_differentiable:
                views.rebase_history(out, node)


def _connect(op: Op, node: OpNode, results: list[Tensor], inplace: bool) -> None:
    """Make ``node`` the history of the results that can carry one."""
    for i, r in enumerate(results):
        if inplace:
            if r._dtype.is_differentiable:  # a copy into integers is cut off
                views.rebase_history(r, node)
            else:
                cite("inplace.integer_target")
        elif i in op.non_differentiable_outputs or not r._dtype.is_differentiable:
            continue  # the node has no gradient to expect for it
        else:
            r._output_nr = node.add_input(r)
            r._node = node
    op.save_results(node, results)


# -- in-place and out ------------------------------------------------------------------------------------------------


def write_in_place(
    target: Tensor, result: Tensor, others: Sequence[Tensor], overlap: Callable[[], Sequence[str]] | None = None,
    check: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Store a computed result in the memory of ``target``, while the ``others`` are being read.

    Args:
        overlap: which clauses warn where elements of the target share memory; without it that is refused.
        check: what is asked last before anything is written.

    Raises:
        RuntimeError: overlapping memory, another shape, or a dtype that cannot hold the result. Nothing is written
            then, and the version stays.
    """
    overlapping = strides.may_overlap_internally(target._shape, target._strides)
    if overlapping:
        if overlap is None:
            raise refusal("inplace.internal_overlap")
        for clause in overlap():
            warn(clause)
    kernels.refuse_partial_overlap(target, others)
    kernels.refuse_shape(target, result._shape)
    if not dtypes.can_cast(result._dtype, target._dtype):
        raise refusal("inplace.result_dtype", result=result.dtype.scalar_name, target=target.dtype.scalar_name)
    if check is not None:
        check()
    saved.before_write(target)
    kernels.note_undetected_overlap(target, others, overlapping)
    if overlapping:
        _write_changes(target, result)
    else:
        target._write(result._read())
    views.bump(target)


def _write_changes(target: Tensor, result: Tensor) -> None:
    """Store what differs: of the elements that share a place, one that keeps its value undoes no other's change."""
    new = result._read()
    old = target._read()
    changed = new != old
    changed &= (new == new) | (old == old)
    target._array()[changed] = new[changed]


# -- making the public surface -----------------------------------------------------------------------------------------


def method(function: Function) -> Callable[..., Any]:
    """The tensor method of an op."""

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function.call((self, *args), kwargs, is_method=True)

    call.__name__ = function.__name__
    call.__qualname__ = f"Tensor.{function.__name__}"
    if not is_native(function.name, is_method=True):
        vars(call)["__signature__"] = written_in_python.signature(function.ops[0], is_method=True)
    return call


def install(namespaces: dict[str, dict[str, Any]]) -> None:
    """Attach every declared op: functions to their namespaces, methods (and in-place methods) to Tensor."""
    for name, ops in OPS.items():
        space, _, short = name.rpartition(".")
        functions = [op for op in ops if op.is_function]
        if functions:
            namespaces.setdefault(space, {})[short] = Function(name, functions)
        methods = [op for op in ops if op.is_method]
        if methods and not space:
            setattr(Tensor, short, method(Function(name, methods)))
        inplace = [op for op in ops if op.inplace]
        if inplace and not space:
            function = Function(f"{name}_", inplace, inplace=True)
            setattr(Tensor, f"{short}_", method(function))
            if functions:
                namespaces.setdefault("", {})[f"{short}_"] = function


def namespace(prefix: str) -> dict[str, Any]:
    """The functions of one namespace such as ``"linalg"`` (``""`` for the top level)."""
    spaces: dict[str, dict[str, Any]] = {}
    install(spaces)
    return spaces.get(prefix, {})
