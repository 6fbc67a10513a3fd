"""The mutants of a group: every one that can be made, and a sample of them.

Code is mutated by cosmic-ray's operators, and some of our own; a message of ``specs/`` by another letter, or by another
exception type. A mutant is left out if nobody can tell it apart (see ``_never_run``), or if it does not compile.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache

import msgspec
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

from mutation.groups import ROOT, Group
from mutation.operators import OWN
from specs import Version, load


class Mutant(msgspec.Struct, frozen=True):
    """One change.

    Attributes:
        where: a file below the root; for a message, the id of its clause.
        line: of the file; 0 for a message.
        operator: which kind of change, as cosmic-ray names it.
        occurrence: the how manieth place in the file where the operator could be applied.
        start, end: the place in the file, as (line, column).
        before, after: the line or the text, without and with the change.
    """

    where: str
    line: int
    operator: str
    occurrence: int
    start: tuple[int, int]
    end: tuple[int, int]
    before: str = ""
    after: str = ""

    @property
    def is_message(self) -> bool:
        return self.line == 0


#: Of the replacements that cosmic-ray knows: a comparison becomes its opposite or, if it orders, its neighbour (that
#: ``<=`` for ``==``, or ``==`` for ``is``, mostly changes nothing, says nothing about the tests); an arithmetic
#: operator becomes one other.
REPLACED = {
    "ReplaceComparisonOperator": (
        "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "Lt_GtE", "Lt_LtE", "LtE_Gt", "LtE_Lt", "Gt_LtE", "Gt_GtE",
        "GtE_Lt", "GtE_Gt",
    ),
    "ReplaceBinaryOperator": (
        "Add_Sub", "Sub_Add", "Mul_FloorDiv", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul", "RShift_LShift",
        "LShift_RShift", "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitOr",
    ),
    "ReplaceUnaryOperator": ("Delete_Not", "Delete_USub", "Delete_Invert"),
}  # fmt: skip


@cache
def operators() -> dict[str, Operator]:
    """The operators that are used, by name."""
    provided = OperatorProvider()
    names = []
    for name in provided:
        family, _, which = name.partition("_")
        if which in REPLACED.get(family, (which,)) and not provided[name].arguments():
            names.append(name)
    return {**{f"core/{name}": provided[name]() for name in names}, **{name: kind() for name, kind in OWN.items()}}


def source(module: str) -> str:
    return (ROOT / module).read_text(encoding="utf-8")


def mutated(mutant: Mutant) -> str:
    """The text of the mutant's file."""
    code = mutate_code(source(mutant.where), operators()[mutant.operator], mutant.occurrence)
    assert code is not None
    return str(code)


def of_module(module: str) -> Iterator[Mutant]:
    """Every mutant of a module that somebody could notice; what it changes is told by ``written``."""
    text = source(module)
    tree, skipped = get_ast(text), _never_run(ast.parse(text))
    for name, operator in operators().items():
        places = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(places):
            if not any(low <= start < high for low, high in skipped):
                yield Mutant(module, start[0], name, occurrence, start, end)


def written(mutant: Mutant) -> Mutant | None:
    """The mutant with what it changes; None if it does not compile."""
    code = mutated(mutant)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of an ``is`` with a literal
        try:
            compile(code, mutant.where, "exec", dont_inherit=True)
        except SyntaxError:
            return None
    before, after = _changed(source(mutant.where).split("\n"), code.split("\n"))
    return msgspec.structs.replace(mutant, before=before, after=after)


def _changed(before: list[str], after: list[str]) -> tuple[str, str]:
    """What differs."""
    old, new = [], []
    for line in difflib.ndiff(before, after) if len(before) != len(after) else _pairs(before, after):
        if line.startswith("- "):
            old.append(line[2:].strip())
        elif line.startswith("+ "):
            new.append(line[2:].strip())
    return " ".join(filter(None, old)), " ".join(filter(None, new))


def _pairs(before: list[str], after: list[str]) -> Iterator[str]:
    for a, b in zip(before, after, strict=True):
        if a != b:
            yield f"- {a}"
            yield f"+ {b}"


Span = tuple[tuple[int, int], tuple[int, int]]


def _never_run(tree: ast.Module) -> list[Span]:
    """Annotations (nothing evaluates them here), what only type checkers read, and the ``strict`` of a ``zip``.

    The last asserts that two sequences are of one length, which no program can change.
    """
    spans: list[Span] = []
    for node in ast.walk(tree):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            annotations.append(node)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("Callable[", "list[", "tuple[")):
            annotations.append(node.value)  # the name of a type
        if isinstance(node, ast.keyword) and node.arg == "strict":
            annotations.append(node.value)
        for found in annotations:
            if isinstance(found, (ast.expr, ast.stmt)):
                spans.append(((found.lineno, found.col_offset), (found.end_lineno or 0, found.end_col_offset or 0)))
    return spans


def messages(areas: tuple[str, ...], version: str) -> Iterator[Mutant]:
    """For each message in force at a version: one with a letter changed, and one with another type."""
    parsed = Version.parse(version)
    for message in load().messages.values():
        template = message.at(parsed)
        if template is None or message.id.split(".")[0] not in areas:
            continue
        letters = [i for i in _literal(template.text) if template.text[i].isalpha()]
        if letters:
            at = random.Random(message.id).choice(letters)
            letter = "q" if template.text[at] != "q" else "x"
            text = template.text[:at] + letter + template.text[at + 1 :]
            yield Mutant(message.id, 0, "message/letter", 0, (0, 0), (0, 1), template.text, text)
        kind = message.type_of(template)
        other = _OTHER_TYPE.get(kind, "RuntimeError")
        yield Mutant(message.id, 0, "message/type", 0, (0, 0), (0, 1), kind, other)


_OTHER_TYPE = {"RuntimeError": "ValueError", "UserWarning": "FutureWarning", "FutureWarning": "UserWarning"}


def _literal(text: str) -> Iterator[int]:
    """The places of a template outside of its fields."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if not depth and letter != "}":
            yield i


def sample(group: Group, size: int, seed: int) -> Iterator[Mutant]:
    """Mutants of code, drawn so that no place is taken twice while another has not been taken."""
    everything = [mutant for module in group.modules for mutant in of_module(module)]
    random.Random(seed).shuffle(everything)
    taken: Counter[object] = Counter()
    ranked = []
    for mutant in everything:
        place = (mutant.where, mutant.start)
        ranked.append((taken[place], mutant))
        taken[place] += 1
    ranked.sort(key=lambda pair: pair[0])  # stable: within a rank the order is that of the shuffle
    compiled = (found for _, mutant in ranked if (found := written(mutant)) is not None)
    return itertools.islice(compiled, size)
