"""``jacrev``, ``jacfwd`` and ``hessian``: every entry of a derivative.

Source: https://docs.pytorch.org/docs/stable/generated/torch.func.jacrev.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine.func import arguments, trees
from reference_engine.func.arguments import Argnums
from reference_engine.func.gradients import vjp_in
from reference_engine.func.tangents import jvp_in
from reference_engine.func.vectorized import vmap
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """For each tensor a batch: in each row one entry of one of the tensors is 1, all else is 0."""
    rows = sum(t.numel() for t in tensors)
    made, at = [], 0
    for t in tensors:
        batch = t.new_zeros(rows, t.numel())
        batch.diagonal(-at).fill_(1)
        made.append(batch.view(rows, *t.shape))
        at += t.numel()
    return made


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """The function that returns the Jacobian of ``func``, row by row by reverse mode.

    Args:
        func: takes real tensors and returns real tensors, in any nesting.
        argnums: the arguments to differentiate in.
        has_aux: ``func`` returns something else too, which is returned beside the Jacobian.
        chunk_size: how many rows are computed at a time. Changes no result.
    """
    import reference_engine as engine

    if not (chunk_size is None or chunk_size > 0):
        raise refusal("functorch.jacrev.chunk_size")

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        arguments.check_real("jacrev", args, "inputs")
        output, pull_back, *aux = vjp_in(func, args, argnums, has_aux)
        outputs, structure = trees.flatten(output)
        arguments.check_real("jacrev", outputs, "outputs")
        inputs, input_structure = trees.flatten(arguments.chosen(args, argnums))
        basis = trees.unflatten(_basis(outputs), structure)
        rows = _rows(pull_back, basis, chunk_size)
        blocks = [
            [part.view(out.shape + x.shape) for part, out in zip(parts, outputs, strict=True)]
            for parts, x in zip(
                (engine.split(r, [out.numel() for out in outputs], dim=0) for r in trees.flatten(rows)[0]),
                inputs, strict=True,
            )
        ]  # fmt: skip
        jacobian = _nested(list(zip(*blocks, strict=True)), structure, input_structure, argnums)
        return (jacobian, aux[0]) if has_aux else jacobian

    return wrapper


def _rows(pull_back: Callable[..., Any], basis: Any, chunk_size: int | None) -> Any:
    """Each row by reverse mode: all in a batch, some at a time, or one by one without vmap."""
    import reference_engine as engine

    if chunk_size != 1:
        return vmap(pull_back, chunk_size=chunk_size)(basis)
    flat, structure = trees.flatten(basis)
    made = []
    for i in range(len(flat[0])):
        found, shape = trees.flatten(pull_back(trees.unflatten([b[i] for b in flat], structure)))
        made.append(found)
    return trees.unflatten([engine.stack(list(column)) for column in zip(*made, strict=True)], shape)


def _nested(
    blocks: Sequence[Sequence[Tensor]], outputs: trees.Structure, inputs: trees.Structure, argnums: Argnums
) -> Any:
    """For each output and each input a block: in the nesting of the outputs, each in that of the inputs."""
    by_output = [trees.unflatten(row, inputs) for row in blocks]
    if isinstance(argnums, int):
        by_output = [row[0] for row in by_output]
    return trees.unflatten(by_output, outputs)


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """The function that returns the Jacobian of ``func``, column by column by forward mode; see ``jacrev``."""
    import reference_engine as engine

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        arguments.check_real("jacfwd", args, "inputs")
        inputs, structure = trees.flatten(arguments.chosen(args, argnums))

        def push(direction: Any) -> Any:
            found = jvp_in(func, args, direction, argnums, has_aux=has_aux)
            arguments.check_real("jacfwd", found[0], "outputs")
            return found[1:] if has_aux else found[1]

        columns = vmap(push, randomness=randomness)(trees.unflatten(_basis(inputs), structure))
        aux = None
        if has_aux:
            columns, aux = columns
            aux = trees.mapped(lambda batch: batch[0], aux)
        outputs, output_structure = trees.flatten(columns)
        sizes = [x.numel() for x in inputs]
        blocks = [
            [
                part.unflatten(-1, x.shape) if x.dim() else part.squeeze(-1)
                for x, part in zip(inputs, engine.split(batch.movedim(0, -1), sizes, dim=-1), strict=True)
            ]
            for batch in outputs
        ]
        jacobian = _nested(blocks, output_structure, structure, argnums)
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that returns the second derivatives of ``func``: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)
