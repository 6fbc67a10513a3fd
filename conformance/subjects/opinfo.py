"""Torch's own table of ops for its own tests (OpInfo): which it knows of, and the inputs it tries them on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from conformance.program import steps as s
from conformance.program.limits import op_problem
from conformance.program.steps import Program
from conformance.subjects.base import Subject, SubjectUnavailable

MAX_NUMEL = 400  # of the tensors of a sample together: larger ones show nothing that smaller ones don't


@dataclass(frozen=True)
class OpInfoEntry:
    """An entry that supports autograd: a name, the variant of it, and torch's other names for the same op."""

    name: str
    variant: str
    aliases: tuple[str, ...]


def autograd_entries() -> tuple[OpInfoEntry, ...]:
    """Every OpInfo entry of the installed torch that supports autograd, in torch's order.

    Raises:
        SubjectUnavailable: there is no torch here, or none of its testing extras.
    """
    return tuple(
        OpInfoEntry(op.name, op.variant_test_name, tuple(alias.name for alias in op.aliases)) for op in _table()
    )


def functions_of(subject: Subject) -> Callable[[str, str], bool]:
    """Whether a subject has an op of a name, in the form "function", "method" or "property"."""

    def knows(name: str, form: str) -> bool:
        try:
            subject.resolve(name if form == "function" else f"Tensor.{name}")
        except AttributeError:
            return False
        return True

    return knows


def callable_entries(subject: Subject) -> frozenset[str]:
    """The names of the entries that a subject can be asked for, in whatever way torch spells them.

    Raises:
        SubjectUnavailable: there is no torch here, or none of its testing extras.
    """
    knows = functions_of(subject)
    return frozenset(op.name for op in _table() if _form(op, knows) is not None)


def _table() -> list[Any]:
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError as error:
        missing = error.name or str(error)
        raise SubjectUnavailable(f"torch's own op table needs {missing}, which is not installed here") from error
    return [op for op in op_db if op.supports_autograd]


