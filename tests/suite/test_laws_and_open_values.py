"""A law is not broken by numbers that no promise settles."""

from __future__ import annotations

from conformance.campaign import CampaignSettings
from conformance.judge.laws.law import Violation
from conformance.program import steps as s
from conformance.trial import Trial


def test_memory_that_was_never_set_breaks_no_law() -> None:
    trial = Trial(CampaignSettings(subject="reference"))
    make, look = s.Make("x", (1.0,), ()), s.Read("x", "tolist")
    grown = s.Program((make, s.Apply("resize", (s.Ref("x"), s.Seq((5,))), form="inplace"), look))
    kept = s.Program((make, s.Apply("mul", (s.Ref("x"), 2), form="inplace"), look))
    assert trial._leaves_values_open(Violation(2, "trace", "one", "another", grown))
    assert not trial._leaves_values_open(Violation(0, "trace", "one", "another", grown))
    assert not trial._leaves_values_open(Violation(2, "trace", "one", "another", kept))
