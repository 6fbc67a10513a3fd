"""Every gradient formula against numerical differentiation of the engine's own forward, without torch.

Arguments come from the generator, so each op is tried on what programs will draw for it; the values of its floating
point tensors are replaced by random ones inside its domain, away from the special ones.
"""

from __future__ import annotations

import dataclasses
import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import reference_engine as engine
from conformance.execute.arguments import evaluate
from conformance.execute.machine import Machine
from conformance.generate.builder import Builder
from conformance.generate.families import arguments
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import Profile
from conformance.subjects.reference import Reference
from reference_engine.ops.declare import ALIASES, OPS, Op
from reference_engine.ops.dispatch import Function
from reference_engine.tensor import Tensor

STEP = 1e-6
WANTED_DRAWS = 2
NOT_DERIVED = ("is not implemented", "does not support automatic differentiation")
# Which of several values written to one place stays is left open, and the gradients hold for distinct indices only.
OVERWRITING = ("scatter", "index_copy", "put")
# Rounding that hands gradients on as if it did nothing.
STRAIGHT_THROUGH = ("fake_quantize_per_tensor_affine",)
# Decompositions of which one triangle is read: the gradient is that of the Hermitian matrix.
OF_HERMITIAN = ("linalg.eigh", "linalg.eigvalsh", "linalg.cholesky", "linalg.cholesky_ex", "cholesky")
# Vectors are unique up to a phase: only what does not depend on it has a gradient.
WITHOUT_PHASE: dict[str, Callable[..., list[Tensor]]] = {
    "linalg.eigh": lambda values, vectors: [values, vectors.abs()],
    "linalg.eig": lambda values, vectors: [values, vectors.abs()],
    "linalg.svd": lambda u, s, vh: [u.narrow(-1, 0, s.shape[-1]).matmul(vh.narrow(-2, 0, s.shape[-1])), s],
    "svd": lambda u, s, v: [u.narrow(-1, 0, s.shape[-1]).matmul(v.narrow(-1, 0, s.shape[-1]).mH), s],
}
REFUSED_ARGUMENT = re.compile(r"not differentiable with respect to argument '(\w+)'")
PROFILE = Profile("numerical", "valid arguments only", {}, invalid=0.0, special=0.0, dtypes={"float64": 1})


def cases() -> Iterator[Any]:
    for name, overloads in sorted(OPS.items()):
        if name in ALIASES or name in STRAIGHT_THROUGH:
            continue
        for number, op in enumerate(overloads):
            if op.samples is None or not op.holds() or op.underived or not (op.is_function or op.is_method):
                continue
            derived = any("not_derived" not in formula.fn.__qualname__ for formula in op.vjp.values())
            if derived or op.composite:
                for kind in ("float", "complex"):
                    if kind in op.samples.dtypes:
                        yield pytest.param(op, kind, id=f"{name}-{number}-{kind}")


