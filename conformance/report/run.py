"""The Run file: everything one run found out about one subject, and the only input of every report.

A Run is a fold over numbered chunks of programs: :func:`merge` of the chunks' Runs, in order, gives the same bytes
however the chunks were cut or wherever they ran. :func:`save_run` writes canonical JSON, so the same seed, versions and
budget give byte-identical files apart from ``times``.

Programs, traces and graphs are plain JSON values here, so that a report can be made from the file alone, without the
engines that made it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from conformance.report.files import write_atomically

SCHEMA = "autograd-conformance/run/1"

Verdict = Literal["conforms", "known_deviation", "divergence", "not_exercised", "not_applicable"]

#: From the mildest to the gravest: where two chunks disagree, the graver verdict stands.
VERDICTS: tuple[Verdict, ...] = ("not_applicable", "not_exercised", "conforms", "known_deviation", "divergence")

Json = Any
"""Any JSON value. (A precise recursive alias costs more in casts than it finds in mistakes.)"""


class RunFileError(Exception):
    """A Run file that can't be read, written or understood; its text is one line that names the file."""


class RunMergeError(ValueError):
    """Runs that are no chunks of one run."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts of a Run share: immutable, and strict about names, so that a misspelt field is an error."""


class SubjectInfo(_Part, frozen=True):
    """Which engine was under test, and where."""

    name: str
    library: str
    version: str
    python: str = ""
    platform: str = ""
    device: str = "cpu"


class Settings(_Part, frozen=True):
    """What was asked for. Two Runs ran the same programs exactly if their settings are equal."""

    seed: int
    programs: int
    """How many drawn programs were asked for, or done when a time limit ended the run."""
    first: int = 0
    """The index of the first drawn program: a chunk holds programs ``first .. first + programs - 1``."""
    driver: str = "prng"
    profile: str = "default"
    corpus: str = ""
    """The name and digest of a fixed corpus of programs, where one was run instead of drawing."""
    baseline: str = ""
    """The version whose semantics ``changes`` are told against: the newest that the specification knows."""


class Totals(_Part, frozen=True):
    """Counts over the whole run; all of them add up over chunks."""

    programs: int = 0
    steps: int = 0
    refusals: int = 0
    """Steps that raised on both sides, alike."""
    warnings: int = 0
    skipped: int = 0
    """Steps not run because an earlier refusal left a value undefined."""
    comparisons: int = 0
    """Fields compared."""
    law_checks: int = 0
    divergent: int = 0
    """Programs in which the two traces differ, known deviations included."""
    crashes: int = 0
    timeouts: int = 0


class ClauseEvidence(_Part, frozen=True):
    """How often a clause was exercised, by which named examples, and what came of it."""

    id: str
    programs: int = 0
    examples: tuple[str, ...] = ()
    verdict: Verdict = "not_exercised"


class Cell(_Part, frozen=True):
    """One cell of the op matrix."""

    programs: int = 0
    verdict: Verdict = "not_exercised"


class OpEvidence(_Part, frozen=True):
    """An op's row of the op matrix: a cell for each column (a dtype, a call form, an order of differentiation, ...)."""

    name: str
    cells: dict[str, Cell] = {}


class LawEvidence(_Part, frozen=True):
    """How often a law was checked on the subject alone, and how often it was broken."""

    id: str
    checks: int = 0
    violations: int = 0
    verdict: Verdict = "not_exercised"


class DeviationEvidence(_Part, frozen=True):
    """Whether a known deviation showed itself. One that was looked for and is ``gone`` is news."""

    id: str
    clause: str
    programs: int = 0
    state: Literal["seen", "gone", "not_exercised"] = "not_exercised"


class Arbitration(_Part, frozen=True):
    """Who is right, and how we know."""

    verdict: Literal["subject", "reference", "undecided", "not_needed"]
    """Which side is *right*; ``not_needed`` where the clause alone decides (words, types, metadata)."""
    method: str
    detail: str = ""


