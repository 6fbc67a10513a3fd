"""Running work on Programs in processes that may crash, hang or fill the memory.

Work is done in chunks of indices (of seeds, say). A chunk that ends badly is done again one index at a time, each in a
process of its own, so that the one that did it is named and the others still give their results.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import islice
from typing import Any, Generic, Literal, TypeVar

import msgspec
from pebble import ProcessExpired, ProcessPool

Result = TypeVar("Result")

Fate = Literal["done", "crashed", "hung", "raised"]


class Outcome(msgspec.Struct, Generic[Result], frozen=True):
    """What became of some indices: their result, or how it ended, which is told of a single index only."""

    indices: tuple[int, ...]
    fate: Fate
    result: Result | None = None
    detail: str = ""


def run_chunks(
    work: Callable[[tuple[int, ...]], Result],
    chunks: Iterable[Sequence[int]],
    *,
    jobs: int = 1,
    timeout: float = 10.0,
    memory: int | None = 8 << 30,
    initializer: Callable[..., None] | None = None,
    initargs: Sequence[Any] = (),
) -> Iterator[Outcome[Result]]:
    """Do `work` on each chunk in worker processes, and give the outcomes in the order of the chunks.

    Args:
        work: a function of the indices of a chunk, or of a part of one; it can be pickled, and so can its results.
        chunks: the indices; taken as they are needed, so there may be no end to them.
        timeout: seconds of processor time that one index may take, so that a busy machine makes nothing hang. Where
            the processor does nothing, as in a deadlock, it is a few times that by the clock.
        memory: bytes of address space that a process may have; None for a device that maps more than it uses.
        initializer: called in each new process, with `initargs`.
    """
    ahead = iter(chunks)
    with _pool(jobs, memory, initializer, initargs) as pool:
        waiting: deque[tuple[tuple[int, ...], Any]] = deque()
        try:
            while True:
                # Enough to keep all busy and no more, for the consumer may stop.
                for chunk in islice(ahead, 2 * jobs - len(waiting)):
                    waiting.append((tuple(chunk), _schedule(pool, work, tuple(chunk), timeout)))
                if not waiting:
                    return
                numbers, future = waiting.popleft()
                outcome = _outcome(numbers, future, timeout)
                if outcome.fate == "done" or len(numbers) == 1:
                    yield outcome
                else:
                    for number in numbers:
                        yield _outcome((number,), _schedule(pool, work, (number,), timeout), timeout)
        finally:
            for _, future in waiting:
                future.cancel()


def _schedule(
    pool: ProcessPool, work: Callable[[tuple[int, ...]], Any], numbers: tuple[int, ...], timeout: float
) -> Any:
    # One slow index must show; many quick ones must not add up to a hang.
    seconds = timeout + 0.1 * (len(numbers) - 1)
    return pool.schedule(_within, args=(work, numbers, seconds), timeout=_PATIENCE * seconds)


_PATIENCE = 6
"""How many times longer a process may take by the clock than it may keep a processor busy."""
_TIMED = hasattr(signal, "setitimer")  # not on Windows, where the clock alone counts


def _within(work: Callable[[tuple[int, ...]], Result], numbers: tuple[int, ...], seconds: float) -> Result:
    """In a worker: the work, whose process is ended by a signal when it has been at it for too long."""
    if not _TIMED:
        return work(numbers)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return work(numbers)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _outcome(numbers: tuple[int, ...], future: Any, timeout: float) -> Outcome[Any]:
    try:
        return Outcome(numbers, "done", future.result())
    except FutureTimeout:
        return Outcome(numbers, "hung", detail=f"no answer within {timeout:g} s")
    except ProcessExpired as expired:
        if _TIMED and expired.exitcode == -signal.SIGPROF:
            return Outcome(numbers, "hung", detail=f"no answer within {timeout:g} s")
        return Outcome(numbers, "crashed", detail=_last_words(expired))
    except Exception as error:
        return Outcome(numbers, "raised", detail=f"{type(error).__name__}: {error}")


def _last_words(expired: ProcessExpired) -> str:
    code = expired.exitcode
    return f"the process was killed by signal {-code}" if code < 0 else f"the process ended with exit code {code}"


def _pool(
    jobs: int, memory: int | None, initializer: Callable[..., None] | None, initargs: Sequence[Any]
) -> ProcessPool:
    # Forking a process that has used torch or has threads may hang; a forkserver starts clean and still starts fast.
    method = "spawn" if sys.platform in ("win32", "darwin") else "forkserver"
    return ProcessPool(
        max_workers=jobs,
        initializer=_prepare,
        initargs=(memory, initializer, tuple(initargs)),
        context=multiprocessing.get_context(method),
    )


def _prepare(memory: int | None, initializer: Callable[..., None] | None, initargs: Sequence[Any]) -> None:
    """In a new worker: a bound on memory, so that one Program can't take the machine with it."""
    if memory is not None:
        # Windows has neither the module nor such a limit.
        with contextlib.suppress(ImportError):
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    if initializer is not None:
        initializer(*initargs)
