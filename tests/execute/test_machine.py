"""What the Machine records."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from conformance.execute.machine import Machine, execute
from conformance.execute.trace import Call, Glimpse, Number, StepTrace, TensorState, Trace
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
    Generator,
    GetItem,
    Grad,
    Make,
    NodeOf,
    Overriding,
    Program,
    Read,
    Ref,
    RemoveHook,
    Seq,
    SetAttr,
    Step,
    TorchAttr,
)
from conformance.subjects.base import Subject
from conformance.subjects.registry import find_subject

pytest.importorskip("torch", reason="the Machine is tried on torch itself")

X = Make("x", (1.0, 2.0, 3.0), (3,), requires_grad=True)
DOUBLE = Apply("mul", (Ref("x"), 2.0), outs=("y",))
SUM = Apply("sum", (Ref("y"),), outs=("s",))


@pytest.fixture(scope="module")
def subject() -> Subject:
    return find_subject("torch")


@pytest.fixture
def run(subject: Subject) -> Any:
    def run(*steps: Step, observe: Any = "each") -> tuple[StepTrace, ...]:
        return execute(Program(steps, observe), subject).steps

    return run


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def test_the_state_of_a_tensor_is_recorded_whole(run: Any) -> None:
    _, step = run(X, Apply("unsqueeze", (Ref("x"), 0), outs=("y",)))
    assert step.tensors == {
        "y": TensorState(
            dtype="float32",
            shape=(1, 3),
            stride=(3, 1),
            offset=0,
            value=floats(1, 2, 3),
            requires_grad=True,
            is_leaf=False,
            grad_fn="UnsqueezeBackward0",
            output_nr=0,
            version=0,
            is_view=True,
            base="x",
            storage="x",
            retains_grad=False,
            is_inference=False,
            is_conj=False,
            is_neg=False,
            device="default",
            layout="strided",
            same_as=None,
            grad=None,
        )
    }


def test_only_what_changed_is_recorded(run: Any) -> None:
    steps = run(X, DOUBLE, SUM, Apply("add", (Ref("y"), 1), form="inplace"), Backward(Ref("s")))
    assert [set(step.tensors) for step in steps] == [{"x"}, {"y"}, {"s"}, {"y"}, {"x"}]
    gradient = steps[-1].tensors["x"].grad
    assert isinstance(gradient, TensorState)
    assert gradient.value == floats(2, 2, 2)


def test_values_are_read_in_row_major_order_whatever_the_layout(run: Any) -> None:
    make = Make("a", (1.0, 2.0, 3.0, 4.0), (2, 2))
    steps = run(
        make,
        Apply("T", (Ref("a"),), form="property", outs=("t",)),
        Apply("expand", (Ref("a"), 2, 2, 2), form="method", outs=("e",)),
        GetItem("g", "a", Seq((Ref("none"),))),
        Make("w", (0.0, 1.0, 2.0, 3.0), (2, 2), strides=(1, 1), offset=1),
        Make("z", (), (0, 2)),
        Make("c", (1.0,), (2,), "complex64"),
        Apply("conj", (Ref("c"),), outs=("k",)),
        Apply("imag", (Ref("k"),), form="property", outs=("i",)),
        Make("b", (1.5,), (2,), "bfloat16"),
    )
    seen = {name: state.value for step in steps for name, state in step.tensors.items()}
    assert seen["t"] == floats(1, 3, 2, 4)
    assert seen["e"] == floats(1, 2, 3, 4, 1, 2, 3, 4)
    assert seen["w"] == floats(1, 2, 2, 3)
    assert seen["z"] == b""
    assert seen["k"] == floats(1, -0.0, 1, -0.0)
    assert steps[8].tensors["i"].is_neg
    assert seen["i"] == floats(-0.0, -0.0)
    assert seen["b"] == bytes.fromhex("c03fc03f")


def test_a_gradient_without_memory_reads_as_zeros(run: Any) -> None:
    steps = run(X, Apply("sign", (Ref("x"),), outs=("y",)), SUM, Backward(Ref("s")))
    assert steps[3].tensors["x"].grad.value == floats(0, 0, 0)


def test_tensors_that_share_a_storage_are_grouped_by_the_first_name(run: Any) -> None:
    steps = run(
        X,
        Apply("detach", (Ref("x"),), form="method", outs=("d",)),
        Apply("clone", (Ref("x"),), form="method", outs=("c",)),
        GetItem("e", "c", Seq((), "list")),
        Delete(("x",)),
    )
    seen = {name: state.storage for step in steps for name, state in step.tensors.items()}
    assert seen == {"x": "x", "d": "d", "c": "c", "e": "e"}
    assert steps[1].tensors["d"].storage == "x"


def test_two_names_of_one_object_are_known_as_such(run: Any) -> None:
    steps = run(X, DOUBLE, Apply("add", (Ref("y"), 1), form="inplace", outs=("z",)), Backward(Ref("z"), Ref("x")))
    assert steps[2].tensors["z"].same_as == "y"
    assert steps[3].tensors["x"].grad is not None


def test_a_gradient_that_has_a_name_is_that_name(run: Any) -> None:
    steps = run(X, Make("g", (1.0,), (3,)), SetAttr("x", "grad", Ref("g")))
    assert steps[2].tensors["x"].grad == "g"


def test_a_gradient_set_by_hand_on_a_non_leaf_is_seen(run: Any) -> None:
    steps = run(X, DOUBLE, Make("g", (1.0,), (3,)), SetAttr("y", "grad", Ref("g")))
    assert steps[3].tensors["y"].grad == "g"


def test_a_step_that_raises_is_recorded_and_the_program_goes_on(run: Any) -> None:
    steps = run(X, DOUBLE, Backward(Ref("y")), Apply("exp", (Ref("nothing"),), outs=("n",)), Read("n", "grad"), SUM)
    assert [step.outcome for step in steps] == ["ok", "ok", "raised", "skipped", "skipped", "ok"]
    assert steps[2].exception == ("RuntimeError", "grad can be implicitly created only for scalar outputs")


def test_looking_gives_no_warning_and_a_user_who_looks_gets_it(run: Any) -> None:
    steps = run(X, DOUBLE, Read("y", "grad"), Read("y", "grad"))
    assert steps[1].warnings == ()
    for step in steps[2:]:
        ((category, text),) = step.warnings
        assert category == "UserWarning"
        assert text.startswith("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed.")
        assert "Triggered internally" not in text


def test_modes_are_recorded_and_end_with_the_program(run: Any, subject: Subject) -> None:
    steps = run(EnterMode("no_grad"), EnterMode("inference_mode"), ExitMode(), Apply("set_grad_enabled", (True,)))
    assert [(step.grad_enabled, step.inference_mode) for step in steps] == [
        (False, False), (False, True), (False, False), (True, False),
    ]  # fmt: skip
    assert subject.api.is_grad_enabled()
    (step,) = run(ExitMode())
    assert step.outcome == "skipped"


def test_a_refused_mode_keeps_its_place(run: Any) -> None:
    steps = run(EnterMode("no_grad"), EnterMode("no_grad", (1, 2)), ExitMode(), X, ExitMode(), X)
    assert [step.outcome for step in steps] == ["ok", "raised", "skipped", "ok", "ok", "ok"]
    assert [step.grad_enabled for step in steps] == [False, False, False, False, True, True]


def test_hooks_are_logged_in_the_order_of_their_calls(run: Any) -> None:
    steps = run(
        X,
        DOUBLE,
        AddHook("pre", "node_pre", ("y",)),
        AddHook("post", "node_post", ("y",), Callback("observe")),
        AddHook("leaf", "tensor", ("x",), Callback("scale", 10.0)),
        AddHook("kept", "retain_grad", ("y",)),
        SUM,
        Backward(Ref("s"), retain_graph=True),
        RemoveHook("post"),
        RemoveHook("leaf"),
        Backward(Ref("s")),
    )
    assert [call.label for call in steps[7].calls] == ["pre", "post", "leaf"]
    assert [call.label for call in steps[10].calls] == ["pre"]


def test_a_hook_is_shown_the_tensor_that_it_was_given(run: Any) -> None:
    steps = run(X, DOUBLE, AddHook("h", "tensor", ("x",), Callback("scale", 10.0)), SUM, Backward(Ref("s")))
    (call,) = steps[4].calls
    assert call == Call("h", (Glimpse(None, "float32", (3,), (1,), floats(2, 2, 2), False, None),))
    assert steps[4].tensors["x"].grad.value == floats(20, 20, 20)


def test_a_custom_function_runs_its_steps(run: Any) -> None:
    double = FunctionDef(
        "Double",
        FunctionLit(("ctx", "a"), (SetAttr("ctx", "k", 3.0), Apply("mul", (Ref("a"), 2), outs=("r",))), Ref("r")),
        FunctionLit(
            ("ctx", "g"),
            (
                Apply("k", (Ref("ctx"),), form="property", outs=("k",)),
                Apply("mul", (Ref("g"), Ref("k")), outs=("q",)),
                Apply("add", (Ref("q"), Ref("x")), outs=("q2",)),
            ),
            Ref("q2"),
        ),
    )
    steps = run(X, CustomFunction(double, (Ref("x"),), ("y",)), SUM, Backward(Ref("s")))
    assert steps[1].tensors["y"].grad_fn == "DoubleBackward"
    assert [call.label for call in steps[3].calls] == ["Double.backward"]
    assert steps[3].tensors["x"].grad.value == floats(4, 5, 6)


def test_what_a_function_raises_ends_it(run: Any) -> None:
    body = FunctionLit(("a",), (Apply("mul", (Ref("a"), Ref("missing")), outs=("b",)),), Ref("b"))
    (_, step) = run(X, Apply("utils.checkpoint.checkpoint", (body, Ref("x")), (("use_reentrant", False),)))
    assert step.exception == ("NameError", "name 'missing' is not defined")


def test_results_that_are_no_tensors_are_recorded(run: Any) -> None:
    steps = run(
        X,
        Read("x", "tolist"),
        Read("x", "shape"),
        Apply("split", (Ref("x"), 2), outs=("a", "b")),
        Apply("split", (Ref("x"), 2), outs=("pair",)),
        Apply("is_tensor", (Ref("pair"),)),
        Apply("split", (Ref("x"), 1), outs=("a", "b")),
        Apply("exp", (Ref("x"),)),
        Read("x", "item"),
        Read("a", "grad_fn"),
        Grad((), Generator(()), Ref("x")),
    )
    one, two = (Number("float64", None, struct.pack("<d", value)) for value in (1.0, 2.0))
    assert steps[1].result[:3] == ("list", one, two)
    assert steps[2].result == ("Size", 3)
    assert steps[3].result is None
    assert [part.shape for part in steps[4].result[1:]] == [(2,), (1,)]
    assert steps[5].result is False
    assert steps[6].exception == ("ValueError", "too many values to unpack (expected 2)")
    assert steps[7].result.grad_fn == "ExpBackward0"
    assert steps[8].outcome == "raised"
    assert steps[9].result == ("Node", "SplitBackward0")


def test_overrides_are_seen(run: Any) -> None:
    (step,) = run(Apply("add", (Overriding("mine"), 1)))
    assert step.result == "mine"
    assert step.calls == (Call("__torch_function__", ("add",)),)


def test_nodes_of_the_graph_can_be_reached(run: Any) -> None:
    steps = run(X, DOUBLE, Apply("name", (NodeOf("y", (0,)),), form="method"))
    assert steps[2].result.endswith("AccumulateGrad")


@pytest.mark.parametrize(
    "step",
    [
        Apply("system", (TorchAttr("os"), "true"), form="method"),
        Apply("startswith", (TorchAttr("typename"), "x"), form="property"),
        Apply("utils.checkpoint.cast", (1, 2)),
        Apply("close", (Generator((1,)),), form="method"),
        Apply("exit", (FunctionLit(()),), form="property"),
    ],
)
def test_a_program_can_not_leave_the_library(run: Any, step: Step) -> None:
    (seen,) = run(step)
    assert seen.outcome == "raised"
    assert seen.exception[0] in ("ProgramError", "AttributeError")


def test_a_program_can_not_change_a_class(run: Any) -> None:
    steps = run(Apply("copy.copy", (TorchAttr("Tensor"),), outs=("c",)), SetAttr("c", "add", 1))
    assert steps[1].exception == ("ProgramError", "a Program may not change a class")


def test_a_program_may_be_observed_at_its_end_only(run: Any) -> None:
    steps = run(X, DOUBLE, SUM, Backward(Ref("s")), observe="end")
    assert [set(step.tensors) for step in steps] == [set(), set(), set(), {"x", "y", "s"}]


def test_a_machine_steps_for_a_generator(subject: Subject) -> None:
    with Machine(subject) as machine:
        assert machine.step(X).outcome == "ok"
        assert machine.states["x"].is_leaf
        assert machine.step(DOUBLE).outcome == "ok"
        assert machine.scope.lookup("y").requires_grad
    assert not machine.scope.names


def test_two_runs_give_the_same_trace(subject: Subject) -> None:
    program = Program((X, DOUBLE, SUM, AddHook("h", "tensor", ("x",)), Backward(Ref("s"), create_graph=True)))
    first, second = execute(program, subject), execute(program, subject)
    assert isinstance(first, Trace)
    assert first == second
