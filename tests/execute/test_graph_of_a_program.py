"""The autograd graph of a Program as plain data."""

from __future__ import annotations

from conformance.execute.graph import graph_of
from conformance.program import steps as s
from conformance.subjects.reference import Reference


def test_a_view_whose_history_is_refused_is_drawn_without_its_node() -> None:
    x = s.Ref("x")
    program = s.Program(
        (
            s.Make("leaf", (1.0, 2.0), (2,), "float32", True),
            s.Apply("clone", (s.Ref("leaf"),), (), ("x",), "method"),
            s.EnterMode("no_grad"),
            s.Apply("view", (x, 1, 2), (), ("y",), "method"),
            s.ExitMode(),
            s.Apply("mul", (x, 2), (), (), "inplace"),
            s.Read("y", "grad_fn"),
        )
    )
    reference = Reference()
    graph = graph_of(program, len(program.steps), reference)
    nodes = {node["id"] for node in graph["nodes"]}
    assert {"leaf", "x", "y"} <= nodes
    assert [edge for edge in graph["edges"] if edge["from"] == "y"] == []
    assert [edge for edge in graph["edges"] if edge["from"] == "x"] != []
