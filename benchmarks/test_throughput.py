"""How many programs a second, and what the pipeline costs beside torch's own time on the same programs.

Run with ``pytest benchmarks`` (needs torch and pytest-benchmark). CPU time of one process is what is compared, so that
a busy machine changes the figures little.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from conformance.campaign import CampaignSettings
from conformance.execute.machine import execute
from conformance.generate.builder import draw
from conformance.generate.hypothesis_driver import HypothesisChoices
from conformance.trial import Trial

PROGRAMS = 1000


@pytest.fixture(scope="module")
def trial() -> Trial:
    pytest.importorskip("torch").set_num_threads(1)
    return Trial(CampaignSettings(seed=1, laws=("none",)))


def _pipeline(trial: Trial, count: int) -> dict[str, float]:
    """Draw, run, judge; CPU seconds of each part."""
    spent: Counter[str] = Counter()
    for index in range(count):
        a = time.process_time()
        program, baseline = trial.draw(index)
        b = time.process_time()
        observed = execute(program, trial.subject)
        c = time.process_time()
        trial.judge(program, baseline, observed)
        d = time.process_time()
        spent["draw and reference"] += b - a
        spent["torch"] += c - b
        spent["judge"] += d - c
        spent["steps"] += len(program.steps)
        for step in program.steps:
            spent[f"step {type(step).__name__}"] += 1
        spent["refused"] += sum(t.outcome == "raised" for t in baseline.steps)
    return dict(spent)


def test_prng_pipeline(trial: Trial, benchmark: Any) -> None:
    _pipeline(trial, 100)  # warm up
    spent = benchmark.pedantic(_pipeline, args=(trial, PROGRAMS), rounds=1)
    total = spent["draw and reference"] + spent["torch"] + spent["judge"]
    kinds = {k.removeprefix("step "): round(v / PROGRAMS, 2) for k, v in spent.items() if k.startswith("step ")}
    benchmark.extra_info.update(
        {
            "programs per second": round(PROGRAMS / total),
            "pipeline over torch": round(total / spent["torch"], 2),
            "steps per program": round(spent["steps"] / PROGRAMS, 2),
            "refused steps per program": round(spent["refused"] / PROGRAMS, 2),
            "steps by kind per program": kinds,
        }
    )
    print("\nPRNG:", benchmark.extra_info)


def test_hypothesis_pipeline(trial: Trial, benchmark: Any) -> None:
    count = 0

    @st.composite
    def programs(draw_: Any) -> Any:
        return draw(HypothesisChoices(draw_), trial.profile, trial.reference)

    @settings(
        max_examples=300, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(programs())
    def run(drawn: Any) -> None:
        nonlocal count
        program, expected = drawn
        trial.judge(program, expected, execute(program, trial.subject))
        count += 1

    before = time.process_time()
    benchmark.pedantic(run, rounds=1)
    benchmark.extra_info["programs per second"] = round(count / (time.process_time() - before))
    print("\nHypothesis:", benchmark.extra_info)
