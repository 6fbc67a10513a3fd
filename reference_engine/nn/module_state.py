"""The state of a module as a dictionary, and back.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.state_dict
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.modes import no_grad
from reference_engine.tensor import Tensor


class IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found too little or too much."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"

    __str__ = __repr__


IncompatibleKeys.__name__ = "_IncompatibleKeys"


class StateDictMixin:
    """`state_dict` and `load_state_dict`."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: hooks.HookDict
    _state_dict_pre_hooks: hooks.HookDict
    _load_state_dict_pre_hooks: hooks.HookDict
    _load_state_dict_post_hooks: hooks.HookDict
    _version = 1

    def _named_state(self) -> dict[str, Any]:
        """Parameters and persistent buffers of this module alone."""
        buffers = {name: b for name, b in self._buffers.items() if name not in self._non_persistent_buffers_set}
        return {name: value for name, value in {**self._parameters, **buffers}.items() if value is not None}

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Names and tensors of the whole tree; detached unless `keep_vars`."""
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        for name, value in self._named_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            hook(self, destination, prefix, metadata)
        return destination

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy values into parameters and buffers by name.

        Raises:
            RuntimeError: keys missing or unexpected (with `strict`), or shapes that differ; all are listed.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        self._load(dict(state_dict), "", missing, unexpected, errors, assign)
        if strict:
            kinds = (("Missing", missing), ("Unexpected", unexpected))
            listed = [(kind, ", ".join(f'"{key}"' for key in keys)) for kind, keys in kinds if keys]
            errors = [f"{kind} key(s) in state_dict: {keys}. " for kind, keys in listed] + errors
        if errors:
            details = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{details}")
        return IncompatibleKeys(missing, unexpected)

    def _load(
        self,
        state: dict[str, Any],
        prefix: str,
        missing: list[str],
        unexpected: list[str],
        errors: list[str],
        assign: bool,
    ) -> None:
        for hook in self._load_state_dict_pre_hooks.values():
            hook(self, state, prefix, {}, True, missing, unexpected, errors)
        expected = self._named_state()
        for name, target in expected.items():
            key = prefix + name
            if key not in state:
                missing.append(key)
                continue
            problem = self._load_one(name, key, target, state[key], assign)
            if problem:
                errors.append(problem)
        for key in state:
            if key.startswith(prefix):
                first, dot, _ = key[len(prefix) :].partition(".")
                if first not in (self._modules if dot else expected):
                    unexpected.append(key)
        for name, module in self._modules.items():
            if module is not None:
                module._load(state, f"{prefix}{name}.", missing, unexpected, errors, assign)
        found = IncompatibleKeys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            hook(self, found)

    def _load_one(self, name: str, key: str, target: Any, value: Any, assign: bool) -> str | None:
        """Copy one tensor; what is wrong with it, if anything."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(value)}"
            )
        if not target._shape and value._shape == (1,):
            value = value[0]
        if value._shape != target._shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {target.shape}."
            )
        if assign:
            if name in self._parameters:
                value = type(target)(value, requires_grad=target.requires_grad)
            setattr(self, name, value)
        else:
            with no_grad():
                target.copy_(value)
        return None

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return hooks.add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return hooks.add(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return hooks.add(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return hooks.add(self._load_state_dict_post_hooks, hook)
