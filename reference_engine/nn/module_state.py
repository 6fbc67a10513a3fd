"""The state of a module as a dictionary, and back.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.state_dict
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from reference_engine import __future__ as choices
from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.modes import no_grad
from reference_engine.nn.bound_hook import BoundHook
from reference_engine.nn.parameter import Parameter, is_lazy
from reference_engine.semantics import switch
from reference_engine.tensor import Tensor

#: The key of a module's extra state.
EXTRA_STATE = "_extra_state"

_NEVER_CALLED = (
    "Reached a code path in Module.{}_extra_state() that should never be called. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug."
)


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

    def get_extra_state(self) -> Any:
        """What else belongs to the state; modules that have such define this and `set_extra_state`."""
        raise RuntimeError(_NEVER_CALLED.format("get"))

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(_NEVER_CALLED.format("set"))

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not StateDictMixin.get_extra_state

    # -- saving ------------------------------------------------------------------------------------------------

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Names and tensors of the whole tree; detached unless `keep_vars`."""
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            destination, prefix, keep_vars = (args + (destination, prefix, keep_vars)[len(args) :])[:3]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata: dict[str, Any] = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            made = hook(self, destination, prefix, metadata)
            if getattr(hook, "_from_public_api", False):
                if made is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif made is not None:
                destination = made
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add the state of this module alone; subclasses may add more."""
        for name, value in self._named_state().items():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if self._has_extra_state():
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    # -- loading -----------------------------------------------------------------------------------------------

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
        metadata = getattr(state_dict, "_metadata", None)
        self._load_tree(OrderedDict(state_dict), metadata, "", assign, (missing, unexpected, errors))
        if strict:
            kinds = (("Missing", missing), ("Unexpected", unexpected))
            listed = [(kind, ", ".join(f'"{key}"' for key in keys)) for kind, keys in kinds if keys]
            errors = [f"{kind} key(s) in state_dict: {keys}. " for kind, keys in listed] + errors
        if errors:
            details = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{details}")
        return IncompatibleKeys(missing, unexpected)

    def _load_tree(self, state: Any, metadata: Any, prefix: str, assign: bool, found: tuple[list[str], ...]) -> None:
        missing, unexpected, errors = found
        own = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            own["assign_to_params_buffers"] = assign
        self._load_from_state_dict(state, prefix, own, True, missing, unexpected, errors)
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}{name}."
                part = OrderedDict((key, value) for key, value in state.items() if key.startswith(below))
                module._load_tree(part, metadata, below, assign, found)
        keys = IncompatibleKeys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, keys) is not None:
                gap = " " if switch("nn.post_hook.words_apart") else ""
                raise AssertionError(
                    f"Hooks registered with ``register_load_state_dict_post_hook`` are not{gap}expected to return new "
                    f"values, if incompatible_keys need to be modified,{gap}it should be done inplace."
                )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take the state of this module alone out of a dictionary; subclasses may change it first."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        expected = self._named_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in expected.items():
            key = prefix + name
            if key in state_dict:
                problem = self._load_one(name, key, target, state_dict[key], assign)
                if problem:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)
        extra = prefix + EXTRA_STATE
        if type(self).set_extra_state is not StateDictMixin.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    first, dot, _ = key[len(prefix) :].partition(".")
                    if first not in self._modules if dot else first not in expected:
                        unexpected_keys.append(key)

    def _load_one(self, name: str, key: str, target: Any, value: Any, assign: bool) -> str | None:
        """Copy one tensor; what is wrong with it, if anything."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(value)}"
            )
        if not is_lazy(target):
            sizes = value.shape, target.shape  # of what has no shape yet, this says so
            if sizes == ((1,), ()):
                value = value[0]
        if not is_lazy(target) and value._shape != target._shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {target.shape}."
            )
        if choices.get_swap_module_params_on_conversion():
            self._swap_in(name, key, target, value, assign)
        elif assign:
            if name in self._parameters:
                value = type(target)(value, requires_grad=target.requires_grad)
            setattr(self, name, value)
        else:
            if target.is_meta and not value.is_meta:
                warnings.warn(
                    f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the "
                    "current model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the state "
                    "dictionary to their corresponding key in the module instead of copying them in place?)",
                    stacklevel=5,
                )
            try:
                with no_grad():
                    target.copy_(value)
            except NotImplementedError as no_data:
                return (
                    f'While copying the parameter named "{key}", whose dimensions in the model are {target.shape} and '
                    f"whose dimensions in the checkpoint are {value.shape}, an exception occurred : {no_data.args}."
                )
        return None

    def _swap_in(self, name: str, key: str, target: Any, value: Any, assign: bool) -> None:
        """Let the target be a tensor with the loaded values."""
        from reference_engine.utils.swapping import swap_tensors

        with no_grad():
            made = target.module_load(value, assign=assign)
            if name in self._parameters and not isinstance(made, Parameter):
                made = type(target)(made, requires_grad=target.requires_grad)
            swap_tensors(target, made)

    # -- hooks -------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return hooks.add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)`, which changes the dictionary in place."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return hooks.add(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form: what the hook returns replaces the dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return hooks.add(self._state_dict_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """The older form: the hook is given the module only `with_module`."""
        return hooks.add(self._load_state_dict_pre_hooks, BoundHook(hook, self) if with_module else hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after the module and those below it were loaded."""
        return hooks.add(self._load_state_dict_post_hooks, hook)
