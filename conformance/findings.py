"""From what a campaign saw to what its Run reports: findings that are shrunk and arbitrated, one for each defect.

Shrinking runs a program some hundred times, in worker processes: a reduced program may crash where the first did not.
How much is done is counted in findings and not in seconds, so that the same campaign gives the same Run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from conformance.examples import EXAMPLES
from conformance.execute.graph import graph_of
from conformance.execute.machine import execute
from conformance.execute.trace import Trace
from conformance.execute.workers import run_chunks
from conformance.judge.arbitrate import arbitrate
from conformance.judge.compare import note
from conformance.judge.laws import LAWS, NotApplicable
from conformance.judge.shrink import shrink
from conformance.judge.verdict import Judgement
from conformance.program import codec
from conformance.program.script import Note, to_script
from conformance.program.steps import Program
from conformance.report.run import Arbitration, Finding, Run
from conformance.signature import group_of, kind, ops_of_finding, told, trace_data

if TYPE_CHECKING:
    from conformance.campaign import CampaignSettings
    from conformance.trial import Trial

ROUNDS = 3
PER_GROUP = 3  # of findings that look alike, so many are shrunk in a round: they may yet be several defects
SECONDS_PER_FINDING = 120.0

Again = Callable[[Program], "tuple[Judgement | None, Program, Trace, Trace]"]


class Crew(msgspec.Struct, frozen=True):
    """The worker processes of a campaign: what prepares one, given the settings, and its trial from then on."""

    begin: Callable[..., None]
    trial: Callable[[], Trial]


class Watcher(Protocol):
    """Who is told how far the shrinking is."""

    def shrinking(self, done: int, total: int) -> None: ...
    def interrupted(self, what: str) -> None: ...


# -- one finding -------------------------------------------------------------------------------------------------------


def full_finding(trial: Trial, raw: Finding) -> Finding:
    """Shrink a finding's program, arbitrate it, and write its script, traces and graph."""
    if raw.kind not in ("divergence", "law"):
        return raw
    again = _again(trial, raw)
    program = _smallest(_program(raw), again, raw.deviation)
    judgement, program, expected, observed = again(program)
    if judgement is None:  # it does not happen again: the subject is not deterministic
        return msgspec.structs.replace(
            raw, title=f"not reproducible: {raw.title}", script=to_script(program, expected.steps)
        )
    d = judgement.divergence
    if raw.law is None:
        said, settled = note(d), arbitrate(program, d, trial.reference, expected, observed)
    else:
        said = Note(None, (f"expected {d.expected}", f"observed {d.observed}"))
        settled = Arbitration("reference", "law", "the law holds of any engine; the subject breaks it alone")
    return msgspec.structs.replace(
        raw,
        **told(judgement, program),
        script=to_script(program, observed.steps, {d.step: said}),
        reference_trace=trace_data(expected),
        subject_trace=trace_data(observed),
        graph=graph_of(program, d.step, trial.reference),
        arbitration=settled,
    )


def _again(trial: Trial, raw: Finding) -> Again:
    """How to run a program afresh and judge it as the finding was judged."""
    law = LAWS[raw.law] if raw.law is not None else None

    def compared(candidate: Program) -> tuple[Judgement | None, Program, Trace, Trace]:
        judgement, expected, observed = trial.rerun(candidate)
        return judgement, candidate, expected, observed

    def held_to_the_law(candidate: Program) -> tuple[Judgement | None, Program, Trace, Trace]:
        assert law is not None
        try:
            violation = law.check(candidate, execute(candidate, trial.subject), trial.subject)
        except NotApplicable:
            violation = None
        shown = candidate if violation is None else violation.program
        judgement = None if violation is None else trial.broken(law, violation)
        return judgement, shown, execute(shown, trial.reference), execute(shown, trial.subject)

    return compared if law is None else held_to_the_law


def _smallest(program: Program, again: Again, deviation: str | None) -> Program:
    """The smallest program that shows the same."""
    first = again(program)[0]
    if first is None:
        return program
    wanted = kind(first)

    def still(candidate: Program) -> bool:
        judgement = again(candidate)[0]
        return judgement is not None and kind(judgement) == wanted

    known = EXAMPLES.get(deviation or "")
    if known is not None and still(known.program):
        return known.program  # shrunk long ago
    # One that is looked at after each step says at which step the engines part.
    looked_at = msgspec.structs.replace(program, observe="each")
    return shrink(looked_at if looked_at != program and still(looked_at) else program, still)


def _program(raw: Finding) -> Program:
    return codec.decode(msgspec.json.encode(raw.program))


# -- all of a run ------------------------------------------------------------------------------------------------------


