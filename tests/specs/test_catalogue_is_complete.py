"""Whatever torch's autograd says in Python is a message of the specifications, or is listed in docs/out_of_reach.md."""

from __future__ import annotations

import ast
import functools
import html
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import specs

ROOT = Path(__file__).parents[2]
HOLE = "\N{WHITE SQUARE}"  # where a text has something filled in


def torch_files() -> list[Path]:
    found = importlib.util.find_spec("torch")  # looked for, not imported
    if found is None or not found.submodule_search_locations:
        pytest.skip("torch is not installed")
    folder = Path(found.submodule_search_locations[0])
    return [*sorted((folder / "autograd").glob("*.py")), folder / "_tensor.py"]


def text_of(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """The text that an expression makes, with a HOLE for each part that is not literal."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part, names) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left, names) + text_of(right, names)
        case ast.BinOp(left=left, op=ast.Mod()):
            return re.sub(r"%[-.\d]*[a-z]", HOLE, text_of(left, names))
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            return re.sub(r"\{[^}]*\}", HOLE, text_of(inner, names))
        case ast.Name(id=name) if name in names:
            return text_of(names[name], {k: v for k, v in names.items() if k != name})
    return HOLE


def said_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text that a module raises, asserts or warns with, and its line."""
    constants = {a.targets[0].id: a.value for a in tree.body if isinstance(a, ast.Assign) and _named(a)}
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            continue
        own = list(_own(function))
        names = constants | {a.targets[0].id: a.value for a in own if isinstance(a, ast.Assign) and _named(a)}
        for node in own:
            match node:
                case ast.Raise(exc=ast.Call(args=[text, *_])) | ast.Assert(msg=ast.expr() as text):
                    yield node.lineno, text_of(text, names)
                case ast.Call(func=ast.Attribute(attr="warn" | "warn_once"), args=[text, *_]):
                    yield node.lineno, text_of(text, names)
                case ast.Call(func=ast.Name(id="deprecated"), args=[text, *_]):
                    yield node.lineno, text_of(text, names)


def _named(assignment: ast.Assign) -> bool:
    return isinstance(assignment.targets[0], ast.Name)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, inner functions and classes aside; its decorators too."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend(ast.iter_child_nodes(node))
        else:
            stack.extend(node.decorator_list)


def literal(text: str) -> int:
    """How much of a text is literal."""
    return len(text.replace(HOLE, "").strip())


@functools.cache
def pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split(HOLE)), re.DOTALL)


def agrees(said: str, known: str) -> bool:
    """Whether one of them is what the other can be filled in to; a text that says next to nothing does not count."""
    if literal(known) >= 8 and pattern(known).fullmatch(said):
        return True
    return literal(said) >= 8 and bool(pattern(said).fullmatch(known))


def words(text: str) -> str:
    return " ".join(text.split())


def texts_of_the_specifications() -> set[str]:
    templates = (t for m in specs.load().messages.values() for t in m.template)
    return {words(re.sub(r"\{\w+\}", HOLE, t.text).replace("{{", "{").replace("}}", "}")) for t in templates} - {HOLE}


def texts_out_of_reach() -> set[str]:
    """What the document lists: text in backquotes, where ``...`` and ``{name}`` stand for anything."""
    document = (ROOT / "docs" / "out_of_reach.md").read_text()
    found = re.findall(r"```(.+?)```|`([^`]+)`", document, re.DOTALL)
    return {words(re.sub(r"\{\w*\}|\.\.\.", HOLE, html.unescape((a or b).strip()))) for a, b in found}


def test_every_text_is_a_message_or_listed() -> None:
    known = texts_of_the_specifications() | texts_out_of_reach()
    said = {words(text): f"{f.name}:{line}" for f in torch_files() for line, text in said_in(ast.parse(f.read_text()))}
    missing = [
        f"{where}: {text}"
        for text, where in said.items()
        if literal(text) and text not in known and not any(agrees(text, each) for each in known)
    ]
    version = importlib.metadata.version("torch")
    assert not missing, f"torch {version} says what is neither specified nor listed:\n" + "\n".join(missing)


def test_a_text_that_nobody_lists_is_noticed() -> None:
    tree = ast.parse("def f(x):\n    msg = f'no {x} here'\n    raise RuntimeError(msg + ', or there')\n")
    ((line, text),) = said_in(tree)
    assert (line, text) == (3, f"no {HOLE} here, or there")
    assert not any(agrees(text, each) for each in texts_of_the_specifications() | texts_out_of_reach())
