"""What the loader refuses, and how it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import specs
from specs.load import load_from

CLAUSE = """
[[clause]]
id = "backward.root.real"
text = "A rule."
source = "https://docs.pytorch.org/docs/stable/autograd.html"
"""


def _write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        folder, area = name.split("__")
        (root / folder).mkdir(exist_ok=True)
        (root / folder / f"{area}.toml").write_text(text)
    return root


def _refused(root: Path, match: str, **files: str) -> None:
    with pytest.raises(specs.SpecError, match=match):
        load_from(_write(root, **files))


def _message(*templates: str, entry_id: str = "backward.root.real") -> str:
    head = f'[[message]]\nid = "{entry_id}"\ntype = "RuntimeError"\n'
    return head + "".join(f"[[message.template]]\n{t}\n" for t in templates)


def test_consistent_files_are_loaded(tmp_path: Path) -> None:
    loaded = load_from(_write(tmp_path, clauses__backward=CLAUSE, messages__backward=_message("text = 'no {dtype}'")))
    assert loaded.clause("backward.root.real").area == "backward"
    assert loaded.message("backward.root.real", "2.13.0+cpu") == ("RuntimeError", "no {dtype}")


def test_unknown_field_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, "sinse", clauses__backward=CLAUSE + 'sinse = "2.1"\n')


def test_missing_field_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, "source", clauses__backward='[[clause]]\nid = "backward.a"\ntext = "A rule."\n')


def test_broken_toml_is_refused_with_its_file_name(tmp_path: Path) -> None:
    _refused(tmp_path, "clauses/backward.toml", clauses__backward="[[clause")


def test_same_id_twice_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, "defined twice", clauses__backward=CLAUSE + CLAUSE)


def test_entry_in_the_file_of_another_area_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, r"belongs in backward\.toml", clauses__grad=CLAUSE)


@pytest.mark.parametrize("bad", ["backward", "Backward.root", "backward.root real", "backward..root", "backward.Root"])
def test_malformed_id_is_refused(tmp_path: Path, bad: str) -> None:
    _refused(tmp_path, "not a dotted lower-case id", clauses__backward=CLAUSE.replace("backward.root.real", bad))


def test_message_without_clause_is_refused_and_names_the_nearest(tmp_path: Path) -> None:
    message = _message("text = 'x'", entry_id="backward.roots.real")
    expected = "no clause 'backward.roots.real'; did you mean 'backward.root.real'"
    _refused(tmp_path, expected, clauses__backward=CLAUSE, messages__backward=message)


def test_message_without_template_is_refused(tmp_path: Path) -> None:
    message = '[[message]]\nid = "backward.root.real"\ntype = "RuntimeError"\ntemplate = []\n'
    _refused(tmp_path, "has no template", clauses__backward=CLAUSE, messages__backward=message)


def test_overlapping_templates_are_refused(tmp_path: Path) -> None:
    message = _message('until = "2.4"\ntext = "a"', 'since = "2.1"\ntext = "b"')
    _refused(tmp_path, "overlap", clauses__backward=CLAUSE, messages__backward=message)


def test_gap_between_templates_is_refused(tmp_path: Path) -> None:
    message = _message('until = "2.1"\ntext = "a"', 'since = "2.4"\ntext = "b"')
    _refused(
        tmp_path, "no template for 2.1 up to, not including, 2.4", clauses__backward=CLAUSE, messages__backward=message
    )


def test_template_that_starts_late_is_refused_unless_its_clause_does(tmp_path: Path) -> None:
    message = _message('since = "2.4"\ntext = "a"')
    _refused(tmp_path, "no template for 1.13", clauses__backward=CLAUSE, messages__backward=message)
    _write(tmp_path, clauses__backward=CLAUSE + 'since = "2.4"\n')
    assert load_from(tmp_path).messages_at("2.3") == {}


@pytest.mark.parametrize("text", ["{}", "{0}", "{a.b}", "{a[0]}", "{a:>3}"])
def test_template_with_anything_but_plain_named_fields_is_refused(tmp_path: Path, text: str) -> None:
    _refused(tmp_path, "plain name", clauses__backward=CLAUSE, messages__backward=_message(f"text = '{text}'"))


def test_unbalanced_brace_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, "backward.root.real", clauses__backward=CLAUSE, messages__backward=_message("text = 'a {'"))


def test_unreadable_version_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, "not a version", clauses__backward=CLAUSE + 'since = "next"\n')


DEVIATION = """
[[deviation]]
id = "backward.root.index"
clause = "backward.root.real"
title = "t"
promised = "p"
torch_does = "d"
why = "w"
severity = "wrong_message"
"""


def test_deviation_from_an_unknown_clause_is_refused(tmp_path: Path) -> None:
    deviation = DEVIATION.replace("backward.root.real", "backward.root.reel")
    expected = "did you mean 'backward.root.real'"
    _refused(tmp_path, expected, clauses__backward=CLAUSE, deviations__backward=deviation)


def test_deviation_with_an_unknown_severity_is_refused(tmp_path: Path) -> None:
    deviation = DEVIATION.replace("wrong_message", "bad")
    _refused(tmp_path, "severity", clauses__backward=CLAUSE, deviations__backward=deviation)


def test_deviation_with_a_broken_pattern_is_refused(tmp_path: Path) -> None:
    deviation = DEVIATION + "[deviation.match]\nobserved = '('\n"
    _refused(tmp_path, "match.observed", clauses__backward=CLAUSE, deviations__backward=deviation)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(specs.SpecError) as caught:
        load_from(_write(tmp_path, clauses__backward=CLAUSE * 2, messages__backward=_message(entry_id="backward.x.y")))
    assert len(caught.value.problems) == 2


def test_message_follows_the_version(tmp_path: Path) -> None:
    message = _message('until = "2.4"\ntype = "ValueError"\ntext = "old"', 'since = "2.4"\ntext = "new"')
    loaded = load_from(_write(tmp_path, clauses__backward=CLAUSE, messages__backward=message))
    said = [loaded.message("backward.root.real", version) for version in ("1.13.1", "2.3.1", "2.4.0", "2.15.0")]
    assert said == [("ValueError", "old")] * 2 + [("RuntimeError", "new")] * 2


def test_message_outside_its_versions_is_an_error(tmp_path: Path) -> None:
    files = {
        "clauses__backward": CLAUSE + 'since = "2.4"\n',
        "messages__backward": _message('since = "2.4"\ntext = "new"'),
    }
    loaded = load_from(_write(tmp_path, **files))
    with pytest.raises(specs.NoTemplate, match=r"torch 2\.3 says nothing for backward\.root\.real"):
        loaded.message("backward.root.real", "2.3")


def test_switch_is_on_inside_its_range_only(tmp_path: Path) -> None:
    switch = '[[switch]]\nid = "engine.new"\ntext = "t"\nsource = "s"\nsince = "2.1"\nuntil = "2.4"\n'
    loaded = load_from(_write(tmp_path, switches__engine=switch))
    assert [loaded.switch("engine.new", v) for v in ("2.0.1", "2.1", "2.3.1", "2.4")] == [False, True, True, False]
    assert loaded.switches_at("2.2") == {"engine.new": True}


@pytest.mark.parametrize("kind", ["clause", "message", "switch"])
def test_unknown_id_names_the_nearest(tmp_path: Path, kind: str) -> None:
    switch = '[[switch]]\nid = "backward.root.reel"\ntext = "t"\nsource = "s"\nsince = "2.1"\n'
    files = {
        "clauses__backward": CLAUSE,
        "messages__backward": _message("text = 'x'"),
        "switches__backward": switch,
    }
    loaded = load_from(_write(tmp_path, **files))
    ask = {
        "clause": lambda: loaded.clause("backward.root.rael"),
        "message": lambda: loaded.message("backward.root.rael", "2.4"),
        "switch": lambda: loaded.switch("backward.root.rael", "2.4"),
    }
    with pytest.raises(specs.UnknownId, match=rf"no {kind} 'backward\.root\.rael'; did you mean 'backward\.root\.re"):
        ask[kind]()


def test_id_like_no_other_gets_no_suggestion(tmp_path: Path) -> None:
    loaded = load_from(_write(tmp_path, clauses__backward=CLAUSE))
    with pytest.raises(specs.UnknownId, match=r"^\"?no clause 'zzz'\"?$"):
        loaded.clause("zzz")


def test_shipped_data_is_read_once() -> None:
    assert specs.load() is specs.load()
