"""Finding subjects by name: ours, and those that other packages add through entry points."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import entry_points

from conformance.subjects.base import Subject, SubjectUnavailable

ENTRY_POINT_GROUP = "autograd_conformance.subjects"


class UnknownSubject(LookupError):
    """No subject has this name; the text gives the nearest."""


def _torch(device: str) -> Callable[[], Subject]:
    def make() -> Subject:
        from conformance.subjects.torch_eager import TorchEager

        return TorchEager(device)

    return make


def _reference() -> Subject:
    from conformance.subjects.reference import Reference

    return Reference()


_BUILT_IN: dict[str, Callable[[], Subject]] = {
    "reference": _reference,
    "torch": _torch("cpu"),
    "torch-meta": _torch("meta"),
    "torch-cuda": _torch("cuda"),
}


def subject_factories() -> dict[str, Callable[[], Subject]]:
    """Every subject that is known here, by name. Calling one may raise SubjectUnavailable."""
    factories = dict(_BUILT_IN)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        factories.setdefault(point.name, _load(point.load))
    return factories


def _load(load: Callable[[], Callable[[], Subject]]) -> Callable[[], Subject]:
    def make() -> Subject:
        try:
            factory = load()
        except Exception as error:  # somebody else's code: whatever is wrong with it, ours goes on
            raise SubjectUnavailable(f"its package can't be imported: {_in_a_line(error)}") from error
        try:
            return factory()
        except SubjectUnavailable:
            raise
        except Exception as error:
            raise SubjectUnavailable(f"it can't be made: {_in_a_line(error)}") from error

    return make


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def find_subject(name: str) -> Subject:
    """The subject of this name.

    Raises:
        UnknownSubject: there is none.
        SubjectUnavailable: there is, but it can't run here.
    """
    factories = subject_factories()
    factory = factories.get(name)
    if factory is None:
        near = difflib.get_close_matches(name, factories, n=1, cutoff=0.4)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(sorted(factories))}"
        raise UnknownSubject(f"no subject is called {name!r}; {hint}")
    return factory()
