"""What a Program may hold: names, ops, sizes. Checked on every Program that comes from a file.

A Program may be wrong in every way that a test wants to try, but it can't reach outside the library under test: an
op is a public name in one of torch's namespaces for computing, and an attribute is public.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import msgspec

from conformance.program import names as n
from conformance.program import steps as s
from conformance.program import words

MAX_STEPS = 10_000
MAX_DEPTH = 24
MAX_PARTS = 200_000
MAX_RANK = 32
MAX_ELEMENTS = 1 << 16
MAX_TOTAL_ELEMENTS = 1 << 20
MAX_TEXT = 4_000
MAX_INT = 1 << 63


class ProgramError(ValueError):
    """This is no Program; the text names the place and the reason in one line."""


# -- names of ops ------------------------------------------------------------------------------------------------------

NAMESPACES = frozenset(
    {
        "", "Tensor", "linalg", "special", "fft", "masked", "sparse", "nested", "testing", "func", "nn",
        "nn.functional",
        "nn.init", "nn.utils", "nn.utils.parametrize", "optim", "autograd", "autograd.functional",
        "autograd.forward_ad", "autograd.graph", "autograd.function", "autograd.gradcheck", "autograd.Function",
        "autograd.Variable._execution_engine", "utils.checkpoint", "copy",
    }
)  # fmt: skip
PUBLIC = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_KEYWORD = re.compile(r"_?[A-Za-z][A-Za-z0-9_]{0,63}\Z")  # softmax takes _stacklevel
_SAVED = re.compile(r"_(raw_)?saved_[a-z0-9_]{1,60}\Z")  # what a node keeps

# Public names that read or write files, run or compile code, or change the process for every later Program.
FORBIDDEN = frozenset(
    {
        "compile", "data_ptr", "dump", "dumps", "export", "from_file", "get_file_path", "import_ir_module",
        "import_ir_module_from_buffer", "load", "load_library", "load_state_dict_from_url",
        "merge_type_from_type_comment", "parse_ir", "parse_schema", "prepare_multiprocessing_environment",
        "register_module_full_backward_hook", "save", "seed", "set_default_device", "set_default_dtype",
        "set_default_tensor_type", "set_flush_denormal", "set_num_interop_threads", "set_num_threads",
        "set_printoptions", "set_vital", "share_memory_", "tofile", "use_deterministic_algorithms", "write_file",
    }
)  # fmt: skip
# Attributes through which Python lets one climb from an object to the interpreter.
_CLIMBING = re.compile(r"(gi|cr|ag|f|co|tb|func)_")
PRIVATE_READS = frozenset({"_version", "_base", "_is_view", "_grad", "_backward_hooks"})
# Set to see it refused.
PRIVATE_WRITES = frozenset({"_version", "_is_pure_view"})

MODES = frozenset(
    {
        "no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "autograd.no_grad", "autograd.enable_grad",
        "autograd.set_grad_enabled", "autograd.inference_mode", "autograd.detect_anomaly",
        "autograd.set_detect_anomaly", "autograd.set_multithreading_enabled", "autograd.graph.saved_tensors_hooks",
        "autograd.graph.save_on_cpu", "autograd.graph.disable_saved_tensors_hooks",
        "autograd.graph.allow_mutation_on_saved_tensors", "autograd.graph.set_warn_on_accumulate_grad_stream_mismatch",
        "autograd.forward_ad.dual_level", "autograd.forward_ad.set_forward_grad_enabled",
        "utils.checkpoint.set_checkpoint_early_stop", "utils.checkpoint.set_checkpoint_debug_enabled",
        "autograd.profiler.profile", "autograd.grad_mode.no_grad",
    }
)  # fmt: skip


def op_problem(op: str) -> str | None:
    """Why a Program may not call `op` by this dotted name; None if it may."""
    namespace, _, name = op.rpartition(".")
    if namespace not in NAMESPACES:
        return f"no op in the namespace {namespace!r} may be called"
    return attribute_problem(name)


def attribute_problem(name: str) -> str | None:
    """Why a Program may not use an attribute of this name; None if it may."""
    if not (PUBLIC.match(name) or _SAVED.match(name)):
        return f"{name!r} is not a public name"
    if name in FORBIDDEN or name.removesuffix("_") in FORBIDDEN or _CLIMBING.match(name):
        return f"{name!r} is not allowed in a Program"
    return None


# -- checks by type ----------------------------------------------------------------------------------------------------


def _name(text: str) -> str | None:
    return None if s.is_name(text) else f"{text!r} can't be the name of a value"


def _first(problems: Iterable[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


def _make(step: s.Make) -> str | None:
    if len(step.shape) > MAX_RANK:
        return f"a tensor has at most {MAX_RANK} dimensions"
    window = (*(step.strides or ()), step.offset)
    if any(size < 0 for size in (*step.shape, *window)):
        return "sizes, strides and offset can't be negative"
    count = math.prod(step.shape)
    if count > MAX_ELEMENTS or len(step.values) > MAX_ELEMENTS:
        return f"a tensor holds at most {MAX_ELEMENTS} elements"
    if step.strides is None:
        if step.offset:
            return "an offset needs strides"
        if len(step.values) != count and len(step.values) != 1 and count:
            return f"{len(step.values)} values for a shape of {count} elements"
        return None
    if len(step.strides) != len(step.shape):
        return f"{len(step.strides)} strides for {len(step.shape)} dimensions"
    last = step.offset + sum((size - 1) * stride for size, stride in zip(step.shape, step.strides, strict=True))
    if count and last >= len(step.values):
        return f"the strides reach element {last} of a buffer of {len(step.values)}"
    return None


def _apply(step: s.Apply) -> str | None:
    if step.form == "call":
        problem = None if not step.op else "the form 'call' takes no op"
    elif step.form in ("function", "out"):
        problem = op_problem(step.op)
    elif step.form in _OPERATORS:
        problem = None if step.op in _OPERATORS[step.form] else f"{step.op!r} is not an operator"
    else:
        problem = attribute_problem(step.op)
    if problem is None and step.form not in ("function", "out") and not step.args:
        problem = f"the form {step.form!r} needs an argument to act on"
    return problem or _pairs(step.kwargs) or _huge(step)


_OPERATORS: dict[str, Container[str]] = {"operator": words.OPERATORS, "augmented": words.AUGMENTED}


def _huge(step: s.Apply) -> str | None:
    """Sizes such as `zeros(10**9)`: no test needs them, and they would fill the memory."""
    if step.op.rpartition(".")[2] not in _ALLOCATING:
        return None
    values = (*step.args, *[value for _, value in step.kwargs])
    plain = [value for value in values if type(value) is int]
    for sizes in (plain, *[value.items for value in values if isinstance(value, s.Seq)]):
        if math.prod(abs(size) for size in sizes if isinstance(size, int) and size) > MAX_TOTAL_ELEMENTS:
            return "the sizes in the arguments are too large"
    return None


_ALLOCATING = frozenset(
    {
        "arange", "bartlett_window", "blackman_window", "diag_embed", "empty", "eye", "full", "hamming_window",
        "hann_window", "kaiser_window", "linspace", "logspace", "new_empty", "new_full", "new_ones", "new_zeros",
        "one_hot", "ones", "rand", "randint", "randn", "randperm", "repeat", "repeat_interleave", "tile",
        "tril_indices", "triu_indices", "vander", "zeros",
    }
)  # fmt: skip


def _pairs(pairs: tuple[tuple[str, Any], ...]) -> str | None:
    return _first(None if _KEYWORD.match(key) else f"{key!r} is not the name of an argument" for key, _ in pairs)


def _attributes(pairs: tuple[tuple[str, Any], ...]) -> str | None:
    return _first(attribute_problem(name) for name, _ in pairs)


def _enter(step: s.EnterMode) -> str | None:
    return (None if step.mode in MODES else f"{step.mode!r} is not a mode") or _pairs(step.kwargs)


def _hook(step: s.AddHook) -> str | None:
    return None if step.targets else "a hook needs a target"


def _set(step: s.SetAttr) -> str | None:
    return None if step.name in PRIVATE_WRITES else attribute_problem(step.name)


def _read(step: s.Read) -> str | None:
    return None if step.what in PRIVATE_READS else attribute_problem(step.what)


def _function(lit: s.FunctionLit) -> str | None:
    if len(set(lit.params)) != len(lit.params):
        return "a parameter is named twice"
    local, outside = set(lit.params), set[str]()
    for step in lit.steps:
        outside |= n.used(step) - local
        local |= n.defined(step)
    # Python decides for a whole function whether a name is local.
    both = sorted(outside & local)
    return f"{both[0]!r} is read from outside before it is made" if both else _first(map(_name, lit.params))


def _text(text: str) -> str | None:
    return None if len(text) <= MAX_TEXT else f"a text has at most {MAX_TEXT} characters"


def _integer(value: int) -> str | None:
    return None if -MAX_INT <= value < MAX_INT else "an integer must fit in 64 bits"


_CHECKS: dict[type, Callable[[Any], str | None]] = {
    str: _text,
    int: _integer,
    s.Make: _make,
    s.Apply: _apply,
    s.SetAttr: _set,
    s.EnterMode: _enter,
    s.AddHook: _hook,
    s.Read: _read,
    s.Callback: lambda lit: _name(str(lit.value)) if lit.do.startswith("keep") else None,
    s.FunctionLit: _function,
    s.FunctionDef: lambda definition: _name(definition.name) or _attributes(definition.attributes),
    s.CustomFunction: lambda step: _pairs(step.kwargs),
    s.Dtype: lambda arg: attribute_problem(arg.name),
    s.TorchAttr: lambda arg: op_problem(arg.name),
}


def validate(program: s.Program) -> None:
    """Check that a Program keeps the limits.

    Raises:
        ProgramError: it does not; the text names the place.
    """
    if len(program.steps) > MAX_STEPS:
        raise ProgramError(f"steps: at most {MAX_STEPS} steps, not {len(program.steps)}")
    elements = 0
    for seen, (place, value) in enumerate(_parts(program)):
        if seen >= MAX_PARTS:
            raise ProgramError(f"{place}: the Program has more than {MAX_PARTS} parts")
        check = _CHECKS.get(type(value))
        problem = check(value) if check else None
        if problem is None and isinstance(value, msgspec.Struct):
            problem = _first(_name(name) for name in sorted(n.defined(value) | n.mentioned(value)))
        if problem:
            raise ProgramError(f"{place}: {problem}")
        if isinstance(value, s.Make):
            elements += max(math.prod(value.shape), len(value.values))
            if elements > MAX_TOTAL_ELEMENTS:
                raise ProgramError(f"{place}: the Program holds more than {MAX_TOTAL_ELEMENTS} elements")
    for index, region in enumerate(program.regions):
        if not 0 <= region.start <= region.stop <= len(program.steps):
            raise ProgramError(f"regions[{index}]: no such steps")


def _parts(program: s.Program) -> Iterator[tuple[str, Any]]:
    """Everything in a Program that has checks of its own, with its place."""
    pending: list[tuple[str, Any, int]] = [("", program, 0)]
    while pending:
        place, value, depth = pending.pop()
        if depth > MAX_DEPTH * 3:
            raise ProgramError(f"{place[:40]}...: nested too deeply")
        yield place or "Program", value
        if isinstance(value, msgspec.Struct):
            fields = value.__struct_fields__
            pending += [
                (f"{place}.{field}".lstrip("."), getattr(value, field), depth + 1) for field in reversed(fields)
            ]
        elif isinstance(value, tuple):
            pending += [(f"{place}[{index}]", value[index], depth + 1) for index in reversed(range(len(value)))]
