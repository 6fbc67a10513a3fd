"""Findings are grouped before they are shrunk."""

from __future__ import annotations

import msgspec

from conformance.campaign import CampaignSettings
from conformance.judge.laws.law import LAWS, Violation
from conformance.program import steps as s
from conformance.signature import group_of
from conformance.trial import Origin, Trial


def test_a_law_broken_at_a_step_of_its_own_has_a_group() -> None:
    """The step that a law adds is not one of the program as it was drawn."""
    trial = Trial(CampaignSettings(subject="reference"))
    law = LAWS["law.refusal.engine_works"]
    drawn = s.Program((s.Make("x", (1.0,), ()),))
    variant = msgspec.structs.replace(drawn, steps=(*drawn.steps, s.Make("y", (1.0,), ())))
    judgement = trial.broken(law, Violation(1, "outcome", "ok", "raised", variant))
    raw = trial.raw_finding(drawn, judgement, Origin(1, 0), law.id)
    assert raw.step >= len(raw.program["steps"])
    assert law.id in group_of(raw)
