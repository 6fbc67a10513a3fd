"""``torch.func.rearrange``: dimensions by name, moved, put together and taken apart.

Source: https://docs.pytorch.org/docs/stable/generated/torch.func.rearrange.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from reference_engine.tensor import Tensor

Group = list[str]


class DimensionBindError(Exception):
    """A size that follows from none of the others, or contradicts them."""


def _parsed(side: str) -> list[Group]:
    """The groups of a side of a pattern; a name by itself is a group of one, and ones are groups of none."""
    groups: list[Group] = []
    for inner, name in re.findall(r"\(([^()]*)\)|([^\s()]+)", side):
        names = inner.split() if not name else [name]
        groups.append([each for each in names if each != "1"])
    return groups


def _sizes(groups: Sequence[Group], shape: Sequence[int], known: dict[str, int]) -> dict[str, int]:
    """The size of each name, of which one in a group may follow from the others.

    Raises:
        DimensionBindError: more than one is unknown, or the sizes do not fit.
    """
    sizes = dict(known)
    number = {name: f"d{i}" for i, name in enumerate(name for group in groups for name in group)}
    for group, size in zip(groups, shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        if len(unknown) > 1:
            raise DimensionBindError(
                "cannot infer the sizes of two dimensions at once " + " and ".join(number[name] for name in unknown[:2])
            )  # fmt: skip
        rest = math.prod(sizes[name] for name in group if name in sizes)
        if unknown:
            if size % rest:
                shown = tuple(sizes.get(name, "?") for name in group)
                raise DimensionBindError(
                    f"inferred dimension does not evenly fit into larger dimension: {size} vs {shown}"
                )
            sizes[unknown[0]] = size // rest
        elif rest != size:
            raise DimensionBindError(f"Dimension sizes to do not match ({size} != {rest}) when matching dimension pack")
    return sizes


def _spread(groups: Sequence[Group], many: Sequence[str]) -> list[Group]:
    """The groups with the dimensions that dots stand for: by themselves a group each, in a group part of it."""
    made: list[Group] = []
    for group in groups:
        if group == ["..."]:
            made += [[name] for name in many]
        else:
            made.append([each for name in group for each in (many if name == "..." else [name])])
    return made


def rearrange(tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int) -> Any:
    """The tensor, as the pattern ``"a (b c) -> b a c"`` says.

    Raises:
        ValueError: a pattern that names other dimensions on its sides, or another number of them.
        DimensionBindError: sizes that are not known, or do not fit.
    """
    import reference_engine as engine

    x: Any = tensor if isinstance(tensor, Tensor) else engine.stack(list(tensor))
    left, right = (_parsed(side) for side in pattern.split("->"))
    names = [{name for group in side for name in group} for side in (left, right)]
    if odd := names[0] ^ names[1]:
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {odd}")
    many = [f"...{i}" for i in range(x.dim() - len(left) + 1)] if ["..."] in left else None
    if many is None and len(left) != x.dim():
        raise ValueError(
            f"Number of dimensions in pattern ({len(left)}) must be equal to the number of dimensions in the tensor "
            f"({x.dim()})"
        )
    source = _spread(left, many or [])
    target = _spread(right, many or [])
    sizes = _sizes(source, x.shape, axes_lengths)
    order = [name for group in source for name in group]
    taken = x.reshape([sizes[name] for name in order])
    moved = taken.permute([order.index(name) for group in target for name in group])
    return moved.reshape([math.prod(sizes[name] for name in group) for group in target])
