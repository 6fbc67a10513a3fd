"""Runs made up for the tests of the reports: realistic in every field, of any size, and hostile on demand."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np

from conformance.program.steps import Apply, Backward, GetItem, Make, Program, Ref, Seq, Slice, Step
from conformance.report.run import (
    Arbitration,
    Cell,
    Change,
    ClauseEvidence,
    DeviationEvidence,
    Finding,
    LawEvidence,
    OpEvidence,
    Origin,
    Run,
    Settings,
    SubjectInfo,
    Times,
    Totals,
    Verdict,
)
from specs.load import Specs
from specs.schema import Clause, Deviation, Message, Template

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html"
AREAS = ("backward", "forward_ad", "function", "grad", "graph", "hooks", "inplace", "leaf", "modes", "views")
RULES = (
    ("implicit_grad", "A root without a gradient of its own must have exactly one element."),
    ("shape", "A gradient has the shape of its root; the refusal names both shapes and the entry's position."),
    ("freed", "A graph that was freed can't be walked again; the second walk is refused."),
    ("version", "A saved tensor that was modified in place since is refused when backward needs it."),
    ("accumulate", "What reaches a leaf is added to its .grad; the first arrival may be stored as it is."),
    ("order", "Nodes run by descending sequence number among those that are ready."),
    ("unused", "An input that does not take part gives None if allow_unused is true, and is refused otherwise."),
    ("view_of_leaf", "A view of a leaf that requires grad can't be modified in place while grad mode is on."),
    ("dtype", "The gradient of a complex tensor is complex; that of a real one is real."),
    ("hooks", "Tensor hooks run in the order of their registration, each given what the one before returned."),
)
OPS = (
    "add",
    "mul",
    "exp",
    "matmul",
    "sum",
    "expand",
    "view",
    "select",
    "cat",
    "where",
    "clone",
    "index_select",
    "pow",
    "sin",
)
OP_COLUMNS = (
    "function",
    "method",
    "inplace",
    "out",
    "bfloat16",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)

INDEX_DEVIATION = "backward.grad_tensors_position"
GONE_DEVIATION = "hooks.order_of_retain_grad"


def make_specs(clauses: int = 40) -> Specs:
    """A specification with as many clauses as asked for, two deviations and a message that changed."""
    made = {}
    for index in range(clauses):
        area, (rule, text) = AREAS[index % len(AREAS)], RULES[index // len(AREAS) % len(RULES)]
        clause_id = f"{area}.{rule}.case_{index // (len(AREAS) * len(RULES))}"
        kind = ("rule", "rule", "rule", "convention", "law")[index % 5]
        made[clause_id] = Clause(
            id=clause_id, text=text, source=DOCS, kind=kind, since="2.4" if index % 17 == 5 else None
        )
    shape = "backward.shape.case_0"
    return Specs(
        clauses=made,
        messages={
            shape: Message(
                id=shape,
                type="RuntimeError",
                template=(
                    Template(text="Mismatch in shape: grad_output[{index}] has a shape of {shape}", until="2.4"),
                    Template(
                        text="Mismatch in shape: grad_output[{index}] has a shape of {shape} and output", since="2.4"
                    ),
                ),
            )
        },
        switches={},
        deviations={
            INDEX_DEVIATION: Deviation(
                id=INDEX_DEVIATION,
                clause=shape,
                title="backward cannot name the position of a mismatched gradient after the first",
                promised="The refusal names the entry whose shape does not match.",
                torch_does="Raises “Boolean value of Tensor with more than one value is ambiguous”.",
                why="The position is looked up with list.index, which compares tensors elementwise.",
                severity="wrong_message",
                link="https://github.com/pytorch/pytorch/blob/main/torch/autograd/__init__.py",
                since="1.11",
            ),
            GONE_DEVIATION: Deviation(
                id=GONE_DEVIATION,
                clause="hooks.order.case_0",
                title="retain_grad runs before hooks that were registered earlier",
                promised="Hooks run in the order of their registration.",
                torch_does="retain_grad runs first.",
                why="It is kept in a list of its own.",
                severity="wrong_state",
                until="2.13",
            ),
        },
    )


def make_run(
    version: str = "2.13.0", clauses: int = 40, findings: int = 6, specs: Specs | None = None, **settings: Any
) -> Run:
    """A Run of torch ``version``; the same arguments give the same Run."""
    specs = specs or make_specs(clauses)
    ids = list(specs.clauses)
    found = tuple(make_finding(index, ids[index % len(ids)]) for index in range(findings))
    bad = {clause: f.deviation for f in reversed(found) for clause in f.clauses}
    return Run(
        suite="autograd-conformance 0.1.0",
        subject=SubjectInfo("torch", "torch", version, "3.11.9", "Linux x86_64"),
        settings=Settings(seed=1, programs=5_000, baseline="2.15.0", **settings),
        totals=Totals(5_000, 41_233, 9_120, 812, 2_004, 1_204_511, 31_020, sum(f.programs for f in found)),
        clauses=tuple(_clause(index, clause_id, bad) for index, clause_id in enumerate(ids)),
        ops=tuple(_op(name, index, found) for index, name in enumerate(OPS)),
        laws=(
            LawEvidence("laws.linearity", 9_031, 0, "conforms"),
            LawEvidence("laws.repetition", 12_001, 0, "conforms"),
            LawEvidence(
                "laws.refusal_leaves_no_trace",
                9_988,
                2 if findings else 0,
                "known_deviation" if findings else "conforms",
            ),
        ),
        findings=found,
        changes=make_changes(version, ids),
        deviations=(
            (
                DeviationEvidence(GONE_DEVIATION, "hooks.order.case_0", 211, "gone"),
                DeviationEvidence(INDEX_DEVIATION, "backward.shape.case_0", 17, "seen"),
            )
            if findings
            else ()
        ),
        times=Times("2026-01-01T10:00:00Z", "2026-01-01T10:00:14Z", 14.2, 6.1, 4.4, 2.2),
    )


def _clause(index: int, clause_id: str, bad: dict[str, str | None]) -> ClauseEvidence:
    if clause_id in bad:
        verdict: Verdict = "known_deviation" if bad[clause_id] else "divergence"
    else:
        verdict = "not_exercised" if index % 23 == 9 else "not_applicable" if index % 31 == 7 else "conforms"
    programs = 0 if verdict in ("not_exercised", "not_applicable") else 7 + index * 37 % 1_900
    return ClauseEvidence(clause_id, programs, (f"{clause_id}.example",) if programs else (), verdict)


def _op(name: str, index: int, findings: tuple[Finding, ...]) -> OpEvidence:
    cells = {}
    for column_index, column in enumerate(OP_COLUMNS):
        if (index + column_index) % 7 == 6:
            continue
        verdict: Verdict = "not_exercised" if (index * 3 + column_index) % 13 == 12 else "conforms"
        cells[column] = Cell(0 if verdict == "not_exercised" else 30 + 17 * index * column_index % 800, verdict)
    if any(f.op == name for f in findings):
        cells["float32"] = Cell(412, "divergence")
    return OpEvidence(name, cells)


# -- findings: three programs that a maintainer could meet -------------------------------------------------------------


def make_finding(index: int, clause: str) -> Finding:
    """The ``index``-th finding: three kinds in turn, told apart by their numbers."""
    kinds = (_wrong_value, _wrong_words, _missing_refusal)
    return kinds[index % len(kinds)](index, clause)


def _program(*steps: Step) -> Any:
    return msgspec.to_builtins(Program(steps))


def _tensor(values: Any, dtype: str = "float32", **more: Any) -> dict[str, Any]:
    array = np.asarray(values, dtype)
    strides = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides] if array.ndim else []
    return {
        "dtype": dtype,
        "shape": list(array.shape),
        "stride": strides,
        "offset": 0,
        "value": base64.b64encode(array.tobytes()).decode(),
        "requires_grad": False,
        "is_leaf": True,
        "grad_fn": None,
        "output_nr": 0,
        "version": 0,
        "is_view": False,
        "base": None,
        "storage": more.pop("storage", None),
        "retains_grad": False,
        "is_inference": False,
        "is_conj": False,
        "is_neg": False,
        "device": "cpu",
        "layout": "strided",
        "same_as": None,
        "grad": None,
        **more,
    }


def _step(outcome: str = "ok", **more: Any) -> dict[str, Any]:
    usual = {"exception": None, "warnings": [], "calls": [], "clauses": [], "tensors": {}, "result": None}
    return {"outcome": outcome, **usual, "grad_enabled": True, "inference_mode": False, **more}


def _wrong_value(index: int, clause: str) -> Finding:
    leaf = _tensor([1.0, 2.0 + index, 3.5], requires_grad=True, storage="x")
    product = _tensor([1.0, 4.0, 12.25], requires_grad=True, is_leaf=False, grad_fn="MulBackward0", storage="y")
    total = _tensor(17.25, requires_grad=True, is_leaf=False, grad_fn="SumBackward0", storage="z")
    gradient = _tensor([2.0, 4.0, 7.0], storage="x.grad")
    wrong = _tensor([-2.0, 4.0, 7.0], storage="x.grad")
    steps = [_step(tensors={"x": leaf}), _step(tensors={"y": product}), _step(tensors={"z": total})]
    return Finding(
        id=f"value-{index:04d}",
        title=f"mul: the gradient of the first element has the wrong sign ({index})",
        clauses=(clause,),
        op="mul",
        field="x.grad.value",
        step=3,
        expected="[2.0, 4.0, 7.0]",
        observed="[-2.0, 4.0, 7.0]",
        program=_program(
            Make("x", (1.0, 2.0 + index, 3.5), (3,), requires_grad=True),
            Apply("mul", (Ref("x"), Ref("x")), outs=("y",), form="operator"),
            Apply("sum", (Ref("y"),), outs=("z",), form="method"),
            Backward(Ref("z")),
        ),
        script=(
            "import torch\n\n"
            f"x = torch.tensor([1.0, {2.0 + index}, 3.5], requires_grad=True)\n"
            "y = x * x\nz = y.sum()\nz.backward()\n"
            "print(x.grad)  # expected [2.0, 4.0, 7.0], observed [-2.0, 4.0, 7.0]\n"
        ),
        reference_trace={
            "subject": "reference",
            "steps": [*steps, _step(clauses=[clause], tensors={"x": {**leaf, "grad": gradient}})],
        },
        subject_trace={"subject": "torch", "steps": [*steps, _step(tensors={"x": {**leaf, "grad": wrong}})]},
        graph={
            "nodes": [
                {"id": "sum", "label": "SumBackward0", "kind": "op", "sequence": 2},
                {"id": "mul", "label": "MulBackward0", "kind": "op", "sequence": 1},
                {
                    "id": "s0",
                    "label": "self",
                    "kind": "saved",
                    "dtype": "float32",
                    "shape": [3],
                    "saved_version": 0,
                    "version": 0,
                },
                {
                    "id": "s1",
                    "label": "other",
                    "kind": "saved",
                    "dtype": "float32",
                    "shape": [3],
                    "saved_version": 0,
                    "version": 0,
                },
                {"id": "acc", "label": "AccumulateGrad", "kind": "accumulate"},
                {"id": "x", "label": "x", "kind": "leaf", "dtype": "float32", "shape": [3], "version": 0},
            ],
            "edges": [
                {"from": "sum", "to": "mul", "label": ""},
                {"from": "mul", "to": "acc", "label": "self, other"},
                {"from": "mul", "to": "s0", "label": "saved"},
                {"from": "mul", "to": "s1", "label": "saved"},
                {"from": "acc", "to": "x", "label": ""},
            ],
        },
        arbitration=Arbitration(
            "reference",
            "numerical differentiation",
            "central differences in float64 give [2.000000, 4.000000, 7.000000]",
        ),
        programs=3 + index % 90,
        origin=Origin(1, 88 + index),
    )


def _wrong_words(index: int, clause: str) -> Finding:
    promised = (
        "Mismatch in shape: grad_output[1] has a shape of torch.Size([3]) and output[1] has a shape of torch.Size([2])."
    )
    said = "Boolean value of Tensor with more than one value is ambiguous"
    a = _tensor([1.0, 1.0], requires_grad=True, storage="a")
    b = _tensor([2.0, 2.0], requires_grad=True, is_leaf=False, grad_fn="CloneBackward0", storage="b")
    g = _tensor([1.0, 1.0, 1.0], storage="g")
    steps = [_step(tensors={"a": a}), _step(tensors={"b": b}), _step(tensors={"g": g})]
    return Finding(
        id=f"message-{index:04d}",
        title=f"backward names no position for the second mismatched gradient ({index})",
        clauses=("backward.shape.case_0", clause) if clause != "backward.shape.case_0" else (clause,),
        op=None,
        field="exception.message",
        step=3,
        expected=f"RuntimeError: {promised}",
        observed=f"RuntimeError: {said}",
        program=_program(
            Make("a", (1.0,), (2,), requires_grad=True),
            Apply("clone", (Ref("a"),), outs=("b",), form="method"),
            Make("g", (1.0,), (3,)),
            Backward(Seq((Ref("b"), Ref("b"))), Seq((Ref("b"), Ref("g"))), form="function"),
        ),
        script=(
            "import torch\n\n"
            "a = torch.ones(2, requires_grad=True)\nb = a.clone()\ng = torch.ones(3)\n"
            "torch.autograd.backward([b, b], [torch.ones(2), g])\n"
        ),
        reference_trace={
            "subject": "reference",
            "steps": [*steps, _step("raised", exception=["RuntimeError", promised])],
        },
        subject_trace={"subject": "torch", "steps": [*steps, _step("raised", exception=["RuntimeError", said])]},
        graph={
            "nodes": [
                {"id": "clone", "label": "CloneBackward0", "kind": "op"},
                {"id": "acc", "label": "AccumulateGrad", "kind": "accumulate"},
                {"id": "a", "label": "a", "kind": "leaf", "dtype": "float32", "shape": [2], "version": 0},
            ],
            "edges": [{"from": "clone", "to": "acc", "label": ""}, {"from": "acc", "to": "a", "label": ""}],
        },
        arbitration=Arbitration("not_needed", "the words promised by the clause"),
        deviation=INDEX_DEVIATION,
        programs=17,
        origin=Origin(1, 412 + index),
    )


def _missing_refusal(index: int, clause: str) -> Finding:
    message = (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        "[torch.FloatTensor [2]], which is output 0 of ExpBackward0, is at version 1; expected version 0 instead."
    )
    x = _tensor([0.0, 1.0], requires_grad=True, storage="x")
    y = _tensor(np.exp([0.0, 1.0]), requires_grad=True, is_leaf=False, grad_fn="ExpBackward0", storage="y")
    view = _tensor(
        [1.0], requires_grad=True, is_leaf=False, grad_fn="SliceBackward0", is_view=True, base="y", storage="y"
    )
    moved = {**y, "version": 1, "grad_fn": "CopySlices"}
    steps = [
        _step(tensors={"x": x}),
        _step(tensors={"y": y}),
        _step(tensors={"v": view}),
        _step(tensors={"y": moved, "v": {**view, "version": 1, "grad_fn": "AsStridedBackward0"}}),
    ]
    grad = _tensor([0.0, 2.718281828459045], storage="x.grad")
    return Finding(
        id=f"refusal-{index:04d}",
        title=f"exp: backward through a result modified by way of a view is not refused ({index})",
        clauses=(clause,),
        op="exp",
        field="outcome",
        step=4,
        expected=f"RuntimeError: {message}",
        observed="ok",
        program=_program(
            Make("x", (0.0, 1.0), (2,), requires_grad=True),
            Apply("exp", (Ref("x"),), outs=("y",), form="method"),
            GetItem("v", "y", Slice(stop=1)),
            Apply("zero", (Ref("v"),), form="inplace"),
            Backward(Ref("y"), Ref("x")),
        ),
        script=(
            "import torch\n\n"
            "x = torch.tensor([0.0, 1.0], requires_grad=True)\ny = x.exp()\nv = y[:1]\nv.zero_()\n"
            "y.backward(torch.ones(2))  # should be refused: exp saved its result, which has changed\n"
        ),
        reference_trace={
            "subject": "reference",
            "steps": [*steps, _step("raised", exception=["RuntimeError", message])],
        },
        subject_trace={"subject": "torch", "steps": [*steps, _step(tensors={"x": {**x, "grad": grad}})]},
        graph={
            "nodes": [
                {"id": "y", "label": "y", "kind": "view", "dtype": "float32", "shape": [2], "version": 1},
                {"id": "v", "label": "v", "kind": "view", "dtype": "float32", "shape": [1], "version": 1, "base": "y"},
                {"id": "as", "label": "AsStridedBackward0", "kind": "op"},
                {"id": "copy", "label": "CopySlices", "kind": "op", "sequence": 3},
                {"id": "exp", "label": "ExpBackward0", "kind": "op", "sequence": 1},
                {
                    "id": "res",
                    "label": "result",
                    "kind": "saved",
                    "dtype": "float32",
                    "shape": [2],
                    "saved_version": 0,
                    "version": 1,
                },
                {"id": "acc", "label": "AccumulateGrad", "kind": "accumulate"},
                {"id": "x", "label": "x", "kind": "leaf", "dtype": "float32", "shape": [2], "version": 0},
            ],
            "edges": [
                {"from": "y", "to": "copy", "label": "grad_fn"},
                {"from": "v", "to": "as", "label": "grad_fn"},
                {"from": "as", "to": "copy", "label": ""},
                {"from": "copy", "to": "exp", "label": ""},
                {"from": "exp", "to": "res", "label": "saved"},
                {"from": "exp", "to": "acc", "label": ""},
                {"from": "acc", "to": "x", "label": ""},
            ],
        },
        arbitration=Arbitration(
            "undecided",
            "numerical differentiation",
            "the function changed between forward and backward: no derivative to take",
        ),
        programs=1 + index % 7,
        origin=Origin(1, 2_001 + index),
    )


# -- changes -----------------------------------------------------------------------------------------------------------


def make_changes(version: str, ids: list[str]) -> tuple[Change, ...]:
    """What ``version`` does unlike 2.15: the older, the more."""
    release = tuple(int(part) for part in version.split(".")[:2])
    changes = []
    if release < (2, 4):
        changes.append(
            Change(
                "backward.shape.case_0",
                "backward",
                "exception.message",
                "Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of "
                "torch.Size([2]).",
                "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])",
                41,
                {"steps": [{"step": "make"}, {"step": "backward"}]},
                "import torch\n\na = torch.ones(2, requires_grad=True)\na.backward(torch.ones(3))\n",
                at=tuple((index, 1) for index in range(41)),
            )
        )
    if release < (2, 1):
        changes.append(
            Change(
                ids[6],
                "apply",
                "y.stride",
                "[1, 2]",
                "[3, 1]",
                5,
                {"steps": [{"step": "make"}, {"step": "apply", "op": "clone"}]},
                "import torch\n\nx = torch.ones(2, 3).t()\ny = x.clone()\nprint(y.stride())\n",
                "clone",
                at=tuple((index, 1) for index in range(50, 55)),
            )
        )
    if release < (2, 0):
        changes.append(
            Change(
                None,
                "apply",
                "exception.type",
                "TypeError",
                "RuntimeError",
                12,
                {"steps": [{"step": "apply", "op": "matmul"}]},
                "import torch\n\ntorch.matmul(torch.ones(2), 3)\n",
                "matmul",
                at=tuple((index, 0) for index in range(60, 72)),
            )
        )
    return tuple(changes)


ATTACK = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    "\"'`${window.pwned=1}<!--\u2028\x1b[31m\ud800"
)


def hostile_run() -> Run:
    """A Run in which every text tries to break out of where it is shown."""
    attack = ATTACK
    base = make_run(findings=2)
    poisoned = _poison(base.findings[0], attack)
    return Run(
        suite=attack,
        subject=SubjectInfo(attack, attack, attack, attack, attack, attack),
        settings=Settings(seed=1, programs=1, driver=attack, profile=attack, corpus=attack, baseline=attack),
        totals=Totals(programs=1),
        clauses=(ClauseEvidence(f"backward.{attack}", 1, (attack,), "divergence"),),
        ops=(OpEvidence(attack, {attack: Cell(1, "divergence")}),),
        laws=(LawEvidence(attack, 1, 1, "divergence"),),
        findings=(poisoned,),
        changes=(Change(attack, attack, attack, attack, attack, 1, {"steps": []}, attack, attack, at=((0, 0),)),),
        deviations=(DeviationEvidence(attack, attack, 1, "gone"),),
        times=Times(attack, attack, 1.0),
    )


def _poison(finding: Finding, attack: str) -> Finding:
    trace = {
        "steps": [
            {"outcome": attack, attack: attack, "warnings": [[attack, attack]], "tensors": {attack: {attack: attack}}}
        ]
    }
    return Finding(
        id=attack,
        title=attack,
        clauses=(f"backward.{attack}",),
        op=attack,
        field=attack,
        step=0,
        expected=attack,
        observed=attack,
        program={"steps": [{"step": attack, "outs": [attack]}]},
        script=f"# {attack}\n",
        reference_trace=trace,
        subject_trace={
            "steps": [{"outcome": "ok", "exception": [attack, attack], "calls": [{"label": attack, "args": [attack]}]}]
        },
        graph={
            "nodes": [
                {"id": attack, "label": attack, "kind": attack, "dtype": attack, "base": attack},
                {"id": "b", "label": "b"},
            ],
            "edges": [
                {"from": attack, "to": "b", "label": attack},
                {"from": "b", "to": attack},
                {"from": "b", "to": "gone"},
            ],
        },
        arbitration=Arbitration("undecided", attack, attack),
        deviation=attack,
        origin=Origin(example=attack),
        law=attack,
    )
