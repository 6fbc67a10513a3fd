"""Module: a tree of parameters, buffers and submodules with a forward computation.

Mirrors ``torch.nn.Module``: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from reference_engine import creation, devices, dtypes, meta
from reference_engine.autograd import hooks
from reference_engine.nn import module_hooks
from reference_engine.nn.conversion import convert
from reference_engine.nn.global_hooks import (
    on_registration,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from reference_engine.nn.module_state import StateDictMixin
from reference_engine.nn.parameter import Buffer, Parameter
from reference_engine.tensor import Tensor
from reference_engine.typename import typename

_KINDS = ("_parameters", "_buffers", "_modules")

# the registries of global_hooks, where torch has them
_global_parameter_registration_hooks, _global_buffer_registration_hooks = hooks.new_dict(), hooks.new_dict()
_global_module_registration_hooks = hooks.new_dict()
_global_forward_pre_hooks, _global_forward_hooks = hooks.new_dict(), hooks.new_dict()
_global_forward_hooks_with_kwargs, _global_forward_hooks_always_called = hooks.new_dict(), hooks.new_dict()
_global_backward_pre_hooks, _global_backward_hooks = hooks.new_dict(), hooks.new_dict()
_global_is_full_backward_hook: bool | None = None


class Module(module_hooks.HooksMixin, StateDictMixin):
    """Base class of all neural network modules."""

    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    call_super_init: bool = False
    dump_patches: bool = False
    _compiled_call_impl: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = f"{type(self).__name__}.__init__()"
        if kwargs:
            raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
        if args:
            raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")
        fields: dict[str, Any] = {
            "training": True,
            "_parameters": {},
            "_buffers": {},
            "_non_persistent_buffers_set": set(),
            **module_hooks.empty_registries(),
            "_modules": {},
        }
        self.__dict__.update(fields)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        module_hooks.add_missing_registries(self.__dict__)
        self.__dict__.setdefault("_non_persistent_buffers_set", set())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every module defines its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return module_hooks.call(self, args, kwargs)

    # -- registration ------------------------------------------------------------------------------------------

    def _check_new_name(self, kind: str, name: Any, registry: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if kind == "module" and hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[registry]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Any) -> None:
        """Add a parameter; it becomes the attribute `name`.

        Raises:
            AttributeError: before ``Module.__init__``. TypeError, KeyError: an unfit name or value. ValueError: a
                tensor with history.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_new_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                    "forward() method."
                )
        self._parameters[name] = param if param is None else on_registration("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module's state but is not trained."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_new_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = on_registration("buffer", self, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Any) -> None:
        """Add a submodule; it becomes the attribute `name`."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_new_name("module", name, "_modules")
        self._modules[name] = on_registration("module", self, name, module)

    register_module = add_module

    def __getattr__(self, name: str) -> Any:
        for kind in _KINDS:
            registry = self.__dict__.get(kind)
            if registry is not None and name in registry:
                return registry[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        parameters, modules, buffers = fields.get("_parameters"), fields.get("_modules"), fields.get("_buffers")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, but="_parameters")
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, but="_modules")
            modules[name] = on_registration("module", self, name, value)
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                )
            modules[name] = value
        elif isinstance(value, Buffer) or (buffers is not None and name in buffers):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{typename(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            if buffers is None or name not in buffers:
                self._forget(name, but="_buffers")
                self.register_buffer(name, value, getattr(value, "persistent", True))
            else:
                buffers[name] = value
        else:
            super().__setattr__(name, value)

    def _forget(self, name: str, but: str) -> None:
        """Take `name` out of the places where it may have been before it becomes something else."""
        self.__dict__.pop(name, None)
        for kind in _KINDS:
            if kind != but:
                self.__dict__[kind].pop(name, None)
        if but != "_buffers":
            self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for kind in _KINDS:
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(name for name in names if not name[0].isdigit())

    # -- walking -----------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once unless `remove_duplicate` is false."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = prefix + ("." if prefix else "") + name
                yield from module.named_modules(memo, below, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        seen: set[Any] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for owner, module in owners:
            for name, value in getattr(module, kind).items():
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield owner + ("." if owner else "") + name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        yield from self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        yield from self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The submodule with a dotted name."""
        module: Any = self
        for part in target.split(".") if target else ():
            if not hasattr(module, part):
                raise AttributeError(f"{module._get_name()} has no attribute `{part}`")
            module = getattr(module, part)
            if not isinstance(module, Module):
                raise AttributeError(f"`{part}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Any:
        """The parameter with a dotted name."""
        return self._get_member(target, lambda module, value: isinstance(value, Parameter), "an nn.Parameter")

    def get_buffer(self, target: str) -> Any:
        """The buffer with a dotted name."""
        return self._get_member(
            target, lambda module, value: any(value is b for b in module._buffers.values()), "a buffer"
        )

    def _get_member(self, target: str, belongs: Callable[[Module, Any], bool], what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        value = getattr(module, name)
        if not belongs(module, value):
            raise AttributeError(f"`{name}` is not {what}")
        return value

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put a module in the place with a dotted name; with `strict` there must be one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    # -- changing ----------------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Any:
        """Call `fn` with every submodule, children first, and with this module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor]) -> Any:
        """Replace the data of every parameter, of its gradient, and every buffer."""
        for module in self.children():
            module._apply(fn)
        convert(self, fn)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move to a floating dtype (devices other than the CPU do not exist here)."""
        places = [kwargs.get("device"), *(a.device if isinstance(a, Tensor) else a for a in args[:1])]
        for place in places:
            if isinstance(place, (str, devices.device)):
                devices.require(place)
                self._move(place)
        given = map(dtypes.of_type, (*args, *kwargs.values()))
        wanted = [value for value in given if isinstance(value, dtypes.dtype)]
        wanted += [value.dtype for value in args if isinstance(value, Tensor)]
        if wanted and not wanted[0].is_differentiable:
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted[0]}"
            )
        if not wanted:
            return self
        if wanted[0].is_complex:
            warnings.warn(
                "Complex modules are a new feature under active development whose design may change, and some modules "
                "might not work as expected when using complex tensors as parameters or buffers. Please file an issue "
                "at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does "
                "not work as expected.",
                stacklevel=2,
            )
        return self._apply(lambda t: t.to(wanted[0]) if t.is_floating_point() or t.is_complex() else t)

    def _move(self, place: Any) -> None:
        """To the meta device.

        Raises:
            NotImplementedError: from there.
        """
        if not meta.used and devices.device(place).type != "meta":
            return
        try:
            self._apply(lambda t: t.to(place))
        except NotImplementedError as no_data:
            raise NotImplementedError(
                f"{no_data} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving module "
                "from meta to a different device."
            ) from None

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Move without the values."""
        return self._apply(lambda t: creation.empty_like(t, device=device))

    def type(self, dst_type: Any) -> Any:
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Any:
        return self._floats_to(dtypes.float32)

    def double(self) -> Any:
        return self._floats_to(dtypes.float64)

    def half(self) -> Any:
        return self._floats_to(dtypes.float16)

    def bfloat16(self) -> Any:
        return self._floats_to(dtypes.bfloat16)

    def _floats_to(self, wanted: Any) -> Any:
        return self._apply(lambda t: t.to(wanted) if t.is_floating_point() else t)

    def cpu(self) -> Any:
        return self._apply(lambda t: t.cpu()) if meta.used else self

    def cuda(self, device: Any = None) -> Any:
        devices.require("cuda")

    def xpu(self, device: Any = None) -> Any:
        devices.require("xpu")

    def ipu(self, device: Any = None) -> Any:
        raise RuntimeError("PyTorch is not linked with support for ipu devices")

    def mtia(self, device: Any = None) -> Any:
        raise AssertionError(
            "Torch not compiled with MTIA enabled. Ensure you have `import "
            "mtia.host_runtime.torch_mtia.dynamic_library` in your python src file and include "
            "`//mtia/host_runtime/torch_mtia:torch_mtia` as your target dependency!"
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Every call is run as it is written."""

    def train(self, mode: bool = True) -> Any:
        """Training or evaluation mode, for this module and all below."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                if parameter.grad.grad_fn is not None:
                    parameter.grad.detach_()
                else:
                    parameter.grad.requires_grad_(False)
                parameter.grad.zero_()

    def share_memory(self) -> Any:
        return self._apply(lambda t: t.share_memory_())

    # -- printing ----------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the brackets before the children."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): " + indent(repr(module), 2) for name, module in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        lines = extra + children
        return self._get_name() + "(" + ("\n  " + "\n  ".join(lines) + "\n" if lines else "") + ")"


def indent(text: str, spaces: int) -> str:
    """`text` with all lines but the first indented."""
    return text.replace("\n", "\n" + " " * spaces)


__all__ = [
    "Module", "indent", "register_module_backward_hook", "register_module_buffer_registration_hook",
    "register_module_forward_hook", "register_module_forward_pre_hook", "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook", "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]  # fmt: skip
