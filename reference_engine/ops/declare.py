"""How an op is declared: one signature, one forward, one formula for each differentiable argument.

    declare(
        "exp(Tensor self) -> Tensor",
        forward=elementwise(np.exp, dtype=to_floating),
        vjp={"self": lambda grad, result: grad * result.conj()},
        inplace=True, out=True,
    )

The parameter names of a formula say what it needs, and so what the node saves:

    grad, grads       the cotangent (of the one result; of each result)
    result, results   the op's own result(s), saved as outputs
    NAME              an argument: a tensor is saved and version-checked, anything else is kept by value
    NAME_shape, NAME_strides, NAME_offset, NAME_dtype    metadata of a tensor argument: saves nothing
    NAME_extent, NAME_steps  its shape and strides too, which the node does not show
    NAME_sparse             its places, if it is not strided
    NAMEs_shapes, NAMEs_dtypes                           the same of a list of tensors
    needs             the set of argument names that want a gradient
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.node import OpNode, SavedAttribute
from reference_engine.semantics import cite, quiet, refusal, switch, witness
from reference_engine.versions import SavedNumber, SavedTensor

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Formula = Callable[..., Any]
_METADATA = {
    "extent": "_shape",
    "steps": "_strides",
    "shape": "_shape",
    "strides": "_strides",
    "offset": "_offset",
    "dtype": "_dtype",
    "sparse": "_sparse",
}


@dataclass(slots=True)
class Param:
    """One parameter of an op's public signature."""

    name: str
    type: (
        str  # Tensor, Tensor?, Tensor[], Tensor|Scalar, Scalar, int, int[], float, bool, dtype, str, any (? = optional)
    )
    default: Any
    required: bool
    keyword_only: bool
    is_tensor: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_tensor = self.type.startswith("Tensor")


_DEFAULTS = {"None": None, "True": True, "False": False, "inf": float("inf"), "-inf": float("-inf"), "()": ()}


def _default(text: str) -> Any:
    if text in _DEFAULTS:
        return _DEFAULTS[text]
    if text.startswith("'"):
        return text.strip("'")
    if text.startswith("("):
        return tuple(int(x) for x in text.strip("()").split(",") if x)
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def parse_signature(signature: str) -> tuple[str, list[Param]]:
    """``"add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"`` to a name and parameters."""
    match = re.fullmatch(r"([\w.]+)\((.*)\)\s*->\s*.*", signature, re.S)
    if match is None:
        raise ValueError(f"malformed op signature: {signature!r}")
    params, keyword_only = [], False
    for part in re.split(r",\s*(?![^()]*\))", match[2]):
        part = part.strip()
        if part == "*":
            keyword_only = True
            continue
        if not part:
            continue
        head, _, default = part.partition("=")
        type_, name = head.rsplit(" ", 1)
        required = not default
        params.append(Param(name, type_, None if required else _default(default), required, keyword_only))
    return match[1], params


def result_names(signature: str) -> list[str]:
    """What a signature calls the results: ``-> (Tensor values, Tensor indices)``; nothing if it does not."""
    return re.findall(r"Tensor (\w+)", signature.rpartition("->")[2])


@dataclass(frozen=True, slots=True)
class OutForm:
    """How an op takes ``out=``.

    Attributes:
        same_dtype: it must have the dtype of the result, rather than one that can hold it.
        refused: the clause that a dtype which does not do is refused by.
        overlaps: elements of ``out`` may share memory.
        apart: the result is made elsewhere and then copied, so that what is read may share memory with ``out``.
        results: which results of the op within are asked for, where it computes more.
        words: how refusals name the op, where not by its own name.
        named: how refusals name what is written.
        late: what it is made of refuses to be recorded, after whatever it has to say itself.
        unrecorded: it may require grad, for nothing is recorded.
        underived: the switch since which (``"!switch"``: until which) it has no derivative, though the op has one.
        by: the op within that refuses to be recorded, where that is another.
        numbers: where an argument may be a tensor or a number, it may be a number here too.
        since: the switch with which it came.
        copied_until: the switch until which the result is copied to it as to any tensor: converted, and not resized.
        floating: its dtype is that of the computation only if it is a floating one, as that of the argument.
    """

    same_dtype: bool = False
    refused: str = "inplace.result_dtype"
    overlaps: bool = False
    apart: bool = False
    results: tuple[int, ...] = ()
    words: str = ""
    named: tuple[str, ...] = ("result",)
    late: bool = False
    numbers: bool = True
    by: str = ""
    unrecorded: bool = False
    underived: str = ""
    since: str = ""
    copied_until: str = ""
    floating: bool = False

    def __bool__(self) -> bool:
        return self is not NO_OUT and (not self.since or switch(self.since))


