"""What runs an operator: the declared op that stands for it, a function from here, or the public one of its name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from reference_engine import return_types, views
from reference_engine.dispatcher import factories, pairing, watching
from reference_engine.dispatcher.operators import OpOverload, OpOverloadPacket, of_schema
from reference_engine.dispatcher.schema import FunctionSchema
from reference_engine.modes import state
from reference_engine.ops import dispatch
from reference_engine.ops.declare import Op, result_names
from reference_engine.tensor import Tensor, tensors_in

KERNELS: dict[str, Callable[..., Any]] = {}
"""By name and overload, for operators that are no declared ops."""


def kernel(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        KERNELS[name] = function
        return function

    return register


def run(operator: OpOverload, values: list[Any]) -> Any:
    """Run an operator on all of its arguments.

    Raises:
        NotImplementedError: this engine has no kernel for it.
    """
    schema = operator._schema
    function = KERNELS.get(operator.__name__)
    if function is None and operator._opname in factories.PLAIN:
        function = partial(_made, operator)
    if function is not None:
        if watching.used and watching.sees(values):
            return watching.offer(operator, *pairing.without_defaults(schema, values))
        return function(*values)
    outs = [value for argument, value in zip(schema.arguments, values, strict=True) if argument.is_out]
    inputs = [value for argument, value in zip(schema.arguments, values, strict=True) if not argument.is_out]
    found = pairing.op_of(schema, inputs)
    if found is not None:
        op, arguments, inplace = found
        destination = (outs[0] if len(outs) == 1 else outs) if outs else None
        watching.state.asked = (op, (operator, inputs)) if watching.used else None
        try:
            result = _run_op(op, arguments, inplace, destination)
        finally:
            watching.state.asked = None
        if op.name in _BESIDE:
            return result, _BESIDE[op.name](*arguments)
        order = None if outs else _order(op, schema)
        if order is not None:
            return tuple(result[i] for i in order)
        return list(result) if schema.returns and schema.returns[0].kind == "Tensor[]" else result
    public = _public(operator._opname)
    if public is None:
        raise NotImplementedError(
            f"Could not run '{operator.name()}' with arguments from the 'CPU' backend: "
            "this engine has no kernel for it."
        )
    args, kwargs = pairing.without_defaults(schema, inputs)
    return public(*args, **kwargs)


def _total_weight(self: Tensor, target: Tensor, weight: Tensor | None, reduction: str, ignore_index: int) -> Any:
    """What the loss of classes was divided by, which its operator gives beside it."""
    if reduction == "none":
        return self.new_zeros(())
    used = target[target != ignore_index]
    return (self.new_ones(self._shape[-1]) if weight is None else weight)[used].sum()


#: What operators give that ops do not.
_BESIDE: dict[str, Callable[..., Any]] = {"_nll_loss": _total_weight, "_nll_loss2d": _total_weight}


def _made(operator: OpOverload, *values: Any) -> Any:
    """Run an operator that makes a tensor."""
    given, options = [], dict[str, Any]()
    for argument, value in zip(operator._schema.arguments, values, strict=True):
        if argument.name in ("dtype", "memory_format", "generator"):
            options |= {argument.name: value} if value is not None and not isinstance(value, int) else {}
        elif argument.name not in ("layout", "device", "pin_memory"):
            given.append(value)
    return factories.PLAIN[operator._opname](*given, **options)


def _public(name: str) -> Any:
    """A function of the same name, called by keyword."""
    import reference_engine as engine

    return next((getattr(place, name) for place in (engine, engine.nn.functional) if hasattr(place, name)), None)


def shown(op: Op, values: list[Any], inplace: bool) -> Any:
    """Show the computation of an op to whoever watches; what they make of it is the result."""
    asked, watching.state.asked = watching.state.asked, None
    found = pairing.operator_of(op, values, inplace, out=False) if asked is None or asked[0] is not op else None
    if asked is not None and asked[0] is op:
        operator, args = asked[1]
    elif found is None:
        operator = _declared(op, inplace)
        args = [pairing.spelled(*pair) for pair in zip(operator._schema.arguments, values, strict=True)]
    else:
        operator, args = of_schema(found[0]), found[1]
    result = watching.offer(operator, *pairing.without_defaults(operator._schema, args))
    if inplace:
        return values[0]
    result = _as_results_of(op, operator._schema, result)
    if op.is_view and not state.beneath:
        _look(op, values, [result] if isinstance(result, Tensor) else tensors_in(result))
    return result


@functools.cache
def _declared(op: Op, inplace: bool) -> OpOverload:
    schema = pairing.declared(op, inplace)
    packet = OpOverloadPacket("aten", schema.name.removeprefix("aten::"))
    overload = packet._add(OpOverload(packet, schema))
    overload._kernel = lambda *values: _run_declared(op, overload, values, inplace)
    return overload


def _run_declared(op: Op, operator: OpOverload, values: Sequence[Any], inplace: bool) -> Any:
    """Run an operator that is an op's own; still others may be watching."""
    if watching.sees(values):
        return watching.offer(operator, *pairing.without_defaults(operator._schema, values))
    reductions = dict(enumerate(pairing.REDUCTIONS))
    return _run_op(
        op,
        [
            reductions[v] if p.name == "reduction" and isinstance(v, int) else tuple(v) if p.type == "int[]" else v
            for p, v in zip(op.params, values, strict=True)
        ],
        inplace,
    )


