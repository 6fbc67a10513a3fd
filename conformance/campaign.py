"""A campaign: draw many Programs, run each on both engines, judge, and fold what was seen into a Run.

The fold is over numbered chunks: a chunk is a range of program indices, each of which determines its program. Any
process may do a chunk; merged in order, chunks give the same bytes however they were cut.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from conformance.examples import EXAMPLES
from conformance.execute.workers import Outcome, run_chunks
from conformance.findings import Crew, complete
from conformance.report.run import Finding, Run, merge
from conformance.trial import Trial

CHUNK = 100
SECONDS_PER_PROGRAM = 20.0
SHRINK_AT_LEAST = 20.0  # seconds, of a run that has a time limit; else a third of it


class CampaignSettings(msgspec.Struct, frozen=True):
    """What to do: as the command line's options."""

    subject: str = "torch"
    seed: int = 0
    max_programs: int | None = 2000
    seconds: float | None = None
    jobs: int = 1
    profile: str = "default"
    driver: str = "prng"
    laws: tuple[str, ...] = ("all",)
    laws_share: float = 0.05
    samples: str | None = None  # "opinfo": run torch's own sample inputs instead of drawing programs
    shrink: int = 40  # findings that are shrunk at most
    version: str | None = None  # the semantics to hold the subject to; by default its own version


class Watcher(Protocol):
    """Who is told how a campaign goes."""

    def advance(self, programs: int = 1) -> None: ...
    def found(self, finding: Finding) -> None: ...
    def shrinking(self, done: int, total: int) -> None: ...
    def interrupted(self, what: str) -> None: ...


def run_campaign(settings: CampaignSettings, progress: Watcher | None = None) -> Run:
    """Run a campaign to its end, its time limit, or an interruption; what was done until then is the result.

    Raises:
        SubjectUnavailable, UnknownSubject, UnknownProfile, UnknownDriver, UnknownLaw: before anything is run.
    """
    started, clock = datetime.datetime.now(datetime.timezone.utc), time.perf_counter()
    trial = Trial(settings)  # also tells early when a name is unknown or the subject is missing
    if trial.samples is not None:
        bound = len(trial.samples) if settings.max_programs is None else settings.max_programs
        settings = msgspec.structs.replace(settings, max_programs=min(bound, len(trial.samples)))
    total = trial.nothing()
    try:
        for outcome in _outcomes(settings, clock):
            part = outcome.result if outcome.result is not None else trial.lost(outcome)
            total = merge([total, part])
            if progress is not None:
                progress.advance(part.settings.programs)
                for finding in part.findings:
                    progress.found(finding)
    except KeyboardInterrupt:  # what was done so far is reported
        if progress is not None:
            progress.interrupted("shrinking what was found; interrupt again to leave it as it was drawn")
    share = None if settings.seconds is None else time.monotonic() + max(SHRINK_AT_LEAST, settings.seconds / 3)
    total = complete(total, settings, Crew(_begin, worker), progress, share)
    finished = datetime.datetime.now(datetime.timezone.utc)
    return msgspec.structs.replace(
        total,
        times=msgspec.structs.replace(
            total.times,
            started=started.isoformat(timespec="seconds"),
            finished=finished.isoformat(timespec="seconds"),
            wall=round(time.perf_counter() - clock, 3),
        ),
    )


def _chunks(settings: CampaignSettings, clock: float) -> Iterator[Sequence[int]]:
    """Indices of programs until a bound is reached."""
    # The named examples go first, under negative numbers.
    for first in range(0, len(EXAMPLES), CHUNK):
        yield [-1 - number for number in range(first, min(first + CHUNK, len(EXAMPLES)))]
    first = 0
    while settings.max_programs is None or first < settings.max_programs:
        if settings.seconds is not None and time.perf_counter() - clock >= settings.seconds:
            return
        stop = first + CHUNK if settings.max_programs is None else min(first + CHUNK, settings.max_programs)
        yield range(first, stop)
        first = stop


def _outcomes(settings: CampaignSettings, clock: float) -> Iterator[Outcome[Run]]:
    return run_chunks(
        _work,
        _chunks(settings, clock),
        jobs=settings.jobs,
        timeout=SECONDS_PER_PROGRAM,
        initializer=_begin,
        initargs=(settings,),
    )


_trial: Trial | None = None


def _begin(settings: CampaignSettings) -> None:
    """In a new worker process."""
    global _trial
    _trial = Trial(settings)


def worker() -> Trial:
    """The trial of this worker process."""
    assert _trial is not None
    return _trial


def _work(indices: tuple[int, ...]) -> Run:
    if indices[0] < 0:
        return worker().examples([-1 - index for index in indices])
    return worker().chunk(indices)
