"""``torch.autograd.functional``: products with, and wholes of, Jacobians and Hessians of Python functions.

Each function follows one line: take the inputs as fresh tensors, call the user's function, differentiate, fill in zeros
for what does not depend on an input (or refuse, in strict mode), and give back results with or without history.

Source: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import modes
from reference_engine.autograd import forward_ad
from reference_engine.autograd.backward import grad
from reference_engine.modes import enable_grad, set_grad_enabled
from reference_engine.semantics import cite, refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Tensors = tuple["Tensor", ...]
OUTPUTS = "outputs of the user-provided function"


# -- arguments ---------------------------------------------------------------------------------------------------------


def _tensors(value: Any, argument: str, function: str) -> tuple[bool, Tensors]:
    """Whether a tuple was given, and the tensors.

    Raises:
        TypeError: something else than a tensor or a tuple of tensors.
    """
    from reference_engine.tensor import Tensor

    if not isinstance(value, tuple):
        if not isinstance(value, Tensor):
            raise refusal("functional.argument.type", argument=argument, function=function, type=type(value))
        return False, (value,)
    for i, item in enumerate(value):
        if not isinstance(item, Tensor):
            raise refusal(
                "functional.argument.entry_type", argument=argument, function=function, index=i, type=type(item)
            )
    return True, value


def _fresh(tensors: Tensors, create_graph: bool, requires_grad: bool) -> Tensors:
    """New tensor objects, so that an input can be told from the same tensor used by the function on its own account."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(requires_grad) for t in tensors
    )


def _vector(v: Any, function: str, create_graph: bool, like: Tensors, like_tuple: bool) -> Tensors:
    """v, checked against the tensors that it is paired with.

    Raises:
        TypeError: not tensors. RuntimeError: another number of them, or another shape.
    """
    made = _fresh(_tensors(v, "v", function)[1], create_graph, False)
    if len(made) != len(like):
        raise (
            refusal("functional.v.length", expected=len(like), got=len(made))
            if like_tuple
            else refusal("functional.v.single")
        )
    for i, (one, other) in enumerate(zip(made, like, strict=True)):
        if one._shape != other._shape:
            clause = "functional.v.entry_size" if like_tuple else "functional.v.size"
            raise refusal(clause, index=i, expected=other.shape, got=one.shape)
    return made


def _input_vector(v: Any, function: str, create_graph: bool, inputs: Tensors, is_tuple: bool) -> Tensors | None:
    if v is not None:
        return _vector(v, function, create_graph, inputs, is_tuple)
    if len(inputs) != 1 or inputs[0].numel() != 1:
        raise refusal("functional.v.none_input")
    return None


def _call(func: Callable[..., Any], inputs: Tensors, function: str, strict: bool) -> tuple[bool, Tensors]:
    is_tuple, outputs = _tensors(func(*inputs), OUTPUTS, function)
    if strict:
        for i, out in enumerate(outputs):
            if not out.requires_grad:
                raise refusal("functional.strict.output_requires_grad", index=i)
    return is_tuple, outputs


def _scalar_output(outputs: Tensors, is_tuple: bool, function: str) -> None:
    if is_tuple:
        raise refusal("functional.output.single", function=function)
    if outputs[0].numel() != 1:
        raise refusal("functional.output.one_element", function=function)


# -- differentiation ---------------------------------------------------------------------------------------------------


