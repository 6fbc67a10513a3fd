"""What makes two differences the same one, and the words by which they are told."""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from typing import Any

import msgspec

from conformance.execute.trace import Trace
from conformance.judge.compare import Divergence
from conformance.judge.verdict import Judgement
from conformance.program import codec
from conformance.program import steps as s
from conformance.program.script import to_script
from conformance.program.steps import Program
from conformance.report.run import Change, Finding, Origin
from specs import load
from specs.schema import Deviation


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
    ops = sorted(ops_of(program)) if of_numbers else []
    return digest("/".join([kind(judgement), *([] if judgement.deviation else ops)]))


def ops_of(program: Program) -> set[str]:
    """The ops of a program, with the form of each call."""
    return {f"{step.op}:{step.form}" for step in program.steps if isinstance(step, s.Apply)}


def _field(field: str) -> str:
    return re.sub(r"[a-z]+\d+(\[\d+\])?", "#", field)


def _template(text: str) -> str:
    text = re.sub(r"\[[^\[\]]*\]|\([^()]*\)", "[]", text)
    return re.sub(r"'[^']*'|-?\d+(\.\d+)?", "#", text)[:300]


def digest(text: str) -> str:
    """A short name for a text."""
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


def explained_by(judgement: Judgement | None, deviation: Deviation) -> bool:
    """Whether a judgement is that this deviation was seen."""
    return judgement is not None and judgement.deviation is not None and judgement.deviation.id == deviation.id


def change(changed: Judgement, judgement: Judgement | None, program: Program, origin: Origin) -> Change:
    """What the subject does otherwise than the newest semantics, in words that are the same for the same change.

    Args:
        changed: against the newest semantics.
        judgement: against the semantics of the subject's own version: None where these foresee what it does.
    """
    d = changed.divergence
    if d.mismatch is not None:
        baseline, observed = "one value", f"another value ({d.mismatch.kind})"
    else:
        baseline, observed = _template(d.expected), _template(d.observed)
    foreseen = judgement is None or judgement.divergence.step > d.step
    deviation = None if foreseen or judgement is None else judgement.deviation
    return Change(
        _speaks_of(d),
        d.step_kind,
        _field(d.field),
        baseline,
        observed,
        program=plain_data(program),
        script=to_script(program),
        op=d.op,
        origin=origin,
        at=((origin.index, d.step),),
        unforeseen=() if foreseen or deviation is not None else (origin.index,),
        deviations=() if deviation is None else (deviation.id,),
    )


def _speaks_of(d: Divergence) -> str | None:
    """The clause that a difference falls under: where it is one of words, that whose words they are."""
    if d.field in ("exception", "message", "outcome", "warnings"):
        for said in (d.observed, d.expected):
            clause = _clause_of_words(said.removeprefix("raised "))
            if clause is not None:
                return clause
    return next(iter(d.clauses), None)


@lru_cache(maxsize=10_000)
def _clause_of_words(said: str) -> str | None:
    """The clause with the most literal words among those whose refusal or warning, of any version, reads like this."""
    fitting = [(length, clause) for length, clause, pattern in _patterns() if pattern.search(said)]
    return max(fitting)[1] if fitting else None


@cache
def _patterns() -> tuple[tuple[int, str, re.Pattern[str]], ...]:
    patterns = []
    for message in load().messages.values():
        for template in message.template:
            parts = re.split(r"\{\w+\}", template.text.replace("{{", "\0").replace("}}", "\1"))
            literal = [part.replace("\0", "{").replace("\1", "}") for part in parts]
            length = sum(map(len, literal))
            if length >= 12:
                text = ".*".join(map(re.escape, literal))
                pattern = re.compile(rf"(?:^|; ){re.escape(message.type_of(template))}: {text}(?:$|; )", re.DOTALL)
                patterns.append((length, message.id, pattern))
    return tuple(patterns)


def plain_data(program: Program) -> Any:
    """A Program as JSON values."""
    return msgspec.json.decode(codec.encode(program))


def trace_data(trace: Trace) -> Any:
    """A Trace as JSON values."""
    return msgspec.to_builtins(trace)


def told(judgement: Judgement, program: Program) -> dict[str, Any]:
    """The fields of a Finding that say what differs, and in which program."""
    d = judgement.divergence
    return {
        "id": signature(judgement, program),
        "title": title(judgement),
        "clauses": d.clauses,
        "op": d.op,
        "field": d.field,
        "step": d.step,
        "expected": d.expected,
        "observed": d.observed,
        "program": plain_data(program),
    }


def group_of(finding: Finding) -> str:
    """What findings that may be one defect share; coarser than their ids, which tell apart programs not yet shrunk."""
    if finding.deviation is not None or finding.kind in ("crash", "timeout"):
        return finding.id
    words = finding.field in ("exception", "message", "warnings", "outcome")
    what = f"{_template(finding.expected)} | {_template(finding.observed)}" if words else ""
    steps = finding.program["steps"]
    # a law may be broken at a step that it added itself: the program as drawn has none there
    step = steps[finding.step].get("step") if finding.step < len(steps) else "added"
    return f"{finding.law}/{step}/{finding.op}/{_field(finding.field)}/{what}"


def ops_of_finding(finding: Finding) -> frozenset[str]:
    """The ops of a finding's program, with the form of each call."""
    steps = finding.program["steps"]
    return frozenset(f"{step['op']}:{step.get('form')}" for step in steps if step.get("step") == "apply")