class Origin(_Part, frozen=True):
    """Where a program came from: drawn (seed and index), or a named example."""

    seed: int = 0
    index: int = 0
    example: str | None = None


class Finding(_Part, frozen=True):
    """A divergence shrunk to its smallest program, with all that a bug report needs.

    ``id`` is the signature of the divergence, stable over seeds and chunks: findings of the same id are one finding.
    ``program``, ``reference_trace`` and ``subject_trace`` are the JSON forms of a Program and of Traces; ``graph`` is
    ``{"nodes": [{"id", "label", "kind": "leaf" | "view" | "tensor" | "op" | "accumulate" | "saved",
    ...detail}],
    "edges": [{"from", "to", "label"}]}``, edges running from a node to what backward visits next.
    """

    id: str
    title: str
    clauses: tuple[str, ...]
    op: str | None
    field: str
    step: int
    expected: str
    observed: str
    program: Json
    script: str
    reference_trace: Json
    subject_trace: Json
    graph: Json
    arbitration: Arbitration
    deviation: str | None = None
    programs: int = 1
    origin: Origin = Origin()
    law: str | None = None
    """The law that was broken, where a law and not a comparison of traces found it."""
    kind: Literal["divergence", "law", "crash", "timeout"] = "divergence"


class Change(_Part, frozen=True):
    """Something the subject does differently from the baseline's semantics on the same program."""

    clause: str | None
    """None where no clause speaks of it yet."""
    step_kind: str
    field: str
    baseline: str
    observed: str
    programs: int = 1
    program: Json = None
    script: str = ""
    op: str | None = None
    origin: Origin = Origin()
    at: tuple[tuple[int, int], ...] = ()
    """Index and step of each drawn program that shows it: so two Runs of the same programs are compared one by one."""
    unforeseen: tuple[int, ...] = ()
    """Those of them in which the semantics of the subject's own version does not do the same."""
    deviations: tuple[str, ...] = ()
    """The known deviations that explain some of those."""

    @property
    def signature(self) -> tuple[str, str, str, str, str, str]:
        """What makes two changes the same change."""
        return (self.clause or "", self.step_kind, self.op or "", self.field, self.baseline, self.observed)


class Times(_Part, frozen=True):
    """When, and how long, in seconds: the only part of a Run that differs between two runs of the same thing."""

    started: str = ""
    finished: str = ""
    wall: float = 0.0
    reference: float = 0.0
    subject: float = 0.0
    judge: float = 0.0


