"""The matrix over versions, and what changed between two Runs."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from synthetic_run import hostile_run, make_run, make_specs

from conformance.report.diff import RunDiff, RunDiffError, diff_runs, encode_diff, print_diff, render_diff, summary
from conformance.report.matrix import NO_CLAUSE, build_matrix, print_matrix, render_matrix
from conformance.report.run import Change, ClauseEvidence, Run, Settings, SubjectInfo, Totals

SPECS = make_specs()
SHAPE = "backward.shape.case_0"


def printed(show: object, *arguments: object, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    show(*arguments, console)  # type: ignore[operator]
    return console.file.getvalue()  # type: ignore[attr-defined]


# -- matrix ------------------------------------------------------------------------------------------------------------


def test_columns_stand_by_subject_and_then_by_version_not_by_text() -> None:
    versions = ("2.13.0+cpu", "1.13.1", "2.4.1", "2.15.0", "2.0.1")
    assert [c.label for c in build_matrix([make_run(v) for v in versions], SPECS).columns] == [
        "1.13.1",
        "2.0.1",
        "2.4.1",
        "2.13.0",
        "2.15.0",
    ]


def test_another_subject_has_columns_of_its_own() -> None:
    other = msgspec.structs.replace(make_run(), subject=SubjectInfo("mytorch", "mytorch", "0.9-dev"))
    cuda = msgspec.structs.replace(make_run(), subject=SubjectInfo("torch", "torch", "2.13.0", device="cuda"))
    matrix = build_matrix([make_run(), other, cuda], SPECS)
    assert [column.label for column in matrix.columns] == ["mytorch 0.9-dev", "2.13.0", "torch 2.13.0 cuda"]


def test_a_changed_message_shows_what_was_said_and_what_is_said_now() -> None:
    matrix = build_matrix([make_run(v, findings=0) for v in ("2.0.1", "2.13.0")], SPECS)
    (row,) = (row for row in matrix.rows if row.id == SHAPE)
    old, new = row.cells
    assert [change.observed for change in old.changes] == [
        "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"
    ]
    assert old.changes[0].baseline.endswith("torch.Size([2]).")
    assert new.changes == ()
    assert row.varies
    assert "output[0] has a shape of torch.Size([2])" in render_matrix([matrix.columns[0].run], SPECS)


def test_a_row_tells_its_story_in_as_few_chapters_as_there_were_changes() -> None:
    runs = [make_run(v, findings=0) for v in ("1.13.1", "2.0.1", "2.4.1", "2.8.0", "2.13.0")]
    (row,) = (row for row in build_matrix(runs, SPECS).rows if row.id == SHAPE)
    assert [chapter.span for chapter in row.story] == ["1.13.1 – 2.0.1", "2.4.1 – 2.13.0"]


def test_changes_that_no_clause_speaks_of_have_rows_of_their_own() -> None:
    matrix = build_matrix([make_run("1.13.1"), make_run("2.13.0")], SPECS)
    (row,) = (row for row in matrix.rows if row.area == NO_CLAUSE)
    assert row.id == "matmul: exception.type"
    assert [bool(cell.changes) for cell in row.cells] == [True, False]
    assert row.varies


def test_a_clause_of_later_versions_is_not_applicable_to_earlier_ones() -> None:
    since = next(clause for clause in SPECS.clauses.values() if clause.since == "2.4")
    runs = [
        Run("s", SubjectInfo("torch", "torch", version), Settings(seed=1, programs=1), Totals(1))
        for version in ("2.3.1", "2.4.0+cu118")
    ]
    (row,) = (row for row in build_matrix(runs, SPECS).rows if row.id == since.id)
    assert [cell.verdict for cell in row.cells] == ["not_applicable", "not_exercised"]
    assert not row.varies


def test_runs_of_different_programs_are_shown_with_a_warning() -> None:
    other = msgspec.structs.replace(make_run("2.0.1"), settings=Settings(seed=2, programs=5_000))
    assert build_matrix([make_run(), make_run("2.0.1")], SPECS).mixed is None
    assert "did not run the same programs" in printed(print_matrix, [make_run(), other], SPECS)
    assert "did not run the same programs" in render_matrix([make_run(), other], SPECS)


def test_the_terminal_matrix_names_areas_and_what_differs() -> None:
    text = printed(print_matrix, [make_run("2.0.1", findings=1), make_run("2.13.0", findings=1)], SPECS)
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["clause", "2.0.1", "2.13.0"]
    assert [SHAPE, "Δ", "✓", "✓"] in lines
    assert ["backward.implicit_grad.case_0", "✕", "✕"] in lines
    assert not any(line[:1] == ["leaf.shape.case_0"] for line in lines)


# -- diff --------------------------------------------------------------------------------------------------------------


def run_with(*changes: Change, **more: object) -> Run:
    base = Run("s", SubjectInfo("torch", "torch", "2.0"), Settings(seed=1, programs=100), Totals(100), changes=changes)
    return msgspec.structs.replace(base, **more)


def change(observed: str, programs: int = 5, clause: str | None = "a.b", size: int = 2, **more: object) -> Change:
    steps = {"steps": [{"step": "make"}] * size}
    more.setdefault("at", tuple((index, 0) for index in range(programs)))
    return Change(clause, "apply", "y.value", "base", observed, programs, steps, f"# {observed}\n" * size, **more)  # type: ignore[arg-type]


def only_entry(diff: RunDiff) -> tuple[str, str, int]:
    (group,) = diff.groups
    (entry,) = group.entries
    return entry.before, entry.after, entry.programs


def test_runs_with_the_same_changes_do_not_differ() -> None:
    diff = diff_runs(run_with(change("old")), run_with(change("old")))
    assert not diff
    assert summary(diff) == "nothing changed in 100 programs"


def test_a_change_of_one_run_alone_is_a_change_to_or_from_the_baseline() -> None:
    assert only_entry(diff_runs(run_with(change("old")), run_with())) == ("old", "base", 5)
    assert only_entry(diff_runs(run_with(), run_with(change("new")))) == ("base", "new", 5)


def test_two_changes_at_one_place_are_told_as_one() -> None:
    assert only_entry(diff_runs(run_with(change("old")), run_with(change("new")))) == ("old", "new", 5)


def test_what_happens_in_fewer_programs_has_gone_back_to_the_baseline_in_the_others() -> None:
    assert only_entry(diff_runs(run_with(change("old", 10)), run_with(change("old", 7)))) == ("old", "base", 3)


OBSERVED = st.lists(st.sampled_from([None, "x", "y", "z"]), min_size=8, max_size=8)


@given(OBSERVED, OBSERVED)
def test_a_diff_is_program_by_program_and_reversed_it_is_the_diff_of_the_runs_reversed(
    before: list[str | None], after: list[str | None]
) -> None:
    def account(seen: list[str | None]) -> Run:
        where = {word: tuple((i, 0) for i, said in enumerate(seen) if said == word) for word in seen if word}
        return run_with(*(change(word, len(at), at=at) for word, at in where.items()))

    forward, backward = diff_runs(account(before), account(after)), diff_runs(account(after), account(before))
    told = {(e.before, e.after): e.programs for g in forward.groups for e in g.entries}
    assert told == {(e.after, e.before): e.programs for g in backward.groups for e in g.entries}
    assert sum(told.values()) == sum(a != b for a, b in zip(before, after, strict=True))


def test_of_two_places_in_a_program_the_earlier_tells_the_subjects_apart() -> None:
    early = change("old", 1, at=((7, 2),))
    late = change("new", 1, clause="c.d", at=((7, 4),))
    assert only_entry(diff_runs(run_with(early), run_with(late))) == ("old", "base", 1)
    assert only_entry(diff_runs(run_with(late), run_with(early))) == ("base", "old", 1)


def test_the_same_change_at_many_ops_is_told_once() -> None:
    changes = [
        change("old", 1, at=((index, 0),), op=op) for index, op in enumerate(("exp", "sin", "cos", "tan", "abs"))
    ]
    (entry,) = diff_runs(run_with(*changes), run_with()).groups[0].entries
    assert (len(entry.ops), entry.programs) == (5, 5)
    text = printed(print_diff, diff_runs(run_with(*changes), run_with()), width=200)
    assert "abs, cos, exp, sin and 1 more" in text


def test_what_the_specification_does_not_foresee_is_told_and_counted() -> None:
    diff = diff_runs(run_with(change("old", 5, unforeseen=(1, 3))), run_with())
    assert diff.groups[0].entries[0].unforeseen == 2
    assert summary(diff) == "1 change, 1 of which the specification does not foresee"
    assert "?2" in printed(print_diff, diff)
    assert "2 unforeseen" in render_diff(diff, SPECS)


def test_each_change_is_shown_with_the_smallest_program_that_shows_it() -> None:
    diff = diff_runs(run_with(change("old", size=5)), run_with(change("new", size=3)))
    assert diff.groups[0].entries[0].script == "# new\n" * 3


def test_changes_are_grouped_by_clause_and_those_without_one_come_first() -> None:
    older = change("older", 2, clause=None, at=((90, 0), (91, 0)))
    often = change("x", 50, clause="c.d", at=tuple((index, 0) for index in range(20, 70)))
    diff = diff_runs(run_with(change("old"), older, often), run_with())
    assert [group.clause for group in diff.groups] == [None, "c.d", "a.b"]
    assert summary(diff) == "3 changes, 1 of which no clause speaks of"


def test_verdicts_and_findings_that_changed_are_told() -> None:
    before, after = make_run("2.8.0", findings=1), make_run("2.13.0", findings=3)
    diff = diff_runs(before, after)
    assert {(v.clause, v.before, v.after) for v in diff.verdicts} >= {
        ("function.implicit_grad.case_0", "conforms", "divergence")
    }
    assert [finding.id for finding in diff.appeared] == ["message-0001", "refusal-0002"]
    assert diff.disappeared == ()
    assert [finding.id for finding in diff_runs(after, before).disappeared] == ["message-0001", "refusal-0002"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(seed=2, programs=100), "seed 1 in one, 2 in the other"),
        (Settings(seed=1, programs=99), "number of programs 100 in one, 99"),
        (Settings(seed=1, programs=100, first=3), "first program 0 in one, 3"),
        (Settings(seed=1, programs=100, profile="views"), "profile 'default' in one, 'views'"),
        (Settings(seed=1, programs=100, driver="hypothesis"), "driver"),
        (Settings(seed=1, programs=100, corpus="study"), "corpus '' in one, 'study'"),
        (Settings(seed=1, programs=100, baseline="2.15"), "baseline"),
    ],
)
def test_runs_of_different_programs_are_refused_with_the_difference(settings: Settings, reason: str) -> None:
    with pytest.raises(RunDiffError, match=reason) as refusal:
        diff_runs(run_with(), run_with(settings=settings))
    assert "\n" not in str(refusal.value)


def test_runs_of_different_suites_are_refused() -> None:
    with pytest.raises(RunDiffError, match="different suites, s and t"):
        diff_runs(run_with(), run_with(suite="t"))


def test_the_json_of_a_diff_reads_back() -> None:
    diff = diff_runs(make_run("1.13.1"), make_run("2.13.0"))
    assert msgspec.json.decode(encode_diff(diff), type=RunDiff) == diff


def test_the_table_of_a_diff_shows_both_sides_under_the_clause() -> None:
    lines = printed(print_diff, diff_runs(run_with(change("old")), run_with(change("new")))).splitlines()
    assert lines[0].startswith("torch 2.0 → torch 2.0 1 change")
    assert lines[2].split() == ["a.b"]
    assert lines[3].split() == ["apply:", "y.value", "old", "new", "5"]


def test_a_diff_page_escapes_and_holds_every_script() -> None:
    page = render_diff(diff_runs(run_with(), run_with(change("<b>new</b>"))), SPECS)
    assert "<b>new</b>" not in page
    assert "&lt;b&gt;new&lt;/b&gt;" in page


def test_hostile_text_cannot_steer_the_terminal() -> None:
    hostile = hostile_run()
    quiet = msgspec.structs.replace(
        hostile, changes=(), findings=(), clauses=(ClauseEvidence("a.b", 1, (), "conforms"),)
    )
    for text in (printed(print_diff, diff_runs(quiet, hostile)), printed(print_matrix, [hostile], SPECS)):
        assert "\x1b" not in text
