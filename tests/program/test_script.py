"""The printed script does what the Machine does."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import pytest

from conformance.execute.machine import Machine, execute
from conformance.execute.observe import Observer
from conformance.program.script import Note, to_script
from conformance.program.steps import (
    AddHook,
    Apply,
    Backward,
    Callback,
    Complex,
    CustomFunction,
    Delete,
    Dtype,
    Ellipsis_,
    EnterMode,
    ExitMode,
    FunctionDef,
    FunctionLit,
    GetItem,
    Grad,
    Make,
    Mapping,
    Program,
    Read,
    Ref,
    RemoveHook,
    Seq,
    SetAttr,
    SetItem,
    Slice,
    Special,
    Step,
)
from conformance.subjects.base import Subject
from conformance.subjects.registry import find_subject

torch = pytest.importorskip("torch", reason="the printed scripts are torch scripts")

X = Make("x", (1.0, 2.0, 3.0, 4.0), (2, 2), requires_grad=True)
SQUARE = FunctionDef(
    "Square",
    FunctionLit(
        ("ctx", "a"),
        (
            Apply("save_for_backward", (Ref("ctx"), Ref("a")), form="method"),
            Apply("mul", (Ref("a"), Ref("a")), outs=("r",)),
        ),
        Ref("r"),
    ),
    FunctionLit(
        ("ctx", "g"),
        (
            Apply("saved_tensors", (Ref("ctx"),), form="property", outs=("a",), unpack=True),
            Apply("mul", (Ref("g"), 2), form="operator", outs=("double",)),
            Apply("mul", (Ref("double"), Ref("a")), form="operator", outs=("q",)),
        ),
        Ref("q"),
    ),
)
SCALED = FunctionDef(
    "Scaled",
    FunctionLit(("ctx", "a", "k"), (Apply("mul", (Ref("a"), Ref("k")), outs=("r",)),), Ref("r")),
    FunctionLit(("ctx", "g"), (), Seq((Ref("g"), None))),
    attributes=(("clear_saved_tensors_on_access", True),),
)
TWICE = FunctionLit(("a",), (Apply("mul", (Ref("a"), 2), outs=("b",)),), Ref("b"))

PROGRAMS: dict[str, tuple[Step, ...]] = {
    "x is a leaf by call": (
        Make("x", (1.0, 2.0), (2,), requires_grad=True),
        Apply("pow", (Ref("x"), 2), form="operator", outs=("y",)),
        Apply("sum", (Ref("y"),), form="method", outs=("s",)),
        Backward(Ref("s")),
    ),
    "every form of a call": (
        X,
        Apply("nn.functional.relu", (Ref("x"),), outs=("a",)),
        Apply("add", (Ref("a"), 1), form="operator", outs=("b",)),
        Apply("neg", (Ref("b"),), form="operator", outs=("c",)),
        Apply("abs", (Ref("c"),), form="operator", outs=("c2",)),
        Apply("pow", (-2, Ref("c")), form="operator", outs=("c3",)),
        Apply("mul", (Ref("c"), 3), form="inplace"),
        Apply("T", (Ref("c"),), form="property", outs=("d",)),
        Apply("mul", (Ref("d"), 0.5), form="augmented"),
        Make("buffer", (0.0,), (2, 2)),
        Apply("add", (Ref("buffer"), 1), (("out", Ref("buffer")),), form="out"),
        Apply("split", (Ref("d"), 1), outs=("e", "f"), form="method"),
        Apply("copy.deepcopy", (Ref("buffer"),), outs=("g",)),
        Apply("linalg.norm", (Ref("f"),), outs=("n",)),
        Backward(Ref("n"), retain_graph=True),
        Backward(Seq((Ref("n"),)), form="function"),
    ),
    "what is refused": (
        X,
        Apply("mul", (Ref("x"), Ref("x")), outs=("y",)),
        Backward(Ref("y")),
        Backward(Ref("y"), grad_tensors=Ref("x"), retain_graph=True),
        Apply("mul", (Ref("x"), 2), form="inplace"),
        Apply("add", (Ref("never"), 1), outs=("z",)),
        Read("z", "grad"),
        SetAttr("y", "requires_grad", False),
        EnterMode("set_grad_enabled", ("what",)),
        Apply("exp", (Ref("x"),), outs=("w",)),
        ExitMode(),
        ExitMode(),
    ),
    "modes and hooks": (
        X,
        AddHook("h", "tensor", ("x",), Callback("scale", 2.0)),
        EnterMode("no_grad"),
        Apply("mul", (Ref("x"), 2), outs=("c",)),
        EnterMode("enable_grad"),
        Apply("mul", (Ref("x"), Ref("c")), outs=("y",)),
        ExitMode(),
        ExitMode(),
        AddHook("r", "retain_grad", ("y",)),
        AddHook("pre", "node_pre", ("y",), Callback("observe")),
        AddHook("post", "node_post", ("y",), Callback("raise", "no further")),
        AddHook("all", "multi_all", ("x", "y"), Callback("observe")),
        AddHook("acc", "post_accumulate", ("x",), Callback("clear_grad")),
        Apply("sum", (Ref("y"),), outs=("s",)),
        Backward(Ref("s"), retain_graph=True),
        RemoveHook("post"),
        Backward(Ref("s"), retain_graph=True),
        RemoveHook("acc"),
        Backward(Ref("s")),
        EnterMode("autograd.graph.saved_tensors_hooks", (Callback("detach"), Callback("scale", 2))),
        Apply("exp", (Ref("x"),), outs=("z",)),
    ),
    "functions": (
        X,
        CustomFunction(SQUARE, (Ref("x"),), ("y",)),
        CustomFunction(SQUARE, (Ref("y"),), ("y2",)),
        CustomFunction(SCALED, (Ref("x"),), ("scaled",), kwargs=(("k", 2.0),)),
        CustomFunction(SCALED, (Ref("x"),), ("unscaled",), kwargs=(("factor", 2.0),)),
        Grad((), Ref("y2"), Mapping((("x", Ref("x")),), "mappingproxy")),
        Apply("autograd.functional.jacobian", (TWICE, Ref("x")), outs=("j",)),
        Apply("utils.checkpoint.checkpoint", (TWICE, Ref("x")), (("use_reentrant", False),), ("k",)),
        Apply("sum", (Ref("y2"),), outs=("s",)),
        Grad(("g",), Ref("s"), Ref("x"), create_graph=True),
        Grad(("h",), Ref("g"), Seq((Ref("x"),), "list"), Ref("x")),
        EnterMode("autograd.forward_ad.dual_level"),
        Apply("autograd.forward_ad.make_dual", (Ref("x"), Ref("k")), outs=("d",)),
        Apply("autograd.forward_ad.unpack_dual", (Ref("d"),), outs=("primal", "tangent")),
        ExitMode(),
    ),
    "values": (
        Make("a", (1, 2, 3), (3,), "int64"),
        Make("b", (True, False), (2, 1), "bool"),
        Make("c", ("nan", "inf", -0.0, 1), (4,), "float64", requires_grad=True),
        Make("d", (Complex(1.0, "nan"),), (), "complex64"),
        Make("e", (), (0, 3)),
        Make("f", (2,), (2, 3), "bfloat16", requires_grad=True),
        Make("g", (1.0, 2.0, 3.0, 4.0, 5.0), (2, 2), strides=(1, 2), offset=1, requires_grad=True),
        Make("h", (1.0,), (1, 1)),
        Make("i", (7,), (), "int32", requires_grad=True),
        GetItem("v", "g", Seq((0, Slice(None, 1)))),
        GetItem("u", "g", Seq((Ellipsis_(), None))),
        GetItem("w", "g", Slice(None, None, 2)),
        SetItem("a", Seq((1,)), 9),
        SetItem("h", Ellipsis_(), Special("inf")),
        Apply("to", (Ref("a"), Dtype("float16")), form="method", outs=("k",)),
        Delete(("v", "a")),
        Read("c", "_version"),
        Read("g", "stride", out="strides"),
        Read("h", "item", out="item"),
        Read("c", "bool"),
    ),
}


@pytest.fixture(scope="module")
def subject() -> Subject:
    return find_subject("torch")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_leaves_the_tensors_that_the_machine_leaves(name: str, subject: Subject) -> None:
    program = Program(PROGRAMS[name])
    with Machine(subject) as machine:
        traced = [machine.step(step) for step in program.steps]
        names = list(machine.scope.tensors)
        expected = dict(machine.states)
    namespace: dict[str, Any] = {}
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        exec(compile(to_script(program, traced), name, "exec"), namespace)
    observer = Observer(subject)
    observer.graded = {id(namespace[key]) for key in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        observer.observe({key: namespace[key] for key in names})
    assert observer.states == expected
    made = {key for key, value in namespace.items() if isinstance(value, torch.Tensor)}
    assert made == set(names)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_prints_each_refusal_in_its_place(name: str, subject: Subject) -> None:
    program = Program(PROGRAMS[name])
    trace = execute(program, subject)
    shown = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(shown):
        warnings.simplefilter("ignore")
        exec(compile(to_script(program, trace.steps), name, "exec"), {})
    lines = iter(shown.getvalue().splitlines())
    for step in trace.steps:
        if step.exception is not None:
            words = f"{step.exception[0]}: {step.exception[1]}".splitlines()[0]
            assert any(line.startswith(words) for line in lines), words


def test_a_script_reads_as_a_person_would_write_it(subject: Subject) -> None:
    program = Program(
        (
            Make("x", (1.0, 2.0), (2,), requires_grad=True),
            Apply("mul", (Ref("x"), Ref("x")), form="method", outs=("y",)),
            EnterMode("no_grad"),
            Apply("add", (Ref("x"), 1), form="augmented"),
            ExitMode(),
            Apply("sum", (Ref("y"),), form="method", outs=("s",)),
            Backward(Ref("s")),
        )
    )
    trace = execute(program, subject)
    script = to_script(
        program, trace.steps, {6: Note("x.grad", ("expected RuntimeError", "observed tensor([2., 4.])"))}
    )
    assert script == (
        "import torch\n"
        "\n"
        "x = torch.tensor([1.0, 2.0], requires_grad=True)\n"
        "y = x.mul(x)\n"
        "with torch.no_grad():\n"
        "    x += 1\n"
        "s = y.sum()\n"
        "try:\n"
        "    s.backward()\n"
        "except Exception as error:\n"
        '    print(f"{type(error).__name__}: {error}")\n'
        "print(x.grad)\n"
        "# expected RuntimeError\n"
        "# observed tensor([2., 4.])\n"
    )


def test_a_note_stands_once_and_an_empty_mode_is_still_a_block() -> None:
    program = Program((EnterMode("no_grad"), ExitMode(), EnterMode("no_grad"), X, ExitMode()))
    notes = {index: Note(comments=(f"note {index}",)) for index in range(5)}
    script = to_script(program, notes=notes)
    assert [line.strip() for line in script.splitlines() if "note" in line] == [f"# note {index}" for index in range(5)]
    exec(compile(script, "script", "exec"), {})
