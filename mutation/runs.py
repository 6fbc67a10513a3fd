"""One mutant after the other, each in a process that is forked when all but the engine is loaded."""

from __future__ import annotations

import gc
import importlib.machinery
import inspect
import itertools
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, Literal

import msgspec

from mutation import check, corpus
from mutation.check import Ours
from mutation.corpus import Corpus
from mutation.coverage import Place, function_at
from mutation.groups import ROOT, Group
from mutation.mutants import Mutant, mutated, source

Outcome = Literal["survived", "killed", "died", "hung"]
WALL_PER_CPU = 30  # a process that waits for ever uses no processor; one on a busy machine waits long


class Result(msgspec.Struct, frozen=True):
    """What became of a mutant.

    Attributes:
        outcome: "killed" by a check; "died": the engine could not be imported, or took its process along; "hung": it
            used several times the time that the unchanged engine needs. All but "survived" count as noticed.
        by: what noticed it first.
        seconds: of processor time.
    """

    mutant: Mutant
    outcome: Outcome
    by: str
    seconds: float


class Report(msgspec.Struct, frozen=True):
    """A run over a group, as JSON."""

    group: str
    seed: int
    possible: int  # mutants of code, before a sample is taken
    versions: dict[str, str]
    programs: dict[str, int]  # by version of torch
    left_out: dict[str, tuple[str, ...]]
    results: tuple[Result, ...]

    @property
    def noticed(self) -> float:
        """The share of the mutants that something noticed."""
        return sum(result.outcome != "survived" for result in self.results) / max(1, len(self.results))


def _load() -> None:
    """All that is slow to import and does not change with a mutant."""
    import expecttest  # noqa: F401
    import hypothesis  # noqa: F401
    import ml_dtypes  # noqa: F401
    import networkx  # noqa: F401
    import numpy.testing  # noqa: F401
    import pytest  # noqa: F401
    import scipy.linalg
    import scipy.special  # noqa: F401
    import torch

    torch.set_num_threads(1)
    import conformance.examples
    import conformance.generate.builder
    import conformance.judge.laws
    import conformance.judge.verdict
    import conformance.subjects.torch_eager  # noqa: F401
    from specs import load

    load()
    assert "reference_engine" not in sys.modules
    gc.collect()
    gc.freeze()


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from a changed text."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds one module in a changed text."""

    def __init__(self, module: str, text: str) -> None:
        self.module, self.text = module, text
        self.name = module.removesuffix(".py").replace("/", ".")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        where = str(ROOT / self.module)
        spec = importlib.machinery.ModuleSpec(name, _Changed(name, where, self.text), origin=where)
        spec.has_location = True
        return spec


def apply(mutant: Mutant) -> None:
    """Make this process's engine the mutant."""
    if not mutant.is_message:
        sys.meta_path.insert(0, _Finder(mutant.where, mutated(mutant)))
        return
    from specs import load

    messages = load().messages
    message = messages[mutant.where]
    changed = []
    for template in message.template:
        if mutant.operator == "message/type" and message.type_of(template) == mutant.before:
            template = msgspec.structs.replace(template, type=mutant.after)
        elif template.text == mutant.before:
            template = msgspec.structs.replace(template, text=mutant.after)
        changed.append(template)
    messages[mutant.where] = msgspec.structs.replace(message, template=tuple(changed))


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _forked(work: Callable[[], Any], cpu: float) -> tuple[Any, int | None, float]:
    """What ``work`` returns in a process of its own, the exit code of that, and its processor time."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def run() -> None:
        _quiet()
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 2))
        resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
        signal.alarm(int(cpu * WALL_PER_CPU))
        try:
            answer = work()
        except BaseException:
            answer = ("died", traceback.format_exc(limit=-3)[-400:])
        there.send((answer, time.process_time()))
        there.close()
        os._exit(0)

    process = context.Process(target=run)
    process.start()
    there.close()
    try:
        answer, seconds = here.recv()
    except EOFError:
        answer, seconds = None, cpu
    process.join()
    return answer, process.exitcode, seconds


class Checks(msgspec.Struct, frozen=True):
    """All that may notice a mutant of a group; the first corpus is that of the torch that is installed here."""

    corpora: tuple[Corpus, ...]
    ours: Ours


def prepare(group: Group, others: Sequence[str] = ()) -> Checks:
    """Load what is slow to load, note what torch does, and what the unchanged reference comes to.

    Args:
        group: what will be mutated.
        others: interpreters with other versions of torch.

    Raises:
        RuntimeError: the checks find fault with the unchanged engine.
    """
    _load()
    corpora = [_done(lambda: corpus.record(group.modules))]
    corpora += [_of_other_torch(python, group, corpora[0].version) for python in others]
    return Checks(tuple(corpora), _done(lambda: check.ours(group)))


def _done(work: Callable[[], Any]) -> Any:
    answer, code, _ = _forked(work, 600)
    if answer is None or isinstance(answer, tuple):
        raise RuntimeError(f"{answer} (exit code {code})")
    return answer


def _of_other_torch(python: str, group: Group, main: str) -> Corpus:
    """What the torch of another interpreter does, on what its version makes different."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"  # a pickle, of a process of our own, and gone when it has been read
        command = [python, "-m", "mutation.corpus", str(path), main, *group.modules]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        found: Corpus = pickle.loads(path.read_bytes())
        return found


