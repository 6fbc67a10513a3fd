"""Puts every public name where torch has it: ``torch.add``, ``torch.linalg.solve``, ``torch.nn.functional.relu``."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
import types
from typing import Any

from reference_engine import (
    attributes,
    creation,
    dtypes,
    layouts,
    legacy_types,
    meta,
    ops,
    override_names,
    overrides,
    subclass_calls,
    typed_storage,
)
from reference_engine.autograd import anomaly
from reference_engine.dispatcher import operators, subclasses
from reference_engine.semantics import current
from reference_engine.tensor import Tensor


def _submodule(top: dict[str, Any], dotted: str) -> dict[str, Any]:
    """The namespace of ``dotted``, made (and importable) if it does not exist yet."""
    scope, path = top, top["__name__"]
    for part in dotted.split("."):
        path = f"{path}.{part}"
        module = scope.get(part)
        if not isinstance(module, types.ModuleType):
            try:
                module = __import__(path, fromlist=["_"])
            except ModuleNotFoundError as missing:
                if missing.name != path:
                    raise
                module = sys.modules[path] = types.ModuleType(path)
                module.__path__ = []
            scope[part] = module
        scope = vars(module)
    return scope


def publish(top: dict[str, Any]) -> None:
    """Fill the package's namespace ``top`` and its submodules."""
    creation.attach()
    subclasses.attach()
    typed_storage.attach(top)
    top.update(legacy_types.TYPES)
    top.update(layouts.LAYOUTS)
    top.update(layouts.MEMORY_FORMATS)
    top["legacy_contiguous_format"] = layouts.MEMORY_FORMATS["contiguous_format"]
    top["layout"], top["memory_format"] = layouts.layout, layouts.memory_format
    for space, functions in ops.declare_all().items():
        scope = _submodule(top, space) if space else top
        for name, function in functions.items():
            scope.setdefault(name, function)
    top["float"], top["int"], top["bool"] = dtypes.float_, dtypes.int_, dtypes.bool_
    top.update({name: d for name, d in dtypes.BY_NAME.items() if name not in top})
    top["chalf"] = dtypes.complex32
    top["pi"], top["inf"], top["nan"], top["e"] = math.pi, math.inf, math.nan, math.e
    top["is_floating_point"], top["is_complex"] = Tensor.is_floating_point, Tensor.is_complex
    top["numel"] = Tensor.numel
    top["result_type"] = result_type
    top["can_cast"] = dtypes.can_cast
    top["is_anomaly_enabled"] = anomaly.enabled
    top["set_anomaly_enabled"] = anomaly.set_anomaly_enabled
    top["is_anomaly_check_nan_enabled"] = anomaly.is_anomaly_check_nan_enabled
    attributes.attach()
    top["__version__"] = str(current().version)
    _publish_surface(top)
    for waiting in (top["nn"].UninitializedParameter, top["nn"].UninitializedBuffer):
        subclass_calls.offered(waiting, Tensor)


