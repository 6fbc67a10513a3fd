"""Optimizer: groups of parameters, state for each, and a rule that changes one parameter.

Mirrors ``torch.optim.Optimizer``: https://docs.pytorch.org/docs/stable/optim.html
"""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from reference_engine import dtypes
from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.modes import enable_grad, set_grad_enabled
from reference_engine.sparse.creation import unchecked
from reference_engine.tensor import Tensor
from reference_engine.typename import typename

Group = dict[str, Any]
State = dict[str, Any]
ParamsT = StateDict = Any


class _RequiredParameter:
    """Stands for an option that has no default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


_NOT_FUSED = (
    "`fused=True` requires all the params to be floating point Tensors of supported devices: "
    "['mps', 'cuda', 'xpu', 'hpu', 'cpu', 'mtia', 'privateuseone'] but {dtype} and {device}"
)

#: When hooks see the state of an optimizer.
_STATE_HOOKS = ("before saving", "after saving", "before loading", "after loading")


class Optimizer:
    """Base class of all optimizers.

    A subclass says in `update` how one parameter changes, given its gradient, its group's options and its state.

    Attributes:
        refuses_sparse: what it says to sparse gradients, if it takes none.
        fused_refuses: what it says to them, and to complex parameters, when it is asked to be fused.
    """

    refuses_sparse = ""
    fused_refuses = ""
    OptimizerPreHook = Callable[..., Any]
    OptimizerPostHook = Callable[..., Any]

    def __init__(self, params: Any, defaults: Group) -> None:
        self.defaults = defaults
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + typename(params)
            )
        self.state: defaultdict[Any, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._step_pre_hooks = hooks.new_dict()
        self._step_post_hooks = hooks.new_dict()
        self._state_hooks = {when: hooks.new_dict() for when in _STATE_HOOKS}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        if defaults.get("fused"):
            if defaults["differentiable"]:
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _with_hooks(vars(cls)["step"])  # type: ignore[method-assign]

    # -- groups ------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own.

        Raises:
            ValueError: a parameter that is no leaf, or in another group already. TypeError: no tensors.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [item for item in params if isinstance(item, tuple)]
        if named:
            if len(named) != len(params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, *_ in named]
            params = [parameter for _, parameter, *_ in named]
        param_group["params"] = params
        for parameter in params:
            if not isinstance(parameter, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {typename(parameter)}")
            if not self.defaults.get("differentiable") and not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        if self.param_groups and ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if 'param_names' in param_group else 'without'} names to the optimizer"
            )
        earlier = {parameter for group in self.param_groups for parameter in group["params"]}
        if not earlier.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients, or fill them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                    continue
                if parameter.grad.grad_fn is not None:
                    parameter.grad.detach_()
                else:
                    parameter.grad.requires_grad_(False)
                parameter.grad.zero_()

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """The ``step`` of an optimizer: what its hooks and the profiler see is settled elsewhere."""
        return func

    # -- stepping ----------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; `closure` recomputes the loss and is called first."""
        loss = None
        with set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                changed = [parameter for parameter in group["params"] if parameter.grad is not None]
                self._refuse(group, changed)
                for parameter in changed:
                    gradient = -parameter.grad if group.get("maximize") else parameter.grad
                    state = self.state[parameter]
                    self.update(parameter, gradient, group, state)
                    if not state:  # a rule that remembers nothing leaves no entry
                        del self.state[parameter]
        return loss

    def _refuse(self, group: Group, changed: list[Any]) -> None:
        """Raise what is said to parameters that are about to change, and to their gradients, of the wrong kind."""
        fused = group.get("fused")
        # an optimizer with words of its own looks at the first parameter only before it begins
        for parameter in (changed[:1] if self.fused_refuses else changed) if fused else ():
            if not parameter.is_floating_point():
                raise RuntimeError(_NOT_FUSED.format(dtype=parameter.dtype, device=parameter.device))
        words = self.fused_refuses if fused and self.fused_refuses else self.refuses_sparse
        if words and any(parameter.grad.is_sparse for parameter in changed):
            raise RuntimeError(words)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        """Change one parameter."""
        raise NotImplementedError

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; what it returns replaces the arguments."""
        return hooks.add(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return hooks.add(self._step_post_hooks, hook)

    def _add_state_hook(self, when: str, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        handle = hooks.add(self._state_hooks[when], hook)
        if prepend:
            self._state_hooks[when].move_to_end(handle.id, last=False)
        return handle

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before the state is asked for."""
        return self._add_state_hook("before saving", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` with it; what it returns, if anything, replaces it."""
        return self._add_state_hook("after saving", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before it is taken over; what it returns, if anything, replaces it."""
        return self._add_state_hook("before loading", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after a state was taken over."""
        return self._add_state_hook("after loading", hook, prepend)

    def _pass_on(self, when: str, state_dict: dict[str, Any]) -> dict[str, Any]:
        for hook in list(self._state_hooks[when].values()):
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        return state_dict

    # -- state -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """State and groups, with parameters replaced by their numbers."""
        for hook in list(self._state_hooks["before saving"].values()):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for parameter in group["params"]:
                numbers.setdefault(id(parameter), len(numbers))
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [numbers[id(parameter)] for parameter in group["params"]]
            groups.append(packed)
        state = {numbers.get(id(key), key): value for key, value in self.state.items()}
        return self._pass_on("after saving", {"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options saved by `state_dict`.

        Raises:
            ValueError: other groups than this optimizer has.
        """
        state_dict = self._pass_on("before loading", state_dict.copy())
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(group["params"]) != len(saved["params"])
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        owners: dict[int, Tensor] = {}
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            owners.update(zip(saved["params"], group["params"], strict=True))
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        self.param_groups = saved_groups
        self.state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            parameter = owners.get(key, key)
            self.state[parameter] = _cast(parameter, value)
        for hook in list(self._state_hooks["after loading"].values()):
            hook(self)

    def __repr__(self) -> str:
        described = []
        for number, group in enumerate(self.param_groups):
            options = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            described.append(f"Parameter Group {number}\n" + "".join(options))
        return f"{type(self).__name__} (\n" + "\n".join(described) + ")"


#: Hooks of all optimizers.
_global_optimizer_pre_hooks = hooks.new_dict()
_global_optimizer_post_hooks = hooks.new_dict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of any optimizer; see `register_step_pre_hook`."""
    return hooks.add(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of any optimizer."""
    return hooks.add(_global_optimizer_post_hooks, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step between its hooks, which see the arguments as of an unbound call: the optimizer is the first."""

    @functools.wraps(step)
    def with_hooks(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        for hook in [*_global_optimizer_pre_hooks.values(), *self._step_pre_hooks.values()]:
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not isinstance(replaced, tuple) or len(replaced) != 2:
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                    )
                args, kwargs = replaced
        result = step(args[0], *args[1:], **kwargs)
        for hook in [*self._step_post_hooks.values(), *_global_optimizer_post_hooks.values()]:
            hook(self, args, kwargs)
        return result

    return with_hooks


Optimizer.step = _with_hooks(Optimizer.step)  # type: ignore[method-assign]


def _cast(parameter: Any, value: Any, key: str | None = None) -> Any:
    """Loaded state in the dtype of its parameter; the step count stays as it is."""
    if isinstance(value, Tensor):
        floating = isinstance(parameter, Tensor) and parameter.is_floating_point()
        # Where the dtype is right already, the optimizer goes on with the very tensor that it was given.
        return value if key == "step" or not floating else value.to(parameter.dtype)
    if isinstance(value, dict):
        return {name: _cast(parameter, each, name) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(parameter, each) for each in value)
    return value


def check(name: str, value: Any, ok: bool) -> None:
    """Refuse an option outside its range."""
    if not ok:
        raise ValueError(f"Invalid {name}: {value}")


def check_one_element(value: Any, name: str = "lr") -> None:
    """Refuse an option that is a tensor of more than one element."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")


def check_rate(lr: Any) -> None:
    """Refuse a learning rate below zero, or of more than one element."""
    check_one_element(lr)
    check("learning rate", lr, lr >= 0.0)


def check_betas(betas: tuple[float, float]) -> None:
    for index, beta in enumerate(betas):
        check(f"beta parameter at index {index}", beta, 0.0 <= beta < 1.0)


def count_step(state: State) -> float:
    """One more step; the count is kept as a tensor of the default dtype."""
    import reference_engine as torch

    if "step" not in state:
        state["step"] = torch.tensor(0.0, dtype=_step_dtype())
    state["step"].add_(1)
    return float(state["step"].item())


def _step_dtype() -> Any:
    return dtypes.float64 if dtypes.get_default_dtype() is dtypes.float64 else dtypes.float32


def zeros_like(parameter: Tensor) -> Tensor:
    """A buffer for running averages."""
    import reference_engine as torch

    return torch.zeros_like(parameter.detach(), memory_format=torch.preserve_format)


def real_views(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Complex tensors as pairs of real numbers, for rules that treat both parts alike."""
    import reference_engine as torch

    return tuple(torch.view_as_real(t) if t.is_complex() else t for t in tensors)


def at_places(gradient: Tensor, values: Tensor) -> Tensor:
    """Other values at the places of a sparse gradient."""
    return unchecked(gradient._indices(), values, gradient.size())
