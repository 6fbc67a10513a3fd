"""Counting what was exercised: clauses, and the cells of the op matrix, with the verdict of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from conformance.execute.trace import TensorState, Trace
from conformance.judge.verdict import Judgement
from conformance.program import steps as s
from conformance.report.run import (
    VERDICTS,
    Cell,
    Change,
    ClauseEvidence,
    DeviationEvidence,
    Finding,
    LawEvidence,
    OpEvidence,
    Run,
    Settings,
    SubjectInfo,
    Times,
    Totals,
    Verdict,
)
from reference_engine.ops.declare import ALIASES, OPS
from specs.schema import Deviation


class Tally:
    """What a range of programs showed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.clauses: Counter[str] = Counter()
        self.examples: dict[str, set[str]] = {}
        self.clause_verdicts: dict[str, Verdict] = {}
        self.cells: Counter[tuple[str, str]] = Counter()
        self.cell_verdicts: dict[tuple[str, str], Verdict] = {}
        self.findings: dict[str, Finding] = {}
        self.deviations: Counter[str] = Counter()
        self.clause_of: dict[str, str] = {}
        self.law_checks: Counter[str] = Counter()
        self.law_violations: Counter[str] = Counter()
        self.law_verdicts: dict[str, Verdict] = {}
        self.changes: dict[object, Change] = {}
        self.gone_deviations: list[DeviationEvidence] = []
        self.times = [0.0, 0.0, 0.0]

    def add(self, program: s.Program, expected: Trace, judgement: Judgement | None, example: str | None = None) -> None:
        """Count one program. What comes after its first divergence is no evidence of anything."""
        if example is None:
            self.counts["programs"] += 1
        upto = len(program.steps) if judgement is None else judgement.divergence.step
        seen: set[str] = set()
        for trace in expected.steps[:upto]:
            self.counts["steps"] += 1
            self.counts["refusals"] += trace.outcome == "raised"
            self.counts["skipped"] += trace.outcome == "skipped"
            self.counts["warnings"] += len(trace.warnings)
            self.counts["comparisons"] += 6 + 20 * len(trace.tensors)
            seen.update(trace.clauses)
        self._clauses(seen, "conforms", example)
        self.op_cells(program, expected, upto)
        if judgement is None:
            return
        self.counts["divergent"] += 1
        verdict: Verdict = "divergence" if judgement.deviation is None else "known_deviation"
        d = judgement.divergence
        named = {judgement.deviation.clause} if judgement.deviation else set(d.clauses)
        self._clauses(named, verdict, example)
        if judgement.deviation is not None:
            self.deviations[judgement.deviation.id] += 1
            self.clause_of[judgement.deviation.id] = judgement.deviation.clause
        step = program.steps[d.step]
        if isinstance(step, s.Apply) and step.op:
            for column in _columns(step, expected, d.step, _states_before(expected, d.step)):
                self._cell(step.op, column, verdict)

    def _clauses(self, ids: set[str], verdict: Verdict, example: str | None) -> None:
        for clause in ids:
            self.clauses[clause] += example is None
            if example is not None:
                self.examples.setdefault(clause, set()).add(example)
            self.clause_verdicts[clause] = _graver(self.clause_verdicts.get(clause, "conforms"), verdict)

    def op_cells(self, program: s.Program, expected: Trace, upto: int) -> None:
        """The op matrix: what each Apply exercised, and which ops the backward passes went through."""
        states: dict[str, TensorState] = {}
        for i in range(upto):
            step, trace = program.steps[i], expected.steps[i]
            if isinstance(step, s.Apply) and step.op:
                for column in _columns(step, expected, i, states):
                    self._cell(step.op, column, "conforms")
            for column, op in trace.evidence:
                self._cell(op, column, "conforms")
            states.update(trace.tensors)

    def _cell(self, op: str, column: str, verdict: Verdict) -> None:
        op = _canonical_name(op)
        if op not in OPS:  # a method that is no op: requires_grad_, detach
            return
        self.cells[op, column] += 1
        self.cell_verdicts[op, column] = _graver(self.cell_verdicts.get((op, column), "conforms"), verdict)

    def found(self, finding: Finding) -> None:
        known = self.findings.get(finding.id)
        if known is None:
            self.findings[finding.id] = finding
            return
        smaller = finding if len(finding.program["steps"]) < len(known.program["steps"]) else known
        self.findings[finding.id] = msgspec.structs.replace(smaller, programs=known.programs + 1)

    def law(self, law: str, judgement: Judgement | None) -> None:
        """Count one check of a law."""
        self.counts["law_checks"] += 1
        self.law_checks[law] += 1
        if judgement is None:
            return
        self.law_violations[law] += 1
        verdict: Verdict = "divergence" if judgement.deviation is None else "known_deviation"
        self.law_verdicts[law] = _graver(self.law_verdicts.get(law, "conforms"), verdict)
        if judgement.deviation is not None:
            self.deviations[judgement.deviation.id] += 1
            self.clause_of[judgement.deviation.id] = judgement.deviation.clause

    def change(self, change: Change) -> None:
        """Keep the smallest program that shows a change, and count the others."""
        known = self.changes.get(change.signature)
        if known is not None:
            smaller = min(known, change, key=lambda c: len(c.program["steps"]))
            change = msgspec.structs.replace(smaller, programs=known.programs + 1)
        self.changes[change.signature] = change

    def gone(self, deviation: Deviation) -> None:
        """A known deviation whose example no longer shows it: that is news."""
        self.gone_deviations.append(DeviationEvidence(deviation.id, deviation.clause, 0, "gone"))

    def lost(self, fate: str) -> None:
        self.counts["timeouts" if fate == "hung" else "crashes"] += 1

    def spent(self, reference: float, subject: float, judging: float) -> None:
        for i, seconds in enumerate((reference, subject, judging)):
            self.times[i] += seconds

    def run(self, suite: str, subject: SubjectInfo, settings: Settings) -> Run:
        """What was counted, as a Run."""
        rows: dict[str, dict[str, Cell]] = {}
        for (op, column), count in self.cells.items():
            rows.setdefault(op, {})[column] = Cell(count, self.cell_verdicts[op, column])
        return Run(
            suite=suite,
            subject=subject,
            settings=settings,
            totals=Totals(**{k: v for k, v in self.counts.items() if k in Totals.__struct_fields__}),
            clauses=tuple(
                ClauseEvidence(c, n, tuple(sorted(self.examples.get(c, ()))), self.clause_verdicts[c])
                for c, n in self.clauses.items()
            ),
            ops=tuple(OpEvidence(name, cells) for name, cells in rows.items()),
            laws=tuple(
                LawEvidence(i, n, self.law_violations[i], self.law_verdicts.get(i, "conforms"))
                for i, n in self.law_checks.items()
            ),
            findings=tuple(self.findings.values()),
            changes=tuple(self.changes.values()),
            deviations=(
                *(DeviationEvidence(i, self.clause_of[i], n, "seen") for i, n in self.deviations.items()),
                *(gone for gone in self.gone_deviations if gone.id not in self.deviations),
            ),
            times=Times(reference=self.times[0], subject=self.times[1], judge=self.times[2]),
        )


