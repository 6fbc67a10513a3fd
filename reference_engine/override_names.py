"""Which functions ``__torch_function__`` sees, what they are called, and how their arguments reach it.

torch writes some of its functions in C and others in Python. A function in C hands its arguments over as they came, and
None where there are no keywords. One in Python names all that have a default: ``relu(x)`` arrives as
``relu(x, inplace=False)``.

Source: https://docs.pytorch.org/docs/stable/torch.overrides.html
"""

from __future__ import annotations

import functools
import inspect
import types
from collections import defaultdict
from collections.abc import Callable
from typing import Any

#: Functions of the top level that are written in Python; they live in ``torch.functional``.
PYTHON_FUNCTIONS = frozenset({
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors", "cartesian_prod",
    "cdist", "chain_matmul", "einsum", "istft", "lu", "meshgrid", "norm", "pca_lowrank", "split", "stft", "svd_lowrank",
    "tensordot", "unique", "unique_consecutive", "unravel_index",
})  # fmt: skip

#: Methods of tensors that are.
PYTHON_METHODS = frozenset({
    "__array__", "__array_wrap__", "__contains__", "__deepcopy__", "__floordiv__", "__format__", "__ipow__", "__len__",
    "__pow__", "__rdiv__", "__reduce_ex__", "__repr__", "__reversed__", "__rfloordiv__", "__rlshift__", "__rmatmul__",
    "__rmod__", "__rpow__", "__rrshift__", "__rsub__", "__rtruediv__", "__setstate__", "backward", "dim_order",
    "is_shared", "istft", "lu", "module_load", "norm", "register_hook", "register_post_accumulate_grad_hook", "resize",
    "resize_as", "share_memory_", "split", "stft", "storage", "to_sparse_coo", "unflatten", "unique",
    "unique_consecutive",
})  # fmt: skip

#: Functions of ``torch.nn.functional`` that are written in C, where most are not.
NATIVE_FUNCTIONALS = frozenset({
    "adaptive_avg_pool1d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "bilinear", "celu_", "channel_shuffle", "conv1d",
    "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity",
    "elu_", "gelu", "hardshrink", "hardtanh_", "leaky_relu_", "linear", "logsigmoid", "native_channel_shuffle",
    "one_hot", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "prelu", "relu_", "rrelu_",
    "scaled_dot_product_attention", "selu_", "softplus", "softshrink", "threshold_",
})  # fmt: skip

#: Functions of the top level that are written in C, and that are no operations.
NATIVE_FUNCTIONS = (
    "empty_like", "full_like", "is_complex", "is_conj", "is_floating_point", "is_inference", "is_neg", "is_nonzero",
    "is_same_size", "is_signed", "numel", "ones_like", "rand_like", "randint_like", "randn_like", "result_type",
    "zeros_like",
)  # fmt: skip

#: Functions of ``torch.nn.functional`` that only call a method.
_METHODS_SPELLED = ("sigmoid", "tanh")


def is_functional(name: str) -> bool:
    """Whether a Python function of ``torch.nn.functional`` can be overridden."""
    return not name.startswith("_") and "torch_function" not in name and name not in _METHODS_SPELLED


#: What the methods of operators are called that have another name than where they are found.
METHOD_NAMES = {"__pow__": "pow", "__ipow__": "pow_", "__rtruediv__": "__rdiv__"}

#: What nobody can override: it makes tensors, or is not about them.
IGNORED = frozenset({
    "as_strided_copy", "as_subclass", "as_tensor", "asarray", "arange", "autocast", "bartlett_window",
    "blackman_window", "can_cast", "compile", "complex", "empty", "empty_permuted", "empty_strided", "eye", "from_file",
    "from_numpy", "frombuffer", "full", "get_default_dtype", "get_device", "get_num_threads", "get_rng_state",
    "hamming_window", "hann_window", "has_names", "has_torch_function", "handle_torch_function", "initial_seed",
    "is_grad_enabled", "is_tensor", "kaiser_window", "linspace", "load", "logspace", "manual_seed", "new", "normal",
    "ones", "promote_types", "rand", "randint", "randn", "randperm", "range", "save", "scalar_tensor", "seed",
    "set_default_dtype", "set_grad_enabled", "set_printoptions", "set_rng_state", "sparse_coo_tensor", "tensor",
    "tril_indices", "triu_indices", "vmap", "zeros",
})  # fmt: skip


def is_native(dotted: str, is_method: bool) -> bool:
    """Whether torch writes it in C."""
    space, _, name = dotted.rpartition(".")
    if is_method:
        return name not in PYTHON_METHODS
    if space == "nn.functional":
        return name in NATIVE_FUNCTIONALS
    return bool(space) or name not in PYTHON_FUNCTIONS or name == "istft"  # which torch.functional takes from C


