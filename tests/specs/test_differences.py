"""The page of differences says what the specifications say, and is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

import specs
from conformance.report.differences import differences
from specs.load import load_from

CLAUSES = """
[[clause]]
id = "backward.root.real"
text = "A root is real."
source = "s"
[[clause]]
id = "backward.root.edge"
text = "A root may be an edge."
source = "s"
since = "2.4"
[[clause]]
id = "backward.root.gone"
text = "A root has a name."
source = "s"
until = "2.13"
"""
MESSAGES = """
[[message]]
id = "backward.root.real"
type = "RuntimeError"
[[message.template]]
since = "2.8"
type = "TypeError"
text = "not {dtype}"
[[message.template]]
until = "2.1"
type = "ValueError"
text = "no {dtype}"
[[message.template]]
since = "2.1"
until = "2.8"
text = "not {dtype}"
"""
SWITCHES = """
[[switch]]
id = "engine.fast"
text = "Backward is fast."
source = "s"
since = "2.1"
until = "2.4"
"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    for folder, area, text in (
        ("clauses", "backward", CLAUSES),
        ("messages", "backward", MESSAGES),
        ("switches", "engine", SWITCHES),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{area}.toml").write_text(text)
    return differences(load_from(tmp_path))


def test_both_wordings_of_a_changed_message_are_shown_at_the_release_that_changed_it(page: str) -> None:
    section = page.split("### backward: 2.1\n")[1].split("###")[0]
    assert "ValueError: no {dtype}" in section
    assert "RuntimeError: not {dtype}" in section
    assert section.index("ValueError") < section.index("RuntimeError: not")


def test_changed_type_of_the_same_words_is_told_as_such(page: str) -> None:
    section = page.split("### backward: 2.8\n")[1].split("###")[0]
    assert "is a `TypeError` instead of a `RuntimeError`" in section


def test_clause_that_begins_or_ends_is_told(page: str) -> None:
    assert "`backward.root.edge` begins to hold" in page.split("### backward: 2.4\n")[1].split("###")[0]
    assert "`backward.root.gone` holds no longer" in page.split("### backward: 2.13\n")[1].split("###")[0]


def test_switch_is_told_when_it_goes_on_and_off(page: str) -> None:
    assert "`engine.fast`, from now on" in page.split("### engine: 2.1\n")[1].split("###")[0]
    assert "`engine.fast`, no longer" in page.split("### engine: 2.4\n")[1].split("###")[0]


def test_summary_counts_every_change(page: str) -> None:
    assert "| 2.1 | 2 |" in page
    assert "| 2.4 | 2 |" in page


def test_releases_are_in_order(page: str) -> None:
    places = [page.index(f"### backward: {release}\n") for release in ("2.1", "2.4", "2.8", "2.13")]
    assert places == sorted(places)


def test_committed_page_is_up_to_date() -> None:
    committed = Path(__file__).parents[2] / "docs" / "differences.md"
    assert committed.read_text(encoding="utf-8") == differences(specs.load()), (
        "run: python -m conformance.report.differences > docs/differences.md"
    )
