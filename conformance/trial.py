"""One engine on trial: drawing, running and judging Programs, and turning what is seen into parts of a Run."""

from __future__ import annotations

import hashlib
import platform
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from conformance import __version__
from conformance.evidence import Tally
from conformance.execute.graph import graph_of
from conformance.execute.machine import execute
from conformance.execute.trace import Trace
from conformance.generate.builder import draw
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import find_profile
from conformance.judge.arbitrate import arbitrate
from conformance.judge.compare import Divergence, _op, note
from conformance.judge.deviations import known
from conformance.judge.laws import LAWS, Law, NotApplicable, Violation, find_laws
from conformance.judge.shrink import shrink
from conformance.judge.verdict import Judgement, judge
from conformance.program import codec
from conformance.program import steps as s
from conformance.program.script import Note, to_script
from conformance.program.steps import Program
from conformance.report.run import Arbitration, Change, Finding, Origin, Run, Settings, SubjectInfo
from conformance.subjects.base import Subject
from conformance.subjects.opinfo import OpInfoPrograms
from conformance.subjects.reference import Reference
from conformance.subjects.registry import find_subject
from specs import Version, load
from specs.schema import Deviation

if TYPE_CHECKING:
    from conformance.campaign import CampaignSettings
    from conformance.execute.workers import Outcome

SUITE = f"autograd-conformance {__version__}"