#: Names of the top level that are defined in a module of another name.
_ELSEWHERE = {
    "amp": ("GradScaler", "autocast"),
    "amp.autocast_mode": (
        "clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype", "get_autocast_gpu_dtype",
        "is_autocast_cache_enabled", "is_autocast_cpu_enabled", "is_autocast_enabled", "set_autocast_cache_enabled",
        "set_autocast_cpu_dtype", "set_autocast_cpu_enabled", "set_autocast_dtype", "set_autocast_enabled",
    ),
    "compiler": ("compile",),
    "ranges": (
        "asarray", "broadcast_shapes", "frombuffer", "isin", "logspace", "range", "tril_indices", "triu_indices",
        "unravel_index",
    ),
    "spellings": (
        "ccol_indices_copy", "col_indices_copy", "crow_indices_copy", "embedding_renorm_", "row_indices_copy",
        "values_copy",
        "adaptive_avg_pool1d", "as_strided_", "celu_", "avg_pool1d", "batch_norm", "bilinear",
        "binary_cross_entropy_with_logits", "celu", "cosine_embedding_loss", "detach", "detach_",
        "embedding", "get_device", "group_norm", "gru_cell", "hinge_embedding_loss",
        "instance_norm", "is_conj", "is_distributed", "is_inference", "is_neg", "is_nonzero", "is_same_size",
        "is_signed", "is_storage", "kl_div", "layer_norm", "lstm_cell", "margin_ranking_loss", "max_pool1d",
        "max_pool2d", "max_pool3d", "poisson_nll_loss", "resize_as_", "rms_norm", "rnn_relu_cell", "rnn_tanh_cell",
        "selu", "selu_", "threshold_",
        "triplet_margin_loss", "zero_",
    ),
    "random": (
        "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state",
        "thread_safe_generator",
    ),
    "printing": ("set_printoptions", "get_printoptions"),
    "typename": ("typename",),
    "func.vectorized": ("vmap",),
    "legacy_types": ("set_default_tensor_type",),
    "backends": (
        "are_deterministic_algorithms_enabled", "get_default_device", "get_deterministic_debug_mode",
        "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
        "is_deterministic_algorithms_warn_only_enabled", "set_default_device", "set_deterministic_debug_mode",
        "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "set_num_threads",
        "is_warn_always_enabled", "set_warn_always",
        "use_deterministic_algorithms",
    ),
    "nn.recurrence": ("gru", "lstm", "rnn_relu", "rnn_tanh"),
    "serialization": ("load", "save"),
    "sparse.creation": ("sparse_coo_tensor",),
    "sparse.compressed": (
        "sparse_bsc_tensor", "sparse_bsr_tensor", "sparse_compressed_tensor", "sparse_csc_tensor", "sparse_csr_tensor",
    ),
    "ops.products": ("chain_matmul", "einsum"),
    "exchange": ("from_dlpack", "from_file", "to_dlpack"),
    "errors": ("AcceleratorError", "FatalError", "OutOfMemoryError"),
    "overrides": ("DisableTorchFunction", "DisableTorchFunctionSubclass"),
    "control_flow": ("cond", "while_loop"),
    "streams": ("Event", "Stream", "get_device_module"),
    "futures": ("Future",),
    "jit": ("ScriptModule", "fork", "wait"),
    "dispatcher.keys": ("DispatchKey",),
    "dispatcher.schema": ("Argument", "FunctionSchema", "parse_schema"),
    "symbolic": (
        "SymBool", "SymFloat", "SymInt",
        "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum",
    ),
    "lowrank": ("pca_lowrank", "svd_lowrank"),
    "ops.lu": ("lu",),
    "removed": ("eig", "lstsq", "matrix_rank", "solve", "symeig"),
    "ops.splitting": ("broadcast_tensors", "meshgrid", "atleast_1d", "atleast_2d", "atleast_3d"),
    "ops.joining": ("block_diag", "cartesian_prod"),
    "ops.sampling": ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"),
}  # fmt: skip

#: Python functions that a TorchFunctionMode sees whole: most make tensors from nothing.
_FACTORIES = (
    "arange", "as_tensor", "empty", "eye", "full", "linspace", "logspace", "ones", "rand", "randint", "randn",
    "randperm", "range", "tensor", "zeros",
)  # fmt: skip

#: Modules that torch has under another name.
_ALIASES = {
    "autograd.grad_mode": "modes",
    "autograd.anomaly_mode": "autograd.anomaly",
    "testing._comparison": "testing.comparison",
    "testing._creation": "testing.creation",
    "nn.modules": "nn.modules",
}


