"""One engine on trial: drawing, running and judging Programs, and turning what is seen into parts of a Run."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from conformance import __version__
from conformance.evidence import Tally
from conformance.examples import EXAMPLES
from conformance.execute.machine import execute
from conformance.execute.trace import Trace
from conformance.generate.drivers import find_driver
from conformance.generate.profiles import find_profile
from conformance.judge.compare import UNDEFINED_VALUES, Divergence, _op
from conformance.judge.deviations import known, known_loss
from conformance.judge.laws import Law, NotApplicable, Violation, find_laws
from conformance.judge.verdict import Judgement, judge
from conformance.op_evidence import public_ops
from conformance.program.script import to_script
from conformance.program.steps import Program
from conformance.report.run import Arbitration, Finding, OpEvidence, Origin, Run, Settings, SubjectInfo
from conformance.signature import change, digest, explained_by, kind, plain_data, told, trace_data
from conformance.subjects.base import Subject
from conformance.subjects.opinfo import OpInfoPrograms, functions_of
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
        self._drawn = find_driver(settings.driver)(settings.seed, self.profile, self.baseline)
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
        return self._drawn(index)

    def _samples(self) -> OpInfoPrograms:
        """Torch's own sample inputs, of the ops that the reference has."""
        return OpInfoPrograms(self.settings.seed, functions_of(self.baseline))

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
            judgement, changed = self._judged(program, baseline, expected, observed)
            if program.observe == "end" and (judgement is not None or changed is not None):
                # Looked at only in the end, it says little about where the engines part. If they agree when each step
                # is looked at, then it is the looking that makes the difference, and the program stays as it is.
                closer = msgspec.structs.replace(program, observe="each")
                traces = [execute(closer, engine) for engine in (self.baseline, self.reference, self.subject)]
                again = self._judged(closer, *traces)
                if (again[0] is None) == (judgement is None) and (again[1] is None) == (changed is None):
                    (judgement, changed), program, (baseline, expected, observed) = again, closer, traces
            tally.add(program, expected, judgement)
            origin = Origin(self.settings.seed, index)
            if changed is not None:
                tally.change(change(changed, judgement, program, origin))
            if judgement is not None:
                tally.found(self.raw_finding(program, judgement, origin))
            for k, law in enumerate(self.laws):
                if (7 * index + k) % self.every == 0:
                    self._check_law(law, program, observed, tally, origin)
            tally.spent(drawn - began, ran - drawn, time.perf_counter() - ran)
        return self._run(tally, indices[0], len(indices))

    def _judged(
        self, program: Program, baseline: Trace, expected: Trace, observed: Trace
    ) -> tuple[Judgement | None, Judgement | None]:
        """What the subject does otherwise than its own version's semantics, and otherwise than the newest."""
        judgement = self.judge(program, expected, observed)
        if self.is_newest:
            return judgement, judgement
        return judgement, judge(program, baseline, observed, self.baseline, (), self.version)

    def _check_law(self, law: Law, program: Program, observed: Trace, tally: Tally, origin: Origin) -> None:
        try:
            violation = law.check(program, observed, self.subject)
        except NotApplicable:
            return
        if violation is not None and self._leaves_values_open(violation):
            return
        judgement = None if violation is None else self.broken(law, violation)
        tally.law(law.id, judgement)
        if judgement is not None and violation is not None:
            tally.found(self.raw_finding(program, judgement, origin, law.id))

    def _leaves_values_open(self, violation: Violation) -> bool:
        """Whether a Program has read, by the step at which it breaks a law, numbers that no promise settles."""
        steps = execute(violation.program, self.reference).steps[: violation.step + 1]
        return any(not UNDEFINED_VALUES.isdisjoint(step.clauses) for step in steps)

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
        deviation = known(divergence, self.deviations, self.version)
        if deviation is None:
            deviation = self._known_on_the_way(program, i)
        for other in violation.beside:
            deviation = deviation or self._known_on_the_way(other, len(other.steps))
        return Judgement(divergence, deviation)

    def _known_on_the_way(self, program: Program, last: int) -> Deviation | None:
        """The known deviation with which the subject parts from the reference by a step, if it does.

        A law looks at numbers alone. Where a Program that it looked at shows a known defect, trace against trace, no
        later than the step at which the law breaks, that defect is what breaks it.
        """
        judgement = self.rerun(program)[0]
        if judgement is None or judgement.divergence.step > last:
            return None
        return judgement.deviation

    def examples(self, indices: Sequence[int]) -> Run:
        """Some of the named examples of the clauses, by their places in the order of names."""
        names = sorted(EXAMPLES)
        tally = Tally()
        for name in [names[index] for index in indices]:
            example = EXAMPLES[name]
            judgement, expected, _ = self.rerun(example.program)
            tally.add(example.program, expected, judgement, example=example.name)
            shown = self.specs.deviations.get(example.name)
            torch_itself = self.subject.library == "torch"  # the deviations are its own
            if shown and torch_itself and self.version in shown.versions and not explained_by(judgement, shown):
                tally.gone(shown)
            if judgement is not None:
                origin = Origin(self.settings.seed, 0, example=example.name)
                tally.found(self.raw_finding(example.program, judgement, origin))
        return self._run(tally, 0, 0)

    def nothing(self) -> Run:
        """The Run of no program yet: a row for each op, so that one without evidence is seen to have none."""
        return msgspec.structs.replace(self._run(Tally(), 0, 0), ops=tuple(OpEvidence(name) for name in public_ops()))

    def lost(self, outcome: Outcome[Run]) -> Run:
        """A chunk of one program, or of one example, that crashed or hung the subject's process."""
        index = outcome.indices[0]
        if index >= 0:
            return self._lost(*self.draw(index), outcome, Origin(self.settings.seed, index))
        example = EXAMPLES[sorted(EXAMPLES)[-1 - index]]
        expected = execute(example.program, self.reference)
        return self._lost(example.program, expected, outcome, Origin(self.settings.seed, 0, example=example.name))

    def _lost(self, program: Program, expected: Trace, outcome: Outcome[Run], origin: Origin) -> Run:
        tally = Tally()
        tally.add(program, expected, None, origin.example)
        tally.lost(outcome.fate)
        finding = self.lost_finding(program, expected, outcome.fate, outcome.detail, origin)
        tally.found(finding)
        if finding.deviation is not None:
            tally.explained(self.specs.deviations[finding.deviation], origin.example)
        return self._run(tally, *((origin.index, 1) if origin.example is None else (0, 0)))

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
        return Finding(
            **told(judgement, program),
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

    def lost_finding(self, program: Program, expected: Trace, fate: str, detail: str, origin: Origin) -> Finding:
        """The finding about a program that took the subject's process along."""
        what: Literal["timeout", "crash"] = "timeout" if fate == "hung" else "crash"
        deviation = known_loss(what, expected, self.deviations, self.version)
        gone_wrong = (
            deviation.id
            if deviation is not None
            else f"{what}/{detail}/" + "/".join(type(step).__name__ for step in program.steps[-2:])
        )
        return Finding(
            id=digest(gone_wrong),
            title=deviation.title if deviation is not None else f"the subject's process ended: {detail}",
            clauses=() if deviation is None else (deviation.clause,),
            op=None,
            field=what,
            step=len(program.steps) - 1,
            expected="an answer",
            observed=detail,
            program=plain_data(program),
            script=to_script(program),
            reference_trace=trace_data(expected),
            subject_trace=None,
            graph=None,
            arbitration=Arbitration("reference", "process", "an engine must not take its process along"),
            origin=origin,
            kind=what,
            deviation=deviation.id if deviation is not None else None,
        )


__all__ = ["Trial", "kind"]
