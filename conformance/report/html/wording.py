"""Where two texts differ: the eye should not have to compare two long messages word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from markupsafe import Markup, escape

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST = 4_000
_ALIKE = 0.4
"""Texts that share less than this differ altogether, and marks would only be noise."""


def mark_differences(first: str, second: str) -> tuple[Markup, Markup]:
    """Both texts, escaped, with the words marked that the other does not have in that place."""
    if first == second or max(len(first), len(second)) > _LONGEST:
        return escape(first), escape(second)
    words = _TOKEN.findall(first), _TOKEN.findall(second)
    matcher = SequenceMatcher(None, *words, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return escape(first), escape(second)
    sides = [Markup(), Markup()]
    for kind, *spans in matcher.get_opcodes():
        for side, text in enumerate(("".join(words[0][spans[0] : spans[1]]), "".join(words[1][spans[2] : spans[3]]))):
            sides[side] += escape(text) if kind == "equal" or not text else Markup("<mark>{}</mark>").format(text)
    return sides[0], sides[1]


def prose(text: str) -> Markup:
    """A sentence in which `backquotes` mean code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
