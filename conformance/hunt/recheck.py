"""``python -m conformance.hunt.recheck finding.json``: whether a finding shows on the torch of this interpreter.

Prints one line of JSON: the release, and "affected", "not affected" or why that cannot be told.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from conformance.campaign import CampaignSettings
from conformance.execute.machine import execute
from conformance.judge.laws import LAWS, NotApplicable
from conformance.program import codec
from conformance.trial import Trial


def recheck(path: Path, subject: str) -> tuple[str, str]:
    """The release, and what was seen on it."""
    stored = msgspec.json.decode(path.read_bytes())
    program = codec.decode(msgspec.json.encode(stored["program"]))
    trial = Trial(CampaignSettings(subject=subject))
    version = trial.subject.version()
    observed = execute(program, trial.subject)
    if stored["law"] is not None:
        try:
            violation = LAWS[stored["law"]].check(program, observed, trial.subject)
        except NotApplicable:
            return version, "the law's conditions do not hold"
        return version, "not affected" if violation is None else "affected"
    if any("has no attribute" in str(step.exception) for step in observed.steps):
        return version, "lacks the API"
    judgement = trial.judge(program, execute(program, trial.reference), observed)
    return version, "not affected" if judgement is None else "affected"


if __name__ == "__main__":
    print(json.dumps(recheck(Path(sys.argv[1]), sys.argv[2])))
