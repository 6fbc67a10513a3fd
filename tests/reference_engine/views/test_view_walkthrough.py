"""The tutorial page on views says what the engine does."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.walkthrough import STEPS, page

PAGE = Path(__file__).parents[3] / "docs" / "views.md"


def test_the_page_on_views_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m conformance.walkthrough docs/views.md"


def test_the_walkthrough_shows_accepted_and_refused_changes() -> None:
    text = page()
    assert text.count("RuntimeError: ") == 3
    assert "CopySlices" in text
    assert "Nothing has changed." in text


@pytest.mark.parametrize("version", ["1.13", "2.0", "2.8", "2.15"])
def test_the_walkthrough_runs_under_each_version(version: str) -> None:
    assert page(version).count("## Step") == len(STEPS)
