"""What the page is made of: the graph's layout, values, traces and links."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from synthetic_run import ATTACK, make_finding, make_run, make_specs

from conformance.report.html import render_report
from conformance.report.html.graph import draw_graph
from conformance.report.html.layout import lay_out
from conformance.report.html.page import in_script, web_link
from conformance.report.html.traces import side_by_side, step_labels
from conformance.report.html.values import readable_value
from conformance.report.html.wording import mark_differences, prose
from conformance.report.run import load_run, save_run

SPECS = make_specs()

# -- layout ------------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(KEYS, st.floats(10, 200), min_size=1),
    st.lists(st.tuples(KEYS, KEYS), max_size=20),
)
def test_nodes_never_overlap_and_edges_point_down(widths: dict[str, float], edges: list[tuple[str, str]]) -> None:
    edges = [edge for edge in edges if set(edge) <= set(widths)]
    drawing = lay_out(widths, edges)
    assert set(drawing.nodes) == set(widths)
    for first in widths:
        assert drawing.nodes[first].x - widths[first] / 2 >= -0.01
        for second in widths:
            if first < second and drawing.nodes[first].layer == drawing.nodes[second].layer:
                apart = abs(drawing.nodes[first].x - drawing.nodes[second].x)
                assert apart >= (widths[first] + widths[second]) / 2
    for (tail, head), through in drawing.waypoints.items():
        layers = [drawing.nodes[tail].layer, *(place.layer for place in through), drawing.nodes[head].layer]
        assert layers == list(range(layers[0], layers[-1] + 1))


def test_a_diamond_is_drawn_without_crossing_and_centred() -> None:
    drawing = lay_out(dict.fromkeys("abcd", 50.0), [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    place = drawing.nodes
    assert [place[node].layer for node in "abcd"] == [0, 1, 1, 2]
    assert place["a"].x == pytest.approx((place["b"].x + place["c"].x) / 2)
    assert place["a"].x == pytest.approx(place["d"].x)


def test_two_crossed_pairs_are_uncrossed() -> None:
    drawing = lay_out(dict.fromkeys("abcd", 50.0), [("a", "d"), ("b", "c")])
    ordered = (drawing.nodes["a"].x < drawing.nodes["b"].x) == (drawing.nodes["d"].x < drawing.nodes["c"].x)
    assert ordered


def test_a_saved_tensor_that_moved_on_is_marked_in_the_graph() -> None:
    drawn = draw_graph(make_finding(2, "a.b").graph, "title")
    assert drawn is not None
    assert "modified: now version 1" in drawn
    assert drawn.count('class="node saved alert"') == 1
    assert drawn.count('class="node leaf"') == 1


@pytest.mark.parametrize(
    "graph",
    [
        None,
        [],
        {},
        {"nodes": None},
        {"nodes": "abc", "edges": 3},
        {"nodes": [1, None, {}, {"label": "no id"}]},
    ],
)
def test_a_graph_that_is_none_is_not_drawn(graph: object) -> None:
    assert draw_graph(graph, "title") is None


def test_a_cyclic_dangling_repeated_graph_is_still_well_formed() -> None:
    nodes = [
        {"id": ATTACK.replace("\ud800", ""), "label": "<a>"},
        {"id": 2},
        {"id": 2, "label": "again"},
        {"id": "loop"},
    ]
    edges = [
        {"from": 2, "to": "loop"},
        {"from": "loop", "to": 2},
        {"from": "loop", "to": "loop"},
        {"from": 2, "to": 9},
        5,
    ]
    drawn = draw_graph({"nodes": nodes, "edges": edges}, "<title>")
    assert drawn is not None
    (svg,) = re.findall(r"<svg.*?</svg>", re.sub("\x1b", "", drawn), re.DOTALL)
    assert len(ElementTree.fromstring(svg).findall("g")) == 3


def test_a_graph_of_a_thousand_nodes_is_cut_and_says_so() -> None:
    nodes = [{"id": i, "label": f"n{i}"} for i in range(1_000)]
    drawn = draw_graph({"nodes": nodes, "edges": [{"from": i, "to": i + 1} for i in range(999)]}, "title")
    assert drawn is not None
    assert "850 more nodes are not drawn" in drawn


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "shape", "value", "shown"),
    [
        ("float32", [2], np.float32([1.0, 0.1]).tobytes(), "[1.0, 0.1]"),
        ("torch.float64", [], np.float64(0.1).tobytes(), "0.1"),
        ("float64", None, np.float64(np.nan).tobytes(), "nan"),
        ("bfloat16", [1], b"\x80\x3f", "[1]"),
        ("float16", [1], np.float16([0.1]).tobytes(), "[0.1]"),
        ("complex64", [1], np.complex64([1 + 2j]).tobytes(), "[(1+2j)]"),
        ("bool", [2], b"\x01\x00", "[True, False]"),
        ("int64", [1, 2], np.int64([[3, -4]]).tobytes(), "[[3, -4]]"),
        ("float32", [0, 3], b"", "[]"),
    ],
)
def test_elements_are_read_by_their_dtype(dtype: str, shape: list[int] | None, value: bytes, shown: str) -> None:
    assert readable_value({"dtype": dtype, "shape": shape, "value": base64.b64encode(value).decode()}) == shown


@pytest.mark.parametrize(
    "state",
    [
        {"dtype": "float32", "shape": [2], "value": "AAAA"},
        {"dtype": "float32", "shape": [3], "value": "AAAAAA=="},
        {"dtype": "float32", "shape": [-1], "value": ""},
        {"dtype": "object", "shape": [1], "value": "AAAAAAAAAAA="},
        {"dtype": "nonsense", "shape": [1], "value": "AA=="},
        {"dtype": "float32", "shape": "x", "value": "AA=="},
        {"dtype": "float32", "shape": [1], "value": "not base64!"},
        {"dtype": "float32", "shape": [1], "value": None},
        {"dtype": 3, "shape": [1], "value": "AA=="},
    ],
)
def test_bytes_that_do_not_fit_are_not_read(state: dict[str, object]) -> None:
    assert readable_value(state) is None


# -- traces ------------------------------------------------------------------------------------------------------------


def test_steps_are_labelled_with_their_lines_of_the_script() -> None:
    assert step_labels(make_finding(2, "a.b").program) == [
        "x = torch.tensor([0.0, 1.0], requires_grad=True)",
        "y = x.exp()",
        "v = y[:1]",
        "v.zero_()",
        "y.backward(x)",
    ]


def test_a_program_of_another_version_is_labelled_in_words() -> None:
    assert step_labels({"steps": [{"step": "teleport", "op": "x", "outs": ["y"]}, 3]}) == ["teleport x → y", ""]
    assert step_labels(None) == []


def test_only_what_differs_is_marked() -> None:
    steps = side_by_side(make_finding(0, "a.b"))
    differing = [
        (step.index, row.name, field.name)
        for step in steps
        for row in step.rows
        for field in row.fields
        if field.differs
    ]
    assert differing == [(3, "x", "grad.value")]
    assert [step.is_finding for step in steps] == [False, False, False, True]


def test_a_tensor_that_one_side_does_not_mention_is_as_it_was_there() -> None:
    (row,) = (row for row in side_by_side(make_finding(2, "a.b"))[4].rows if row.name == "x")
    assert [(f.name, f.reference, f.subject) for f in row.fields if f.differs] == [
        ("grad", "None", "[0.0, 2.7182817], float32 [2]")
    ]


def test_a_run_shows_the_same_before_and_after_it_was_a_file(tmp_path: Path) -> None:
    def tuples(value: object) -> object:
        if isinstance(value, dict):
            return {key: tuples(part) for key, part in value.items()}
        return tuple(tuples(part) for part in value) if isinstance(value, list) else value

    save_run(make_run(), tmp_path / "run.json")
    saved = {finding.id: finding for finding in load_run(tmp_path / "run.json").findings}
    for finding in make_run().findings:
        traces = {side: tuples(getattr(finding, side)) for side in ("reference_trace", "subject_trace", "program")}
        assert side_by_side(msgspec.structs.replace(finding, **traces)) == side_by_side(saved[finding.id])


def test_a_side_that_ended_early_has_nothing() -> None:
    finding = make_finding(0, "a.b")
    cut = msgspec.structs.replace(finding, subject_trace={"steps": finding.subject_trace["steps"][:1]})
    last = side_by_side(cut)[3].rows
    assert [row.name for row in last if row.is_absent("subject")] == ["outcome"]


# -- words -------------------------------------------------------------------------------------------------------------


def test_only_the_words_that_differ_are_marked() -> None:
    assert mark_differences("output 0 of Pow, is <at>", "output 0 of Pow1, is <at>") == (
        "output 0 of <mark>Pow</mark>, is &lt;at&gt;",
        "output 0 of <mark>Pow1</mark>, is &lt;at&gt;",
    )
    assert mark_differences("a b c", "a c") == ("a <mark>b </mark>c", "a c")


def test_texts_that_share_nothing_are_not_marked() -> None:
    assert mark_differences("[1.0]", "RuntimeError: no & no") == ("[1.0]", "RuntimeError: no &amp; no")


@given(st.text(), st.text())
def test_marking_loses_nothing(first: str, second: str) -> None:
    for text, marked in zip((first, second), mark_differences(first, second), strict=True):
        assert marked.replace("<mark>", "").replace("</mark>", "") == escape(text)


def test_backquotes_become_code_and_all_else_is_escaped() -> None:
    assert prose("`inputs` & <b>`x`</b> `") == "<code>inputs</code> &amp; &lt;b&gt;<code>x</code>&lt;/b&gt; `"


# -- the page ----------------------------------------------------------------------------------------------------------


def test_text_in_a_script_element_cannot_end_it() -> None:
    embedded = in_script({"a": "</script><!--<script>&"})
    assert not re.search("<(/|!|script)", embedded, re.IGNORECASE)
    assert json.loads(embedded) == {"a": "</script><!--<script>&"}
    assert msgspec.json.decode(embedded.encode()) == {"a": "</script><!--<script>&"}


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:x",
        "data:text/html,x",
        "//x",
        "file:///etc",
        "https://",
        "http://[",
        None,
        "",
    ],
)
def test_only_web_addresses_become_links(address: str | None) -> None:
    assert web_link(address) is None


def test_a_web_address_is_a_link() -> None:
    assert (
        web_link("https://docs.pytorch.org/docs/stable/autograd.html#x")
        == "https://docs.pytorch.org/docs/stable/autograd.html#x"
    )


def test_every_clause_op_law_and_finding_has_its_anchor_once() -> None:
    run = make_run(findings=9)
    page = render_report(run, SPECS)
    anchors = [f"clause-{clause}" for clause in SPECS.clauses]
    anchors += [f"op-{op.name}" for op in run.ops] + [f"law-{law.id}" for law in run.laws]
    anchors += [f"finding-{finding.id}" for finding in run.findings]
    for anchor in anchors:
        assert page.count(f'id="{anchor}"') == 1, anchor


def test_the_page_names_no_address_but_links() -> None:
    page = render_report(make_run(findings=9), SPECS)
    loading = re.findall(
        r'<(?:script|img|link|iframe|source|object|embed|video|audio)\b[^>]*(?:src|href|data)="[^"]*"', page
    )
    assert loading == []
    assert "@import" not in page
    assert "url(http" not in page


def test_a_run_without_findings_says_so_and_an_empty_run_is_no_success() -> None:
    page = render_report(make_run(findings=0), SPECS)
    assert "nothing differed from the specification" in page
    empty = msgspec.structs.replace(make_run(findings=0), totals=msgspec.structs.replace(make_run().totals, programs=0))
    assert "Nothing was run" in render_report(empty, SPECS)


def test_the_same_run_gives_the_same_page() -> None:
    assert render_report(make_run(), SPECS) == render_report(make_run(), SPECS)
