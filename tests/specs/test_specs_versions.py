"""Versions are ordered as releases are, and ranges are half-open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.versions import Version, VersionRange, gaps


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("2.4", (2, 4, 0)),
        ("2.13.0+cpu", (2, 13, 0)),
        ("1.13.1", (1, 13, 1)),
        ("2.16.0a0+git1234", (2, 16, 0)),
        ("2.16.0.dev20270101+cu130", (2, 16, 0)),
        ("3", (3, 0, 0)),
    ],
)
def test_version_is_read_whatever_its_build_label(text: str, release: tuple[int, int, int]) -> None:
    assert Version.parse(text).release == release


@pytest.mark.parametrize("text", ["", "two", "2.x", "2.1.2.3", "v2.1", "2.4 beta"])
def test_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


def test_versions_are_ordered_by_number_not_by_text() -> None:
    texts = ["1.13.1", "2.0", "2.0.1", "2.4.1", "2.13.0a0", "2.13.0rc1", "2.13.0", "2.15"]
    versions = [Version.parse(text) for text in texts]
    assert sorted(versions, reverse=True) == versions[::-1]


def test_build_label_makes_no_difference() -> None:
    assert Version.parse("2.13.0+cpu") == Version.parse("2.13")


def test_range_holds_its_start_and_not_its_end() -> None:
    versions = VersionRange.parse("2.1", "2.4")
    inside = {text: Version.parse(text) in versions for text in ("2.0.1", "2.1", "2.3.1", "2.4.0", "2.4.1")}
    assert inside == {"2.0.1": False, "2.1": True, "2.3.1": True, "2.4.0": False, "2.4.1": False}


def test_nightly_belongs_to_its_release() -> None:
    assert Version.parse("2.13.0.dev20260501") in VersionRange.parse("2.13", None)


def test_open_range_holds_everything() -> None:
    assert Version.parse("0.1") in VersionRange()
    assert Version.parse("99") in VersionRange()


def test_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="empty version range"):
        VersionRange.parse("2.4", "2.4")


_ends = st.none() | st.integers(0, 12)


@given(_ends, _ends, _ends, _ends)
def test_ranges_overlap_exactly_when_some_version_lies_in_both(
    a: int | None, b: int | None, c: int | None, d: int | None
) -> None:
    if (a is not None and b is not None and a >= b) or (c is not None and d is not None and c >= d):
        return
    first, second = _range(a, b), _range(c, d)
    shared = any(v in first and v in second for v in _versions())
    assert first.overlaps(second) == shared


@given(st.lists(st.integers(0, 12), min_size=0, max_size=6, unique=True), _ends, _ends)
def test_gaps_are_exactly_the_versions_that_no_part_holds(cuts: list[int], a: int | None, b: int | None) -> None:
    if a is not None and b is not None and a >= b:
        return
    cuts.sort()
    parts = [_range(low, high) for low, high in zip(cuts[::2], cuts[1::2], strict=False)]
    whole = _range(a, b)
    missing = gaps(whole, parts)
    for version in _versions():
        expected = version in whole and not any(version in part for part in parts)
        assert any(version in gap for gap in missing if version in whole) == expected


def _range(since: int | None, until: int | None) -> VersionRange:
    return VersionRange.parse(None if since is None else f"2.{since}", None if until is None else f"2.{until}")


def _versions() -> list[Version]:
    return [Version.parse(f"2.{minor}") for minor in range(14)] + [Version.parse("1.0")]
