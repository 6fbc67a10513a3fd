"""A Program file is data: what goes in comes out, and what is no Program is refused in one line."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.generate.builder import draw
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import PROFILES
from conformance.program.codec import MAX_BYTES, ProgramError, decode, encode, load, save
from conformance.program.steps import (
    UNSET,
    AddHook,
    Apply,
    Backward,
    Callback,
    Complex,
    CustomFunction,
    Delete,
    Device,
    Dtype,
    Edge,
    Ellipsis_,
    EnterMode,
    ExitMode,
    FunctionDef,
    FunctionLit,
    Generator,
    GetItem,
    Grad,
    Make,
    Mapping,
    NodeOf,
    Opaque,
    Overriding,
    Program,
    Read,
    Ref,
    Region,
    RemoveHook,
    Seq,
    SetAttr,
    SetItem,
    Slice,
    Special,
    TorchAttr,
)
from conformance.subjects.reference import Reference

DOUBLE = FunctionLit(("a",), (Apply("mul", (Ref("a"), 2), outs=("b",)),), Ref("b"), (EnterMode("no_grad"),), True)
EVERYTHING = Program(
    (
        Make("x", ("nan", "-inf", -0.0, 1e-45, Complex(1.0, "nan"), True, 3), (7,), "complex64", True),
        Make("w", (1.0, 2.0, 3.0), (2,), strides=(2,), offset=0),
        Apply("linalg.norm", (Ref("x"), Special("inf")), (("dim", Seq((0, 1), "list")),), ("y",), "function", False),
        Apply("exp", (Ref("x"),), form="inplace"),
        GetItem("z", "x", Seq((Slice(1, None, -2), Ellipsis_(), None, True))),
        SetItem("z", Seq((), "tuple"), Seq((Ref("x"),), "set")),
        SetAttr("z", "requires_grad", False),
        EnterMode("set_grad_enabled", (True,), out="m"),
        ExitMode(),
        AddHook("h", "multi_any", ("x", "y"), DOUBLE),
        AddHook("k", "node_pre", ("y",), Callback("replace", Ref("x")), (0, 1)),
        RemoveHook("h"),
        CustomFunction(FunctionDef("F", DOUBLE, DOUBLE, once_differentiable=True), (Ref("x"),), ("a", "b")),
        CustomFunction(
            FunctionDef("G", DOUBLE, attributes=(("boxed_grads_call", True),)), (Ref("x"),), kwargs=(("k", Ref("y")),)
        ),
        Backward(Generator((Edge("y"), NodeOf("y", (0,)))), grad_tensors=None, form="function"),
        Grad(("g",), Ref("y"), Mapping((("k", Ref("x")),), "mappingproxy"), allow_unused=True),
        Apply("", (Opaque(), Overriding(3), Dtype("float64"), Device("meta"), TorchAttr("strided")), form="call"),
        Read("x", "_version", "v"),
        Delete(("x", "y")),
    ),
    "end",
    (Region(0, 3, "r"),),
)


def test_every_step_and_argument_survives_the_way_through_json() -> None:
    assert decode(encode(EVERYTHING)) == EVERYTHING


def test_unset_and_none_stay_apart() -> None:
    program = Program((Backward(Ref("x"), grad_tensors=None), Backward(Ref("x"))))
    first, second = decode(encode(program)).steps
    assert isinstance(first, Backward)
    assert isinstance(second, Backward)
    assert first.grad_tensors is None
    assert second.grad_tensors is UNSET


def test_equal_programs_have_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    save(EVERYTHING, path)
    assert load(path) == EVERYTHING
    assert path.read_bytes() == encode(decode(encode(EVERYTHING)))
    assert list(tmp_path.iterdir()) == [path]


def _steps(*steps: Any) -> str:
    return json.dumps({"steps": steps})


def _apply(**fields: Any) -> str:
    return _steps({"step": "apply", "op": "add", **fields})


_DEEP: Any = 1
for _ in range(200):
    _DEEP = {"kind": "seq", "items": [_DEEP]}

HOSTILE = {
    "not json": ("nope", "not JSON"),
    "not text": (b"\xff\xfe\x00", "not JSON"),
    "another shape": ("[]", "Expected `object`, got `array`"),
    "no steps": ("{}", "required field `steps`"),
    "unknown field": ('{"steps": [], "run": 1}', "unknown field `run`"),
    "unknown step": (_steps({"step": "maek"}), "steps[0]: unknown step 'maek'; the nearest is 'make'"),
    "unlike any step": (_steps({"step": "\u2603"}), "steps[0]: unknown step '\u2603'; there are make, apply"),
    "unknown argument": (
        _apply(args=[{"kind": "reff"}]),
        "steps[0].args[0]: unknown argument kind 'reff'; the nearest is 'ref'",
    ),
    "wrong type": (_steps({"step": "make", "out": 1, "values": []}), "steps[0].out: Expected `str`, got `int`"),
    "unknown form": (_apply(form="eval"), "steps[0].form: Invalid enum value 'eval'"),
    "nested json": ("[" * 200_000, "Program"),
    "nested arguments": (_apply(args=[_DEEP]), "nested too deeply"),
    "huge shape": (
        _steps({"step": "make", "out": "x", "values": [1], "shape": [1 << 40, 1 << 40]}),
        "at most 65536 elements",
    ),
    "huge rank": (_steps({"step": "make", "out": "x", "values": [1], "shape": [1] * 40}), "at most 32 dimensions"),
    "huge sizes": (
        _steps({"step": "apply", "op": "zeros", "args": [{"kind": "seq", "items": [1 << 20, 1 << 20]}]}),
        "too large",
    ),
    "huge in all": (_steps(*[{"step": "make", "out": "x", "values": [1], "shape": [60000]}] * 20), "steps[17]"),
    "huge integer": (_apply(args=[1 << 70]), "must fit in 64 bits"),
    "huge text": (_apply(args=["x" * 5000]), "at most 4000 characters"),
    "negative size": (_steps({"step": "make", "out": "x", "values": [1], "shape": [-1]}), "can't be negative"),
    "values do not fit": (
        _steps({"step": "make", "out": "x", "values": [1, 2], "shape": [3]}),
        "2 values for a shape of 3",
    ),
    "strides leave the buffer": (
        _steps({"step": "make", "out": "x", "values": [1, 2], "shape": [2], "strides": [2]}),
        "reach element 2 of a buffer of 2",
    ),
    "other module": (_apply(op="os.system"), "no op in the namespace 'os'"),
    "private op": (_apply(op="_C._set_grad"), "namespace '_C'"),
    "dunder method": (_apply(op="__class__", form="property", args=[1]), "'__class__' is not a public name"),
    "frame of a generator": (_apply(op="gi_frame", form="property", args=[1]), "'gi_frame' is not allowed"),
    "reads files": (_apply(op="load"), "'load' is not allowed"),
    "writes files": (_apply(op="tofile", form="method", args=[1]), "'tofile' is not allowed"),
    "private attribute": (_steps({"step": "setattr", "target": "x", "name": "_grad", "value": 1}), "not a public name"),
    "private attribute of a class": (
        _steps(
            {"step": "custom_function", "function": {"name": "F", "forward": {"params": []}, "attributes": [["_x", 1]]}}
        ),
        "'_x' is not a public name",
    ),
    "keyword of a Function": (
        _steps({"step": "custom_function", "function": {"name": "F", "forward": {"params": []}}, "kwargs": [["-", 1]]}),
        "'-' is not the name of an argument",
    ),
    "private look": (_steps({"step": "read", "target": "x", "what": "__dict__"}), "not a public name"),
    "unknown mode": (_steps({"step": "enter", "mode": "hub.load"}), "'hub.load' is not a mode"),
    "module as value": (_apply(args=[{"kind": "torch", "name": "os.path"}]), "namespace 'os'"),
    "keyword as name": (
        _steps({"step": "make", "out": "class", "values": [1]}),
        "'class' can't be the name of a value",
    ),
    "code as name": (_steps({"step": "delete", "names": ["x;import os"]}), "'x;import os' can't be the name"),
    "code as parameter": (_apply(args=[{"kind": "function", "params": ["a=exit()"]}]), "'a=exit()' can't be the name"),
    "code as keyword": (_apply(kwargs=[["a=exit(),b", 1]]), "'a=exit(),b' is not the name of an argument"),
    "code as dtype": (_apply(args=[{"kind": "dtype", "name": "float32);exit("}]), "is not a public name"),
    "code as operator": (_apply(form="operator", op="or exit() or", args=[1]), "is not an operator"),
    "no such region": ('{"steps": [], "regions": [{"start": 0, "stop": 3}]}', "regions[0]: no such steps"),
    "local and outer name": (
        _apply(args=[{"kind": "function", "params": [], "steps": [
            {"step": "apply", "op": "neg", "args": [{"kind": "ref", "name": "q"}], "outs": ["q"]}]}]),
        "'q' is read from outside before it is made",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_program_is_refused_in_one_line(case: str) -> None:
    data, words = HOSTILE[case]
    with pytest.raises(ProgramError) as refused:
        decode(data)
    text = str(refused.value)
    assert words in text
    assert "\n" not in text
    assert len(text) < 400


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(ProgramError, match="holds at most"):
        load(path)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"can't read .*missing\.json: No such file"):
        load(tmp_path / "missing.json")


def test_every_program_that_is_drawn_can_be_stored() -> None:
    reference = Reference()
    for index, profile in itertools.product(range(60), PROFILES.values()):
        program, _ = draw(PRNGChoices(1, index), profile, reference)
        assert decode(encode(program)) == program


def test_every_rare_call_can_be_stored() -> None:
    """What callers seldom do is drawn seldom: here nothing else is."""
    reference = Reference()
    profile = dataclasses.replace(PROFILES["default"], weights={"misuse": 1.0})
    for index in range(200):
        program, _ = draw(PRNGChoices(1, index), profile, reference)
        assert decode(encode(program)) == program