class Call:
    """One call of an op on drawn arguments: a function of its floating point tensors.

    Args:
        op: the overload to call.
        kind: "float" or "complex", what the floating point tensors are made of.
        seed: of everything that is drawn.
        constant: names of arguments that the op refuses to differentiate.
    """

    def __init__(self, op: Op, kind: str, seed: int, constant: frozenset[str] = frozenset()) -> None:
        self.op, self.rng, self.constant = op, np.random.default_rng(seed), constant
        self.dtype = engine.float64 if kind == "float" else engine.complex128
        self.inputs: list[np.ndarray[Any, Any]] = []
        with Machine(Reference()) as machine:
            builder = Builder(PRNGChoices(seed, 0), PROFILE, machine, "end")
            positional, keywords = arguments.draw(builder, op)
            named = [p.name for p in op.params]
            self.positional = [
                self._template(evaluate(machine.scope, a), name) for a, name in zip(positional, named, strict=False)
            ]
            self.keywords = {k: self._template(evaluate(machine.scope, a), k) for k, a in keywords.items()}
            self.arguments = dict(zip(named, self.positional, strict=False)) | self.keywords
        self.keywords.pop("dtype", None)  # a narrower dtype would be too coarse to differentiate in

    def writes_twice(self) -> bool:
        """Whether an index of an op that overwrites repeats."""
        index = self.arguments.get("index")
        if self.op.name not in OVERWRITING or not isinstance(index, Tensor) or self.arguments.get("accumulate"):
            return False
        places = np.atleast_1d(index.numpy())
        dim = self.arguments.get("dim", 0) if self.op.name != "put" else 0
        lanes = np.sort(places if self.op.name != "put" else places.reshape(-1), axis=dim)
        return bool((np.diff(lanes, axis=dim) == 0).any())

    def _template(self, value: Any, name: str) -> Any:
        """The argument, with a slot in the place of each tensor that will vary."""
        if type(value) in (list, tuple):
            return type(value)(self._template(v, name) for v in value)
        if not isinstance(value, Tensor) or not value.dtype.is_differentiable:
            return value
        values = self._values(tuple(value.shape))
        if not self._has_formula(name):
            return engine.tensor(values)
        self.inputs.append(values)
        return Slot(len(self.inputs) - 1)

    def _has_formula(self, name: str) -> bool:
        """Whether there is a gradient for this argument: composite ops have whatever their parts have."""
        if name in self.constant:
            return False
        if self.op.composite:
            return True
        formulas = [f for f in self.op.vjp.values() if name in f.of]
        return any("not_derived" not in f.fn.__qualname__ for f in formulas)

    def _values(self, shape: tuple[int, ...]) -> Any:
        domain = self.op.samples
        values = self.rng.uniform(domain.low, domain.high, shape)
        if self.dtype.is_complex:
            values = values + 1j * self.rng.uniform(-0.5, 0.5, shape)
        return np.asarray(values)

    def results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The results that a gradient can flow through."""

        def fill(value: Any) -> Any:
            if isinstance(value, Slot):
                t = tensors[value.number]
                if self.op.name not in OF_HERMITIAN or t.ndim < 2:
                    return t
                return t + t.mH + 16 * engine.eye(t.shape[-1], dtype=t.dtype)  # which makes it positive as well
            return type(value)(map(fill, value)) if type(value) in (list, tuple) else value

        engine.manual_seed(7)  # a random op must make the same choices at each point
        function = Function(self.op.name, [self.op])
        found = function.call(
            tuple(map(fill, self.positional)), {k: fill(v) for k, v in self.keywords.items()}, not self.op.is_function
        )
        found = [found] if isinstance(found, Tensor) else list(found)
        constant = self.op.non_differentiable_outputs
        found = [r for at, r in enumerate(found) if at not in constant or not r.dtype.is_floating_point]
        found = WITHOUT_PHASE.get(self.op.name, lambda *results: list(results))(*found)
        return [r for r in found if isinstance(r, Tensor) and r.dtype.is_differentiable]


def drawn(op: Op, kind: str, seed: int) -> Call:
    """A call whose arguments that may not require grad do not."""
    call = Call(op, kind, seed)
    while True:
        try:
            call.results(leaves(call.inputs))
            return call
        except RuntimeError as refused:
            named = REFUSED_ARGUMENT.search(str(refused))
            if named is None or named[1] in call.constant:
                raise
            call = Call(op, kind, seed, call.constant | {named[1]})


@dataclasses.dataclass(frozen=True)
class Slot:
    """The place of a tensor that varies."""

    number: int


Point = list[Any]
Scalar = Callable[[Point], float]


def leaves(values: Point) -> list[Tensor]:
    return [engine.tensor(v, requires_grad=True) for v in values]


def inner(first: Any, second: Any) -> float:
    """The real part of the inner product: what a gradient and a direction make of each other."""
    return float(np.sum(np.conj(first) * second).real)


def slope(function: Scalar, point: Point, direction: Point) -> float:
    """The derivative along a direction: central differences, extrapolated once, with steps that made no difference."""

    def difference(step: float) -> float:
        ahead = [p + step * d for p, d in zip(point, direction, strict=True)]
        behind = [p - step * d for p, d in zip(point, direction, strict=True)]
        return (function(ahead) - function(behind)) / (2 * step)

    def extrapolated(step: float) -> float:
        return (4 * difference(step) - difference(2 * step)) / 3

    found = extrapolated(100 * STEP)
    for step in (25 * STEP, 6 * STEP):  # where the function is strongly curved, smaller steps see less of it
        nearer = extrapolated(step)
        if abs(nearer - found) <= 1e-7 * (1 + abs(found)):
            break
        found = nearer
    return found


def gradients(call: Call, point: Point, cotangents: Point, create_graph: bool) -> tuple[list[Tensor], list[Any]]:
    tensors = leaves(point)
    results = call.results(tensors)
    outgoing = leaves(cotangents)
    live = [i for i, r in enumerate(results) if r.requires_grad]
    found = engine.autograd.grad(
        [results[i] for i in live], tensors, [outgoing[i] for i in live], create_graph=create_graph, allow_unused=True
    )
    return [*tensors, *outgoing], list(found)


def values_of(found: Sequence[Any], like: Point) -> Point:
    return [np.zeros_like(p) if g is None else value_of(g) for g, p in zip(found, like, strict=True)]


def value_of(t: Tensor) -> Any:
    return t.detach().resolve_conj().numpy()


def random_like(rng: np.random.Generator, arrays: Sequence[Any]) -> Point:
    made = []
    for a in arrays:
        value = rng.standard_normal(a.shape)
        made.append(value + 1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else value)
    return made


def projected(call: Call, cotangents: Point) -> Scalar:
    def value(point: Point) -> float:
        results = call.results([engine.tensor(p) for p in point])
        return sum(inner(v, value_of(r)) for v, r in zip(cotangents, results, strict=True))

    return value


def assert_close(analytic: float, numerical: float, scale: float, what: str) -> None:
    assert math.isfinite(numerical), f"{what}: the forward is not finite here"
    assert abs(analytic - numerical) <= 1e-6 * scale, f"{what}: formula {analytic!r}, differences {numerical!r}"


def check(call: Call) -> bool:
    """Compare first and second derivatives; False if nothing in this call can be differentiated."""
    rng = call.rng
    results = call.results(leaves(call.inputs))
    if not any(r.requires_grad for r in results) or not sum(r.numel() for r in results):
        return False
    if not all(np.isfinite(value_of(r)).all() for r in results):
        return False
    cotangents = random_like(rng, [value_of(r) for r in results])
    direction = random_like(rng, call.inputs)
    try:
        _, found = gradients(call, call.inputs, cotangents, create_graph=True)
    except (NotImplementedError, RuntimeError) as refused:
        if any(words in str(refused) for words in NOT_DERIVED):
            return False
        raise
    made = values_of(found, call.inputs)
    direction = [d * (g is not None) for d, g in zip(direction, found, strict=True)]  # None: a constant of a composite
    numerical = slope(projected(call, cotangents), call.inputs, direction)
    analytic = sum(inner(g, d) for g, d in zip(made, direction, strict=True))
    scale = 1 + sum(float(np.sum(np.abs(g) * np.abs(d))) for g, d in zip(made, direction, strict=True))
    assert_close(analytic, numerical, scale, "gradient")
    check_second(call, cotangents, made)
    return True


def check_second(call: Call, cotangents: Point, made: Point) -> None:
    """The gradient is itself a function of the arguments and the cotangents: differentiate that."""
    weights = random_like(call.rng, made)
    variables, found = gradients(call, call.inputs, cotangents, create_graph=True)
    live = [(g, w) for g, w in zip(found, weights, strict=True) if g is not None and g.requires_grad]
    if not live:
        return
    try:
        twice = engine.autograd.grad(
            [g for g, _ in live], variables, [engine.tensor(w) for _, w in live], allow_unused=True
        )
    except (NotImplementedError, RuntimeError) as refused:
        if any(words in str(refused) for words in NOT_DERIVED):
            return
        raise
    point = [*call.inputs, *cotangents]
    constant = [g is None for g in found]
    constant += [False] * len(cotangents)
    direction = [d * (not c) for d, c in zip(random_like(call.rng, point), constant, strict=True)]
    split = len(call.inputs)

    def of_gradient(at: Point) -> float:
        _, again = gradients(call, at[:split], at[split:], create_graph=False)
        return sum(inner(w, g) for w, g in zip(weights, values_of(again, at[:split]), strict=True))

    second = values_of(twice, point)
    numerical = slope(of_gradient, point, direction)
    analytic = sum(inner(g, d) for g, d in zip(second, direction, strict=True))
    scale = 1 + sum(float(np.sum(np.abs(g) * np.abs(d))) for g, d in zip(second, direction, strict=True))
    assert_close(analytic, numerical, 10 * scale, "second gradient")


@pytest.mark.parametrize(("op", "kind"), list(cases()))
def test_formula_agrees_with_differences_of_the_forward(op: Op, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "samples", dataclasses.replace(op.samples, special=(), dtypes=(kind,)))
    checked = 0
    refusals: list[str] = []
    for attempt in range(20 * WANTED_DRAWS):
        seed = zlib.crc32(f"{op.signature}/{kind}/{attempt}".encode())
        try:
            call = drawn(op, kind, seed)
            if call.writes_twice():
                continue
        except (arguments.Unfit, RuntimeError, IndexError, TypeError, ValueError) as refused:
            refusals.append(f"{type(refused).__name__}: {refused}")
            continue
        checked += check(call)
        if checked == WANTED_DRAWS:
            return
    of_deriving = [refused for refused in refusals if not refused.startswith("IndexError")]  # the rest: of arguments
    refused_to = bool(of_deriving) and all(any(words in refused for words in NOT_DERIVED) for refused in of_deriving)
    constant = all_constant(op) or (bool(refusals) and refused_to)
    assert checked or constant, "nothing was differentiated:\n" + "\n".join(refusals)


def all_constant(op: Op) -> bool:
    """Composite ops such as ``equal`` have no result that a gradient could flow through."""
    return op.composite and op.exact
