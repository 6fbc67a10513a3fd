"""Selective checkpointing: of the operations in a checkpointed region, some results are kept, others computed again.

https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.create_selective_checkpoint_contexts
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from reference_engine.dispatcher.operators import OpOverload, OpOverloadPacket, aten
from reference_engine.tensor import Tensor
from reference_engine.utils._python_dispatch import TorchDispatchMode
from reference_engine.utils._pytree import tree_map

_WHY = (
    "This can happen if the operations in the checkpointed region are nondeterministic or depend on global state that "
    "changed between forward and backward."
)


class CheckpointPolicy(enum.Enum):
    """What is to become of the result of an operation in the region."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy is told: which of the two runs it is, and what the operation gave."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


SAC_IGNORED_OPS = {aten.detach.default}
"""Operations that the two runs do not have equally many of."""

_SAVED = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
_RECOMPUTE, _CONSUMED = object(), object()

Kept = dict[OpOverload, dict[int, Any]]
"""By operation, and by how many of it came before: the result, or what is to be done instead."""


class _Result:
    """A kept result, which must not have been changed when it is asked for."""

    def __init__(self, value: Any) -> None:
        self.value = value.detach() if isinstance(value, Tensor) else value
        self.version = self.value._version if isinstance(value, Tensor) else None

    def get(self, changed: bool) -> Any:
        if self.version is not None and not changed and self.value._version != self.version:
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        return self.value


class _Keeping(TorchDispatchMode):
    """The first run: asks the policy of each operation."""

    def __init__(self, policy: Callable[..., Any], kept: Kept) -> None:
        super().__init__()
        self.policy, self.kept = policy, kept

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func in SAC_IGNORED_OPS:
            return out
        told = SelectiveCheckpointContext(is_recompute=False, op_output=out)
        policy = self.policy(told, func, *args, **kwargs)
        saves = policy if isinstance(policy, bool) else policy in _SAVED
        of_func = self.kept[func]
        of_func[len(of_func)] = tree_map(_Result, out) if saves else _RECOMPUTE
        return out


class _Giving(TorchDispatchMode):
    """The second run: what was kept is not computed."""

    def __init__(self, kept: Kept, allow_cache_entry_mutation: bool) -> None:
        super().__init__()
        self.kept, self.changed = kept, allow_cache_entry_mutation
        self.count: dict[Any, int] = defaultdict(int)

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True

    def __enter__(self) -> Any:
        self.count.clear()
        return super().__enter__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in SAC_IGNORED_OPS:
            return func(*args, **(kwargs or {}))
        at = self.count[func]
        self.count[func] += 1
        if func not in self.kept:
            raise RuntimeError(f"{func} encountered during backward but not found in storage. {_WHY}")
        entry = self.kept[func].get(at)
        if entry is None:
            raise RuntimeError(
                f"{func} invocation index {at} encountered during backward but not found in storage. {_WHY}"
            )
        if entry is _CONSUMED:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any region computed under "
                "selective activation checkpoint."
            )
        if entry is _RECOMPUTE:
            return func(*args, **(kwargs or {}))
        self.kept[func][at] = _CONSUMED
        return tree_map(lambda result: result.get(self.changed), entry)


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[Any, Any]:
    """Contexts for `context_fn`, by which some results are kept.

    Args:
        policy_fn_or_list: asked as ``policy(ctx, op, *args, **kwargs)`` for a `CheckpointPolicy`; or the operations
            whose results are kept.

    Raises:
        ValueError: something else than overloads of operators in the list.
        TypeError: neither a function nor a list of operations.
    """
    given = policy_fn_or_list
    if isinstance(given, list):
        for op in given:
            if not isinstance(op, OpOverload):
                hint = (
                    "Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
                    "`torch.ops.aten.mm`, change it to `torch.ops.aten.mm.default`."
                )
                raise ValueError(
                    f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. "
                    f"{hint if isinstance(op, OpOverloadPacket) else ''}"
                )
        policy: Callable[..., Any] = lambda ctx, op, *args, **kwargs: op in given  # noqa: E731
    elif callable(given):
        policy = given
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    kept: Kept = defaultdict(dict)
    return _Keeping(policy, kept), _Giving(kept, allow_cache_entry_mutation)
