"""Mutations that cosmic-ray does not have: memberships, filters of comprehensions, words in the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Example, Operator

Span = tuple[tuple[int, int], tuple[int, int]]


class ReplaceMembership(Operator):
    """``in`` becomes ``not in``, and the other way round."""

    def mutation_positions(self, node: Any) -> Iterable[Span]:
        for i in self._points(node):
            yield node.children[i].start_pos, node.children[i].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        i = list(self._points(node))[index]
        other = " in" if node.children[i].type == "comp_op" else " not in"
        node.children[i] = parso.parse(other)
        return node

    @staticmethod
    def _points(node: Any) -> Iterator[int]:
        if node.type == "comparison":
            for i in range(1, len(node.children), 2):
                if node.children[i].get_code().split() in (["in"], ["not", "in"]):
                    yield i

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("x in y", "x not in y"), Example("x not in y", "x in y"))


def _negated(node: Any) -> Any:
    """What follows the keyword of a statement or a clause, turned into its opposite."""
    node.children[1] = parso.parse(f" (not ({node.children[1].get_code()}))")
    return node


class NegateFilter(Operator):
    """The condition of a comprehension is negated."""

    def mutation_positions(self, node: Any) -> Iterable[Span]:
        if node.type == "comp_if":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return _negated(node)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("[x for x in y if x]", "[x for x in y if (not ( x))]"),)


class NegateResult(Operator):
    """A function that answers a comparison or a ``not``, ``and``, ``or`` answers the opposite."""

    def mutation_positions(self, node: Any) -> Iterable[Span]:
        if node.type == "return_stmt" and node.children[1].type in ("comparison", "and_test", "or_test", "not_test"):
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return _negated(node)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("def f(x): return x == 1", "def f(x): return (not ( x == 1))"),)


class ChangeWords(Operator):
    """The words that stand in a ``raise`` or in a call of ``warn`` get another word."""

    def mutation_positions(self, node: Any) -> Iterable[Span]:
        if node.type in ("string", "fstring_string") and self._is_said(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        text = node.value
        if node.type == "fstring_string":
            node.value = text + "XX"
        else:
            quote = text[-1]
            node.value = text[:-1] + "XX" + quote
        return node

    @staticmethod
    def _is_said(node: Any) -> bool:
        """Words of its own: a lower-case id of a clause is looked up, and not said."""
        above = node.parent
        while above is not None and above.type not in ("raise_stmt", "funcdef", "classdef", "lambdef"):
            if above.type in ("atom_expr", "power"):
                called = above.children[0].get_code().strip() + above.children[1].get_code().split("(")[0]
                if called in ("refusal", "cite", "switch", "warn"):
                    return False
                if called == "warnings.warn":
                    return " " in node.value
            above = above.parent
        return above is not None and above.type == "raise_stmt"

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example('raise TypeError("no")', 'raise TypeError("noXX")'),)


OWN: dict[str, type[Operator]] = {
    f"own/{operator.__name__}": operator for operator in (ReplaceMembership, NegateFilter, NegateResult, ChangeWords)
}