def named(
    defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a function in Python: those without a default by place, the others by name.

    Args:
        defaults: the parameters in order, with `inspect.Parameter.empty` for those that have no default.
    """
    if all(default is not inspect.Parameter.empty for default in defaults.values()):
        return args, {**defaults, **kwargs}
    names = list(defaults)
    if len(args) > len(names) or any(name not in defaults for name in kwargs):
        return args, kwargs  # the function itself will refuse them
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    places = tuple(given[name] for name in names if defaults[name] is inspect.Parameter.empty and name in given)
    rest = {name: given.get(name, default) for name, default in defaults.items()}
    return places, {name: v for name, v in rest.items() if defaults[name] is not inspect.Parameter.empty}


def defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a Python function; of one that takes any number of them, those that have a name."""
    parameters = inspect.signature(function).parameters.values()
    any_number = any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
    return {p.name: p.default for p in parameters if not any_number or p.kind is p.KEYWORD_ONLY}


# -- names -----------------------------------------------------------------------------------------------------------


def _namespaces() -> list[tuple[str, Any, list[str]]]:
    import reference_engine as torch
    from reference_engine.tensor import Tensor

    functionals = sorted(PYTHON_FUNCTIONS & set(vars(torch)))
    top = [name for name, value in vars(torch).items() if not isinstance(value, type)]
    return [
        ("torch", torch, top),
        ("torch.functional", torch, functionals),
        *((f"torch.{n}", s, dir(s)) for n, s in (("nn.functional", torch.nn.functional), ("nn.init", torch.nn.init))),
        ("torch.Tensor", Tensor, dir(Tensor)),
        *((f"torch.{n}", s, dir(s)) for n, s in (("linalg", torch.linalg), ("fft", torch.fft))),
        ("torch.special", torch.special, dir(torch.special)),
    ]


@functools.cache
def _tables() -> tuple[dict[Any, list[Any]], dict[Any, str]]:
    """The functions that can be overridden, by namespace, and the name of each."""
    from reference_engine.tensor import Tensor

    overridable: dict[Any, list[Any]] = defaultdict(list)
    index: dict[Any, str] = {}
    for home, space, names in _namespaces():
        methods = space is Tensor
        for name in names:
            found = inspect.getattr_static(space, name, None)
            hidden = name.startswith("_") or name.endswith("_") or not name[:1].islower()
            if isinstance(found, property):
                index[found.__get__] = f"{home}.{name}.__get__"
                index[found.__set__] = f"{home}.{name}.__set__"
                overridable[found].append(found.__get__)
                continue
            if isinstance(found, (types.ModuleType, type)) or not callable(found) or name.startswith("__") > methods:
                continue
            if methods and getattr(object, name, None) is found:
                continue
            index[found] = f"{home}.{name}"
            if name not in IGNORED and (methods or not hidden):
                overridable[space].append(found)
    return overridable, index


def resolve_name(f: Any) -> str | None:
    """The public name of a function, as it is handed to ``__torch_function__``; None if it has none."""
    if isinstance(f, types.MethodWrapperType):
        return _tables()[1].get(f)
    try:
        return _tables()[1].get(f)
    except TypeError:  # nothing that could be looked up
        return None


def get_overridable_functions() -> dict[Any, list[Any]]:
    """The functions that can be overridden, by namespace."""
    return _tables()[0]


def get_ignored_functions() -> set[Any]:
    """Public functions that cannot be overridden."""
    return {
        found
        for _, space, names in _namespaces()
        for name in names
        if name in IGNORED and callable(found := inspect.getattr_static(space, name, None))
    }


def get_testing_overrides() -> dict[Any, Callable[..., Any]]:
    """For each function that can be overridden a dummy with the same parameters, which returns -1."""
    return {
        function: _dummy(function)
        for functions in get_overridable_functions().values()
        for function in functions
        if not isinstance(function, types.MethodWrapperType)
    }


def _dummy(function: Any) -> Callable[..., Any]:
    ops = getattr(function, "ops", None)
    if ops is None:
        return lambda *args, **kwargs: -1
    parts = []
    for parameter in ops[0].params:
        name = "input" if parameter.name == "self" else parameter.name
        parts.append(name if parameter.required else f"{name}={parameter.default!r}")
    if any(op.out for op in ops):
        parts.append("out=None")
    made: Callable[..., Any] = eval(f"lambda {', '.join(parts)}: -1", {"inf": float("inf")})
    return made


def is_tensor_method_or_property(func: Any) -> bool:
    """Whether it belongs to tensors; of a property, its ``__get__`` is what is handed over."""
    from reference_engine.tensor import Tensor

    if getattr(func, "__name__", "") == "__get__":
        return True
    return inspect.getattr_static(Tensor, getattr(func, "__name__", ""), None) is func