class Trial:
    """A subject, the reference of its version, and the programs of a campaign.

    Args:
        settings: what was asked for.

    Raises:
        SubjectUnavailable: the subject cannot run here.
    """

    def __init__(self, settings: CampaignSettings) -> None:
        self.settings = settings
        self.subject: Subject = find_subject(settings.subject)
        self.specs = load()
        held_to = settings.version or self.subject.version()
        self.version = min(Version.parse(held_to), self.specs.newest)
        self.reference = Reference(str(self.version))
        # programs are drawn under the newest semantics, so that every version is asked the same questions
        self.is_newest = self.version == self.specs.newest
        self.baseline = self.reference if self.is_newest else Reference(str(self.specs.newest))
        self.profile = find_profile(settings.profile)
        self.deviations = tuple(self.specs.deviations.values())
        self.laws = find_laws(settings.laws)
        self.samples = self._samples() if settings.samples is not None else None
        self.every = max(1, round(1 / settings.laws_share)) if settings.laws_share else 0
        if not self.every:
            self.laws = ()

    # -- single programs ---------------------------------------------------------------------------------------

    def draw(self, index: int) -> tuple[Program, Trace]:
        """The program that an index determines, and the Trace of it under the newest semantics."""
        if self.samples is not None:
            program = self.samples[index]
            return program, execute(program, self.baseline)
        return draw(PRNGChoices(self.settings.seed, index), self.profile, self.baseline)

    def _samples(self) -> OpInfoPrograms:
        """Torch's own sample inputs, of the ops that the reference has."""

        def knows(name: str, form: str) -> bool:
            try:
                self.baseline.resolve(f"Tensor.{name}" if form != "function" else name)
            except AttributeError:
                return False
            return True

        return OpInfoPrograms(self.settings.seed, knows)

    def expected(self, program: Program, baseline: Trace) -> Trace:
        """What the reference of the subject's own version does."""
        return baseline if self.is_newest else execute(program, self.reference)

    def judge(self, program: Program, expected: Trace, observed: Trace) -> Judgement | None:
        return judge(program, expected, observed, self.reference, self.deviations, self.version)

    def rerun(self, program: Program) -> tuple[Judgement | None, Trace, Trace]:
        """Run a program afresh on both engines."""
        expected, observed = execute(program, self.reference), execute(program, self.subject)
        return self.judge(program, expected, observed), expected, observed

    # -- chunks ------------------------------------------------------------------------------------------------

    def chunk(self, indices: Sequence[int]) -> Run:
        """The Run of a range of programs."""
        tally = Tally()
        for index in indices:
            began = time.perf_counter()
            program, baseline = self.draw(index)
            expected = self.expected(program, baseline)
            drawn = time.perf_counter()
            observed = execute(program, self.subject)
            ran = time.perf_counter()
            judgement = self.judge(program, expected, observed)
            tally.add(program, expected, judgement)
            origin = Origin(self.settings.seed, index)
            changed = (
                judgement if self.is_newest else judge(program, baseline, observed, self.baseline, (), self.version)
            )
            if changed is not None:
                tally.change(_change(changed.divergence, program, origin))
            if judgement is not None:
                tally.found(self.raw_finding(program, judgement, origin))
            for k, law in enumerate(self.laws):
                if (7 * index + k) % self.every == 0:
                    self._check_law(law, program, observed, tally, origin)
            tally.spent(drawn - began, ran - drawn, time.perf_counter() - ran)
        return self._run(tally, indices[0], len(indices))

    def _check_law(self, law: Law, program: Program, observed: Trace, tally: Tally, origin: Origin) -> None:
        try:
            violation = law.check(program, observed, self.subject)
        except NotApplicable:
            return
        judgement = None if violation is None else self.broken(law, violation)
        tally.law(law.id, judgement)
        if judgement is not None and violation is not None:
            tally.found(self.raw_finding(program, judgement, origin, law.id))

    def broken(self, law: Law, violation: Violation) -> Judgement:
        """A broken law as a judgement: its divergence is from what the law says."""
        program, i = violation.program, violation.step
        divergence = Divergence(
            i,
            str(type(program.steps[i]).__struct_config__.tag),
            _op(program.steps[i]),
            None,
            violation.what.partition(".")[2] or violation.what,
            violation.expected,
            violation.observed,
            (law.id,),
        )
        return Judgement(divergence, known(divergence, self.deviations, self.version))

    def examples(self) -> Run:
        """The named examples of the clauses, as the chunk before the first."""
        from conformance.examples import EXAMPLES

        tally = Tally()
        for example in EXAMPLES.values():
            judgement, expected, _ = self.rerun(example.program)
            tally.add(example.program, expected, judgement, example=example.name)
            shown = self.specs.deviations.get(example.name)
            torch_itself = self.subject.library == "torch"  # the deviations are its own
            if shown and torch_itself and self.version in shown.versions and not _explained_by(judgement, shown):
                tally.gone(shown)
            if judgement is not None:
                origin = Origin(self.settings.seed, 0, example=example.name)
                tally.found(self.raw_finding(example.program, judgement, origin))
        return self._run(tally, 0, 0)

    def lost(self, outcome: Outcome[Run]) -> Run:
        """A chunk of one program that crashed or hung the subject's process."""
        index = outcome.indices[0]
        program, expected = self.draw(index)
        tally = Tally()
        tally.add(program, expected, None)
        tally.lost(outcome.fate)
        what: Literal["timeout", "crash"] = "timeout" if outcome.fate == "hung" else "crash"
        signature = f"{what}/{outcome.detail}/" + "/".join(type(step).__name__ for step in program.steps[-2:])
        tally.found(
            Finding(
                id=_digest(signature),
                title=f"the subject's process ended: {outcome.detail}",
                clauses=(),
                op=None,
                field=what,
                step=len(program.steps) - 1,
                expected="an answer",
                observed=outcome.detail,
                program=_plain(program),
                script=to_script(program),
                reference_trace=_trace(expected),
                subject_trace=None,
                graph=None,
                arbitration=Arbitration("reference", "process", "an engine must not take its process along"),
                origin=Origin(self.settings.seed, index),
                kind=what,
            )
        )
        return self._run(tally, index, 1)

    def _run(self, tally: Tally, first: int, programs: int) -> Run:
        asked = self.settings
        return tally.run(
            SUITE,
            SubjectInfo(
                asked.subject,
                self.subject.library,
                self.subject.version(),
                platform.python_version(),
                platform.system(),
                self.subject.device,
            ),
            Settings(
                asked.seed,
                programs,
                first,
                asked.driver,
                asked.profile,
                corpus="" if self.samples is None else self.samples.name,
                baseline=str(self.specs.newest),
            ),
        )

    # -- findings ----------------------------------------------------------------------------------------------

    def raw_finding(self, program: Program, judgement: Judgement, origin: Origin, law: str | None = None) -> Finding:
        """A finding before it is shrunk: enough to tell it from others."""
        d = judgement.divergence
        return Finding(
            id=signature(judgement, program),
            title=title(judgement),
            clauses=d.clauses,
            op=d.op,
            field=d.field,
            step=d.step,
            expected=d.expected,
            observed=d.observed,
            program=_plain(program),
            script="",
            reference_trace=None,
            subject_trace=None,
            graph=None,
            arbitration=Arbitration("undecided", ""),
            origin=origin,
            deviation=judgement.deviation.id if judgement.deviation else None,
            law=law,
            kind="law" if law else "divergence",
        )

    def full_finding(self, raw: Finding) -> Finding:
        """Shrink a finding's program, arbitrate it, and write its script, traces and graph."""
        if raw.kind not in ("divergence", "law"):
            return raw
        program = codec.decode(msgspec.json.encode(raw.program))
        law = LAWS[raw.law] if raw.law is not None else None

        def again(candidate: Program) -> tuple[Judgement | None, Program, Trace, Trace]:
            if law is None:
                judgement, expected, observed = self.rerun(candidate)
                return judgement, candidate, expected, observed
            try:
                violation = law.check(candidate, execute(candidate, self.subject), self.subject)
            except NotApplicable:
                violation = None
            shown = candidate if violation is None else violation.program
            judgement = None if violation is None else self.broken(law, violation)
            return judgement, shown, execute(shown, self.reference), execute(shown, self.subject)

        def still(candidate: Program) -> bool:
            judgement = again(candidate)[0]
            return judgement is not None and kind(judgement) == wanted

        first = again(program)[0]
        if first is not None:
            wanted = kind(first)
            program = shrink(program, still)
        judgement, program, expected, observed = again(program)
        if judgement is None:  # it does not happen again: the subject is not deterministic
            return msgspec.structs.replace(
                raw, title=f"not reproducible: {raw.title}", script=to_script(program, expected.steps)
            )
        d = judgement.divergence
        said = note(d) if law is None else Note(None, (f"expected {d.expected}", f"observed {d.observed}"))
        settled = (
            arbitrate(program, d, self.reference, expected, observed)
            if law is None
            else Arbitration("reference", "law", "the law holds of any engine; the subject breaks it alone")
        )
        return msgspec.structs.replace(
            raw,
            id=signature(judgement, program),
            title=title(judgement),
            clauses=d.clauses,
            op=d.op,
            field=d.field,
            step=d.step,
            expected=d.expected,
            observed=d.observed,
            program=_plain(program),
            script=to_script(program, observed.steps, {d.step: said}),
            reference_trace=_trace(expected),
            subject_trace=_trace(observed),
            graph=graph_of(program, d.step, self.reference),
            arbitration=settled,
        )


