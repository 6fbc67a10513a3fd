"""Counting what was exercised: clauses, and the cells of the op matrix, with the verdict of each."""

from __future__ import annotations

from collections import Counter

import msgspec

from conformance.execute.trace import Trace
from conformance.judge.verdict import Judgement
from conformance.op_evidence import exercised, exercised_at
from conformance.program import steps as s
from conformance.report.run import (
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
    graver,
    joined_change,
)
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
        cells: dict[tuple[str, str], Verdict] = dict.fromkeys(exercised(program, expected, upto), "conforms")
        if judgement is not None:
            verdict: Verdict = "divergence" if judgement.deviation is None else "known_deviation"
            cells |= dict.fromkeys(exercised_at(program, expected, upto), verdict)
            self._diverged(judgement, verdict, example)
        for cell, came_of_it in cells.items():
            self.cells[cell] += 1
            self.cell_verdicts[cell] = graver(self.cell_verdicts.get(cell, "conforms"), came_of_it)

    def _diverged(self, judgement: Judgement, verdict: Verdict, example: str | None) -> None:
        self.counts["divergent"] += 1
        named = {judgement.deviation.clause} if judgement.deviation else set(judgement.divergence.clauses)
        self._clauses(named, verdict, example)
        if judgement.deviation is not None:
            self.deviations[judgement.deviation.id] += 1
            self.clause_of[judgement.deviation.id] = judgement.deviation.clause

    def _clauses(self, ids: set[str], verdict: Verdict, example: str | None) -> None:
        for clause in ids:
            self.clauses[clause] += example is None
            if example is not None:
                self.examples.setdefault(clause, set()).add(example)
            self.clause_verdicts[clause] = graver(self.clause_verdicts.get(clause, "conforms"), verdict)

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
        self.law_verdicts[law] = graver(self.law_verdicts.get(law, "conforms"), verdict)
        if judgement.deviation is not None:
            self.deviations[judgement.deviation.id] += 1
            self.clause_of[judgement.deviation.id] = judgement.deviation.clause

    def change(self, change: Change) -> None:
        """Keep the smallest program that shows a change, and count the others."""
        known = self.changes.get(change.signature)
        if known is not None:
            smaller = min(known, change, key=lambda c: len(c.program["steps"]))
            change = joined_change(smaller, known, change)
        self.changes[change.signature] = change

    def gone(self, deviation: Deviation) -> None:
        """A known deviation whose example no longer shows it: that is news."""
        self.gone_deviations.append(DeviationEvidence(deviation.id, deviation.clause, 0, "gone"))

    def lost(self, fate: str) -> None:
        self.counts["timeouts" if fate == "hung" else "crashes"] += 1

    def explained(self, deviation: Deviation, example: str | None) -> None:
        """Count a program whose loss is known."""
        self.deviations[deviation.id] += 1
        self.clause_of[deviation.id] = deviation.clause
        self._clauses({deviation.clause}, "known_deviation", example)

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
