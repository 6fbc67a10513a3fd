"""Torch versions and half-open ranges of them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_VERSION = re.compile(r"(?P<release>\d+(?:\.\d+)*)(?P<pre>(?:(?:a|b|rc|\.dev)\d+)+)?(?:\.post\d+)?(?:\+.+)?")


@functools.total_ordering
@dataclass(frozen=True)
class Version:
    """A torch version; ordered by release, a pre-release before its release, builds (``+cpu``) alike."""

    release: tuple[int, int, int]
    pre: str = ""

    @classmethod
    def parse(cls, text: str | Version) -> Version:
        """Read ``"2.4"``, ``"2.13.0+cpu"`` or ``"2.16.0.dev20270101"``; a build label says nothing about semantics."""
        if isinstance(text, Version):
            return text
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not a version: {text!r} (expected something like '2.13' or '2.13.0+cpu')")
        numbers = [int(part) for part in match["release"].split(".")]
        if len(numbers) > 3:
            raise ValueError(f"not a version: {text!r} (at most three numbers)")
        major, minor, patch = numbers + [0] * (3 - len(numbers))
        return cls((major, minor, patch), (match["pre"] or "").lstrip("."))

    def __str__(self) -> str:
        return ".".join(map(str, self.release)) + self.pre

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self._key() < other._key()

    def _key(self) -> tuple[tuple[int, int, int], bool, str]:
        return (self.release, not self.pre, self.pre)


@dataclass(frozen=True)
class VersionRange:
    """From ``since`` (inclusive) to ``until`` (exclusive); ``None`` leaves that side open."""

    since: Version | None = None
    until: Version | None = None

    @classmethod
    def parse(cls, since: str | None, until: str | None) -> VersionRange:
        """Read the two optional ends as the data files write them; an empty range is an error."""
        parsed = cls(
            Version.parse(since) if since is not None else None,
            Version.parse(until) if until is not None else None,
        )
        if parsed.since is not None and parsed.until is not None and not parsed.since < parsed.until:
            raise ValueError(f"empty version range: since {since}, until {until}")
        return parsed

    def __contains__(self, version: Version) -> bool:
        # A nightly of 2.13 already behaves as 2.13 does, so that only the release counts here.
        if self.since is not None and version.release < self.since.release:
            return False
        return self.until is None or version.release < self.until.release

    def overlaps(self, other: VersionRange) -> bool:
        """True if some version lies in both."""
        return _below(self.since, other.until) and _below(other.since, self.until)

    def __str__(self) -> str:
        if self.since is None and self.until is None:
            return "all versions"
        if self.until is None:
            return f"since {_short(self.since)}"
        if self.since is None:
            return f"before {_short(self.until)}"
        return f"{_short(self.since)} up to, not including, {_short(self.until)}"


def gaps(whole: VersionRange, parts: list[VersionRange]) -> list[VersionRange]:
    """The stretches of ``whole`` that no part covers; the parts must not overlap each other."""
    missing: list[VersionRange] = []
    start, open_start = whole.since, whole.since is None
    for part in sorted(parts, key=lambda r: (r.since is not None, r.since._key() if r.since else None)):
        if part.since is not None and (open_start or (start is not None and start < part.since)):
            missing.append(VersionRange(start, part.since))
        if part.until is None:
            return missing
        if open_start or (start is not None and start < part.until):
            start, open_start = part.until, False
    if _below(start, whole.until):
        missing.append(VersionRange(start, whole.until))
    return missing


def _below(since: Version | None, until: Version | None) -> bool:
    return since is None or until is None or since < until


def _short(version: Version | None) -> str:
    return "" if version is None else str(version).removesuffix(".0")
