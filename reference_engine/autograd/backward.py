"""What a call of backward or grad may say: every argument, every refusal, in the order in which they are checked.

Sources: https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html and torch.autograd.grad.html
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import levels, modes, overrides
from reference_engine.autograd import anomaly, citations, execution_log
from reference_engine.autograd.engine import Pass
from reference_engine.autograd.graph import GradientEdge
from reference_engine.autograd.node import Edge, Node, gradient_edge
from reference_engine.autograd.signatures import held_to_signature
from reference_engine.autograd.validate import validate_gradients
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.size import Size

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


_NOT_GIVEN: Any = object()


@held_to_signature
def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: Any = None,
    create_graph: Any = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of ``tensors`` into the leaves they were made from.

    Args:
        tensors: the roots: a tensor or GradientEdge, or an iterable of them.
        grad_tensors: one cotangent a root, of the root's shape; None where the root has one element.
        retain_graph: keep what the graph saved, to go through it again. Defaults to ``create_graph``.
        create_graph: record the computation of the gradients.
        grad_variables: the deprecated name of ``grad_tensors``.
        inputs: accumulate into these alone.

    Raises:
        RuntimeError, TypeError: see the clauses of the areas ``backward`` and ``engine``.
    """
    levels.refuse("backward.functorch")
    if grad_variables is not None:
        warn("backward.grad_variables.deprecated")
        if grad_tensors is not None:
            raise refusal("backward.grad_variables.both")
        grad_tensors = grad_variables
    input_list = _inputs(inputs, "backward")
    if inputs is not None and not input_list:
        raise refusal("backward.inputs.not_empty")
    roots = _roots(tensors, "backward.tensors.iterable")
    like = [t for t in (*roots, *input_list) if overrides.is_tensor_like(t)]
    if switch("backward.torch_function") and overrides.has_torch_function(like):
        cite("backward.torch_function")
        answer: None = overrides.handle(
            backward, like, (roots,), grad_tensors=grad_tensors, retain_graph=retain_graph, create_graph=create_graph,
            inputs=input_list if inputs is not None else None,
        )  # fmt: skip
        return answer  # what the override says, though the caller expects nothing
    grads = make_grads(roots, _one_each(grad_tensors, len(roots)), batched=False)
    if retain_graph is None:
        retain_graph = create_graph
    cite("backward.retain_graph.default")
    run(roots, grads, retain_graph, create_graph, input_list, allow_unused=True, accumulate=True)


@held_to_signature
def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: Any = None,
    create_graph: Any = False,
    only_inputs: Any = True,
    allow_unused: Any = _NOT_GIVEN,
    is_grads_batched: bool = False,
    materialize_grads: Any = _NOT_GIVEN,
) -> Any:
    """The gradients of ``outputs`` with respect to ``inputs``, returned; no ``.grad`` is touched.

    Args:
        outputs, grad_outputs, retain_graph, create_graph: as in ``backward``.
        inputs: tensors or GradientEdges that require grad, or a dict of them.
        only_inputs: deprecated.
        allow_unused: None instead of an error for an input that no output depends on. Defaults to
            ``materialize_grads``.
        is_grads_batched: the first dimension of each cotangent is a batch; results are stacked along theirs.
        materialize_grads: zeros instead of None.

    Returns:
        A tuple (a dict for a dict of inputs), one gradient an input.
    """
    if allow_unused is _NOT_GIVEN:
        allow_unused = None if switch("grad.materialize_grads") else False
    if materialize_grads is _NOT_GIVEN:
        materialize_grads = False
    elif not switch("grad.materialize_grads"):
        raise refusal("grad.materialize_grads.unknown")
    if materialize_grads and allow_unused is False:
        raise refusal("grad.materialize_grads.conflict")
    if allow_unused is None and switch("grad.materialize_grads"):
        cite("grad.allow_unused.default")
        allow_unused = materialize_grads
    roots = _roots(outputs, "grad.outputs.iterable")
    input_list = _inputs(inputs, "grad")
    if not input_list and switch("grad.inputs.not_empty_first"):
        raise refusal("grad.inputs.not_empty")
    like = [t for t in (*roots, *input_list) if overrides.is_tensor_like(t)]
    if overrides.has_torch_function(like):
        cite("grad.torch_function")
        found = overrides.handle(
            grad, like, (roots, input_list), grad_outputs=grad_outputs, retain_graph=retain_graph,
            create_graph=create_graph, only_inputs=only_inputs, allow_unused=allow_unused,
            is_grads_batched=is_grads_batched, materialize_grads=materialize_grads,
        )  # fmt: skip
        return dict(zip(inputs.keys(), found, strict=True)) if type(inputs) is dict else found
    if not only_inputs:
        warn("grad.only_inputs.deprecated")
    given = _one_each(grad_outputs, len(roots))
    grads = make_grads(roots, given, batched=is_grads_batched)
    if retain_graph is None:
        retain_graph = create_graph
    if is_grads_batched:
        if anomaly.checks_nan():
            cite("anomaly.batched")
        found = _run_batched(roots, grads, retain_graph, create_graph, input_list, allow_unused)
    else:
        found = run(roots, grads, retain_graph, create_graph, input_list, allow_unused, accumulate=False)
    if materialize_grads:
        found = _materialized(found, input_list, create_graph)
    if type(inputs) is dict:
        cite("grad.inputs.dict")
        return dict(zip(inputs.keys(), found, strict=True))
    return found


