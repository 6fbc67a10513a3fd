"""From what a campaign saw to what it reports: one finding for each defect, shrunk, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from conformance import findings
from conformance.campaign import CampaignSettings
from conformance.execute.workers import Outcome
from conformance.program import codec
from conformance.report.run import Arbitration, Finding, Run, encode_run, merge
from conformance.trial import Trial

from .faults import FAULTS, Broken

PROGRAMS = 150


def in_this_process(work: Callable[..., Any], chunks: Iterable[Sequence[int]], **_: Any) -> Iterator[Outcome[Any]]:
    for chunk in chunks:
        yield Outcome(tuple(chunk), "done", work(tuple(chunk)))


class Watcher:
    def __init__(self, interrupt_after: int | None = None) -> None:
        self.told: list[tuple[int, int]] = []
        self.said: list[str] = []
        self.interrupt_after = interrupt_after

    def shrinking(self, done: int, total: int) -> None:
        self.told.append((done, total))
        if done == self.interrupt_after:
            raise KeyboardInterrupt

    def interrupted(self, what: str) -> None:
        self.said.append(what)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Trial:
    """An engine with one defect, on trial in this process."""
    trial = Trial(CampaignSettings(subject="reference", seed=1, laws=("none",)))
    trial.subject = Broken(FAULTS["a_stride_ignored"])
    monkeypatch.setattr(findings, "run_chunks", in_this_process)
    return trial


@pytest.fixture
def seen(broken: Trial) -> Run:
    return merge([broken.nothing(), broken.chunk(range(PROGRAMS))])


def completed(trial: Trial, run: Run, watcher: Watcher | None = None, shrink: int = 40) -> Run:
    settings = CampaignSettings(subject="reference", seed=1, shrink=shrink)
    return findings.complete(run, settings, findings.Crew(lambda *_: None, lambda: trial), watcher, None)


def programs(run: Run) -> int:
    return sum(finding.programs for finding in run.findings)


def test_each_finding_is_shrunk_and_reproduces_and_no_program_is_forgotten(broken: Trial, seen: Run) -> None:
    assert len(seen.findings) > 1
    done = completed(broken, seen)
    assert len(done.findings) <= len(seen.findings)
    assert programs(done) == programs(seen)
    for finding in done.findings:
        program = codec.decode(codec.encode(findings._program(finding)))
        judgement, _, _ = broken.rerun(program)
        assert judgement is not None, finding.title
        assert (judgement.divergence.field, judgement.divergence.step) == (finding.field, finding.step)
    assert min(len(finding.program["steps"]) for finding in done.findings) <= 4


def test_an_interruption_loses_no_finding(broken: Trial, seen: Run) -> None:
    watcher = Watcher(interrupt_after=1)
    done = completed(broken, seen, watcher)
    assert programs(done) == programs(seen)
    assert len(watcher.said) == 1
    assert all(finding.script for finding in done.findings)
    assert sum(finding.subject_trace is not None for finding in done.findings) == 1  # one was shrunk


def test_a_small_budget_leaves_the_rest_as_drawn_and_counts_them(broken: Trial, seen: Run) -> None:
    done = completed(broken, seen, shrink=2)
    assert programs(done) == programs(seen)
    assert sum(finding.subject_trace is not None for finding in done.findings) <= 2


def test_the_same_campaign_gives_the_same_findings(broken: Trial, seen: Run) -> None:
    assert encode_run(completed(broken, seen, shrink=2)) == encode_run(completed(broken, seen, shrink=2))


def test_progress_counts_up_to_what_is_shrunk(broken: Trial, seen: Run) -> None:
    watcher = Watcher()
    completed(broken, seen, watcher, shrink=3)
    assert watcher.told[0][0] == 0
    assert all(done <= total for done, total in watcher.told)
    assert watcher.told[-1][0] == watcher.told[-1][1]


def test_a_difference_at_the_end_is_told_at_the_step_where_the_engines_part(broken: Trial, seen: Run) -> None:
    """Of programs that are looked at only in the end, those that differ are looked at again, step by step."""
    drawn = [broken.draw(index)[0] for index in range(PROGRAMS)]
    ends = [finding for finding in seen.findings if finding.program.get("observe") == "end"]
    assert sum(program.observe == "end" for program in drawn) > PROGRAMS / 10
    assert not ends


def as_drawn(identifier: str, ops: Sequence[str]) -> Finding:
    steps = [{"step": "apply", "op": op, "form": "method"} for op in ops] + [{"step": "backward"}]
    return Finding(
        id=identifier,
        title="a wrong gradient",
        clauses=(),
        op=None,
        field="grad.value",
        step=len(steps) - 1,
        expected="1",
        observed="2",
        program={"steps": steps},
        script="",
        reference_trace=None,
        subject_trace=None,
        graph=None,
        arbitration=Arbitration("undecided", ""),
    )


def test_wrong_numbers_in_programs_with_a_known_cause_are_counted_for_that_cause() -> None:
    shrunk = as_drawn("cause", ["exp"])
    done = {"cause": shrunk}
    raws = [as_drawn("a", ["exp", "sum"]), as_drawn("b", ["mul", "exp"]), as_drawn("c", ["mul"])]
    assert [raw.id for raw in findings._unexplained_by([shrunk], raws, done)] == ["c"]
    assert done["cause"].programs == 3


def test_of_findings_that_look_alike_those_with_the_fewest_ops_are_shrunk_first() -> None:
    raws = [as_drawn("a", ["exp", "sum"]), as_drawn("b", ["exp"]), as_drawn("c", ["mul", "sum"])]
    assert [raw.id for raw in findings._worth_shrinking(raws)] == ["b", "c"]


def test_what_is_not_shrunk_is_one_entry_for_each_kind() -> None:
    raws = [as_drawn("a", ["exp", "sum"]), as_drawn("b", ["exp"])]
    assert [(raw.id, raw.programs) for raw in findings._one_of_each_group(raws)] == [("b", 2)]