NO_OUT = OutForm()
CASTS = OutForm(refused="inplace.result_dtype")
OVERLAPS = OutForm(overlaps=True)
EXACT = OutForm(same_dtype=True, refused="ops.out.dtype")
CASTABLE = OutForm(refused="ops.out.castable", apart=True)
ASSEMBLED = OutForm(same_dtype=True, refused="ops.out.dtype", apart=True)
"""Of what is computed matrix by matrix."""


def in_force(when: str) -> bool:
    """Whether a switch is on, or ``"!switch"`` off."""
    return not switch(when[1:]) if when.startswith("!") else switch(when)


class Op:
    """A declared op (one overload)."""

    def __init__(self, signature: str, forward: Callable[..., Any], vjp: dict[str, Formula], **traits: Any) -> None:
        self.signature = signature
        self.full_name, self.params = parse_signature(signature)
        self.index_of = {p.name: i for i, p in enumerate(self.params)}
        self.forward = forward
        self.name: str = traits["name"] or self.full_name  # without the overload part
        self.is_view: bool = traits["view"]
        self.inplace: bool = traits["inplace"]
        self.without_derivative: Op = self
        casts = CASTABLE if traits["copied"] else CASTS
        self.out: OutForm = {True: casts, False: NO_OUT}.get(traits["out"], traits["out"])
        self.hands_out: bool = traits["hands_out"]
        self.is_method: bool = traits["method"]
        self.is_function: bool = traits["function"]
        self.multi_output_view: bool = traits["multi_output_view"]
        self.non_differentiable_outputs: tuple[int, ...] = traits["non_differentiable_outputs"]
        self.composite: bool = traits["composite"]
        self.samples: Any = traits["samples"]
        self.exact: bool = traits["exact"]
        self.when: str | None = traits["when"]
        self.underived: bool | str = traits["underived"]
        self.overlap: Callable[..., Sequence[str]] | None = traits["overlap"]
        self.copied: bool = traits["copied"]
        self.in_place_clause: str | None = traits["in_place_clause"]
        # as torch's own tables call it: special_entr, linalg_solve, but relu for nn.functional.relu
        self.reference_name: str = traits["display"] or self.name.removeprefix("nn.functional.").replace(".", "_")
        self.tensor_params = [i for i, p in enumerate(self.params) if p.is_tensor]
        # read element by element while the first one is written in place; a fill value is read before
        unasked = ("value", "source") if self.name == "masked_scatter" else ("value",)  # where that lies, nobody asks
        self.read_beside = [i for i in self.tensor_params if i and self.params[i].name not in unasked]
        self.has_flag = "inplace" in self.index_of and not self.composite
        # by name, as torch evaluates them: what was made first shows in the order in which gradients are added up
        self.vjp = {name: _Formula(name, fn, self) for name, fn in sorted(vjp.items())}
        unknown = {getattr(fn, "not_derived", "") for fn in vjp.values()}
        self.not_derived = unknown.pop() if len(unknown) == 1 else ""  # what none of the derivatives are known of
        if self.underived:
            self.differentiable = self.tensor_params
            self.node_type: type[OpNode] = type("NotImplemented", (_Underived,), {"op": self})
        else:
            formulas = self.vjp.values()
            self.differentiable = [i for i in self.tensor_params if any(self.params[i].name in f.of for f in formulas)]
            node = traits["node"] or f"{_camel(self.reference_name)}Backward0"
            self.node_type = _node_type(node, OpNode, self)
        # those whose tangents move a result
        self.moving = [
            i for i in self.differentiable
            if not any(f.moves_nothing for f in self.vjp.values() if self.params[i].name in f.of)
        ]  # fmt: skip
        self.recorded = bool(self.vjp) or bool(self.underived)
        # where each argument's gradient goes, unless a list of tensors makes that depend on the call
        self.slots: dict[str, tuple[int, int | None]] | None = None
        if all(self.params[i].type != "Tensor[]" for i in self.differentiable):
            self.slots = {self.params[at].name: (n, None) for n, at in enumerate(self.differentiable)}
        self._saves_by_formula = self._plan_saves()
        called = {f"result{i}": name for i, name in enumerate(traits["results"] or result_names(signature))}
        self._saves_by_name = sorted(
            self._saves_by_formula, key=lambda save: (save[1] < 0, called.get(save[0], save[0]))
        )
        for need, _, _ in self._saves_by_formula:
            setattr(self.node_type, f"_saved_{need}", SavedAttribute(need, raw=False))
            setattr(self.node_type, f"_raw_saved_{need}", SavedAttribute(need, raw=True))
            if need in called:
                setattr(self.node_type, f"_saved_{called[need]}", SavedAttribute(need, raw=False))
                setattr(self.node_type, f"_raw_saved_{called[need]}", SavedAttribute(need, raw=True))
        self.shown_saves = self._shown_saves(called)
        name_switch, _, older = traits["older_node"].partition(": ")
        self._older_node = (name_switch, _node_type(older, self.node_type, self)) if older else None

    def holds(self) -> bool:
        """Whether this overload exists in the version in force."""
        return self.when is None or in_force(self.when)

    def _shown_saves(self, called: dict[str, str]) -> list[str]:
        """The attributes in which a node shows what its formulas read."""
        names = ["_saved_self_sym_numel"] if self.name == "mean" else []
        for need, _, _ in self._saves_by_formula:
            names += [f"_saved_{called.get(need, need)}", f"_raw_saved_{called.get(need, need)}"]
        for formula in self.vjp.values():
            for name in formula.parameters:
                if name in self.index_of and not self.params[self.index_of[name]].is_tensor:
                    names.append(f"_saved_{name}")
            for kept, index, attribute in formula.metadata:
                if kept.endswith(("_extent", "_steps")):
                    continue
                if attribute in ("_shape", "_strides") and self.params[index].type == "Tensor":
                    shown = "sym_sizes" if attribute == "_shape" else "sym_strides"
                    names.append(f"_saved_{self.params[index].name}_{shown}")
        return names

    def asks_in_place(self, values: list[Any]) -> bool:
        """Whether the argument ``inplace`` of a function of ``nn.functional`` is set."""
        return self.has_flag and bool(values[self.index_of["inplace"]])

    @property
    def _saves(self) -> list[tuple[str, int, str | None]]:
        """What to save, in the order in which saved-tensor hooks see it."""
        return self._saves_by_name if switch("saved.order.by_name") else self._saves_by_formula

    def _plan_saves(self) -> list[tuple[str, int, str | None]]:
        """(what, position, only if this argument wants a gradient) for each tensor that some formula reads.

        An argument that exactly one formula reads is saved only when that formula will run: multiplying by a tensor
        that needs no gradient does not keep the other factor. A result is saved in any case.
        """
        users: dict[str, list[_Formula]] = {}
        for formula in self.vjp.values():
            for need in formula.saved_tensors:
                users.setdefault(need, []).append(formula)
        plan = []
        for need, formulas in users.items():
            only = None
            index = self.index_of.get(need, -1)
            if len(formulas) == 1 and len(self.differentiable) > 1 and len(formulas[0].of) == 1 and index >= 0:
                if self.params[index].type in ("Tensor", "Tensor?", "Tensor|Scalar"):
                    only = formulas[0].of[0]
            plan.append((need, index, only))
        return plan

    def _type_now(self) -> type[OpNode]:
        """The type of the node, by the name that it has in the version in force."""
        older = self._older_node
        return self.node_type if older is None or switch(older[0]) else older[1]

    # -- forward side ------------------------------------------------------------------------------------------

    def make_node(self, values: list[Any], edges: Sequence[Any], active: set[str], inplace: bool) -> OpNode:
        """The node, with the arguments that its formulas read saved as they are before the op runs."""
        kept = list(values)
        for i in self.tensor_params:
            if not isinstance(values[i], (int, float, complex)):
                kept[i] = None
        node = self._type_now()(edges, kept, active)
        if self.underived:
            node.inplace = inplace  # type: ignore[attr-defined]
        for need, index, only in self._saves:
            if index < 0 or (only is not None and only not in active):
                continue
            value = values[index]
            if isinstance(value, (list, tuple)):
                node.saved[need] = [SavedTensor(v, node) for v in value]
            elif _is_tensor(value):
                # the value from before an in-place op is what the formula is about
                node.saved[need] = SavedTensor(value.clone() if inplace and index == 0 else value, node)
            elif value is not None:
                node.saved[need] = SavedNumber(value)
        for formula in self.vjp.values():
            for name, index, attribute in formula.metadata:
                value = values[index]
                if isinstance(value, (list, tuple)):
                    node.saved[name] = [getattr(v, attribute) for v in value]
                else:
                    node.saved[name] = getattr(value, attribute) if _is_tensor(value) else None
        return node

    def save_results(self, node: OpNode, results: Sequence[Tensor]) -> None:
        """Save what the formulas read of the results, after these have been connected to the node."""
        for need, index, _ in self._saves:
            if index >= 0:
                continue
            if need == "results":
                node.saved[need] = [SavedTensor(r, node, True) for r in results]
            else:
                which = 0 if need == "result" else int(need[6:])
                node.saved[need] = SavedTensor(results[which], node, True)

    # -- backward side -----------------------------------------------------------------------------------------

    def backward(self, node: OpNode, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        """Evaluate the formulas whose gradient somebody wants."""
        env: dict[str, Any] = {}
        for key, value in node.saved.items():
            if isinstance(value, (SavedTensor, SavedNumber)):
                env[key] = value.unpack()
            elif isinstance(value, list) and value and isinstance(value[0], SavedTensor):
                env[key] = [v.unpack() for v in value]
            else:
                env[key] = value
        out: list[Tensor | None] = [None] * len(node.next_edges)
        slots = node.slots  # argument name -> (first edge, number of edges or None)
        wanted = {n for n, (at, count) in slots.items() if any(needed[at : at + (count or 1)])}
        if all(g is None for g in grads):
            for formula in self.vjp.values():
                if formula.asks_no_gradient and wanted.intersection(formula.of):
                    formula.fn(None)
            return out
        env["grads"], env["needs"] = grads, wanted
        env["grad"] = grads[0]
        order = "double gradient" if node.made_by else "gradient"
        dtype = next(g._dtype.name for g in grads if g is not None)
        witness(f"{order} {dtype}", node.made_by or node.asked or self.name)
        for formula in self.vjp.values():
            if not wanted.intersection(formula.of):
                continue
            if formula.reads_one_grad and grads[0] is None:
                continue
            arguments = [self._lookup(env, node, name) for name in formula.parameters]
            with quiet():
                result = formula.fn(*arguments)
            values = result if len(formula.of) > 1 else {formula.of[0]: result}
            for name in formula.of:
                if name not in slots:
                    continue
                at, count = slots[name]
                value = values.get(name) if isinstance(values, dict) else None
                if count is None:
                    out[at] = (
                        value if value is None or not value._dtype.is_complex else _fitting(value, node.next_edges[at])
                    )
                elif value is not None:
                    out[at : at + count] = value
        return out

    def gradients(
        self, values: Sequence[Any], results: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: set[str]
    ) -> dict[str, Any]:
        """The formulas of the wanted arguments, of live values: nothing was saved. Forward mode transposes them."""
        env: dict[str, Any] = {p.name: v for p, v in zip(self.params, values, strict=True)}
        env |= {"grads": list(grads), "grad": grads[0], "needs": wanted, "results": list(results), "result": results[0]}
        env |= {f"result{i}": r for i, r in enumerate(results)}
        made: dict[str, Any] = {}
        for formula in self.vjp.values():
            if not wanted.intersection(formula.of) or (formula.reads_one_grad and grads[0] is None):
                continue
            for name, index, attribute in formula.metadata:
                value = values[index]
                many = isinstance(value, (list, tuple))
                env[name] = [getattr(v, attribute) for v in value] if many else getattr(value, attribute, None)
            found = formula.fn(*[env[name] for name in formula.parameters])
            made |= found if isinstance(found, dict) else {formula.of[0]: found}
        return made

    def _lookup(self, env: dict[str, Any], node: OpNode, name: str) -> Any:
        if name in env:
            return env[name]
        index = self.index_of.get(name)
        return None if index is None else node.values[index]


def _fitting(grad: Tensor, edge: Any) -> Tensor:
    """A complex gradient of a real argument is its real part: a real number can only move along the real axis."""
    if edge.node is None or edge.node.input_metadata[edge.input_nr].dtype.is_complex:
        return grad
    cite("complex.gradient.real_argument")
    return grad.real


def _node_type(name: str, base: type[OpNode], op: Op) -> type[OpNode]:
    space, _, class_name = name.rpartition("::")  # a few names show their C++ namespace
    full_name = {"graph_name": name} if space else {}
    # torch's node types are made in C, where a type without a module counts as built in
    return type(class_name, (base,), {"op": op, "__module__": "builtins", **full_name})


class _Underived(OpNode):
    """The node of an op that has no derivative: harmless until somebody asks it for one."""

    inplace = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refuse_first()

    def name(self) -> str:
        return "torch::autograd::NotImplemented"

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> Sequence[Tensor | None]:
        named = self.op.underived
        name = f"aten::{self.op.reference_name}{'_' * self.inplace}" if named is True else named
        raise refusal("engine.not_implemented", op=name)


class _Formula:
    """A gradient formula, and what its parameter names ask for."""

    def __init__(self, of: str, fn: Formula, op: Op) -> None:
        self.of = [name.strip() for name in of.split(",")]
        self.fn = fn
        self.parameters = list(inspect.signature(fn).parameters)
        self.saved_tensors: list[str] = []
        self.metadata: list[tuple[str, int, str]] = []
        # a missing derivative is refused even where no gradient arrives
        self.asks_no_gradient: bool = getattr(fn, "asks_no_gradient", False)
        self.moves_nothing: bool = getattr(fn, "moves_nothing", False)
        self.reads_one_grad = "grad" in self.parameters and not self.asks_no_gradient
        for name in self.parameters:
            if name in ("grad", "grads", "needs"):
                continue
            if re.fullmatch(r"results?|result\d", name):
                self.saved_tensors.append(name)
            elif name in op.index_of:
                if op.params[op.index_of[name]].is_tensor:
                    self.saved_tensors.append(name)
            else:
                base, _, what = name.rpartition("_")
                what = what.rstrip("s") if what not in _METADATA else what
                if base not in op.index_of or (what not in _METADATA):
                    raise ValueError(f"{op.full_name}: a formula asks for {name!r}, which is not an argument of it")
                self.metadata.append((name, op.index_of[base], _METADATA[what]))


OPS: dict[str, list[Op]] = {}
"""Every declared op by public dotted name, each with its overloads in the order in which they are tried."""


def declare(
    signature: str,
    *,
    forward: Callable[..., Any],
    vjp: dict[str, Formula] | None = None,
    name: str | None = None,
    node: str | None = None,
    older_node: str = "",
    display: str | None = None,
    inplace: bool = False,
    out: bool | OutForm = False,
    hands_out: bool = False,
    view: bool = False,
    multi_output_view: bool = False,
    method: bool = True,
    function: bool = True,
    composite: bool = False,
    non_differentiable_outputs: tuple[int, ...] = (),
    samples: Any = None,
    exact: bool = False,
    when: str | None = None,
    underived: bool | str = False,
    overlap: Callable[..., Sequence[str]] | None = None,
    in_place_clause: str | None = None,
    copied: bool = False,
    results: Sequence[str] = (),
    aliases: Sequence[str] = (),
) -> Op:
    """Declare one overload of an op and register it under its public name.

    Args:
        signature: name, typed parameters and defaults, in the manner of torch's schemas. ``"name.overload(...)"`` is
            not used: overloads of one name are separate declarations, tried in the order declared.
        forward: the computation; takes the bound arguments, returns fresh tensors (or views, with ``view``).
        vjp: argument name (or names, comma-separated, for a formula that returns a dict) to formula.
        node: the grad_fn name; by default CamelCase of the name with ``Backward0``. older_node: ``"switch: name"``, the
            name where the switch is off.
        inplace: also the method ``name_``. out: also accepts ``out=``; how, if it is not the usual way.
        hands_out: and gives it to the op that it ends with (``kernels.destination``), which checks and writes it.
        view: results share the storage of the first argument. multi_output_view: and there are several of them.
        composite: written in other ops: no node of its own.
        samples: the sampling domain for the generator (see ``ops/domains.py``).
        exact: the result is exact in its dtype (selections, copies): rounding noise is never added.
        when: the switch of the versions that have this overload (``"!switch"``: of those that do not).
        underived: recorded, but refuses to be differentiated; by what name, if not its own in full.
        overlap: the in-place form may write to memory that several elements share; called with the arguments, it says
            which clauses warn of it.
        in_place_clause: what the in-place form is an instance of, even where it is refused.
        copied: ``out=`` is given a copy of the result, which is recorded.
        results: what torch calls the results, where that decides the order in which they are saved.
        aliases: other public names of the same op.
    """
    traits: dict[str, Any] = {
        "name": name, "node": node, "older_node": older_node, "display": display, "inplace": inplace, "out": out,
        "hands_out": hands_out,
        "view": view, "multi_output_view": multi_output_view, "method": method, "function": function,
        "composite": composite, "non_differentiable_outputs": non_differentiable_outputs, "samples": samples,
        "exact": exact, "when": when, "underived": underived, "overlap": overlap, "copied": copied,
        "results": results, "in_place_clause": in_place_clause,
    }  # fmt: skip
    op = Op(signature, forward, vjp or {}, **traits)
    if op.out.underived:
        op.without_derivative = Op(
            signature, forward, {}, **{**traits, "underived": True, "composite": False, "copied": False}
        )
    OPS.setdefault(op.name, []).append(op)
    for alias in aliases:
        OPS.setdefault(alias, []).append(op)
        ALIASES[alias] = op.name
    return op


ALIASES: dict[str, str] = {}
"""Public names that are the same op under another name."""


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_|(?<=\d))([a-z])", lambda m: m[1].upper(), name).replace("_", "")


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "_storage")