class Run(_Part, frozen=True):
    """One subject at one version: what was asked, what was done, and what was found."""

    suite: str
    subject: SubjectInfo
    settings: Settings
    totals: Totals = Totals()
    clauses: tuple[ClauseEvidence, ...] = ()
    ops: tuple[OpEvidence, ...] = ()
    laws: tuple[LawEvidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    deviations: tuple[DeviationEvidence, ...] = ()
    times: Times = Times()
    schema: str = SCHEMA

    @property
    def unexplained(self) -> tuple[Finding, ...]:
        """The findings that no known deviation explains."""
        return tuple(finding for finding in self.findings if finding.deviation is None)

    @property
    def gone(self) -> tuple[DeviationEvidence, ...]:
        """The known deviations that were looked for and no longer happen."""
        return tuple(deviation for deviation in self.deviations if deviation.state == "gone")

    @property
    def verdict(self) -> Verdict:
        """The run in a word: ``divergence`` where anything is unexplained, news about a deviation included."""
        if self.unexplained or self.gone or any(law.verdict == "divergence" for law in self.laws):
            return "divergence"
        if any(clause.verdict == "divergence" for clause in self.clauses):
            return "divergence"
        if not self.totals.programs:
            return "not_exercised"
        return "known_deviation" if self.findings else "conforms"


# -- canonical form ----------------------------------------------------------------------------------------------------


def graver(first: Verdict, second: Verdict) -> Verdict:
    """The graver of two verdicts."""
    return first if VERDICTS.index(first) >= VERDICTS.index(second) else second


def canonical(run: Run) -> Run:
    """The same Run with every collection in its one order."""
    return msgspec.structs.replace(
        run,
        clauses=tuple(sorted(run.clauses, key=lambda clause: clause.id)),
        ops=tuple(sorted(run.ops, key=lambda op: op.name)),
        laws=tuple(sorted(run.laws, key=lambda law: law.id)),
        findings=tuple(sorted(run.findings, key=lambda finding: finding.id)),
        changes=tuple(sorted(run.changes, key=lambda change: change.signature)),
        deviations=tuple(sorted(run.deviations, key=lambda deviation: deviation.id)),
    )


def encode_run(run: Run) -> bytes:
    """The Run file's bytes: the same Run always gives the same bytes."""
    try:
        return msgspec.json.encode(canonical(run), order="sorted") + b"\n"
    except UnicodeEncodeError:
        # A message may hold a lone surrogate, which JSON's encoding has no bytes for: its escape is kept instead.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(canonical(run))), order="sorted") + b"\n"


def _encodable(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    return [_encodable(part) for part in value] if isinstance(value, (list, tuple)) else value


def save_run(run: Run, path: str | os.PathLike[str]) -> None:
    """Write ``run`` to ``path`` as canonical JSON, whole or not at all."""
    try:
        write_atomically(path, encode_run(run))
    except OSError as error:
        raise RunFileError(f"cannot write Run file {os.fspath(path)}: {error.strerror or error}") from None


class _SchemaOnly(msgspec.Struct):
    schema: str


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a Run file; anything else is refused with one line."""
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise RunFileError(f"cannot read Run file {name}: {getattr(error, 'strerror', None) or error}") from None
    try:
        schema = msgspec.json.decode(data, type=_SchemaOnly).schema
        if schema != SCHEMA:
            raise RunFileError(f"{name} is no Run file this suite reads: schema {schema[:80]!r}, expected {SCHEMA!r}")
        return canonical(msgspec.json.decode(data, type=Run))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise RunFileError(f"{name} is no Run file: {reason}") from None


# -- the fold over chunks ----------------------------------------------------------------------------------------------


def merge(runs_in_order: Iterable[Run]) -> Run:
    """One Run out of the Runs of adjacent chunks, in order.

    The fold is associative: chunks may be merged in groups first, and the bytes are the same.
    """
    runs = [canonical(run) for run in runs_in_order]
    if not runs:
        raise RunMergeError("nothing to merge: no Run was given")
    return reduce(_merge_two, runs)


def _merge_two(first: Run, second: Run) -> Run:
    if first.suite != second.suite:
        raise RunMergeError(f"Runs of different suites can't be merged: {first.suite} and {second.suite}")
    if first.subject != second.subject:
        raise RunMergeError(
            f"Runs of different subjects can't be merged: {subject_label(first)} and {subject_label(second)}"
        )
    return canonical(
        Run(
            suite=first.suite,
            subject=first.subject,
            settings=_merge_settings(first.settings, second.settings),
            totals=Totals(
                **{name: getattr(first.totals, name) + getattr(second.totals, name) for name in _fields(Totals)}
            ),
            clauses=_merge_by(first.clauses, second.clauses, lambda clause: clause.id, _merge_clauses),
            ops=_merge_by(first.ops, second.ops, lambda op: op.name, _merge_ops),
            laws=_merge_by(first.laws, second.laws, lambda law: law.id, _merge_laws),
            findings=_merge_by(first.findings, second.findings, lambda finding: finding.id, _merge_findings),
            changes=_merge_by(first.changes, second.changes, lambda change: change.signature, _merge_changes),
            deviations=_merge_by(first.deviations, second.deviations, lambda known: known.id, _merge_deviations),
            times=_merge_times(first.times, second.times),
        )
    )


def subject_label(run: Run) -> str:
    """The subject in a word or two: ``torch 2.13.0``, with its name and device where they add something."""
    subject = run.subject
    label = f"{subject.library} {subject.version}"
    if subject.name != subject.library:
        label = f"{subject.name} ({label})"
    return label if subject.device in ("", "cpu") else f"{label} {subject.device}"


def _merge_settings(first: Settings, second: Settings) -> Settings:
    same = msgspec.structs.replace(second, first=first.first, programs=first.programs)
    if same != first:
        raise RunMergeError(f"Runs of different settings can't be merged: {first} and {second}")
    if second.first != first.first + first.programs:
        raise RunMergeError(
            f"these chunks are not adjacent: one ends before program {first.first + first.programs}, "
            f"the next begins at {second.first}"
        )
    return msgspec.structs.replace(first, programs=first.programs + second.programs)


_T = TypeVar("_T")


def _merge_by(
    first: Sequence[_T], second: Sequence[_T], key: Callable[[_T], object], join: Callable[[_T, _T], _T]
) -> tuple[_T, ...]:
    joined = {key(item): item for item in first}
    for item in second:
        name = key(item)
        joined[name] = join(joined[name], item) if name in joined else item
    return tuple(joined.values())


def _fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    return struct.__struct_fields__


def _merge_clauses(first: ClauseEvidence, second: ClauseEvidence) -> ClauseEvidence:
    return ClauseEvidence(
        id=first.id,
        programs=first.programs + second.programs,
        examples=tuple(sorted({*first.examples, *second.examples})),
        verdict=graver(first.verdict, second.verdict),
    )


def _merge_ops(first: OpEvidence, second: OpEvidence) -> OpEvidence:
    cells = dict(first.cells)
    for column, cell in second.cells.items():
        known = cells.get(column, Cell(verdict="not_applicable"))
        cells[column] = Cell(known.programs + cell.programs, graver(known.verdict, cell.verdict))
    return OpEvidence(name=first.name, cells=cells)


def _merge_laws(first: LawEvidence, second: LawEvidence) -> LawEvidence:
    return LawEvidence(
        id=first.id,
        checks=first.checks + second.checks,
        violations=first.violations + second.violations,
        verdict=graver(first.verdict, second.verdict),
    )


def _smaller(first: Finding | Change, second: Finding | Change) -> bool:
    """Whether ``second`` shows the same thing with a smaller program; at equal size the earlier one stays."""
    return _size(second.program) < _size(first.program)


def _size(program: Json) -> tuple[int, int]:
    steps = program.get("steps", ()) if isinstance(program, dict) else ()
    return (len(steps), len(msgspec.json.encode(program)))


def _merge_findings(first: Finding, second: Finding) -> Finding:
    kept = second if _smaller(first, second) else first
    return msgspec.structs.replace(kept, programs=first.programs + second.programs)


def _merge_changes(first: Change, second: Change) -> Change:
    kept = second if _smaller(first, second) else first
    return joined_change(kept, first, second)


def joined_change(kept: Change, first: Change, second: Change) -> Change:
    """Two accounts of one change, with the program of ``kept``."""
    return msgspec.structs.replace(
        kept,
        programs=first.programs + second.programs,
        at=tuple(sorted({*first.at, *second.at})),
        unforeseen=tuple(sorted({*first.unforeseen, *second.unforeseen})),
        deviations=tuple(sorted({*first.deviations, *second.deviations})),
    )


def _merge_deviations(first: DeviationEvidence, second: DeviationEvidence) -> DeviationEvidence:
    # One chunk that saw it settles that it is still there; "gone" needs every chunk that looked to agree.
    state = max(first.state, second.state, key=("not_exercised", "gone", "seen").index)
    return DeviationEvidence(first.id, first.clause, first.programs + second.programs, state)


def _merge_times(first: Times, second: Times) -> Times:
    return Times(
        started=min(filter(None, (first.started, second.started)), default=""),
        finished=max(first.finished, second.finished),
        wall=first.wall + second.wall,
        reference=first.reference + second.reference,
        subject=first.subject + second.subject,
        judge=first.judge + second.judge,
    )
