"""Scripts in the manner of torch's tutorials print the same on both engines, to the letter."""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import version

import pytest
from record_scripts import GOLDENS, SCRIPTS, outputs

DOCUMENT = json.loads(GOLDENS.read_text())
RECORDED: dict[str, str] = DOCUMENT["outputs"]
NAMES = [path.stem for path in SCRIPTS]

#: The words and numbers of older versions differ here and there.
SAME_WORDS_SINCE = (2, 13)


def torch_is_recent() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    return tuple(int(part) for part in version("torch").split(".")[:2]) >= SAME_WORDS_SINCE


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return outputs(f"reference_engine@{version('torch')}")


@pytest.fixture(scope="module")
def reference_without_mkl() -> dict[str, str]:
    return outputs(f"reference_engine@{DOCUMENT['torch']}:twister")


@pytest.fixture(scope="module")
def torch() -> dict[str, str]:
    return outputs("torch")


def test_every_script_is_recorded() -> None:
    assert sorted(RECORDED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_script_prints_what_torch_printed(name: str, reference_without_mkl: dict[str, str]) -> None:
    assert reference_without_mkl[name] == RECORDED[name]


@pytest.mark.skipif(not torch_is_recent(), reason="no torch with the same words")
@pytest.mark.parametrize("name", NAMES)
def test_a_script_prints_the_same_on_both_engines(name: str, reference: dict[str, str], torch: dict[str, str]) -> None:
    assert reference[name] == torch[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_recorded_script_failed(name: str) -> None:
    assert "SCRIPT FAILED" not in RECORDED[name]