def _run_op(op: Op, values: list[Any], inplace: bool, out: Any = None) -> Any:
    """The results of an op as an operator gives them: plain tuples and lists."""
    result = dispatch.run(op, values, inplace, out)
    return tuple(result) if isinstance(result, return_types.Results) else result


def _order(op: Op, schema: FunctionSchema) -> list[int] | None:
    """Where the results of an operator are among those of the op, if both name them."""
    mine, theirs = result_names(op.signature), [r.name for r in schema.returns]
    return [mine.index(name) for name in theirs] if sorted(mine) == sorted(theirs) and mine != theirs else None


def _as_results_of(op: Op, schema: FunctionSchema, result: Any) -> Any:
    """What an operator gave, as the op's callers know it."""
    if not isinstance(result, (tuple, list)):
        return result
    order = _order(op, schema)
    if order is not None:
        result = [result[order.index(i)] for i in range(len(order))]
    several = op.signature.rpartition("->")[2].strip()
    if several == "Tensor":
        return result[0]
    named = getattr(return_types, op.reference_name, None)
    if named is not None and len(named._fields) == len(result):
        return named(result)
    return tuple(result)


def _look(op: Op, values: list[Any], results: Sequence[Tensor]) -> None:
    """Whatever was made of a view, autograd goes on to see it as a view of what it was made of."""
    parent: Tensor = values[0]
    for i, r in enumerate(results):
        if r._view is not None or r is parent:
            continue

        def again(base: Tensor, i: int = i) -> Tensor:
            made = dispatch.run(op, [base, *values[1:]])
            return made if isinstance(made, Tensor) else made[i]

        by_strides = r._storage is parent._storage and (r._dtype, r._conj, r._neg) == (
            parent._dtype, parent._conj, parent._neg,
        )  # fmt: skip
        r._version_counter = parent._version_counter
        views.track(r, parent, None if by_strides else again, op.multi_output_view)


def shown_out(op: Op, values: list[Any], out: Any) -> Any:
    """Show the ``out=`` form of an op."""
    found = pairing.operator_of(op, values, False, out=True)
    outs = [out] if isinstance(out, Tensor) else list(out)
    if found is None:
        for target, made in zip(outs, tensors_in([dispatch.run(op, values)]), strict=False):
            target.copy_(made)
        return out
    schema, args = found
    shown_args, kwargs = pairing.without_defaults(schema, args)
    kwargs |= {a.name: t for a, t in zip([a for a in schema.arguments if a.is_out], outs, strict=False)}
    watching.offer(of_schema(schema), shown_args, kwargs)
    return out


# -- operators that are no declared ops --------------------------------------------------------------------------------


@kernel("detach.default")
def _detach(self: Tensor) -> Tensor:
    return views.detach(self)


@kernel("_local_scalar_dense.default")
def _local_scalar_dense(self: Tensor) -> Any:
    return self.item()


@kernel("item.default")
def _item(self: Tensor) -> Any:
    return self.item()


@kernel("lift_fresh.default")
def _lift_fresh(self: Tensor) -> Tensor:
    return self


@kernel("_to_copy.default")
def _to_copy(
    self: Tensor, dtype: Any, layout: Any, device: Any, pin_memory: Any, non_blocking: bool, memory_format: Any
) -> Any:
    return self._to_copy(dtype or self._dtype, memory_format)


@kernel("_unsafe_view.default")
def _unsafe_view(self: Tensor, size: Sequence[int]) -> Any:
    return self.view(size)
