"""A failing Program becomes the smallest that fails in the same way, by the same way every time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.execute.machine import execute
from conformance.judge.shrink import reduce, shrink, with_plain_names
from conformance.program import names as n
from conformance.program.steps import (
    AddHook,
    Apply,
    Backward,
    Callback,
    CustomFunction,
    Delete,
    EnterMode,
    ExitMode,
    FunctionDef,
    FunctionLit,
    GetItem,
    Grad,
    Make,
    Program,
    Read,
    Ref,
    Region,
    Seq,
    SetAttr,
    SetItem,
    Slice,
)
from conformance.subjects.registry import find_subject

LONG = Program(
    (
        Make("x", (1.5, 2.5, 3.5, 4.5, 2.0, 1.0), (2, 3), requires_grad=True),
        Make("w", (0.5, 2.5, 3.25), (3,), "float64", requires_grad=True),
        Apply("mul", (Ref("x"), Ref("w")), outs=("y",)),
        Apply("sin", (Ref("y"),), outs=("z",)),
        Apply("transpose", (Ref("z"), 0, 1), form="method", outs=("v",)),
        EnterMode("no_grad"),
        Apply("mul", (Ref("w"), 3.5), outs=("c",)),
        ExitMode(),
        Apply("exp", (Ref("v"),), outs=("e",)),
        Apply("add", (Ref("e"), 17), (("alpha", 3),), form="inplace"),
        Apply("sum", (Ref("e"),), outs=("s",)),
        AddHook("h", "tensor", ("x",), Callback("scale", 2.5)),
        Backward(Ref("s"), retain_graph=True),
        Read("x", "grad"),
        Apply("mul", (Ref("x"), 2), outs=("k",)),
        Delete(("k",)),
    ),
    regions=(Region(2, 5, "f"),),
)
IDENTITY = FunctionLit(("ctx", "a"), (), Ref("a"))
EVERY_KIND = Program(
    (
        *LONG.steps,
        Make("g", (1.0, 2.0, 3.0, 4.0), (2,), strides=(2,), offset=1),
        GetItem("i", "x", Seq((Slice(0, 1), 2))),
        SetItem("c", 0, 2.75),
        SetAttr("c", "requires_grad", True),
        CustomFunction(FunctionDef("F", IDENTITY, IDENTITY), (Ref("x"),), ("f",)),
        Grad(("q",), Ref("f"), Seq((Ref("x"),)), grad_outputs=Seq((None,)), allow_unused=True),
    ),
    regions=LONG.regions,
)


def test_the_highest_choices_leave_a_program_as_it_is() -> None:
    assert reduce(EVERY_KIND, lambda maximum: maximum) == EVERY_KIND


def test_the_lowest_choices_leave_nothing() -> None:
    assert reduce(EVERY_KIND, lambda maximum: 0) == Program(())


def test_the_choices_depend_on_the_program_alone() -> None:
    rows: list[list[int]] = [[], []]
    for row, value in zip(rows, (0, 1), strict=True):
        reduce(EVERY_KIND, lambda maximum, row=row, value=value: row.append(maximum) or value)  # type: ignore[misc]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("choice", [0, 1, 2])
def test_every_reduction_is_still_a_program(choice: int) -> None:
    reduced = reduce(EVERY_KIND, lambda maximum: min(choice, maximum))
    assert msgspec.json.decode(msgspec.json.encode(reduced), type=Program) == reduced


def test_steps_that_do_not_matter_go() -> None:
    def fails(program: Program) -> bool:
        return sum(isinstance(step, Apply) and step.op == "exp" for step in program.steps) == 1

    assert shrink(LONG, fails) == Program((Apply("exp", (Ref("v"),), outs=("y",)),))


def test_steps_that_matter_only_together_stay() -> None:
    kinds = {EnterMode, Delete}

    def fails(program: Program) -> bool:
        return kinds <= {type(step) for step in program.steps}

    assert [type(step) for step in shrink(LONG, fails).steps] == [EnterMode, Delete]


def test_values_get_the_names_that_a_person_would_choose() -> None:
    local = FunctionLit(("x",), (Apply("mul", (Ref("x"), Ref("t0")), outs=("y",)),), Ref("y"))
    program = Program(
        (
            Make("t0", (1.0,)),
            Make("t1", (1.0,)),
            Apply("f", (local, Ref("t0"), Ref("outside")), outs=("t2",)),
            Grad(("t3",), Ref("t2"), Seq((Ref("t0"), Ref("t1")))),
            Delete(("t2", "t1")),
        )
    )
    assert with_plain_names(program).steps == (
        Make("w", (1.0,)),
        Make("b", (1.0,)),
        Apply("f", (n.renamed(local, {"t0": "w"}), Ref("w"), Ref("outside")), outs=("z",)),
        Grad(("g",), Ref("z"), Seq((Ref("w"), Ref("b")))),
        Delete(("z", "b")),
    )


def test_a_program_that_does_not_fail_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink(LONG, lambda program: False)


def test_a_refusal_of_torch_shrinks_to_its_core_the_same_every_time() -> None:
    pytest.importorskip("torch", reason="the refusal is torch's")
    subject = find_subject("torch")

    def fails(program: Program) -> bool:
        steps = execute(program, subject).steps
        return any(step.exception and "modified by an inplace operation" in step.exception[1] for step in steps)

    smallest: Any = shrink(LONG, fails)
    assert len(smallest.steps) <= 5
    assert smallest == shrink(LONG, fails)
    for index in range(len(smallest.steps)):
        assert not fails(Program(smallest.steps[:index] + smallest.steps[index + 1 :]))
    for step in smallest.steps:
        if isinstance(step, Make):
            assert step.shape == ()
            assert step.values == (1.0,)
            assert step.dtype == "float32"
