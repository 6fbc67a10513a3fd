"""Draws of random numbers, each as torch's name for it and as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from printing_cases import numpy_dtype

from reference_engine import random as streams
from reference_engine import rejection

Array = npt.NDArray[Any]

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
COUNTS = (0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 100)


@dataclass(frozen=True)
class Draw:
    """One call on the stream: how torch spells it, with `torch` in scope, and how we do."""

    kind: str
    script: str
    ours: Callable[[streams.Generator], Array]


def pick(rng: np.random.Generator, options: tuple[Any, ...]) -> Any:
    return options[int(rng.integers(len(options)))]


def uniform(rng: np.random.Generator, n: int) -> Draw:
    dtype, low, width = pick(rng, FLOATS + COMPLEX), float(rng.normal()), float(rng.random())
    script = f"torch.empty({n}, dtype=torch.{dtype}).uniform_({low}, {low + width})"
    return Draw("uniform", script, lambda g: streams.uniform(g, n, numpy_dtype(dtype), low, low + width))


def rand(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS + COMPLEX)
    return Draw("rand", f"torch.rand({n}, dtype=torch.{dtype})", lambda g: streams.uniform(g, n, numpy_dtype(dtype)))


def randn(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS + COMPLEX)
    return Draw("randn", f"torch.randn({n}, dtype=torch.{dtype})", lambda g: streams.normal(g, n, numpy_dtype(dtype)))


def normal(rng: np.random.Generator, n: int) -> Draw:
    dtype, mean, std = pick(rng, FLOATS + COMPLEX), float(rng.normal()), float(rng.random())
    script = f"torch.empty({n}, dtype=torch.{dtype}).normal_({mean}, {std})"
    return Draw("normal", script, lambda g: streams.normal(g, n, numpy_dtype(dtype), mean, std))


def strided_normal(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS)
    return Draw(
        "strided_normal",
        f"torch.empty({n}, 2, dtype=torch.{dtype})[:, 0].normal_()",
        lambda g: streams.normal(g, n, numpy_dtype(dtype), contiguous=n == 1),
    )


def randint(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, INTEGERS)
    low = 0 if dtype == "uint8" else int(rng.integers(-5, 1))
    high = int(2 ** rng.uniform(1, 62 if dtype == "int64" else 6))
    script = f"torch.randint({low}, {high}, ({n},), dtype=torch.{dtype})"
    return Draw("randint", script, lambda g: streams.integers(g, n, numpy_dtype(dtype), low, high))


def random_(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, INTEGERS + FLOATS)
    script = f"torch.empty({n}, dtype=torch.{dtype}).random_()"
    return Draw("random_", script, lambda g: streams.whole_numbers(g, n, numpy_dtype(dtype)))


def randperm(rng: np.random.Generator, n: int) -> Draw:
    return Draw("randperm", f"torch.randperm({n})", lambda g: streams.permutation(g, n))


def bernoulli_(rng: np.random.Generator, n: int) -> Draw:
    p = float(rng.random())
    script = f"torch.empty({n}).bernoulli_({p})"
    return Draw("bernoulli_", script, lambda g: streams.bernoulli(g, n, p).astype(np.float32))


def bernoulli(rng: np.random.Generator, n: int) -> Draw:
    dtype, p = pick(rng, ("float32", "float64")), [round(float(x), 3) for x in rng.random(n)]
    script = f"torch.bernoulli(torch.tensor({p}, dtype=torch.{dtype}))"
    return Draw("bernoulli", script, lambda g: streams.bernoulli_each(g, np.array(p, dtype)).astype(dtype))


def exponential(rng: np.random.Generator, n: int) -> Draw:
    dtype, rate = pick(rng, FLOATS), float(rng.random() + 0.1)
    script = f"torch.empty({n}, dtype=torch.{dtype}).exponential_({rate})"
    return Draw("exponential", script, lambda g: streams.exponential(g, n, numpy_dtype(dtype), rate))


def multinomial(rng: np.random.Generator, n: int) -> Draw:
    dtype, replacement = pick(rng, ("float32", "float64")), bool(rng.integers(2))
    weights = rng.random((2, n + 1)).round(3).tolist()
    samples = int(rng.integers(1, n + 2))
    script = f"torch.multinomial(torch.tensor({weights}, dtype=torch.{dtype}), {samples}, {replacement})"
    return Draw("multinomial", script, lambda g: streams.multinomial(g, np.array(weights, dtype), samples, replacement))


def cauchy(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS)
    script = f"torch.empty({n}, dtype=torch.{dtype}).cauchy_(0.5, 1.5)"
    return Draw("cauchy", script, lambda g: streams.cauchy(g, n, numpy_dtype(dtype), 0.5, 1.5))


def log_normal(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS)
    script = f"torch.empty({n}, dtype=torch.{dtype}).log_normal_(0.5, 0.7)"
    return Draw("log_normal", script, lambda g: streams.log_normal(g, n, numpy_dtype(dtype), 0.5, 0.7))


def geometric(rng: np.random.Generator, n: int) -> Draw:
    dtype = pick(rng, FLOATS)
    script = f"torch.empty({n}, dtype=torch.{dtype}).geometric_(0.3)"
    return Draw("geometric", script, lambda g: streams.geometric(g, n, numpy_dtype(dtype), 0.3))


def poisson(rng: np.random.Generator, n: int) -> Draw:
    dtype, rates = pick(rng, FLOATS), [round(float(x), 3) for x in 10 ** rng.uniform(-1, 3, n)]
    rates = np.array(rates, numpy_dtype(dtype)).astype(np.float64).tolist()
    script = f"torch.poisson(torch.tensor({rates}, dtype=torch.{dtype}))"
    return Draw("poisson", script, lambda g: one_by_one(lambda rate: rejection.poisson(g, rate), dtype, rates))


def binomial(rng: np.random.Generator, n: int) -> Draw:
    counts, chances = [float(int(x)) for x in 10 ** rng.uniform(0, 4, n)], [round(float(x), 3) for x in rng.random(n)]
    script = f"torch.binomial(*torch.tensor([{counts}, {chances}], dtype=torch.float64))"
    return Draw(
        "binomial", script, lambda g: one_by_one(lambda c, p: rejection.binomial(g, c, p), "float64", counts, chances)
    )


def gamma(rng: np.random.Generator, n: int) -> Draw:
    dtype, shapes = pick(rng, ("float32", "float64")), [round(float(x), 3) for x in 10 ** rng.uniform(-1, 2, n)]
    script = f"torch._standard_gamma(torch.tensor({shapes}, dtype=torch.{dtype}))"
    concentrations = np.array(shapes, dtype).astype(np.float64).tolist()
    return Draw("gamma", script, lambda g: one_by_one(lambda a: rejection.gamma(g, a, dtype), dtype, concentrations))


def one_by_one(draw: Callable[..., float], dtype: str, *parameters: list[Any]) -> Array:
    return np.array([draw(*numbers) for numbers in zip(*parameters, strict=True)], np.float64).astype(
        numpy_dtype(dtype)
    )


KINDS = (
    *(uniform, rand, randn, normal, strided_normal, randint, random_, randperm),
    *(bernoulli_, bernoulli, exponential, multinomial, cauchy, log_normal, geometric, poisson, binomial, gamma),
)


def sequence(seed: int, length: int) -> Iterator[Draw]:
    """Draws that follow each other on one stream, so that each also tells what the one before left behind."""
    rng = np.random.default_rng(seed)
    for _ in range(length):
        yield pick(rng, KINDS)(rng, int(pick(rng, COUNTS)))


def stream_seed(seed: int) -> int:
    """A seed for the stream itself, small, large or negative."""
    return (seed * 2654435761**2) % (1 << 64) - (1 << 62) if seed % 3 else seed