class OpInfoPrograms:
    """A Program for each sample input: the call, its gradients, and the gradients of these.

    The first sample of each op comes first, then the second of each.

    Args:
        seed: torch draws the values of its samples; the same seed draws the same.
        knows: whether the reference has an op (or a method, or a property) of this name. Others are left out, by name.

    Attributes:
        name: what was run, for a Run file.
        left_out: why samples are not among the programs: a reason to the names of their ops.

    Raises:
        SubjectUnavailable: there is no torch here, or none of its testing extras.
    """

    def __init__(self, seed: int, knows: Callable[[str, str], bool]) -> None:
        table = _table()
        import torch

        self.name = f"opinfo of torch {torch.__version__.partition('+')[0]}"
        self.left_out: dict[str, set[str]] = {}
        self._seed = seed
        rows: list[list[Callable[[], Program]]] = []
        for op in table:
            form = _form(op, knows)
            if form is None:
                self.left_out.setdefault("not in the reference", set()).add(op.name)
                continue
            for dtype in (torch.float64, torch.complex128):
                if dtype in op.dtypes:
                    rows.append(list(self._samples(op, form, dtype)))
        covered = len({op.name for op in table} - self.left_out.get("not in the reference", set()))
        self.name += f", {covered} of {len({op.name for op in table})} ops"
        self._programs = [entry for column in zip_longest(*rows) for entry in column if entry is not None]

    def __len__(self) -> int:
        return len(self._programs)

    def __getitem__(self, index: int) -> Program:
        return self._programs[index]()

    def _samples(self, op: Any, form: str, dtype: Any) -> Iterator[Callable[[], Program]]:
        import torch

        with torch.random.fork_rng(devices=()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(self._seed)
            try:
                samples = list(op.sample_inputs("cpu", dtype, requires_grad=True))
            except (IndexError, RuntimeError, ValueError):  # a table that is meant for other devices
                self.left_out.setdefault("torch draws no samples of it here", set()).add(op.name)
                return
        for sample in samples:
            try:
                made = _Sample(op.name, form, (sample.input, *sample.args), dict(sample.kwargs))
            except Unsayable as reason:
                self.left_out.setdefault(str(reason), set()).add(op.name)
                continue
            yield made.program


def _form(op: Any, knows: Callable[[str, str], bool]) -> str | None:
    """How a Program calls this op; None where the reference or a Program can't."""
    name = op.name
    if name in _REFLECTED:
        return "operator" if knows(f"__r{_REFLECTED[name]}__", "method") else None
    if name == "__getitem__":
        return "getitem" if knows(name, "method") else None
    if op_problem(name) is not None:
        return None
    forms = ("property",) if name in ("H", "T", "mH", "mT") else ("function", "method")
    return next((form for form in forms if knows(name, form)), None)


# Called by an operator whose right side is the tensor.
_REFLECTED = {
    "__radd__": "add", "__rdiv__": "truediv", "__rmatmul__": "matmul", "__rmod__": "mod", "__rmul__": "mul",
    "__rpow__": "pow", "__rsub__": "sub",
}  # fmt: skip


class Unsayable(Exception):
    """A sample that no Program can say; the text is the reason."""


@dataclass
class _Sample:
    """One call as data: its tensors by name, and its arguments."""

    op: str
    form: str
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    tensors: list[s.Make] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._named: dict[int, str] = {}
        self.arguments = tuple(self._say(value) for value in self.inputs)
        self.named_arguments = tuple((name, self._say(value)) for name, value in self.keywords.items())
        if sum(len(made.values) for made in self.tensors) > MAX_NUMEL:
            raise Unsayable("large samples")

    def _say(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if value - value == 0 else s.Special(_word(value))
        if isinstance(value, complex):
            return s.Complex(_part(value.real), _part(value.imag))
        if isinstance(value, torch.Size):
            return s.Seq(tuple(self._say(v) for v in value), "size")
        if type(value) in (list, tuple):
            return s.Seq(tuple(self._say(v) for v in value), "list" if type(value) is list else "tuple")
        if isinstance(value, torch.dtype):
            return s.Dtype(str(value).removeprefix("torch."))
        if isinstance(value, slice):
            return s.Slice(value.start, value.stop, value.step)
        if value is Ellipsis:
            return s.Ellipsis_()
        raise Unsayable(f"an argument is a {type(value).__name__}")

    def _tensor(self, t: Any) -> s.Ref:
        import torch

        if t.layout is not torch.strided or t.device.type != "cpu":
            raise Unsayable("a tensor is not strided")
        if id(t) in self._named:
            return s.Ref(self._named[id(t)])
        name = self._named[id(t)] = f"x{len(self.tensors)}"
        plain = t.detach().resolve_conj().resolve_neg()
        dtype = str(t.dtype).removeprefix("torch.")
        dense = plain.is_contiguous()
        if not dense:  # the buffer that it is a window on
            window = (tuple(plain.shape), tuple(plain.stride()))
            plain = plain.as_strided((_extent(*window),), (1,))
        values = tuple(_literal(v) for v in plain.reshape(-1).tolist()) or (0,)
        strides = None if dense else tuple(t.stride())
        self.tensors.append(s.Make(name, values, tuple(t.shape), dtype, bool(t.requires_grad), strides))
        return s.Ref(name)

    def program(self) -> Program:
        """The call, the gradients of its results, and the gradients of these gradients."""
        results = self._results()
        names = tuple(f"y{i}" for i in range(len(results))) if results else ("y",)
        unpack = isinstance(results, tuple)
        steps: list[s.Step] = [
            *self.tensors,
            self._call(names, unpack),
        ]
        inputs = [made.out for made in self.tensors if made.requires_grad]
        roots = [(n, r) for n, r in zip(names, results, strict=False) if r is not None and r.requires_grad]
        if roots and inputs:
            cotangents = [self._cotangent(f"v{i}", r) for i, (_, r) in enumerate(roots)]
            steps += cotangents
            grads = tuple(f"g{i}" for i in range(len(inputs)))
            refs = _refs(inputs)
            steps.append(
                s.Grad(
                    grads,
                    _refs([n for n, _ in roots]),
                    refs,
                    grad_outputs=_refs([c.out for c in cotangents]),
                    create_graph=True,
                    allow_unused=True,
                )
            )
            steps += self._twice(grads, inputs)
        return Program(tuple(steps))

    def _call(self, names: tuple[str, ...], unpack: bool) -> s.Step:
        if self.form == "getitem":
            source, index = self.arguments
            return s.GetItem(names[0], source.name, index)
        op, arguments = self.op, self.arguments
        if self.form == "operator":
            op, arguments = _REFLECTED[op], arguments[::-1]
        return s.Apply(op, arguments, self.named_arguments, names, self.form, unpack)  # type: ignore[arg-type]

    def _twice(self, grads: tuple[str, ...], inputs: list[str]) -> list[s.Step]:
        """The sum of the gradients, weighted by themselves, differentiated again."""
        shapes = {made.out: made for made in self.tensors}
        out: list[s.Step] = []
        for grad, of in zip(grads, inputs, strict=True):
            number = grad[1:]
            made = shapes[of]
            weights = s.Make(f"w{number}", _weights(made.shape, made.dtype), made.shape, made.dtype)
            names = tuple(f"h{number}_{i}" for i in range(len(inputs)))
            out.append(weights)
            out.append(
                s.Grad(
                    names,
                    s.Ref(grad),
                    _refs(inputs),
                    grad_outputs=s.Ref(weights.out),
                    retain_graph=True,
                    allow_unused=True,
                )
            )
        return out

    def _cotangent(self, name: str, result: Any) -> s.Make:
        shape, dtype = tuple(result.shape), str(result.dtype).removeprefix("torch.")
        return s.Make(name, _weights(shape, dtype), shape, dtype)

    def _results(self) -> Any:
        """What torch makes of the call: a list of one, a tuple of several, or nothing where it refuses."""
        import torch

        arguments, keywords = self.inputs, self.keywords
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if self.form == "function":
                    found = _resolve(torch, self.op)(*arguments, **keywords)
                elif self.form == "property":
                    found = getattr(arguments[0], self.op)
                else:
                    found = getattr(arguments[0], self.op)(*arguments[1:], **keywords)
            except Exception:  # refused: the Program shows in which words
                return []
        if isinstance(found, torch.Tensor):
            return [found]
        if isinstance(found, (list, tuple)):
            return tuple(f if isinstance(f, torch.Tensor) else None for f in found)
        return []


def _resolve(module: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        module = getattr(module, part)
    return module


def _refs(names: Any) -> s.Seq:
    return s.Seq(tuple(s.Ref(name) for name in names))


def _extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    return 1 + sum((n - 1) * k for n, k in zip(shape, strides, strict=True)) if 0 not in shape else 0


def _weights(shape: tuple[int, ...], dtype: str) -> tuple[Any, ...]:
    """Numbers that tell the places apart, and are exact in every dtype."""
    count = 1
    for n in shape:
        count *= n
    plain = [(7 * i % 11 - 4) / 4 for i in range(max(count, 1))]
    if dtype.startswith("complex"):
        return tuple(s.Complex(v, (3 * i % 5 - 2) / 2) for i, v in enumerate(plain))
    return tuple(plain)


def _literal(value: Any) -> Any:
    if isinstance(value, complex):
        return s.Complex(_part(value.real), _part(value.imag))
    return _part(value) if isinstance(value, float) else value


def _part(value: float) -> Any:
    return value if value - value == 0 else _word(value)


def _word(value: float) -> Any:
    return "nan" if value != value else "inf" if value > 0 else "-inf"
