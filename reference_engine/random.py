"""Random numbers, bit for bit as torch's CPU generator draws them.

A `Generator` is a Mersenne twister with one spare normal number. The functions below turn its words into samples: each
takes a generator, how many numbers are wanted and a NumPy dtype, and returns a flat array in memory order. What looks
like arbitrary choice here (which words are used up, where a product and a sum are rounded once) is what decides the
numbers that a seed gives.

Normal numbers come from two algorithms. Fewer than 16, or numbers for strided memory, are drawn one by one in double
precision; 16 and more are filled in blocks in their own precision (see `normal_block_float32`).
"""

from __future__ import annotations

import contextlib
import functools
import math
import platform
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reference_engine.rounding import fused_multiply_add

Array = npt.NDArray[Any]
Words = npt.NDArray[np.uint64]

#: The seed of a generator that was given none.
DEFAULT_SEED = 67280421310721

#: From this range on an integer is drawn from 64 bits, so that taking the remainder skews it little.
WIDE_RANGE = 1 << 28

_REDUCED = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))


#: How the state of a generator lies in memory.
SNAPSHOT = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", 624),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("padding", "<i4"),
        ("next_float_normal", "<f4"),
        ("next_float_normal_is_valid", "<i4"),
    ]
)


class Generator:
    """The state of a stream of random numbers."""

    __module__ = "torch._C"  # where scripts know it

    def __init__(self, device: Any = "cpu") -> None:
        from reference_engine.devices import device as make_device

        self.device = make_device(device)
        self.spare_normal: float | None = None
        self._seed = DEFAULT_SEED
        self._twister = np.random.MT19937()
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`; only its lowest 32 bits decide the numbers."""
        self._seed = canonical_seed(seed)
        self._fresh = True
        seeded: Any = np.random.RandomState(self._seed & 0xFFFFFFFF).get_state(legacy=False)
        self._twister.state = seeded
        self.spare_normal = None
        return self

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        return self._seed

    def seed(self) -> int:
        """Start a stream from a seed that nobody can foresee, and return the seed."""
        self.manual_seed(secrets.randbits(64))
        return self._seed

    def words32(self, count: int) -> Words:
        """The next `count` outputs of the twister, 32 bits each."""
        if count:
            self._fresh = False
        return np.asarray(self._twister.random_raw(count), dtype=np.uint64)

    def words64(self, count: int) -> Words:
        """The next `count` pairs of outputs, the first of each pair in the high half."""
        pairs = self.words32(2 * count)
        return (pairs[0::2] << np.uint64(32)) | pairs[1::2]

    def get_state(self) -> Any:
        """The state as a tensor of bytes."""
        from reference_engine import creation

        return creation.from_numpy(np.frombuffer(self.snapshot(), np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a state that `get_state` gave."""
        self.restore(new_state._read().tobytes())
        return self

    def clone_state(self) -> Generator:
        """Another generator in the same state."""
        made = Generator()
        made.restore(self.snapshot())
        return made

    def snapshot(self) -> bytes:
        """Everything that the next numbers depend on, in torch's own layout."""
        inner = self._twister.state["state"]
        position = 0 if self._fresh else int(inner["pos"])
        record = np.zeros((), SNAPSHOT)
        record["seed"], record["seeded"] = self._seed, 1
        record["left"], record["next"] = (1, 0) if self._fresh else (625 - position, position)
        record["words"] = inner["key"]
        if self.spare_normal is not None:
            record["normal_y"], record["normal_is_valid"] = self.spare_normal, 1
        return record.tobytes()

    def restore(self, state: bytes) -> None:
        """Go back to a `snapshot`."""
        record = np.frombuffer(state, SNAPSHOT)[0]
        self._seed = int(record["seed"])
        self._fresh = int(record["next"]) == 0
        words: Any = {"key": record["words"].astype(np.uint32), "pos": 624 if self._fresh else int(record["next"])}
        self._twister.state = {"bit_generator": "MT19937", "state": words}
        self.spare_normal = float(record["normal_y"]) if record["normal_is_valid"] else None


def canonical_seed(seed: int) -> int:
    """`seed` as an unsigned 64-bit number; negative ones count back from the top."""
    if not -(1 << 63) <= seed < (1 << 64):
        raise ValueError("Overflow when unpacking long long")
    return seed & 0xFFFFFFFFFFFFFFFF


#: The generator used where none is passed.
default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and return it."""
    return default_generator.manual_seed(int(seed))


def get_rng_state() -> Any:
    """The state of the default generator as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default generator from a state that `get_rng_state` gave."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cpu") -> Iterator[None]:
    """What is drawn inside the block leaves the default generator as it was."""
    before = default_generator.snapshot()
    try:
        yield
    finally:
        if enabled:
            default_generator.restore(before)


def seed() -> int:
    """Seed the default generator from a seed that nobody can foresee, and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


# --------------------------------------------------------------------------------------------------------------------
# Uniform and whole numbers


def fractions(generator: Generator, count: int, dtype: Any) -> Array:
    """Numbers in [0, 1) with as many random bits as the significand of `dtype` (float32 or float64) holds."""
    if np.dtype(dtype) == np.float64:
        return (generator.words64(count) & np.uint64((1 << 53) - 1)) * 2.0**-53
    return ((generator.words32(count) & np.uint64((1 << 24) - 1)) * 2.0**-24).astype(np.float32)


def uniform(generator: Generator, count: int, dtype: Any, low: float = 0.0, high: float = 1.0) -> Array:
    """Numbers in [low, high)."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return as_complex(uniform(generator, 2 * count, real_dtype(dtype), low, high), dtype)
    wide = working_dtype(dtype)
    start, stop = wide.type(low), wide.type(high)
    numbers = fused_multiply_add(fractions(generator, count, wide), stop - start, start).astype(dtype)
    # Rounding may reach the open end.
    return np.where(numbers == np.asarray(high).astype(dtype), np.asarray(low).astype(dtype), numbers)


def integers(generator: Generator, count: int, dtype: Any, low: int, high: int) -> Array:
    """Whole numbers in [low, high), as `dtype`."""
    span = high - low
    words = generator.words64(count) if span >= WIDE_RANGE else generator.words32(count)
    with np.errstate(over="ignore"):
        shifted = (words % np.uint64(span)).astype(np.int64) + np.int64(low) if span < 1 << 64 else words
    return shifted.astype(np.int64).astype(dtype)


def whole_numbers(generator: Generator, count: int, dtype: Any) -> Array:
    """Whole numbers over the range of `dtype`: all non-negative integers of it, or all that a float counts exactly."""
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return (generator.words32(count) & np.uint64(1)).astype(np.bool_)
    if dtype.kind in "iu":
        span = int(np.iinfo(dtype).max) + 1
    else:
        span = (1 << (ml_dtypes.finfo(dtype).nmant + 1)) + 1  # type: ignore[no-untyped-call]
    words = (
        generator.words64(count) if dtype in (np.dtype(np.int64), np.dtype(np.float64)) else generator.words32(count)
    )
    return (words % np.uint64(span)).astype(dtype)


def permutation(generator: Generator, size: int) -> Array:
    """The numbers 0 to size - 1 in random order."""
    order = np.arange(size, dtype=np.int64)
    for position, word in enumerate(generator.words32(max(0, size - 1)).tolist()):
        other = position + word % (size - position)
        order[position], order[other] = order[other], order[position]
    return order


# --------------------------------------------------------------------------------------------------------------------
# Normal numbers


def normal(
    generator: Generator, count: int, dtype: Any, mean: float = 0.0, std: float = 1.0, contiguous: bool = True
) -> Array:
    """Normally distributed numbers; `contiguous` tells whether they will fill dense memory."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        # Real and imaginary part share the variance.
        return as_complex(normal(generator, 2 * count, real_dtype(dtype), mean, std / math.sqrt(2), contiguous), dtype)
    if count < 16 or not contiguous:
        return normal_one_by_one(generator, count, mean, std).astype(dtype)
    wide = working_dtype(dtype)
    block = normal_block_float32 if wide == np.float32 else normal_block_float64
    draws = fractions(generator, count, wide)
    numbers = np.empty(count, wide)
    whole = count - count % 16
    numbers[:whole] = block(draws[:whole])
    if whole < count:
        # An unfinished block is not filled: the last 16 numbers are drawn anew. Reduced floats never draw the rest.
        if dtype in _REDUCED:
            fresh = np.concatenate((draws[whole:], fractions(generator, 16 - count % 16, wide)))
        else:
            fresh = fractions(generator, 16, wide)
        numbers[-16:] = block(fresh)
    return fused_multiply_add(numbers, wide.type(std), wide.type(mean)).astype(dtype)


def normal_one_by_one(generator: Generator, count: int, mean: float, std: float) -> Array:
    """Box-Muller pairs in double precision; the second of an unfinished pair waits in the generator."""
    numbers: list[float] = []
    if count and generator.spare_normal is not None:
        numbers.append(generator.spare_normal)
        generator.spare_normal = None
    pairs = (count - len(numbers) + 1) // 2
    angles, depths = fractions(generator, 2 * pairs, np.float64).reshape(pairs, 2).T.tolist() if pairs else ([], [])
    for angle, depth in zip(angles, depths, strict=True):
        radius, theta = math.sqrt(-2.0 * math.log1p(-depth)), 2.0 * math.pi * angle
        numbers += [radius * math.cos(theta), radius * math.sin(theta)]
    if len(numbers) > count:
        generator.spare_normal = numbers.pop()
    return fused_multiply_add(np.array(numbers, dtype=np.float64), np.float64(std), np.float64(mean))


def _on_doubles(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of the C library applied to each number: NumPy's own vectorised ones round otherwise."""
    each = np.frompyfunc(function, 1, 1)
    return lambda numbers: np.asarray(each(numbers)).astype(np.float64)


def normal_block_float64(draws: Array) -> Array:
    """Box-Muller over blocks of 16: the first eight numbers give the radii, the last eight the angles."""
    blocks = draws.reshape(-1, 2, 8)
    log, cos, sin = (_on_doubles(f) for f in (math.log, math.cos, math.sin))
    radius = np.sqrt(-2.0 * log(1.0 - blocks[:, 0]))
    theta = 2.0 * math.pi * blocks[:, 1]
    return np.stack((radius * cos(theta), radius * sin(theta)), axis=1).reshape(-1)


def normal_block_float32(draws: Array) -> Array:
    """As for float64, but with torch's vectorised logarithm, sine and cosine (see `cephes`)."""
    from reference_engine.cephes import log, sine_and_cosine

    blocks = draws.reshape(-1, 2, 8)
    radius = np.sqrt(np.float32(-2) * log(np.float32(1) - blocks[:, 0]))
    sine, cosine = sine_and_cosine(np.float32(2 * math.pi) * blocks[:, 1])
    return np.stack((radius * cosine, radius * sine), axis=1).reshape(-1)


# --------------------------------------------------------------------------------------------------------------------
# Other distributions


def bernoulli(generator: Generator, count: int, probability: float) -> npt.NDArray[np.bool_]:
    """True with one and the same probability; this is what dropout masks are made of."""
    if torch_uses_mkl_here():
        return multiplicative_fractions(int(generator.words32(1)[0]), count) < probability
    return fractions(generator, count, np.float64) < probability


def bernoulli_each(generator: Generator, probabilities: Array) -> npt.NDArray[np.bool_]:
    """True with the probability at each place of a flat array."""
    dtype = np.dtype(np.float64 if probabilities.dtype == np.float64 else np.float32)
    return fractions(generator, probabilities.size, dtype) < probabilities.astype(dtype)


def exponential(generator: Generator, count: int, dtype: Any, rate: float = 1.0) -> Array:
    """Exponentially distributed numbers."""
    dtype = np.dtype(dtype)
    if torch_uses_mkl_here():
        words = generator.words64(1) if dtype == np.float64 else generator.words32(1)
        return (-np.log(multiplicative_fractions(int(words[0]), count)) / rate).astype(dtype)
    return transformed(generator, count, lambda draw: -1.0 / rate * math.log1p(-draw)).astype(dtype)


def geometric(generator: Generator, count: int, dtype: Any, probability: float) -> Array:
    """How many trials it takes until one succeeds."""

    def trials(draw: float) -> float:
        return math.inf if draw == 0 else math.ceil(math.log(draw) / math.log1p(-probability))

    return transformed(generator, count, trials).astype(dtype)


def cauchy(generator: Generator, count: int, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> Array:
    """Cauchy-distributed numbers."""
    numbers = transformed(generator, count, lambda draw: math.tan(math.pi * (draw - 0.5)))
    return fused_multiply_add(numbers, np.float64(sigma), np.float64(median)).astype(dtype)


def log_normal(generator: Generator, count: int, dtype: Any, mean: float = 1.0, std: float = 2.0) -> Array:
    """Numbers whose logarithm is normally distributed."""
    exponents = normal_one_by_one(generator, count, mean, std)
    return np.array([math.exp(exponent) for exponent in exponents.tolist()], dtype=np.float64).astype(dtype)


def multinomial(generator: Generator, weights: Array, samples: int, replacement: bool) -> Array:
    """Indices drawn from each row of a two-dimensional array of weights."""
    rows = len(weights)
    if not replacement or samples == 1:
        # A race: the index whose exponential waiting time, scaled by its weight, ends first.
        waiting = exponential(generator, weights.size, weights.dtype).reshape(weights.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = weights / waiting
        return np.argsort(-speed.astype(np.float64), axis=-1, kind="stable")[:, :samples].astype(np.int64)
    cumulative = np.cumsum(weights, axis=-1, dtype=weights.dtype)
    cumulative = (cumulative / cumulative[:, -1:]).astype(np.float64)
    cumulative[:, -1] = 1.0
    draws = fractions(generator, rows * samples, np.float64).reshape(rows, samples)
    picks = [np.searchsorted(row, draw, side="left") for row, draw in zip(cumulative, draws, strict=True)]
    return np.array(picks, dtype=np.int64).reshape(rows, samples)


def transformed(generator: Generator, count: int, function: Callable[[float], float]) -> Array:
    """`function` of fresh fractions, one by one: the C library's functions and NumPy's differ in the last bit."""
    return np.array([function(draw) for draw in fractions(generator, count, np.float64).tolist()], dtype=np.float64)


def multiplicative_fractions(seed: int, count: int) -> Array:
    """The stream of the multiplicative generator MCG31m1, from which MKL draws."""
    modulus, state, numbers = (1 << 31) - 1, seed % ((1 << 31) - 1) or 1, []
    for _ in range(count):
        numbers.append(state / modulus)
        state = state * 1132489760 % modulus
    return np.array(numbers, dtype=np.float64)


@functools.cache
def torch_uses_mkl_here() -> bool:
    """Whether torch's wheels take bernoulli and exponential numbers from MKL here: they do on Intel's processors."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    processors = Path("/proc/cpuinfo")
    described = processors.read_text(errors="replace") if processors.exists() else platform.processor()
    return "GenuineIntel" in described


# --------------------------------------------------------------------------------------------------------------------
# Dtypes


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that numbers are computed in before they are rounded to `dtype`."""
    return np.dtype(np.float32) if dtype in _REDUCED else dtype


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of a complex dtype's parts."""
    return np.dtype(np.float32 if dtype == np.complex64 else np.float64)


def as_complex(parts: Array, dtype: np.dtype[Any]) -> Array:
    """Pairs of real numbers as complex ones."""
    return np.ascontiguousarray(parts).view(dtype)


def thread_safe_generator() -> None:
    """The generator of a worker that loads data in a thread: nobody does here."""
