"""Subjects are found by name, ours and others'."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from conformance.subjects import registry
from conformance.subjects.base import SubjectUnavailable
from conformance.subjects.registry import UnknownSubject, find_subject, subject_factories


def test_a_name_that_nothing_has_gets_the_nearest() -> None:
    with pytest.raises(UnknownSubject, match=r"no subject is called 'torhc'; the nearest is 'torch'"):
        find_subject("torhc")
    with pytest.raises(UnknownSubject, match="there are reference, torch"):
        find_subject("zzzzzzzz")


def test_the_reference_is_a_subject() -> None:
    subject = find_subject("reference")
    assert subject.name == "reference"
    assert subject.api.__name__ == "reference_engine"


def test_a_missing_torch_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SubjectUnavailable, match="no torch is installed here; install one"):
        find_subject("torch")


def test_a_device_that_is_not_there_is_told() -> None:
    torch = pytest.importorskip("torch", reason="needs a torch to lack a device")
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(SubjectUnavailable, match="this torch has no device 'cuda' here"):
        find_subject("torch-cuda")


def test_other_packages_add_subjects_through_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    group = registry.ENTRY_POINT_GROUP
    points = EntryPoints(
        [
            EntryPoint("mine", "conformance.subjects.registry:_reference", group),
            EntryPoint("broken", "no.such.package:Subject", group),
            EntryPoint("torch", "no.such.package:Subject", group),
        ]
    )

    def entry_points(**wanted: Any) -> EntryPoints:
        return points.select(**wanted)

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert {"mine", "broken", "torch", "reference"} <= set(subject_factories())
    assert find_subject("mine").name == "reference"
    with pytest.raises(SubjectUnavailable, match="can't be imported"):
        find_subject("broken")


def test_meta_tensors_have_no_values_and_all_the_rest() -> None:
    torch = pytest.importorskip("torch", reason="needs torch's meta device")
    if not hasattr(torch, "set_default_device"):
        with pytest.raises(SubjectUnavailable, match=r"2\.0 can"):
            find_subject("torch-meta")
        return
    from conformance.execute.machine import execute
    from conformance.program.steps import Apply, Backward, Make, Program, Ref

    program = Program(
        (Make("x", (1.0, 2.0), (2,), requires_grad=True), Apply("sum", (Ref("x"),), outs=("s",)), Backward(Ref("s")))
    )
    steps = execute(program, find_subject("torch-meta")).steps
    gradient: Any = steps[2].tensors["x"].grad
    assert [step.outcome for step in steps] == ["ok", "ok", "ok"]
    assert gradient.value is None
    assert (gradient.shape, gradient.device) == ((2,), "default")
    assert torch.ones(1).device.type == "cpu"