def _graver(a: Verdict, b: Verdict) -> Verdict:
    return a if VERDICTS.index(a) >= VERDICTS.index(b) else b


def _canonical_name(op: str) -> str:
    op = _OPERATOR_NAMES.get(op, op)
    return ALIASES.get(op, op)


def _states_before(expected: Trace, upto: int) -> dict[str, TensorState]:
    states: dict[str, TensorState] = {}
    for trace in expected.steps[:upto]:
        states.update(trace.tensors)
    return states


_OPERATOR_NAMES = {"truediv": "div", "and": "bitwise_and", "or": "bitwise_or", "mod": "remainder"}


def _columns(step: s.Apply, expected: Trace, i: int, states: dict[str, TensorState]) -> list[str]:
    """The cells of the op's row that one call is evidence for."""
    if expected.steps[i].outcome == "raised":
        return ["refusals"]
    if expected.steps[i].outcome != "ok":
        return []
    columns = ["in-place" if step.form in ("inplace", "augmented") else "out=" if step.form == "out" else "forward"]
    arguments: list[TensorState] = [states[a.name] for a in _refs(step.args) if a.name in states]
    if arguments:
        columns.append(arguments[0].dtype)
        if any(a.stride is not None and a.stride != _row_major(a.shape) and 0 not in a.shape for a in arguments):
            columns.append("non-contiguous")
        if any(0 in a.shape for a in arguments):
            columns.append("zero-size")
    made: Any = expected.steps[i].tensors.get(step.outs[0]) if step.outs else None
    if made is not None and made.is_view:
        columns.append("view")
    return columns


def _refs(args: Any) -> list[s.Ref]:
    found: list[s.Ref] = []
    for a in args:
        if isinstance(a, s.Ref):
            found.append(a)
        elif isinstance(a, s.Seq):
            found.extend(_refs(a.items))
    return found


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    out, step = [], 1
    for n in reversed(shape):
        out.append(step)
        step *= max(n, 1)
    return tuple(reversed(out))
