"""Which torch we are: message texts and behaviour switches by version, and the record of the clauses applied.

The engine says *what* happens by a clause id; its words, exception type and version range live in ``specs/``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import specs
from reference_engine import errors

_EXCEPTIONS: dict[str, type[Exception]] = {
    e.__name__: e
    for e in (
        RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, KeyError, AttributeError,
        AssertionError, errors.LinAlgError, errors.GradcheckError,
    )
}  # fmt: skip
_EXCEPTIONS["_LinAlgError"] = errors.LinAlgError
_WARNINGS: dict[str, type[Warning]] = {w.__name__: w for w in (UserWarning, FutureWarning, DeprecationWarning)}


class Semantics:
    """Autograd as one version of torch has it.

    Args:
        version: a torch version such as ``"2.4"``; None means the newest that the specifications know.
    """

    def __init__(self, version: str | None = None) -> None:
        self.specs = specs.load()
        self.version = specs.Version.parse(version) if version else self.specs.newest
        self._messages: dict[str, tuple[str, str]] = {}
        self._switches: dict[str, bool] = {}

    def message(self, clause: str) -> tuple[str, str]:
        """The exception or warning type and the text template of a clause, at this version."""
        if clause not in self._messages:
            self._messages[clause] = self.specs.message(clause, self.version)
        return self._messages[clause]

    def switch(self, name: str) -> bool:
        """Whether a behaviour that changed between versions is on at this version."""
        on = self._switches.get(name)
        if on is None:
            on = self._switches[name] = self.specs.switch(name, self.version)
        return on


_current: Semantics | None = None
_cited: set[str] = set()

cite = _cited.add
"""Record that a clause was applied: this is how coverage of the specification is measured."""


def current() -> Semantics:
    """The semantics in force; the newest unless ``using`` says otherwise."""
    global _current
    if _current is None:
        _current = Semantics()
    return _current


def switch(name: str) -> bool:
    return current().switch(name)


def require(switch_id: str, module: str, name: str) -> None:
    """Refuse a name that the version in force does not have yet, as Python does.

    Raises:
        AttributeError: the switch is off.
    """
    if not switch(switch_id):
        raise AttributeError(f"module '{module}' has no attribute '{name}'")


def require_attribute(switch_id: str, owner: str, name: str) -> None:
    """The same for an attribute of an object.

    Raises:
        AttributeError: the switch is off.
    """
    if not switch(switch_id):
        raise AttributeError(f"'{owner}' object has no attribute '{name}'")


@contextmanager
def using(semantics: Semantics) -> Iterator[Semantics]:
    """Run a block under another version's semantics."""
    global _current
    before, _current = _current, semantics
    try:
        yield semantics
    finally:
        _current = before


def take_cited() -> tuple[str, ...]:
    """The clauses applied since the last call, sorted; the record starts afresh."""
    taken = tuple(sorted(_cited))
    _cited.clear()
    return taken


_evidence: set[tuple[str, str]] = set()


def witness(column: str, op: str) -> None:
    """Record that an op's formula ran: ``"gradient float32"``, or ``"double gradient float32"`` if on what one made."""
    _evidence.add((column, op))


def take_evidence() -> tuple[tuple[str, str], ...]:
    """What was witnessed since the last call, sorted; the record starts afresh."""
    taken = tuple(sorted(_evidence))
    _evidence.clear()
    return taken


def refusal(clause: str, **fields: Any) -> Exception:
    """The exception that a clause promises, in this version's words. The caller raises it."""
    cite(clause)
    kind, template = current().message(clause)
    return _EXCEPTIONS[kind](template.format(**fields))


def category(clause: str) -> type[Warning]:
    """What a clause's warning is an instance of in this version."""
    return _WARNINGS[current().message(clause)[0]]


_warns = True


def warn(clause: str, **fields: Any) -> None:
    """The warning that a clause promises, in this version's words."""
    cite(clause)
    if _warns:
        kind, template = current().message(clause)
        warnings.warn(template.format(**fields), _WARNINGS[kind], stacklevel=3)


@contextmanager
def unwarned() -> Iterator[None]:
    """Within, nothing is warned of: what is computed there is a means of ours, not a call of torch's."""
    global _warns
    before, _warns = _warns, False
    try:
        yield
    finally:
        _warns = before


def quiet() -> Any:
    """IEEE special values are results, not events: torch's kernels raise no floating point warnings."""
    return np.errstate(all="ignore")
