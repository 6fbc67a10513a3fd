"""The autograd graph of a Program, as plain data for a picture: ``{"nodes": [...], "edges": [...]}``."""

from __future__ import annotations

from typing import Any

from conformance.execute.machine import Machine
from conformance.program.steps import Program
from conformance.subjects.base import Subject

MAX_NODES = 200


def graph_of(program: Program, upto: int, subject: Subject) -> dict[str, Any]:
    """The graph as it stands before the step at index ``upto``: tensors, their nodes, and what nodes saved."""
    with Machine(subject) as machine:
        for step in program.steps[:upto]:
            machine.step(step)
        return _walk(dict(machine.scope.tensors), machine.states)


def _walk(tensors: dict[str, Any], states: dict[str, Any]) -> dict[str, Any]:
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[dict[str, str]] = []
    stack: list[Any] = []
    ids: dict[int, str] = {}
    keep: list[Any] = []  # objects whose id is in use must stay alive

    def node_id(fn: Any) -> str:
        if id(fn) not in ids:
            ids[id(fn)] = f"n{len(ids)}"
            keep.append(fn)
            stack.append(fn)
        return ids[id(fn)]

    by_variable: dict[int, str] = {}
    for name, t in tensors.items():
        state = states.get(name)
        if state is None:
            continue
        kind = "view" if state.is_view else "leaf" if state.is_leaf else "tensor"
        nodes[name] = {
            "id": name,
            "label": name,
            "kind": kind,
            "shape": list(state.shape),
            "dtype": state.dtype,
            "version": state.version,
            "base": state.base,
            "requires_grad": state.requires_grad,
        }
        by_variable[id(t)] = name
        grad_fn = _grad_fn(t)
        if grad_fn is not None:
            edges.append({"from": name, "to": node_id(grad_fn), "label": f"output {t.output_nr}"})
    while stack and len(nodes) < MAX_NODES:
        fn = stack.pop()
        me = ids[id(fn)]
        variable = getattr(fn, "variable", None)
        nodes[me] = {
            "id": me,
            "label": fn.name().rpartition("::")[2],
            "kind": "accumulate" if variable is not None else "op",
        }
        if variable is not None and id(variable) in by_variable:
            edges.append({"from": me, "to": by_variable[id(variable)], "label": "accumulates"})
        for key, saved in getattr(fn, "saved", {}).items():
            if hasattr(saved, "is_freed"):
                sid = f"{me}.{key}"
                version = getattr(saved, "_version", None)
                nodes[sid] = {"id": sid, "label": key, "kind": "saved", "version": version, "freed": saved.is_freed}
                edges.append({"from": me, "to": sid, "label": "saved"})
        for after, input_nr in fn.next_functions:
            if after is not None:
                edges.append({"from": me, "to": node_id(after), "label": str(input_nr)})
    known = set(nodes)
    return {"nodes": list(nodes.values()), "edges": [e for e in edges if e["from"] in known and e["to"] in known]}


def _grad_fn(tensor: Any) -> Any:
    """The node that made a tensor; None where asking for it is refused, as it is for a stale view made in no_grad."""
    try:
        return tensor.grad_fn
    except RuntimeError:
        return None
