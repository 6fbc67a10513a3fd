"""The autograd graph of a program as SVG: leaves, views, nodes, what they saved, and the versions.

A Finding's ``graph`` is plain JSON from a file, so nothing about it is taken for granted: unknown kinds, dangling
edges, repeated ids and cycles are drawn as well as they can be.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from conformance.report.html.layout import Drawing, Placed, lay_out
from conformance.report.html.page import render_part
from conformance.report.html.traces import shown

KINDS = {
    "leaf": "leaf",
    "view": "view",
    "tensor": "other tensor",
    "op": "backward node",
    "accumulate": "accumulates",
    "saved": "saved tensor",
}
_MOST_NODES = 150
_LONGEST_LINE = 34
_CHARACTER = 6.7
_LINE = 15.0
_PADDING = 10.0
_BETWEEN = 40.0


@dataclass(frozen=True)
class Box:
    """A node as drawn."""

    kind: str
    lines: tuple[str, ...]
    alert: str
    tooltip: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Arrow:
    """An edge as drawn."""

    path: str
    label: str
    x: float
    y: float
    dashed: bool


def draw_graph(graph: Any, title: str) -> Markup | None:
    """The SVG element, or None where there is nothing to draw."""
    nodes, edges = _nodes(graph), _edges(graph)
    if not nodes:
        return None
    left_out = len(nodes) - _MOST_NODES
    nodes = dict(list(nodes.items())[:_MOST_NODES])
    edges = [edge for edge in edges if edge[0] in nodes and edge[1] in nodes]
    texts = {key: _lines(node) for key, node in nodes.items()}
    alerts = {key: _alert(node) for key, node in nodes.items()}
    widths = {key: max(len(line) for line in (*texts[key], alerts[key])) * _CHARACTER + 2 * _PADDING for key in nodes}
    heights = {key: (len(texts[key]) + bool(alerts[key])) * _LINE + _PADDING for key in nodes}
    drawing = lay_out(widths, [(tail, head) for tail, head, _ in edges])
    rows = _rows(drawing, heights)
    boxes = {
        key: Box(
            kind=_kind(node),
            lines=texts[key],
            alert=alerts[key],
            tooltip=_tooltip(node),
            x=drawing.nodes[key].x - widths[key] / 2,
            y=rows[drawing.nodes[key].layer][0],
            width=widths[key],
            height=heights[key],
        )
        for key, node in nodes.items()
    }
    return render_part(
        "graph.svg.j2",
        title=title,
        boxes=list(boxes.values()),
        arrows=[
            _arrow(boxes[tail], boxes[head], drawing.waypoints.get((tail, head), ()), rows, label, _kind(nodes[head]))
            for tail, head, label in edges
        ],
        width=drawing.width + 2,
        height=max(top + height for top, height in rows) + 2,
        kinds={kind: label for kind, label in KINDS.items() if any(box.kind == kind for box in boxes.values())},
        left_out=max(left_out, 0),
    )


def _nodes(graph: Any) -> dict[str, Mapping[str, Any]]:
    listed = graph.get("nodes", ()) if isinstance(graph, Mapping) else ()
    if not isinstance(listed, Sequence):
        return {}
    return {str(node["id"]): node for node in listed if isinstance(node, Mapping) and "id" in node}


def _edges(graph: Any) -> list[tuple[str, str, str]]:
    """Edges without repetition: two edges between the same nodes share one line and join their labels."""
    listed = graph.get("edges", ()) if isinstance(graph, Mapping) else ()
    labels: dict[tuple[str, str], list[str]] = {}
    for edge in listed if isinstance(listed, Sequence) else ():
        if isinstance(edge, Mapping) and "from" in edge and "to" in edge:
            ends = str(edge["from"]), str(edge["to"])
            labels.setdefault(ends, []).append(str(edge.get("label") or ""))
    return [(tail, head, ", ".join(filter(None, texts))) for (tail, head), texts in labels.items()]


def _kind(node: Mapping[str, Any]) -> str:
    kind = str(node.get("kind"))
    return kind if kind in KINDS else "op"


def _lines(node: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [str(node.get("label", node["id"]))]
    shape, dtype = node.get("shape"), node.get("dtype")
    if shape is not None or dtype is not None:
        lines.append(" ".join(shown(part) for part in (dtype, shape) if part is not None))
    facts = [f"view of {node['base']}" if node.get("base") else "", _version_line(node)]
    if node.get("requires_grad") is False:
        facts.append("no grad")
    if facts := [fact for fact in facts if fact]:
        lines.append(" · ".join(facts))
    return tuple(line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…" for line in lines)


def _version_line(node: Mapping[str, Any]) -> str:
    version, saved = node.get("version"), node.get("saved_version")
    if saved is not None:
        return f"saved at version {saved}"
    return f"version {version}" if version is not None else ""


def _alert(node: Mapping[str, Any]) -> str:
    """The one fact that makes backward refuse: a saved tensor that has moved on, or a freed node."""
    version, saved = node.get("version"), node.get("saved_version")
    if saved is not None and version is not None and saved != version:
        return f"modified: now version {version}"[:_LONGEST_LINE]
    return "freed" if node.get("freed") is True else ""


def _tooltip(node: Mapping[str, Any]) -> str:
    return "\n".join(f"{key}: {shown(value)}" for key, value in node.items() if key != "id" and value is not None)


def _rows(drawing: Drawing, heights: Mapping[str, float]) -> list[tuple[float, float]]:
    """Top and height of each layer."""
    rows, top = [], 1.0
    for layer in range(drawing.layers):
        height = max((heights[key] for key, place in drawing.nodes.items() if place.layer == layer), default=_LINE)
        rows.append((top, height))
        top += height + _BETWEEN
    return rows


def _arrow(
    tail: Box, head: Box, through: Sequence[Placed], rows: Sequence[tuple[float, float]], label: str, head_kind: str
) -> Arrow:
    start = (tail.x + tail.width / 2, tail.y + tail.height)
    end = (head.x + head.width / 2, head.y)
    stops = [start]
    for place in through:
        top, height = rows[place.layer]
        stops += [(place.x, top), (place.x, top + height)]
    stops.append(end)
    path = f"M{start[0]:.1f},{start[1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(stops):
        middle = (y0 + y1) / 2
        path += f"L{x1:.1f},{y1:.1f}" if x0 == x1 else f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    (x0, y0), (x1, y1) = stops[0], stops[1]
    return Arrow(
        path=path,
        label=label if len(label) <= 16 else f"{label[:15]}…",
        x=(x0 + x1) / 2,
        y=(y0 + y1) / 2,
        dashed=head_kind == "saved",
    )