# -- arguments ---------------------------------------------------------------------------------------------------


def _roots(tensors: Any, clause: str) -> tuple[Any, ...]:
    edge = isinstance(tensors, GradientEdge) and switch("backward.tensors.gradient_edge")
    single = clause.startswith("grad.") or switch("backward.tensors.tensor_like")
    if (overrides.is_tensor_like(tensors) if single else _is_tensor(tensors)) or edge:
        return (tensors,)
    if isinstance(tensors, GradientEdge):  # no more than a pair, before it could be a root
        return (tensors.node, tensors.output_nr)
    return _iterated(tensors, clause)


def _is_tensor(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    return isinstance(value, Tensor)


def _iterated(value: Any, clause: str) -> tuple[Any, ...]:
    try:
        iterator = iter(value)
    except TypeError:
        raise refusal(clause, type=type(value).__name__) from None
    return tuple(iterator)


def _inputs(inputs: Any, call: str) -> tuple[Any, ...]:
    if inputs is None and call == "backward":
        return ()
    single = _is_tensor(inputs) if call == "backward" else overrides.is_tensor_like(inputs)
    if single or isinstance(inputs, GradientEdge):
        cite(f"{call}.inputs.single")
        return (inputs,)
    if isinstance(inputs, Mapping) and switch(f"{call}.inputs.dict"):
        if type(inputs) is not dict:
            raise refusal(f"{call}.inputs.mapping", type=type(inputs).__name__)
        cite(f"{call}.inputs.dict")
        return tuple(inputs.values())
    if call == "backward" and not switch("backward.inputs.generator") and not hasattr(inputs, "__len__"):
        clause = "backward.inputs.sized" if hasattr(inputs, "__iter__") else "backward.inputs.iterable"
        raise refusal(clause, type=type(inputs).__name__)
    return _iterated(inputs, f"{call}.inputs.iterable")


def _one_each(grads: Any, count: int) -> tuple[Any, ...]:
    from reference_engine.tensor import Tensor

    if grads is None:
        return (None,) * count
    if isinstance(grads, Tensor):
        return (grads,)
    return _iterated(grads, "backward.grad_tensors.iterable")


def make_grads(outputs: Sequence[Any], grads: Sequence[Any], batched: bool) -> list[Any]:
    """The cotangents: those given, checked; ones where none is given and the root has one element."""
    from reference_engine.tensor import Tensor

    made: list[Any] = []
    for i, (out, given) in enumerate(zip(outputs, grads, strict=False)):
        if switch("backward.tensors.checked_first"):
            _metadata(out, given is not None)
        if isinstance(given, Tensor):
            first = _first_of_batch(given) if batched else given
            shape, dtype = _metadata(out, True)
            _check_given(i, out, shape, dtype, given, first, batched)
            cite("backward.grad_tensors.shape")
            made.append(given)
        elif given is None:
            made.append(_implicit(out, *_metadata(out, False)))
        else:
            raise refusal("backward.grad_tensors.type", type=type(given).__name__)
    citations.roots(outputs, grads)
    return made


def _metadata(out: Any, with_gradient: bool) -> tuple[tuple[int, ...], Any]:
    """The shape and dtype of a root."""
    from reference_engine.tensor import Tensor

    if isinstance(out, GradientEdge) and switch("backward.tensors.gradient_edge"):
        kept = out.node.input_metadata
        if not 0 <= out.output_nr < len(kept):
            raise refusal("graph.gradient_edge.negative" if out.output_nr < 0 else "graph.gradient_edge.range")
        return kept[out.output_nr][:2]
    if not isinstance(out, Tensor):
        clause = "backward.tensors.tensor_with_gradient" if with_gradient else "backward.tensors.tensor"
        attribute = "numel" if isinstance(out, Node) else "requires_grad"  # a node of the graph has the other
        raise refusal(clause, type=type(out).__name__, attribute=attribute)
    return out._shape, out._dtype


def _first_of_batch(given: Tensor) -> Tensor:
    if not given._shape:
        raise refusal("grad.batched.scalar")
    if given._shape[0] == 0:
        raise refusal("grad.batched.empty")
    return given[0]


def _check_given(
    i: int, out: Any, shape: tuple[int, ...], dtype: Any, given: Tensor, first: Tensor, batched: bool
) -> None:
    """Exactly the root's shape (after the batch dimension), and complex exactly where the root is."""
    fields = {"index": i, "output_index": i}
    if first._shape != shape:
        if batched and isinstance(out, GradientEdge):
            raise refusal("backward.grad_tensors.batched_edge")
        # the batched message strips the batch dimension a second time, as torch does: see deviations
        clause = "backward.grad_tensors.batched_shape" if batched else "backward.grad_tensors.shape"
        raise refusal(clause, grad_shape=Size(first._shape), output_shape=Size(shape), **fields)
    if dtype.is_complex != given._dtype.is_complex:
        raise refusal("backward.grad_tensors.dtype", grad_dtype=given._dtype, output_dtype=dtype, **fields)


def _implicit(out: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """The gradient of a one-element real root is one; roots that do not require grad need none."""
    import reference_engine as engine

    if not isinstance(out, GradientEdge) and not out.requires_grad:
        return None
    if Size(shape).numel() != 1:
        raise refusal("backward.implicit_grad.one_element")
    if not dtype.is_floating_point and not switch("backward.implicit_grad.complex"):
        raise refusal("backward.implicit_grad.real", dtype=dtype)
    cite("backward.implicit_grad.ones")
    if isinstance(out, GradientEdge):
        return engine.ones(shape, dtype=dtype)
    if out._sparse is not None:
        raise refusal("sparse.memory_format.like")
    return engine.ones_like(out, memory_format=engine.preserve_format)


def _flag(value: Any, clause: str) -> bool:
    if not hasattr(type(value), "__index__"):
        raise refusal(clause, type=type(value).__name__)
    return bool(operator.index(value))


# -- running -----------------------------------------------------------------------------------------------------


def run(
    roots: Sequence[Any], grads: Sequence[Any], retain_graph: Any, create_graph: Any, inputs: Sequence[Any],
    allow_unused: Any, accumulate: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """Check what is left to check, and make the pass."""
    call = "backward" if accumulate else "grad"
    keep = _flag(retain_graph, "backward.retain_graph.type")
    record = _flag(create_graph, "backward.create_graph.type")
    allow_unused = _flag(allow_unused, "grad.allow_unused.type")
    if len(grads) != len(roots):
        raise refusal("backward.grad_tensors.too_few", tensors=len(roots), gradients=len(grads))
    edges = [_root_edge(i, root) for i, root in enumerate(roots)]
    captures = [_input_edge(x, call) for x in inputs]
    if not captures and not accumulate:
        validate_gradients(None, grads, edges)
        raise refusal("grad.inputs.not_empty")
    if record and accumulate:
        warn("backward.create_graph.cycle_warning")
    if not edges:
        if captures and not accumulate and not allow_unused:
            raise refusal("grad.inputs.unused", index=0)
        if accumulate:
            citations.backward(captures, [], record)
        return () if accumulate else (None,) * len(captures)
    grads = validate_gradients(None, grads, edges)
    reachable = [e if e.node is not None else None for e in captures]
    live = [e for e in reachable if e is not None]
    work = Pass(keep, record, live if captures else None, accumulate)
    cite(f"{call}.no_grad_mode" if accumulate else "grad.leaves_untouched")
    with execution_log.told(edges):
        found = iter(work.run(edges, list(grads)))
    if accumulate:
        citations.backward(captures, [e.node in work.reachable for e in captures], record)
        return ()
    result = [next(found) if e is not None else None for e in reachable]
    if not allow_unused and any(g is None for g in result):
        raise refusal("grad.inputs.unused", index=next(i for i, g in enumerate(result) if g is None))
    citations.grad(roots, inputs, result)
    return tuple(result)


def _root_edge(i: int, root: Any) -> Edge:
    edge = Edge(root.node, root.output_nr) if isinstance(root, GradientEdge) else gradient_edge(root)
    if edge.node is None:
        raise refusal("backward.tensors.requires_grad", index=i)
    return edge


def _input_edge(x: Any, call: str) -> Edge:
    """Where to listen for the gradient of an input; a leaf that nothing used has no node yet, and gets none."""
    from reference_engine.tensor import Tensor
    from reference_engine.typename import c_typename

    if isinstance(x, GradientEdge):
        if not isinstance(x.node, Node):
            raise refusal(f"{call}.inputs.edge_node", type=type(x.node).__name__)
        if not 0 <= x.output_nr < len(x.node.input_metadata):
            raise refusal("graph.gradient_edge.range")
        return Edge(x.node, x.output_nr)
    if not isinstance(x, Tensor):
        raise refusal(f"{call}.inputs.type", type=c_typename(x))
    if not x.requires_grad:
        # backward asks for the gradient of such a tensor to be retained, and that is what is refused
        raise refusal(f"{call}.inputs.requires_grad")
    if call == "backward" and not x.is_leaf:
        cite("backward.inputs.non_leaf")
        x.retain_grad()
    return gradient_edge(x)


def _run_batched(
    roots: Sequence[Any], grads: Sequence[Any], retain: Any, create: Any, inputs: Sequence[Any], allow_unused: Any
) -> tuple[Any, ...]:
    """One pass for each slice of the cotangents; the results stacked along a new first dimension."""
    import reference_engine as engine

    if not grads:
        raise refusal("grad.batched.none_given")
    if any(g is None for g in grads):
        raise refusal("grad.batched.no_gradient")
    if any(not g._shape for g in grads):
        raise refusal("grad.batched.implicit")  # an implicit gradient has no batch dimension
    if any(g._sparse is not None for g in grads):
        raise refusal("sparse.expand")
    sizes = {g._shape[0] for g in grads if g is not None}
    if len(sizes) != 1:
        raise refusal("grad.batched.sizes", sizes=[g._shape[0] for g in grads if g is not None])
    cite("grad.batched.stack")
    cite("grad.batched.provenance")
    cite("grad.batched.hooks")
    (count,) = sizes
    rows = []
    with modes.set_grad_enabled(bool(create)):
        slices = [g.unbind(0) for g in grads]
        for i in range(count):
            keep = retain or i < count - 1
            rows.append(run(roots, [s[i] for s in slices], keep, create, inputs, allow_unused, accumulate=False))

        def joined(column: Sequence[Any]) -> Any:
            if column[0] is None:
                return None
            for whole, parts in zip(grads, slices, strict=True):
                if all(found is part for found, part in zip(column, parts, strict=True)):
                    return whole  # asked for the gradient of a root, which is the cotangent itself
            if any(g._sparse is not None for g in column):
                raise refusal("sparse.unsupported", op="view", backend="SparseCPU")
            looked_at = {id(whole._storage) for whole in grads if whole.requires_grad}
            if not create and any(id(g._storage) in looked_at for g in column):
                cite("grad.batched.passed_on")
            return engine.stack(list(column))

        return tuple(joined(column) for column in zip(*rows, strict=True))


def _materialized(found: Sequence[Any], inputs: Sequence[Any], create_graph: Any) -> tuple[Any, ...]:
    import reference_engine as engine

    if any(g is None and isinstance(x, GradientEdge) for g, x in zip(found, inputs, strict=True)):
        raise refusal("grad.materialize_grads.edge")
    cite("grad.materialize_grads.zeros")
    if create_graph:
        cite("grad.materialize_grads.create_graph")
    as_input = switch("grad.materialize_grads.requires_grad")
    if not as_input and type(create_graph) is not bool and any(g is None for g in found):
        raise refusal("grad.materialize_grads.flag", type=type(create_graph).__name__)
    return tuple(
        engine.zeros_like(x, requires_grad=x.requires_grad if as_input else create_graph) if g is None else g
        for g, x in zip(found, inputs, strict=True)
    )