SHRUNK = 40  # findings that are shrunk; of a run with more, the others stand as they were drawn


def finish(run: Run, trial: Trial) -> Run:
    """Shrink and complete the findings of a merged Run; those that shrink to the same thing become one.

    An interruption keeps what is left as it was drawn.
    """
    complete: dict[str, Finding] = {}
    interrupted = False
    for number, raw in enumerate(sorted(run.findings, key=lambda f: (f.deviation is not None, -f.programs, f.id))):
        full = raw
        if number < SHRUNK and not interrupted:
            try:
                full = trial.full_finding(raw)
            except KeyboardInterrupt:
                interrupted = True
        if full is raw and not raw.script:
            full = msgspec.structs.replace(raw, script=to_script(codec.decode(msgspec.json.encode(raw.program))))
        known_as = complete.get(full.id)
        if known_as is not None:
            smaller = min(known_as, full, key=lambda f: len(f.program["steps"]))
            full = msgspec.structs.replace(smaller, programs=known_as.programs + full.programs)
        complete[full.id] = full
    return msgspec.structs.replace(run, findings=tuple(complete.values()))


# -- signatures ------------------------------------------------------------------------------------------------------


def kind(judgement: Judgement) -> str:
    """What a shrinking program must keep: what differs, on which sort of step. Names and numbers may change."""
    d = judgement.divergence
    if judgement.deviation is not None:
        return f"deviation/{judgement.deviation.id}"
    what: str = ""
    if d.mismatch is not None:
        what = d.mismatch.kind
    elif d.field in ("exception", "message", "warnings", "outcome"):
        what = f"{_template(d.expected)} | {_template(d.observed)}"
    clause = d.clauses[0] if d.clauses and d.clauses[0].startswith("law.") else ""
    return f"{clause}/{d.step_kind}/{d.op}/{_field(d.field)}/{what}"


def signature(judgement: Judgement, program: Program) -> str:
    """The same for two findings that are the same thing.

    Numbers that come out wrong say little about why, so there the ops of the program are part of it.
    """
    d = judgement.divergence
    of_numbers = d.mismatch is not None or d.clauses[:1] == ("law.derivative.numerical",)
    ops = sorted({f"{x.op}:{x.form}" for x in program.steps if isinstance(x, s.Apply)}) if of_numbers else []
    return _digest("/".join([kind(judgement), *([] if judgement.deviation else ops)]))


def _field(field: str) -> str:
    return re.sub(r"[a-z]+\d+(\[\d+\])?", "#", field)


def _template(text: str) -> str:
    text = re.sub(r"\[[^\[\]]*\]|\([^()]*\)", "[]", text)
    return re.sub(r"'[^']*'|-?\d+(\.\d+)?", "#", text)[:300]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def title(judgement: Judgement) -> str:
    """One line for lists."""
    if judgement.deviation is not None:
        return judgement.deviation.title
    d = judgement.divergence
    where = d.op or d.step_kind
    return f"{where}: {d.field} differs: expected {_short(d.expected)}, observed {_short(d.observed)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "..."


def _explained_by(judgement: Judgement | None, deviation: Deviation) -> bool:
    return judgement is not None and judgement.deviation is not None and judgement.deviation.id == deviation.id


def _change(d: Divergence, program: Program, origin: Origin) -> Change:
    """What the subject does otherwise than the newest semantics, in words that are the same for the same change."""
    if d.mismatch is not None:
        baseline, observed = "one value", f"another value ({d.mismatch.kind})"
    else:
        baseline, observed = _template(d.expected), _template(d.observed)
    clause = next(iter(d.clauses), None)
    plain = _plain(program)
    return Change(
        clause,
        d.step_kind,
        _field(d.field),
        baseline,
        observed,
        program=plain,
        script=to_script(program),
        op=d.op,
        origin=origin,
    )


# -- plain data ------------------------------------------------------------------------------------------------------


def _plain(program: Program) -> Any:
    return msgspec.json.decode(codec.encode(program))


def _trace(trace: Trace) -> Any:
    return msgspec.to_builtins(trace)
