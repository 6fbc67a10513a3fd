"""The smallest Program that still shows the same, found by Hypothesis.

A reduction of a Program is a row of choices: keep this step or not, keep this argument, this size, these values or not.
The row in which every choice is at its highest leaves the Program as it is, and lower always means simpler. That is the
language in which Hypothesis shrinks, so it does the search: the highest row is put into its database of examples that
failed before, and its phase of shrinking starts from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, core, find, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes
from hypothesis.errors import NoSuchExample

from conformance.program import names as n
from conformance.program import steps as s

Choose = Callable[[int], int]
"""Given the highest choice, choose from 0 (the simplest) up to it (as it is)."""

_KEY = b"program"
# Where Hypothesis keeps examples that are known to fail and not known to be small.
_UNSHRUNK = _KEY + b".secondary"
_SETTINGS: dict[str, Any] = {
    "phases": (Phase.reuse, Phase.shrink),
    "suppress_health_check": list(HealthCheck),
    "deadline": None,
    "derandomize": False,  # a profile for continuous integration may set it, and it too turns the database off
}
MAX_ROUNDS = 5


def shrink(program: s.Program, still_fails: Callable[[s.Program], bool]) -> s.Program:
    """The simplest Program reached from this one for which `still_fails` holds, by the same way every time.

    Raises:
        ValueError: `still_fails` does not hold of the Program itself.
    """
    if not still_fails(program):
        raise ValueError("nothing to shrink: the Program does not fail")
    for _ in range(MAX_ROUNDS):
        smaller = _fewer_steps(_round(program, still_fails), still_fails)
        if smaller == program:
            break
        program = smaller
    plainer = with_plain_names(program)
    return plainer if plainer != program and still_fails(plainer) else program


_PLAIN_NAMES: dict[type, tuple[str, ...]] = {
    s.Make: ("x", "w", "b", "c", "d"),
    s.Grad: ("g", "g2", "g3", "g4"),
    s.AddHook: ("hook", "hook2", "hook3"),
}
_OTHER_NAMES = ("y", "z", "u", "v", "s", "r", "q", "p")


def with_plain_names(program: s.Program) -> s.Program:
    """The Program with the names that a person would choose: x for a leaf, y for what is made of it, and so on."""
    inside = {
        name for lit in n.bodies(program) for name in (*lit.params, *(m for st_ in lit.steps for m in n.defined(st_)))
    }
    made = [(type(step), name) for step in program.steps for name in _in_order(step)]
    taken = inside | {name for step in program.steps for name in n.used(step)} - {name for _, name in made}
    names: dict[str, str] = {}
    for kind, name in made:
        if name in names or name in inside:
            continue
        free = [plain for plain in _PLAIN_NAMES.get(kind, _OTHER_NAMES) if plain not in taken]
        wish = free[0] if free else f"t{len(names)}"
        if wish in taken:
            return program
        taken.add(wish)
        names[name] = wish
    return n.relabelled(program, names)


def _in_order(step: s.Step) -> tuple[str, ...]:
    """The names that a step makes, in the order in which they stand."""
    made = (getattr(step, "out", None), *getattr(step, "outs", ()))
    return tuple(name for name in made if name is not None)


def _round(program: s.Program, still_fails: Callable[[s.Program], bool]) -> s.Program:
    """One search by Hypothesis."""
    highest: list[int] = []

    def keep_all(maximum: int) -> int:
        highest.append(maximum)
        return maximum

    reduce(program, keep_all)
    seen: dict[s.Program, bool] = {}

    @st.composite
    def reductions(draw: Any) -> s.Program:
        return reduce(program, lambda maximum: draw(st.integers(0, maximum)))

    def fails(candidate: s.Program) -> bool:
        if candidate not in seen:
            seen[candidate] = still_fails(candidate)
        return seen[candidate]

    database = InMemoryExampleDatabase()
    database.save(_UNSHRUNK, choices_to_bytes(highest))
    try:
        with _seeded():
            return find(reductions(), fails, settings=settings(database=database, **_SETTINGS), database_key=_KEY)
    except NoSuchExample:  # a predicate that is not the same every time
        return program


@contextmanager
def _seeded() -> Iterator[None]:
    """The same random choices every time. `find(random=...)` would do, but it turns the database off."""
    hypothesis: Any = core
    before, hypothesis.global_force_seed = hypothesis.global_force_seed, 0
    try:
        yield
    finally:
        hypothesis.global_force_seed = before


def _fewer_steps(program: s.Program, still_fails: Callable[[s.Program], bool]) -> s.Program:
    """Drop single steps, and pairs, that turn out not to be needed: the result has no step too many."""
    for size in (1, 2):
        index = 0
        while index <= len(program.steps) - size:
            candidate = _keeping(program, [i for i in range(len(program.steps)) if not index <= i < index + size])
            if still_fails(candidate):
                program = candidate
            else:
                index += 1
    return program


def _keeping(program: s.Program, kept: Sequence[int]) -> s.Program:
    """The Program with these steps only; its regions move with them."""
    regions = []
    for region in program.regions:
        inside = [position for position, index in enumerate(kept) if region.start <= index < region.stop]
        if inside:
            regions.append(s.Region(inside[0], inside[-1] + 1, region.name))
    return msgspec.structs.replace(program, steps=tuple(program.steps[index] for index in kept), regions=tuple(regions))


# -- reductions ------------------------------------------------------------------------------------------------------

# Without the step; without it, its first or its last input standing for its result; as it is.
DROP, FIRST_INPUT, LAST_INPUT, KEEP = 0, 1, 2, 3


def reduce(program: s.Program, choose: Choose) -> s.Program:
    """The Program reduced by choices. The number of choices and their ranges depend on the Program alone."""
    fates = [choose(KEEP) for _ in program.steps]
    steps: list[s.Step] = []
    kept: list[int] = []
    instead: dict[str, str] = {}
    for index, (step, fate) in enumerate(zip(program.steps, fates, strict=True)):
        simpler = SIMPLER.get(type(step), _as_it_is)(step, choose)
        if fate in (FIRST_INPUT, LAST_INPUT) and _bypass(step, fate, instead):
            continue
        if fate != DROP:
            kept.append(index)
            steps.append(n.renamed(simpler, instead) if instead else simpler)
            for name in n.defined(step):
                instead.pop(name, None)
    placed = _keeping(program, kept)
    regions = placed.regions if not program.regions or choose(1) else ()
    return msgspec.structs.replace(placed, steps=tuple(steps), regions=regions)


def _bypass(step: s.Step, fate: int, instead: dict[str, str]) -> bool:
    """Let an input stand for the result of a step that is left out; false if it has not one result and an input."""
    made, read = n.defined(step), _inputs(step)
    if len(made) != 1 or not read:
        return False
    stand_in = read[0 if fate == FIRST_INPUT else -1]
    instead[made.pop()] = instead.get(stand_in, stand_in)
    return True


def _inputs(step: s.Step) -> list[str]:
    """Names in the order in which they stand in the step."""
    return [name for part in n.walk(step) for name in sorted(n.mentioned(part))]


def _as_it_is(step: Any, choose: Choose) -> Any:
    return step


def _subset(items: tuple[Any, ...], choose: Choose) -> tuple[Any, ...]:
    return tuple([item for item in items if choose(1)])


def _make(step: s.Make, choose: Choose) -> s.Make:
    sizes = [_size(size, choose) for size in step.shape]
    shape = tuple(size for size in sizes if size is not None)
    plain = step.strides is not None and not choose(1)
    dtype = (step.dtype, "float32")[0 if step.dtype == "float32" else 1 - choose(1)]
    values = _simpler_values(step, choose)
    requires_grad = bool(step.requires_grad and choose(1))
    strides, offset = step.strides, step.offset
    if plain or (strides is not None and len(shape) != len(step.shape)):
        strides, offset = None, 0
    if strides is None:
        count = math.prod(shape)
        whole = step.strides is None and shape == step.shape
        values = values if whole or len(values) == 1 else _cycled(values, count)
    return msgspec.structs.replace(
        step, values=values, shape=shape, dtype=dtype, strides=strides, offset=offset, requires_grad=requires_grad
    )


def _size(size: int, choose: Choose) -> int | None:
    """A smaller size for one dimension; None drops the dimension."""
    if size == 0:
        return 0 if choose(1) else None
    return choose(min(size, 16)) or None if size <= 16 else (None, 1, 2, size)[choose(3)]


def _cycled(values: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    return tuple([values[index % len(values)] for index in range(count)]) if values else (1.0,) * count


def _simpler_values(step: s.Make, choose: Choose) -> tuple[Any, ...]:
    """All ones; 1, 2, 3 ...; rounded; or as they are, but for single elements."""
    if not step.values:
        return ()
    level = choose(3)
    count = len(step.values)
    single = [choose(1) for _ in step.values] if count <= 8 else [1] * count
    one: Any = True if step.dtype == "bool" else 1.0 if step.dtype.startswith(("float", "bfloat", "complex")) else 1
    if level == 0:
        return (one,) * count
    if level == 1 and step.dtype != "bool":
        return tuple([one * (index + 1) for index in range(count)])
    values = [value if kept else one for value, kept in zip(step.values, single, strict=True)]
    return tuple([_rounded(value) for value in values]) if level == 2 else tuple(values)


def _rounded(value: Any) -> Any:
    return float(round(value)) if isinstance(value, float) and math.isfinite(value) else value


def _argument(arg: Any, choose: Choose) -> Any:
    """A simpler literal, or fewer items."""
    kind = type(arg)
    if kind is bool:
        return arg
    if kind is int:
        return arg if arg in (0, 1) else (1, 2, arg)[choose(2)]
    if kind is float:
        return arg if arg == 1.0 else (1.0, 2.0, _rounded(arg), arg)[choose(3)]
    if isinstance(arg, s.Seq):
        items = tuple([_argument(item, choose) for item in arg.items])
        return msgspec.structs.replace(arg, items=_subset(items, choose))
    if isinstance(arg, s.FunctionLit):
        return _function(arg, choose)
    if isinstance(arg, s.Callback):
        return msgspec.structs.replace(arg, value=_argument(arg.value, choose))
    return arg


def _function(lit: s.FunctionLit, choose: Choose) -> s.FunctionLit:
    """A function with fewer and simpler steps."""
    inner = reduce(s.Program(lit.steps), choose)
    return msgspec.structs.replace(lit, steps=inner.steps, decorators=_subset(lit.decorators, choose))


def _apply(step: s.Apply, choose: Choose) -> s.Apply:
    args = tuple([_argument(arg, choose) for arg in step.args])
    kwargs = tuple([(key, _argument(value, choose)) for key, value in step.kwargs])
    return msgspec.structs.replace(step, args=args, kwargs=_subset(kwargs, choose))


def _call(*required: str) -> Callable[[Any, Choose], Any]:
    """Reduce a step with optional fields: leave them out, or make them simpler."""

    def simpler(step: Any, choose: Choose) -> Any:
        fields: dict[str, Any] = {}
        for name in step.__struct_fields__:
            value = getattr(step, name)
            if value is s.UNSET or name in ("outs", "form"):
                continue
            simple = _argument(value, choose)
            fields[name] = simple if name in required or choose(1) else s.UNSET
        return msgspec.structs.replace(step, **fields)

    return simpler


def _fields(*names: str) -> Callable[[Any, Choose], Any]:
    """Reduce the arguments in some fields of a step."""

    def simpler(step: Any, choose: Choose) -> Any:
        return msgspec.structs.replace(step, **{name: _argument(getattr(step, name), choose) for name in names})

    return simpler


def _custom_function(step: s.CustomFunction, choose: Choose) -> s.CustomFunction:
    methods = {}
    for name in ("forward", "backward", "setup_context", "jvp", "vmap", "vjp"):
        lit = getattr(step.function, name)
        if lit is not None:
            simple = _function(lit, choose)
            methods[name] = simple if name in ("forward", "backward") or choose(1) else None
    attributes = _subset(step.function.attributes, choose)
    function = msgspec.structs.replace(step.function, attributes=attributes, **methods)
    return msgspec.structs.replace(step, function=function, kwargs=_subset(step.kwargs, choose))


def _enter(step: s.EnterMode, choose: Choose) -> s.EnterMode:
    return msgspec.structs.replace(step, kwargs=_subset(step.kwargs, choose))


SIMPLER: dict[type, Callable[[Any, Choose], Any]] = {
    s.Make: _make,
    s.Apply: _apply,
    s.GetItem: _fields("index"),
    s.SetItem: _fields("index", "value"),
    s.SetAttr: _fields("value"),
    s.EnterMode: _enter,
    s.AddHook: _fields("callback"),
    s.CustomFunction: _custom_function,
    s.Backward: _call("tensors"),
    s.Grad: _call("outputs", "inputs"),
}