def complete(run: Run, settings: CampaignSettings, crew: Crew, watcher: Watcher | None, deadline: float | None) -> Run:
    """Shrink and complete the findings of a merged Run; those that turn out to be the same become one.

    An interruption, or the deadline of a run that has a time limit, leaves the rest as they were drawn.

    Args:
        run: with findings as they were drawn.
        settings: of the campaign; its ``shrink`` says how many findings are shrunk at most.
        crew: the worker processes.
        watcher: is told how it goes.
        deadline: a reading of ``time.monotonic``, or None.
    """
    left = sorted(run.findings, key=lambda f: (f.deviation is not None, -f.programs, f.id))
    done: dict[str, Finding] = {}
    budget, finished, stopped = settings.shrink, 0, False
    for _ in range(ROUNDS):
        chosen = _worth_shrinking(left)[:budget]
        if not chosen or stopped:
            break
        budget -= len(chosen)
        shrunk, stopped = _shrunk(chosen, settings, crew, watcher, finished, deadline)
        finished += len(shrunk)
        for full in shrunk.values():
            _join(done, full)
        left = _unexplained_by(done.values(), [raw for raw in left if raw.id not in shrunk], done)
    for raw in _one_of_each_group(left):
        _join(done, raw if raw.script else msgspec.structs.replace(raw, script=to_script(_program(raw))))
    return msgspec.structs.replace(run, findings=tuple(done.values()))


def _worth_shrinking(raws: Iterable[Finding]) -> list[Finding]:
    """Of each group those with the fewest ops, none of which has all the ops of another; each group's first ahead."""
    groups: dict[str, list[Finding]] = {}
    for raw in raws:
        groups.setdefault(group_of(raw), []).append(raw)
    ranked: list[tuple[int, int, Finding]] = []
    for number, group in enumerate(groups.values()):
        taken: list[frozenset[str]] = []
        for raw in sorted(group, key=lambda f: (len(ops_of_finding(f)), len(f.program["steps"]), f.id)):
            ops = ops_of_finding(raw)
            if len(taken) < PER_GROUP and not any(other <= ops for other in taken):
                ranked.append((len(taken), number, raw))
                taken.append(ops)
    return [raw for *_, raw in sorted(ranked, key=lambda entry: entry[:2])]


def _shrunk(
    chosen: Sequence[Finding],
    settings: CampaignSettings,
    crew: Crew,
    watcher: Watcher | None,
    finished: int,
    deadline: float | None,
) -> tuple[dict[str, Finding], bool]:
    """The completed findings by the ids that they were drawn under, and whether it was ended early."""
    total = finished + len(chosen)
    found: dict[str, Finding] = {}
    outcomes = run_chunks(
        partial(_complete_one, crew.trial, tuple(chosen)),
        ([number] for number in range(len(chosen)) if deadline is None or time.monotonic() < deadline),
        jobs=settings.jobs,
        timeout=SECONDS_PER_FINDING,
        initializer=crew.begin,
        initargs=(settings,),
    )
    try:
        if watcher is not None:
            watcher.shrinking(finished, total)
        for outcome in outcomes:
            raw = chosen[outcome.indices[0]]
            found[raw.id] = outcome.result or raw  # a reduced program that takes the process along stays as it was
            if watcher is not None:
                watcher.shrinking(finished + len(found), total)
    except KeyboardInterrupt:
        if watcher is not None:
            watcher.interrupted(f"{total - finished - len(found)} findings stay as they were drawn")
        return found, True
    return found, deadline is not None and time.monotonic() >= deadline


def _complete_one(trial: Callable[[], Trial], chosen: Sequence[Finding], indices: tuple[int, ...]) -> Finding:
    """In a worker process."""
    return full_finding(trial(), chosen[indices[0]])


def _unexplained_by(shrunk: Iterable[Finding], raws: Iterable[Finding], done: dict[str, Finding]) -> list[Finding]:
    """The findings left over, when those that hold all the ops of a shrunk one of their group are counted for it."""
    causes = [(group_of(full), ops_of_finding(full), full.id) for full in shrunk]
    left = []
    for raw in raws:
        group, ops = group_of(raw), ops_of_finding(raw)
        cause = next((full_id for of, needed, full_id in causes if of == group and needed <= ops), None)
        if cause is None:
            left.append(raw)
        else:
            done[cause] = msgspec.structs.replace(done[cause], programs=done[cause].programs + raw.programs)
    return left


def _one_of_each_group(raws: Iterable[Finding]) -> list[Finding]:
    """What was not shrunk: the smallest program of each group stands for it."""
    groups: dict[str, list[Finding]] = {}
    for raw in raws:
        groups.setdefault(group_of(raw), []).append(raw)
    return [
        msgspec.structs.replace(
            min(group, key=lambda f: (len(f.program["steps"]), f.id)), programs=sum(raw.programs for raw in group)
        )
        for group in groups.values()
    ]


def _join(done: dict[str, Finding], full: Finding) -> None:
    known = done.get(full.id)
    if known is not None:
        smaller = min(known, full, key=lambda f: len(f.program["steps"]))
        full = msgspec.structs.replace(smaller, programs=known.programs + full.programs)
    done[full.id] = full
