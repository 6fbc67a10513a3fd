"""The search: programs are drawn, steered by what was seen, run and judged in worker processes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from conformance.campaign import SECONDS_PER_PROGRAM, CampaignSettings
from conformance.execute.machine import execute
from conformance.execute.workers import Outcome, run_chunks
from conformance.findings import full_finding
from conformance.generate.builder import draw_noting
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import find_profile
from conformance.hunt.causes import cause, rank
from conformance.hunt.state import Cause, Plan, State, save
from conformance.hunt.steering import Seen, steered
from conformance.judge.laws import NotApplicable
from conformance.report.run import Finding, Origin
from conformance.trial import Trial

CHUNK = 50
_COMPLETION = 120.0  # seconds that shrinking one finding may take


class Watcher(Protocol):
    """Who is told how a hunt goes."""

    def advance(self, programs: int = 1) -> None: ...
    def found(self, finding: Finding) -> None: ...


class Caught(msgspec.Struct, frozen=True):
    """What a chunk of programs gave."""

    seen: tuple[Seen, ...]
    findings: tuple[Finding, ...]
    deviations: tuple[str, ...]


# -- in a worker process -----------------------------------------------------------------------------------------------

_trial: Trial | None = None
_folder: Path | None = None


def _begin(settings: CampaignSettings, folder: Path) -> None:
    global _trial, _folder
    _trial, _folder = Trial(settings), folder


def _hunt(plan: Plan, indices: tuple[int, ...]) -> Caught:
    assert _trial is not None
    assert _folder is not None
    weights = msgspec.json.decode((_folder / "weights.json").read_bytes(), type=list[dict[str, float]])
    seen: list[Seen] = []
    findings: list[Finding] = []
    deviations: list[str] = []
    for index in indices:
        one = _look(_trial, plan, weights, index)
        seen += one.seen
        findings += one.findings
        deviations += one.deviations
    return Caught(tuple(seen), tuple(findings), tuple(deviations))


def _look(trial: Trial, plan: Plan, weights: list[dict[str, float]], index: int) -> Caught:
    """One program: drawn, run, compared, and held to some of the laws."""
    epoch = index // plan.epoch
    profile = steered(find_profile(plan.profiles[epoch % len(plan.profiles)]), weights[epoch])
    drawn = draw_noting(PRNGChoices(plan.seed, index), profile, trial.baseline)
    expected = trial.expected(drawn.program, drawn.trace)
    observed = execute(drawn.program, trial.subject)
    origin = Origin(plan.seed, index)
    findings, deviations = [], []
    judgement = trial.judge(drawn.program, expected, observed)
    if judgement is not None and judgement.deviation is not None:
        deviations.append(judgement.deviation.id)
    elif judgement is not None:
        findings.append(trial.raw_finding(drawn.program, judgement, origin))
    for k, law in enumerate(trial.laws):
        if (7 * index + k) % trial.every:
            continue
        try:
            violation = law.check(drawn.program, observed, trial.subject)
        except NotApplicable:
            continue
        if violation is None:
            continue
        broken = trial.broken(law, violation)
        if broken.deviation is not None:
            deviations.append(broken.deviation.id)
        else:
            findings.append(trial.raw_finding(drawn.program, broken, origin, law.id))
    clauses = {clause for step in expected.steps for clause in step.clauses}
    seen = Seen(tuple(sorted(drawn.families)), tuple(sorted(clauses)))
    return Caught((seen,), tuple(findings), tuple(deviations))


def _complete(raw: Finding, _indices: tuple[int, ...]) -> Finding:
    assert _trial is not None
    return full_finding(_trial, raw)


# -- in the hunt's own process -----------------------------------------------------------------------------------------


def hunt(
    state: State, folder: Path, settings: CampaignSettings, watcher: Watcher, most: int | None, seconds: float | None
) -> None:
    """Search until a bound is reached or the user interrupts; the state grows as it goes, and is saved."""
    started, before = time.perf_counter(), state.seconds
    fresh: list[Seen] = []
    bound = None if most is None else state.drawn + most

    def chunks() -> Iterator[Sequence[int]]:
        first = state.drawn
        while bound is None or first < bound:
            if seconds is not None and time.perf_counter() - started >= seconds:
                return
            if first // state.plan.epoch >= len(state.weights):
                epoch = len(state.weights)
                profile = find_profile(state.plan.profiles[epoch % len(state.plan.profiles)])
                state.weights.append(state.steering.weights(profile))
                save(folder, state)
            last = first + CHUNK if bound is None else min(first + CHUNK, bound)
            stop = min(last, (first // state.plan.epoch + 1) * state.plan.epoch)
            yield range(first, stop)
            first = stop

    save(folder, state)
    try:
        for outcome in run_chunks(
            partial(_hunt, state.plan),
            chunks(),
            jobs=settings.jobs,
            timeout=SECONDS_PER_PROGRAM,
            initializer=_begin,
            initargs=(settings, folder),
        ):
            caught = outcome.result or _lost(state, settings, outcome)
            fresh += caught.seen
            state.drawn += len(outcome.indices)
            now = before + time.perf_counter() - started
            if _take(state, caught, watcher):
                state.quiet = now
            state.seconds = now
            watcher.advance(len(outcome.indices))
            if state.drawn % state.plan.epoch == 0:
                state.steering.learn(fresh)
                fresh = []
    finally:
        state.steering.learn(fresh)
        save(folder, state)


def _take(state: State, caught: Caught, watcher: Watcher) -> bool:
    """Fold a chunk into the state; whether it held anything new."""
    new = False
    for deviation in caught.deviations:
        state.deviations[deviation] = state.deviations.get(deviation, 0) + 1
    for finding in caught.findings:
        known = state.causes.get(state.aliases.get(finding.id, finding.id))
        if known is None:
            state.causes[finding.id] = Cause(finding, 1, state.drawn)
            watcher.found(finding)
            new = True
        else:
            known.programs += 1
            if not known.complete and len(finding.program["steps"]) < len(known.finding.program["steps"]):
                known.finding = finding
    return new


def _lost(state: State, settings: CampaignSettings, outcome: Outcome[Caught]) -> Caught:
    """A program that took its worker along: drawn again here, where it is not run on the subject."""
    trial = Trial(msgspec.structs.replace(settings, profile=state.plan.profiles[0]))
    index = outcome.indices[0]
    epoch = index // state.plan.epoch
    profile = steered(find_profile(state.plan.profiles[epoch % len(state.plan.profiles)]), state.weights[epoch])
    drawn = draw_noting(PRNGChoices(state.plan.seed, index), profile, trial.baseline)
    lost = trial.lost_finding(drawn.program, drawn.trace, outcome.fate, outcome.detail, Origin(state.plan.seed, index))
    return Caught((), (lost,), ())


def complete(state: State, folder: Path, settings: CampaignSettings, most: int) -> None:
    """Shrink and arbitrate the gravest findings, each in a worker; those that turn out the same become one."""
    waiting = sorted((c for c in state.causes.values() if not c.complete), key=lambda c: rank(c.finding))
    for one in waiting[:most]:
        outcomes = run_chunks(
            partial(_complete, one.finding),
            [(0,)],
            timeout=_COMPLETION,
            initializer=_begin,
            initargs=(settings, folder),
        )
        for outcome in outcomes:
            if outcome.result is not None:
                one.finding = outcome.result
            one.complete = True
        merge_alike(state)
        save(folder, state)


def merge_alike(state: State) -> None:
    """Shrunk findings of one cause as one; what is met again under another's id is counted for it."""
    alike: dict[str, str] = {}
    for key, one in list(state.causes.items()):
        if not one.complete:
            continue
        same = alike.setdefault(cause(one.finding), key)
        if same != key:
            state.causes[same].programs += one.programs
            state.aliases[key] = same
            del state.causes[key]
