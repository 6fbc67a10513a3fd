"""Modules as functions: ``functional_call`` and ``stack_module_state``.

Source: https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reference_engine.nn.module import Module
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def functional_call(
    module: Module, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: dict[str, Any] | None = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """Call a module with other parameters and buffers than its own.

    Args:
        module: the module.
        parameter_and_buffer_dicts: tensors by dotted name: a dict, or several that share no name.
        args: the positional arguments, or the only one.
        kwargs: the others.
        tie_weights: one tensor with several names in the module is replaced under all of them.
        strict: refuse names that the module lacks, and names of it that are not given.
    """
    given = _merged(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise refusal("functorch.functional_call.type", type=type(dicts))
    if not all(isinstance(d, dict) for d in dicts):
        raise refusal("functorch.functional_call.dicts")
    names = [name for d in dicts for name in d]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise refusal("functorch.functional_call.repeated", names=repeated)
    return {name: value for d in dicts for name, value in d.items()}


def _untied(own: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The given tensors, also under the other names that their places have.

    Raises:
        ValueError: several tensors for one place.
    """
    tied = {name: [other for other in own if own[other] is tensor] for name, tensor in own.items()}
    made = dict(given)
    for name in given:
        names = tied.get(name, [name])
        among = [other for other in names if other in given]
        if len(among) > 1 and any(given.get(other) is not given[name] for other in names):
            raise refusal("functorch.functional_call.tied", names=sorted(names))
        made.update(dict.fromkeys(names, given[name]))
    return made


@contextmanager
def _replaced(module: Module, given: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    """The module with the given tensors in place of its own; what it puts in place of them goes into ``given``."""
    own: dict[str, Any] = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    values = _untied(own, given) if tie_weights else given
    if strict:
        _check_names(module, own, values)
    before: dict[str, Any] = {}
    try:
        for name, value in values.items():
            before[name] = _swapped(module, name, value)
        yield
    finally:
        after = {name: _swapped(module, name, value) for name, value in before.items()}
        given.update({name: after[name] for name in given if name in after})


def _check_names(module: Module, own: dict[str, Any], values: dict[str, Any]) -> None:
    unexpected = [repr(name) for name in sorted(values) if name not in own]
    missing = [repr(name) for name in sorted(own) if name not in values]
    lines = [f"Unexpected key(s): {', '.join(unexpected)}."] if unexpected else []
    lines += [f"Missing key(s): {', '.join(missing)}."] if missing else []
    if lines:
        raise refusal("functorch.functional_call.strict", module=module._get_name(), lines="\n\t".join(lines))


_ABSENT: Any = object()


def _swapped(module: Module, dotted: str, value: Any) -> Any:
    """Put a tensor in its place; returns what was there."""
    path, _, name = dotted.rpartition(".")
    home: Any = module
    for part in path.split(".") if path else ():
        below = getattr(home, part, None)
        if below is None:
            raise refusal("functorch.functional_call.no_module", module=home._get_name(), name=part)
        home = below
    if not name:
        raise KeyError('tensor name can\'t be empty string ""')
    if value is not _ABSENT and value is not None and not isinstance(value, Tensor):
        raise refusal("functorch.functional_call.not_tensor", value=value)
    for registered in (home._parameters, home._buffers):
        if name in registered:
            before, registered[name] = registered[name], value
            return before
    before = getattr(home, name, _ABSENT)
    if value is not _ABSENT:
        setattr(home, name, value)
    elif before is not _ABSENT:
        delattr(home, name)
    return before


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several modules of one class, stacked, for ``vmap`` over an ensemble."""
    models = list(models)
    if not models:
        raise refusal("functorch.stack_module_state.none")
    if len({m.training for m in models}) > 1:
        raise refusal("functorch.stack_module_state.training")
    if len({type(m) for m in models}) > 1:
        raise refusal("functorch.stack_module_state.classes")
    parameters, buffers = (
        [dict(getattr(m, names)()) for m in models] for names in ("named_parameters", "named_buffers")
    )
    return _stacked(parameters), _stacked(buffers)


def _stacked(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    import reference_engine as engine

    made = {}
    for name in states[0]:
        tensors = [state[name] for state in states]
        wanted = {t.requires_grad for t in tensors}
        if len(wanted) > 1:
            raise refusal("functorch.stack_module_state.requires_grad", name=name)
        stacked = engine.stack(tensors)
        made[name] = stacked.detach().requires_grad_() if wanted == {True} else stacked
    return made
