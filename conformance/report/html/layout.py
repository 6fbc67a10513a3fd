"""Where the nodes of an autograd graph stand in its drawing: layers from the root down, few crossings, straight edges.

The classic layered method: layer by longest path, a waypoint in each layer that an edge passes, order by barycentres,
then coordinates by pulling every node towards its neighbours without overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

_SWEEPS = 8
_GAP = 18.0
_WAYPOINT_WIDTH = 8.0


@dataclass(frozen=True)
class Placed:
    """A node's layer and the x of its centre."""

    layer: int
    x: float


@dataclass(frozen=True)
class Drawing:
    """Places of all nodes, and for each edge the points it passes between its two ends."""

    nodes: dict[str, Placed]
    waypoints: dict[tuple[str, str], tuple[Placed, ...]]
    width: float
    layers: int


def lay_out(widths: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> Drawing:
    """Place nodes of the given widths; an edge that would close a cycle is drawn but does not decide a layer."""
    graph = nx.DiGraph()
    graph.add_nodes_from(widths)
    graph.add_edges_from((tail, head) for tail, head in edges if tail != head)
    while not nx.is_directed_acyclic_graph(graph):
        graph.remove_edge(*nx.find_cycle(graph)[-1][:2])
    layer_of = {node: depth for depth, layer in enumerate(nx.topological_generations(graph)) for node in layer}
    _lower_sources(graph, layer_of)
    dense = {depth: index for index, depth in enumerate(sorted(set(layer_of.values())))}
    layer_of = {node: dense[depth] for node, depth in layer_of.items()}

    chains: dict[tuple[str, str], list[str]] = {}
    sizes = dict(widths)
    routed = nx.DiGraph()
    routed.add_nodes_from(widths)
    for tail, head in graph.edges:
        chain = [f"{tail}\0{head}\0{depth}" for depth in range(layer_of[tail] + 1, layer_of[head])]
        for depth, point in enumerate(chain, layer_of[tail] + 1):
            layer_of[point], sizes[point] = depth, _WAYPOINT_WIDTH
        nx.add_path(routed, [tail, *chain, head])
        chains[tail, head] = chain

    layers: list[list[str]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for node in _depth_first(routed):
        layers[layer_of[node]].append(node)
    _order(layers, routed)
    x = _coordinates(layers, routed, sizes)
    return Drawing(
        nodes={node: Placed(layer_of[node], x[node]) for node in widths},
        waypoints={edge: tuple(Placed(layer_of[point], x[point]) for point in chain) for edge, chain in chains.items()},
        width=max((x[node] + sizes[node] / 2 for node in sizes), default=0.0),
        layers=len(layers),
    )


def _lower_sources(graph: nx.DiGraph, layer_of: dict[str, int]) -> None:
    """A second root stands just above what it leads to, not at the very top far away from it."""
    for node in list(graph):
        if not graph.in_degree(node) and graph.out_degree(node):
            layer_of[node] = min(layer_of[head] for head in graph.successors(node)) - 1


def _depth_first(graph: nx.DiGraph) -> list[str]:
    """All nodes, neighbours near each other: a first order with few crossings."""
    roots = [node for node in graph if not graph.in_degree(node)]
    seen: dict[str, None] = {}
    for root in roots:
        seen.update(dict.fromkeys(nx.dfs_preorder_nodes(graph, root)))
    seen.update(dict.fromkeys(graph))
    return list(seen)


def _order(layers: list[list[str]], graph: nx.DiGraph) -> None:
    """Sort each layer by the mean position of its neighbours, downwards and upwards in turn."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers, graph)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        position = {node: index for layer in layers for index, node in enumerate(layer)}
        for layer in layers if down else reversed(layers):

            def barycentre(node: str, down: bool = down, position: dict[str, int] = position) -> float:
                near = list(graph.predecessors(node) if down else graph.successors(node))
                return sum(position[other] for other in near) / len(near) if near else position[node]

            layer.sort(key=barycentre)
            position.update({node: index for index, node in enumerate(layer)})
        crossings = _crossings(layers, graph)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _crossings(layers: list[list[str]], graph: nx.DiGraph) -> int:
    position = {node: index for layer in layers for index, node in enumerate(layer)}
    count = 0
    for layer in layers:
        ends = [(position[node], position[head]) for node in layer for head in graph.successors(node)]
        count += sum((a < c and b > d) or (a > c and b < d) for i, (a, b) in enumerate(ends) for c, d in ends[:i])
    return count


def _coordinates(layers: list[list[str]], graph: nx.DiGraph, sizes: Mapping[str, float]) -> dict[str, float]:
    x: dict[str, float] = {}
    for layer in layers:
        right = 0.0
        for node in layer:
            x[node] = right + sizes[node] / 2
            right += sizes[node] + _GAP
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = []
            for node in layer:
                near = list(graph.predecessors(node) if down else graph.successors(node))
                wanted.append(sum(x[other] for other in near) / len(near) if near else x[node])
            x.update(_without_overlap(layer, wanted, sizes))
    left = min((x[node] - sizes[node] / 2 for node in x), default=0.0)
    return {node: value - left for node, value in x.items()}


def _without_overlap(layer: Sequence[str], wanted: Sequence[float], sizes: Mapping[str, float]) -> dict[str, float]:
    """The places nearest to those wanted that keep the order and the gaps: pool adjacent violators."""
    offsets, total = [], 0.0
    for index, node in enumerate(layer):
        if index:
            total += (sizes[layer[index - 1]] + sizes[node]) / 2 + _GAP
        offsets.append(total)
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        mean, count = place - offset, 1
        while blocks and blocks[-1][0] > mean:
            earlier, size = blocks.pop()
            mean, count = (earlier * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    placed = [mean for mean, count in blocks for _ in range(count)]
    return {node: place + offset for node, place, offset in zip(layer, placed, offsets, strict=True)}