def _grad(outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None = None, **options: Any) -> Any:
    """``autograd.grad``, where outputs that depend on nothing are allowed: their gradients are None."""
    pairs = [
        (o, s)
        for o, s in zip(outputs, seeds or [None] * len(outputs), strict=True)
        if o is not None and o.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    return grad([o for o, _ in pairs], tuple(inputs), [s for _, s in pairs], allow_unused=True, **options)


def _filled(
    grads: Sequence[Any], like: Tensors, strict: bool, create_graph: bool, missing: str, constant: str
) -> Tensors:
    """Zeros for None.

    Raises:
        RuntimeError: in strict mode, by the clause ``missing`` for None, or ``constant`` for what should have history.
    """
    import reference_engine as engine

    made = []
    for i, (g, ref) in enumerate(zip(grads, like, strict=True)):
        if g is None:
            if strict:
                raise refusal(missing, index=i)
            cite("functional.independent.zeros")
            g = engine.zeros_like(ref)
        elif strict and create_graph and not g.requires_grad:
            raise refusal(constant, index=i)
        made.append(g)
    return tuple(made)


def _check_jacobian(jacobian: Sequence[Any], strict: bool) -> None:
    """In strict mode a gradient that is to be differentiated again depends on the inputs."""
    if not strict:
        return
    for i, j in enumerate(jacobian):
        if j is None:
            raise refusal("functional.strict.independent", index=i)
        if not j.requires_grad:
            raise refusal("functional.strict.hessian_of_linear", index=i)


def _returned(value: Any, create_graph: bool) -> Any:
    """Without history, unless it was asked for."""
    if isinstance(value, (tuple, list)):
        return tuple(_returned(v, create_graph) for v in value)
    return value if create_graph else value.detach()


def _unpacked(value: Any, *was_tuple: bool) -> Any:
    """The result in the nesting of what it belongs to: a bare tensor stays one."""
    if len(was_tuple) == 2 and not was_tuple[1]:
        value = tuple(row[0] for row in value)
    return value if was_tuple[0] else value[0]


# -- products ----------------------------------------------------------------------------------------------------------


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of ``func``, and the product of ``v`` with its Jacobian.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: where to differentiate: a tensor or a tuple of them.
        v: as the outputs; may be None for a single output of one element.
        create_graph: give the results a history.
        strict: refuse inputs that the outputs do not depend on.

    Raises:
        TypeError, RuntimeError: see the clauses of the area ``functional``.
    """
    with enable_grad():
        inputs_tuple, at = _tensors(inputs, "inputs", "vjp")
        at = _fresh(at, create_graph, True)
        outputs_tuple, outputs = _call(func, at, "vjp", strict)
        seeds = None
        if v is not None:
            seeds = _vector(v, "vjp", create_graph, outputs, outputs_tuple)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise refusal("functional.v.none_output")
    with set_grad_enabled(create_graph or modes.state.grad):
        found = _grad(outputs, at, seeds, create_graph=create_graph)
        product = _filled(
            found, at, strict, create_graph, "functional.strict.independent", "functional.strict.jacobian_independent"
        )
    return (
        _unpacked(_returned(outputs, create_graph), outputs_tuple),
        _unpacked(_returned(product, create_graph), inputs_tuple),
    )


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of ``func``, and the product of its Jacobian with ``v``: by differentiating the gradient's cotangent.

    Args and Raises: as ``vjp``, but ``v`` is as the inputs.
    """
    import reference_engine as engine

    with enable_grad():
        inputs_tuple, at = _tensors(inputs, "inputs", "jvp")
        at = _fresh(at, create_graph, True)
        vector = _input_vector(v, "jvp", create_graph, at, inputs_tuple)
        outputs_tuple, outputs = _call(func, at, "jvp", strict)
        cotangents = tuple(engine.zeros_like(out, requires_grad=True) for out in outputs)
        grads = _grad(outputs, at, cotangents, create_graph=True)
        if strict:
            for i, g in enumerate(grads):
                if g is None:
                    raise refusal("functional.strict.independent", index=i)
    with set_grad_enabled(create_graph or modes.state.grad):
        found = _grad(grads, cotangents, vector, create_graph=create_graph)
        product = _filled(
            found, outputs, strict, create_graph,
            "functional.strict.cotangent_independent", "functional.strict.jacobian_independent",
        )  # fmt: skip
    return (
        _unpacked(_returned(outputs, create_graph), outputs_tuple),
        _unpacked(_returned(product, create_graph), outputs_tuple),
    )


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar ``func``, and the product of ``v`` with its Hessian. Args and Raises: as ``jvp``."""
    with enable_grad():
        inputs_tuple, at, vector, outputs_tuple, outputs, first = _first_derivative(
            func, inputs, v, create_graph, strict, "vhp"
        )
    with set_grad_enabled(create_graph or modes.state.grad):
        found = _grad(first, at, vector, create_graph=create_graph)
        product = _filled(
            found, at, strict, create_graph,
            "functional.strict.jacobian_independent_of_input", "functional.strict.hessian_independent",
        )  # fmt: skip
    return (
        _unpacked(_returned(outputs, create_graph), outputs_tuple),
        _unpacked(_returned(product, create_graph), inputs_tuple),
    )


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a scalar ``func``, and the product of its Hessian with ``v``. Args and Raises: as ``jvp``."""
    import reference_engine as engine

    with enable_grad():
        inputs_tuple, at, vector, outputs_tuple, outputs, first = _first_derivative(
            func, inputs, v, create_graph, strict, "hvp"
        )
        cotangents = tuple(engine.zeros_like(t, requires_grad=True) for t in at)
        second = _grad(first, at, cotangents, create_graph=True)
    with set_grad_enabled(create_graph or modes.state.grad):
        found = _grad(second, cotangents, vector, create_graph=create_graph)
        product = _filled(
            found, at, strict, create_graph,
            "functional.strict.hessian_cotangent_independent", "functional.strict.hessian_independent",
        )  # fmt: skip
    return (
        _unpacked(_returned(outputs, create_graph), outputs_tuple),
        _unpacked(_returned(product, create_graph), inputs_tuple),
    )


def _first_derivative(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, function: str
) -> tuple[bool, Tensors, Tensors | None, bool, Tensors, Any]:
    """What vhp and hvp begin with: the gradient of a scalar function, with history."""
    inputs_tuple, at = _tensors(inputs, "inputs", function)
    at = _fresh(at, create_graph, True)
    vector = _input_vector(v, function, create_graph, at, inputs_tuple)
    outputs_tuple, outputs = _call(func, at, function, strict)
    _scalar_output(outputs, outputs_tuple, function)
    first = _grad(outputs, at, create_graph=True)
    _check_jacobian(first, strict)
    return inputs_tuple, at, vector, outputs_tuple, outputs, first


# -- wholes ------------------------------------------------------------------------------------------------------------


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian: for each output and each input a tensor of the shape of both, one after the other.

    Args:
        func, inputs, create_graph, strict: as for ``vjp``.
        vectorize: compute all rows in one batched pass. Numbers are the same.
        strategy: "reverse-mode" computes row by row, "forward-mode" column by column.

    Raises:
        AssertionError: another strategy. NotImplementedError, RuntimeError: options that exclude each other, and all
            that ``vjp`` refuses.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise refusal("functional.strategy.unknown")
    if strategy == "forward-mode":
        if create_graph:
            raise refusal("functional.strategy.create_graph")
        return _forward_jacobian(func, inputs, strict, vectorize)
    with enable_grad():
        inputs_tuple, at = _tensors(inputs, "inputs", "jacobian")
        at = _fresh(at, create_graph, True)
        outputs_tuple, outputs = _call(func, at, "jacobian", strict)
        if vectorize:
            if strict:
                raise refusal("functional.strict.vectorize")
            rows = _batched_rows(outputs, at, create_graph)
        else:
            rows = tuple(_rows(i, out, at, create_graph, strict) for i, out in enumerate(outputs))
        return _unpacked(_returned(rows, create_graph), outputs_tuple, inputs_tuple)


def _rows(i: int, out: Tensor, at: Tensors, create_graph: bool, strict: bool) -> tuple[Tensor, ...]:
    """One output's part of the Jacobian, a backward for each element."""
    import reference_engine as engine

    collected: list[list[Tensor]] = [[] for _ in at]
    for j in range(out.numel()):
        found = _grad((out.reshape(-1)[j],), at, retain_graph=True, create_graph=create_graph)
        for k, (row, g) in enumerate(zip(collected, found, strict=True)):
            if g is None:
                if strict:
                    raise refusal("functional.strict.output_independent", output=i, index=k)
                cite("functional.independent.zeros")
                g = engine.zeros_like(at[k])
            elif strict and create_graph and not g.requires_grad:
                raise refusal("functional.strict.jacobian_independent", index=i)
            row.append(g)
    return tuple(engine.stack(row, dim=0).view((*out._shape, *t._shape)) for row, t in zip(collected, at, strict=True))


def _batched_rows(outputs: Tensors, at: Tensors, create_graph: bool) -> tuple[tuple[Tensor, ...], ...]:
    """All rows by one call of grad with a batch of cotangents: the standard basis."""
    import reference_engine as engine

    counts = [out.numel() for out in outputs]
    found = _grad(
        tuple(out.reshape(-1) for out in outputs), at, _basis(outputs, counts), create_graph=create_graph,
        is_grads_batched=True,
    )  # fmt: skip
    total = sum(counts)
    whole = [
        engine.zeros_like(t).expand((total, *t._shape)) if g is None else g for g, t in zip(found, at, strict=True)
    ]
    starts = [sum(counts[:i]) for i in range(len(counts))]
    return tuple(
        tuple(g.narrow(0, start, n).view((*out._shape, *t._shape)) for g, t in zip(whole, at, strict=True))
        for out, start, n in zip(outputs, starts, counts, strict=True)
    )


def _basis(tensors: Tensors, counts: Sequence[int]) -> tuple[Tensor, ...]:
    """The standard basis of all elements together, cut into a part for each tensor."""
    import reference_engine as engine

    whole = engine.eye(sum(counts))
    starts = [sum(counts[:i]) for i in range(len(counts))]
    return tuple(
        whole.narrow(1, start, n).to(t.dtype).contiguous() for t, start, n in zip(tensors, starts, counts, strict=True)
    )


def _forward_jacobian(func: Callable[..., Any], inputs: Any, strict: bool, vectorize: bool) -> Any:
    """All columns by one forward-mode pass, with a batch of tangents: the standard basis."""
    import reference_engine as engine
    from reference_engine.func.vectorized import mapped_over

    if strict:
        raise refusal("functional.strict.forward_mode")
    inputs_tuple, at = _tensors(inputs, "inputs", "jacobian")
    if not vectorize:
        raise refusal("functional.strategy.vectorize")
    counts = [t.numel() for t in at]
    nesting = False

    def push(*directions: Tensor) -> list[Tensor]:
        nonlocal nesting
        duals = [forward_ad.make_dual(t, d.view(t.shape)) for t, d in zip(at, directions, strict=True)]
        nesting, outputs = _tensors(func(*duals), "outputs", "None")
        pairs = [forward_ad.unpack_dual(out) for out in outputs]
        primals[:] = [p for p, _ in pairs]
        return [engine.zeros_like(p) if t is None else t for p, t in pairs]

    primals: list[Tensor] = []
    with forward_ad.dual_level():
        columns = mapped_over(push, _basis(at, counts), sum(counts))
    starts = [sum(counts[:i]) for i in range(len(counts))]
    rows: Any = []  # lists, as torch gives them
    for whole, out in zip(columns, primals, strict=True):  # a row of it is a column of the Jacobian
        order = (*range(1, whole.ndim), 0)
        rows.append([
            whole.narrow(0, start, n).permute(order).reshape((*out._shape, *t._shape))
            for t, start, n in zip(at, starts, counts, strict=True)
        ])  # fmt: skip
    if not inputs_tuple:
        rows = tuple(row[0] for row in rows)
    return rows if nesting else rows[0]


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a scalar function: the Jacobian of its Jacobian.

    Args and Raises: as ``jacobian``; ``outer_jacobian_strategy`` is the strategy of the outer one.
    """
    inputs_tuple, at = _tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise refusal("functional.strategy.unknown_outer")

    def scalar(*given: Tensor) -> Any:
        outputs_tuple, outputs = _call(func, given, "hessian", strict)
        _scalar_output(outputs, outputs_tuple, "hessian")
        return outputs[0].squeeze()

    def first(*given: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            given = tuple(t.requires_grad_(True) for t in given)
        made = jacobian(scalar, given, create_graph=True)
        _check_jacobian(made, strict)
        return made

    found = jacobian(
        first, at, create_graph=create_graph, strict=strict, vectorize=vectorize, strategy=outer_jacobian_strategy
    )
    return _unpacked(found, inputs_tuple, inputs_tuple)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