def _publish_surface(top: dict[str, Any]) -> None:
    """Random numbers, printing, and the parts of torch that are not autograd: nn, optim, testing, utils."""
    package = top["__name__"]
    for module, names in _ELSEWHERE.items():
        found = vars(importlib.import_module(f"{package}.{module}"))
        top.update({name: found[name] for name in names})
    top["newaxis"] = None
    top["has_lapack"] = top["has_mkl"] = top["has_openmp"] = top["has_spectral"] = True
    top["is_vulkan_available"], top["compiled_with_cxx11_abi"] = (lambda: False), (lambda: True)
    top["Tag"] = operators.Tag
    for part in (
        "__future__", "_C", "_tensor", "amp", "backends", "compiler", "cuda", "distributions", "func", "jit", "library",
        "masked", "nn", "optim", "profiler", "signal", "testing", "types", "utils", "version",
    ):  # fmt: skip
        top[part] = importlib.import_module(f"{package}.{part}")
    importlib.import_module(f"{package}.utils.dlpack")
    for name in _FACTORIES:
        top[name] = overrides.factory(meta.factory(top[name]))
    for name in ("rand_like", "randn_like", "randint_like", "empty_strided", "empty_permuted", "scalar_tensor"):
        top[name] = meta.factory(top[name])
    layers = [value for value in vars(top["nn"]).values() if isinstance(value, type)]
    for layer in dict.fromkeys(base for value in layers for base in value.__mro__):
        initialise: Any = vars(layer).get("__init__") if layer.__module__.startswith(package) else None
        if initialise is not None and "device" in inspect.signature(initialise).parameters:
            setattr(layer, "__init__", meta.layer(initialise))  # noqa: B010
    _make_overridable(top)
    for alias, module in _ALIASES.items():
        parent, _, short = alias.rpartition(".")
        found_module = importlib.import_module(f"{package}.{module}")
        sys.modules[f"{package}.{alias}"] = found_module
        setattr(sys.modules[f"{package}.{parent}"], short, found_module)
    importlib.import_module(f"{package}.nn.module_homes").publish(package)
    backends = top["backends"]
    for name in ("cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"):  # objects that are imported like modules
        sys.modules[f"{package}.backends.{name}"] = getattr(backends, name)
    for name in ("mps", "accelerator"):
        top[name] = sys.modules[f"{package}.{name}"] = getattr(backends, name)
    devices = importlib.import_module(f"{package}.amp.devices")
    cpu: Any = types.ModuleType(f"{package}.cpu")
    top["cpu"] = sys.modules[f"{package}.cpu"] = cpu
    holders: dict[str, Any] = {"cuda": top["cuda"], "cpu": cpu}
    for device, holder in holders.items():
        holder.amp = sys.modules[f"{package}.{device}.amp"] = devices.namespace(device)
    dynamo = top["_dynamo"] = sys.modules[f"{package}._dynamo"] = types.ModuleType(f"{package}._dynamo")
    dynamo.__dict__.update({name: getattr(top["compiler"], name) for name in ("reset", "disable", "allow_in_graph")})
    shown = {name: value for name, value in top.items() if callable(value)}
    for name in ("_VF", "functional"):  # have some of the functions of the top level
        made = top[name] = sys.modules[f"{package}.{name}"] = types.ModuleType(f"{package}.{name}")
        made.__dict__.update(shown)


def _make_overridable(top: dict[str, Any]) -> None:
    """Let ``__torch_function__`` see functions that are no operations, and methods by their own names."""
    for name in (*override_names.PYTHON_FUNCTIONS, *override_names.NATIVE_FUNCTIONS):
        if isinstance(top.get(name), types.FunctionType):
            top[name] = overrides.overridable(top[name], native=name in override_names.NATIVE_FUNCTIONS)
    functional = top["nn"].functional
    for name, function in list(vars(functional).items()):
        if isinstance(function, types.FunctionType) and override_names.is_functional(name):
            native = name in override_names.NATIVE_FUNCTIONALS
            setattr(functional, name, overrides.overridable(function, native))
    for name in dir(Tensor):
        method = inspect.getattr_static(Tensor, name)
        called = override_names.METHOD_NAMES.get(name, name)
        if isinstance(method, types.FunctionType) and method.__name__ != called:
            setattr(Tensor, name, _renamed(method, called))


def _renamed(function: types.FunctionType, name: str) -> types.FunctionType:
    """A function of its own under another name."""
    made = types.FunctionType(
        function.__code__, function.__globals__, name, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__, made.__doc__, made.__module__ = function.__kwdefaults__, function.__doc__, function.__module__
    made.__qualname__ = f"Tensor.{name}"
    return made


def result_type(a: Any, b: Any) -> dtypes.dtype:
    from reference_engine.ops.kernels import promote

    return promote([a, b])
