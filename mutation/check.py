"""What may kill a mutant: the suite's comparison with torch, its laws, the clauses of examples, tests, scripts."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import msgspec

from mutation.corpus import Case, Corpus
from mutation.coverage import Place, Places, watched
from mutation.groups import NUMBERS, ROOT, Group


class Check:
    """The reference as it is imported here, against what torch answered.

    Args:
        version: that of the torch whose answers are compared.
    """

    def __init__(self, version: str) -> None:
        from conformance.subjects.reference import Reference
        from specs import Version, load

        specs = load()
        self.reference, self.newest = Reference(version), Reference()
        self.version, self.deviations = Version.parse(version), tuple(specs.deviations.values())

    def differs(self, case: Case) -> str | None:
        """How the reference differs from torch on a case, unless a known deviation says why."""
        from conformance.execute.machine import execute
        from conformance.judge.verdict import judge

        expected = execute(case.program, self.reference)
        found = judge(case.program, expected, case.observed, self.reference, self.deviations, self.version)
        if found is not None and found.deviation is None:
            d = found.divergence
            return f"step {d.step}, {d.op or d.step_kind}, {d.field}: {d.expected[:120]} | torch: {d.observed[:120]}"
        seen = found.deviation.id if found is not None and found.deviation is not None else None
        if case.deviation is not None and seen != case.deviation:
            return f"deviation {case.deviation} is no longer seen"
        return self.cites(case) or self.breaks(case)

    def cites(self, case: Case) -> str | None:
        """The clauses that an example exercises by now and did not, or the other way round."""
        from conformance.execute.machine import execute

        if case.clauses is None:
            return None
        cited = {clause for step in execute(case.program, self.newest).steps for clause in step.clauses}
        changed = sorted(cited ^ case.clauses)
        return f"exercises other clauses: {', '.join(changed)}" if changed else None

    def breaks(self, case: Case) -> str | None:
        """The law that the reference breaks on a case."""
        from conformance.execute.machine import execute
        from conformance.judge.laws import LAWS, NotApplicable

        trace = execute(case.program, self.reference) if case.laws else None
        for law in case.laws:
            assert trace is not None
            try:
                if LAWS[law].check(case.program, trace, self.reference) is not None:
                    return f"breaks {law}"
            except NotApplicable:
                continue
        return None


def compared(corpora: Sequence[Corpus], place: Place | None = None) -> Iterator[str]:
    """Where the reference differs from what torch answered, on what comes to a place."""
    for corpus in corpora:
        check = Check(corpus.version)
        for case in corpus.cases:
            if place is not None and case.places is not None and place not in case.places:
                continue
            found = check.differs(case)
            if found is not None:
                yield f"torch {corpus.version}, {case.name}: {found}"


class Ours(msgspec.Struct, frozen=True):
    """Our own tests and the scripts of a group, with the places that each comes to."""

    tests: dict[str, Places]
    scripts: dict[str, Places]

    def coming_to(self, place: Place | None) -> tuple[list[str], list[str]]:
        """The names of the tests and of the scripts that come to a place; all, if that is None."""
        found = [
            [name for name, places in kind.items() if place is None or place in places]
            for kind in (self.tests, self.scripts)
        ]
        return found[0], found[1]


def ours(group: Group) -> Ours:
    """Run what is ours once, on the unchanged reference. What fails there says nothing about mutants."""
    watching = _Tests(group.modules)
    _pytest(group.tests, watching, "--maxfail=20")
    scripts: dict[str, Places] = {}
    for wrong in other_words(group.scripts, group.modules, scripts):
        del scripts[wrong.removeprefix("script ")]
    passed = {name: frozenset(seen) for name, seen in watching.seen.items() if name not in watching.failed}
    return Ours(passed, scripts)


def killers(tests: Sequence[str], scripts: Sequence[str]) -> Iterator[str]:
    """What of ours finds fault with the engine as it is imported here."""
    if tests:
        failures = _Tests(())
        code = _pytest(tests, failures, "-x")
        yield from failures.failed
        if code and not failures.failed:
            yield f"pytest ended with {code}"
    if scripts:
        yield from other_words(scripts)


class _Tests:
    """Notes which tests fail, and which places each comes to."""

    def __init__(self, modules: Sequence[str]) -> None:
        self.failed: list[str] = []
        self.seen: dict[str, set[Place]] = {}
        self._modules = modules
        self._watch: Any = None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self._modules:
            self._watch = watched(self._modules)
            self.seen[nodeid] = self._watch.__enter__()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self._watch is not None:
            self._watch.__exit__(None, None, None)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def _pytest(what: Iterable[str], plugin: object, *options: str) -> int:
    import pytest

    os.chdir(ROOT)
    ignored = [f"--ignore={path}" for path in NUMBERS]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(
            pytest.main(["-q", "--tb=no", "-p", "no:cacheprovider", *options, *ignored, *what], plugins=[plugin])
        )


def other_words(
    names: Iterable[str], modules: Sequence[str] = (), places: dict[str, Places] | None = None
) -> Iterator[str]:
    """Scripts that print something else than torch printed. The engine goes by torch's name from then on.

    Args:
        names: of the scripts.
        modules, places: fill in which places in the modules each script comes to.
    """
    folder = ROOT / "tests" / "surface"
    spec = importlib.util.spec_from_file_location("run_scripts", folder / "run_scripts.py")
    assert spec is not None
    assert spec.loader is not None
    run_scripts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run_scripts)
    document = json.loads((folder / "goldens" / "scripts.json").read_text())
    for name in [name for name in sys.modules if name == "torch" or name.startswith("torch.")]:
        del sys.modules[name]
    engine = f"reference_engine@{document['torch']}:twister"
    for name in names:
        printed = io.StringIO()
        with redirect_stdout(printed), watched(modules) as seen:
            run_scripts.main(engine, [str(folder / "scripts" / f"{name}.py")])
        if places is not None:
            places[name] = frozenset(seen)
        if json.loads(printed.getvalue())[name] != document["outputs"][name]:
            yield f"script {name}"