NOT_QUICK = ("not quick", "")


class Quick:
    """A process that has the engine loaded and has not used it: its children change the functions that are there.

    That is cheaper than to import the engine anew.
    """

    def __init__(self, checks: Checks, cpu: float) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=self._serve, args=(theirs, checks, cpu))
        self._process.start()
        theirs.close()

    def __call__(self, mutant: Mutant) -> tuple[Any, int | None, float]:
        self._ours.send(mutant)
        answer: tuple[Any, int | None, float] = self._ours.recv()
        return answer

    def close(self) -> None:
        self._ours.send(None)
        self._process.join()

    @staticmethod
    def _serve(theirs: Any, checks: Checks, cpu: float) -> None:
        import conformance.subjects.reference
        import reference_engine
        import reference_engine.ops.shadow  # noqa: F401

        conformance.subjects.reference.Reference()
        live = live_functions()
        gc.freeze()
        while (mutant := theirs.recv()) is not None:

            def work(mutant: Mutant = mutant) -> tuple[str, str]:
                if mutant.is_message:
                    apply(mutant)
                elif not exchange(mutant, live):
                    return NOT_QUICK
                return verdict(mutant, checks)

            theirs.send(_forked(work, cpu))


def verdict(mutant: Mutant, checks: Checks) -> tuple[str, str]:
    """What the checks that come to its place say of the mutant that the engine here has become."""
    place = place_of(mutant)
    for found in itertools.chain(check.compared(checks.corpora, place), check.killers(*checks.ours.coming_to(place))):
        return "killed", found
    return "survived", ""


def place_of(mutant: Mutant) -> Place | None:
    """What a mutant changes; None for what is not inside of a function."""
    if mutant.is_message:
        return mutant.where, 0
    return function_at(mutant.where, source(mutant.where), mutant.line)


Live = dict[types.CodeType, list[types.FunctionType]]


def live_functions() -> Live:
    """The functions of the engine by their code."""
    found: Live = {}
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and str(thing.__module__).startswith("reference_engine"):
            found.setdefault(thing.__code__, []).append(thing)
    return found


def exchange(mutant: Mutant, live: Live) -> bool:
    """Give the functions that the mutant changes their new code; False where it changes more than functions."""
    path = str(ROOT / mutant.where)
    old = compile(source(mutant.where), path, "exec", dont_inherit=True)
    new = compile(mutated(mutant), path, "exec", dont_inherit=True)
    exchanged = 0
    pairs = [(old, new)]
    while pairs:
        a, b = pairs.pop()
        inner = [[c for c in code.co_consts if isinstance(c, types.CodeType)] for code in (a, b)]
        if len(inner[0]) != len(inner[1]):
            return False
        pairs += [pair for pair in zip(*inner, strict=True) if pair[0] != pair[1]]
        is_function = a.co_flags & inspect.CO_OPTIMIZED
        if not is_function:
            others = [[c for c in code.co_consts if not isinstance(c, types.CodeType)] for code in (a, b)]
            if a.co_code != b.co_code or repr(others[0]) != repr(others[1]) or a.co_names != b.co_names:
                return False
            continue
        for function in live.get(a, ()):
            function.__code__ = b
            exchanged += 1
    return exchanged > 0


def run(mutants: Iterable[Mutant], checks: Checks, cpu: float) -> Iterator[Result]:
    """What becomes of each mutant, within ``cpu`` seconds of processor time."""
    quick = Quick(checks, cpu)
    for mutant in mutants:
        answer, code, seconds = quick(mutant)
        if answer == NOT_QUICK:

            def work(mutant: Mutant = mutant) -> tuple[str, str]:
                apply(mutant)
                return verdict(mutant, checks)

            answer, code, more = _forked(work, cpu)
            seconds += more
        if answer is not None:
            outcome, by = answer
        elif code is not None and -code in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM):
            outcome, by = "hung", f"signal {-code}"
        else:
            outcome, by = "died", f"exit code {code}"
        yield Result(mutant, outcome, by, round(seconds, 2))
    quick.close()
