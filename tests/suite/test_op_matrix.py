"""The op matrix: what is evidence for which cell, and that a cell without evidence stays empty."""

from __future__ import annotations

from conformance.campaign import CampaignSettings
from conformance.examples.example import do, leaf, plain
from conformance.execute.machine import execute
from conformance.op_evidence import exercised, exercised_at, public_ops
from conformance.program import steps as s
from conformance.report.run import merge
from conformance.subjects.reference import Reference
from conformance.trial import Trial


def cells(*steps: s.Step) -> dict[str, set[str]]:
    program = s.Program(tuple(steps))
    rows: dict[str, set[str]] = {}
    for op, column in exercised(program, execute(program, Reference()), len(steps)):
        rows.setdefault(op, set()).add(column)
    return rows


def backward(name: str, **options: bool) -> s.Backward:
    return s.Backward(s.Ref(name), form="method", **options)


def test_a_call_is_evidence_for_its_form_dtype_layout_and_values() -> None:
    assert cells(plain("x", 1.0, 2.0), do("exp", "x", out="y"))["exp"] == {"forward", "float32"}
    assert cells(plain("x", 1.0, 2.0), do("exp", "x", form="inplace"))["exp"] == {"in-place", "float32"}
    assert cells(plain("x", 1.0, "inf"), do("exp", "x", out="y"))["exp"] == {"forward", "float32", "special values"}
    assert "zero-size" in cells(plain("x", shape=(0,)), do("exp", "x", out="y"))["exp"]
    seen = cells(plain("x", 1.0, 2.0, 3.0, 4.0, shape=(2, 2)), do("t", "x", out="y"), do("exp", "y", out="z"))
    assert "non-contiguous" in seen["exp"]
    assert "view" in seen["t"]


def test_what_is_refused_is_evidence_for_refusals_alone() -> None:
    seen = cells(plain("x", 1.0, 2.0), plain("w", 1.0, 2.0, 3.0), do("add", "x", "w", out="y"))
    assert seen["add"] == {"refusals"}


def test_a_backward_pass_is_evidence_for_the_gradients_of_the_ops_that_were_called() -> None:
    seen = cells(
        leaf("x", 1.0, 2.0),
        plain("w", 3.0, 4.0),
        do("nn.functional.mse_loss", "x", "w", out="y", form="function"),
        backward("y"),
    )
    assert {"gradient", "gradient float32"} <= seen["nn.functional.mse_loss"]
    assert not any(name.rpartition(".")[2].startswith("_") for name in seen)


def test_a_second_order_is_evidence_for_the_double_gradient() -> None:
    seen = cells(
        leaf("x", 1.0, 2.0),
        do("exp", "x", out="y"),
        do("sum", "y", out="z"),
        s.Grad(("g",), s.Ref("z"), s.Ref("x"), create_graph=True),
        do("sum", "g", out="u"),
        backward("u"),
    )
    assert {"gradient", "double gradient", "double gradient float32"} <= seen["exp"]


def test_a_difference_marks_the_cells_of_the_call_and_of_a_lone_formula() -> None:
    program = s.Program((leaf("x", 2.0, shape=()), do("exp", "x", out="y"), backward("y")))
    expected = execute(program, Reference())
    assert exercised_at(program, expected, 1) == {("exp", "forward"), ("exp", "float32")}
    assert exercised_at(program, expected, 2) == {("exp", "gradient"), ("exp", "gradient float32")}


def test_every_public_op_has_a_row_and_none_of_them_a_cell_without_a_program() -> None:
    trial = Trial(CampaignSettings(subject="reference", laws=("none",)))
    run = merge([trial.nothing(), trial.chunk(range(20))])
    assert {op.name for op in run.ops} >= set(public_ops())
    assert not any(op.name.rpartition(".")[2].startswith("_") for op in run.ops)
    assert any(not op.cells for op in run.ops)
    assert all(cell.programs > 0 for op in run.ops for cell in op.cells.values())
