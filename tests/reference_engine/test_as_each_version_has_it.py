"""What changed between releases of torch: the engine gives what the release gave on which it was recorded."""

from __future__ import annotations

import json

import pytest

import reference_engine as engine
from reference_engine.semantics import Semantics, using
from tests.reference_engine.version_cases import CASES, GOLDENS, outcome

_RECORDED = json.loads(GOLDENS.read_text())


@pytest.mark.parametrize("case", CASES)
def test_the_engine_gives_what_the_release_gave(case: str) -> None:
    for version, given in _RECORDED[case].items():
        with using(Semantics(version)):
            assert outcome(engine, case) == given, version


def test_each_case_was_recorded_on_several_releases() -> None:
    assert set(_RECORDED) == set(CASES)
    assert min(len(by_version) for by_version in _RECORDED.values()) > 1
