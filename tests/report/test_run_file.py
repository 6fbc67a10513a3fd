"""The Run file: canonical bytes, whole or not at all, strict to read, and a fold over chunks."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import ATTACK, hostile_run, make_run

from conformance.report.files import write_atomically
from conformance.report.run import (
    Cell,
    Change,
    ClauseEvidence,
    DeviationEvidence,
    LawEvidence,
    OpEvidence,
    Run,
    RunFileError,
    RunMergeError,
    Settings,
    SubjectInfo,
    Times,
    Totals,
    encode_run,
    load_run,
    merge,
    save_run,
)

SUBJECT = SubjectInfo("torch", "torch", "2.13.0")


def test_a_saved_run_loads_as_it_was(tmp_path: Path) -> None:
    run = make_run(findings=9)
    save_run(run, tmp_path / "run.json")
    assert encode_run(load_run(tmp_path / "run.json")) == encode_run(run)


def test_the_bytes_do_not_depend_on_the_order_of_discovery() -> None:
    run = make_run(findings=9)
    shuffler = random.Random(0)
    parts = {
        name: tuple(shuffler.sample(list(getattr(run, name)), len(getattr(run, name))))
        for name in ("clauses", "ops", "laws", "findings", "changes", "deviations")
    }
    assert encode_run(msgspec.structs.replace(run, **parts)) == encode_run(run)


def test_a_message_that_no_encoding_can_hold_is_saved_as_its_escape(tmp_path: Path) -> None:
    save_run(hostile_run(), tmp_path / "run.json")
    title = load_run(tmp_path / "run.json").findings[0].title
    assert title == ATTACK.encode("utf-8", "backslashreplace").decode()


# -- bad files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b"[" * 200_000, "Expected `object`"),
        (b'{"a": ' * 200_000, "nested|recursion|truncated"),
        (b"{}", "schema"),
        (b'{"schema": "autograd-conformance/run/9"}', "no Run file this suite reads"),
        (b'{"schema": "autograd-conformance/run/1", "suite": 3}', r"Expected `str`.*suite"),
        (b'{"schema": "autograd-conformance/run/1", "suite": "s", "typo": 1}', "typo|missing"),
    ],
)
def test_a_file_that_is_no_run_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunFileError, match=reason) as refusal:
        load_run(path)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_an_unknown_verdict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(encode_run(make_run()).replace(b'"verdict":"conforms"', b'"verdict":"fine"', 1))
    with pytest.raises(RunFileError, match="Invalid enum value 'fine'"):
        load_run(path)


@pytest.mark.parametrize("name", ["missing.json", ".", "nul\0byte"])
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunFileError, match="cannot read") as refusal:
        load_run(os.path.join(tmp_path, name))
    assert "\n" not in str(refusal.value)


def test_an_unwritable_place_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"cannot write Run file .*No such file or directory"):
        save_run(make_run(), tmp_path / "missing" / "run.json")


# -- whole or not at all -----------------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("out", "old")]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_written_file_has_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "ours", "")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    (tmp_path / "ours").chmod(0o600)
    write_atomically(tmp_path / "ours", "again")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="links and devices are POSIX's")
def test_a_link_is_written_through_and_a_device_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    write_atomically(os.devnull, "nowhere")
    assert Path(os.devnull).is_char_device()


# -- the fold ----------------------------------------------------------------------------------------------------------

VERDICTS = st.sampled_from(["conforms", "known_deviation", "divergence", "not_exercised", "not_applicable"])
NAMES = st.sampled_from(["a.one", "a.two", "b.one"])
COUNTS = st.integers(0, 5)


def unique(struct: st.SearchStrategy[object], key: str) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(struct, max_size=3, unique_by=lambda part: getattr(part, key)).map(tuple)


@st.composite
def chunks(draw: st.DrawFn) -> list[Run]:
    """Adjacent chunks of one run."""
    runs, first = [], draw(COUNTS)
    found = {finding.id: finding for finding in make_run(findings=6).findings}
    for _ in range(draw(st.integers(1, 4))):
        programs = draw(COUNTS)
        picked = draw(st.sets(st.sampled_from(sorted(found)), max_size=3))
        runs.append(
            Run(
                suite="s",
                subject=SUBJECT,
                settings=Settings(seed=1, programs=programs, first=first),
                totals=Totals(programs=programs, steps=draw(COUNTS)),
                clauses=draw(
                    unique(
                        st.builds(ClauseEvidence, NAMES, COUNTS, st.lists(NAMES, unique=True).map(tuple), VERDICTS),
                        "id",
                    )
                ),
                ops=draw(
                    unique(
                        st.builds(OpEvidence, NAMES, st.dictionaries(NAMES, st.builds(Cell, COUNTS, VERDICTS))), "name"
                    )
                ),
                laws=draw(unique(st.builds(LawEvidence, NAMES, COUNTS, COUNTS, VERDICTS), "id")),
                findings=tuple(
                    msgspec.structs.replace(
                        found[key], program={"steps": [{}] * draw(COUNTS)}, programs=draw(st.integers(1, 5))
                    )
                    for key in sorted(picked)
                ),
                changes=draw(
                    unique(
                        st.builds(
                            Change,
                            st.none() | NAMES,
                            NAMES,
                            NAMES,
                            st.just("x"),
                            st.just("y"),
                            programs=st.integers(1, 5),
                            program=st.builds(lambda n: {"steps": [0] * n}, COUNTS),
                        ),
                        "signature",
                    )
                ),
                deviations=draw(
                    unique(
                        st.builds(
                            DeviationEvidence,
                            NAMES,
                            st.just("c"),
                            COUNTS,
                            st.sampled_from(["seen", "gone", "not_exercised"]),
                        ),
                        "id",
                    )
                ),
                times=Times("t", "t", 0.5, 0.25, 0.125, 0.0),
            )
        )
        first += programs
    return runs


@given(chunks(), st.data())
def test_however_chunks_are_grouped_the_merged_bytes_are_the_same(runs: list[Run], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(runs)))
    groups = [group for group in (runs[:cut], runs[cut:]) if group]
    assert encode_run(merge(merge(group) for group in groups)) == encode_run(merge(runs))


@given(chunks())
def test_a_merged_run_counts_what_its_chunks_count(runs: list[Run]) -> None:
    merged = merge(runs)
    assert merged.settings.programs == sum(run.settings.programs for run in runs)
    assert merged.totals.steps == sum(run.totals.steps for run in runs)
    for part in ("clauses", "findings", "changes", "deviations"):
        counted = sum(item.programs for run in runs for item in getattr(run, part))
        assert sum(item.programs for item in getattr(merged, part)) == counted


@given(chunks())
def test_a_merged_finding_keeps_its_smallest_program(runs: list[Run]) -> None:
    for finding in merge(runs).findings:
        sizes = [len(f.program["steps"]) for run in runs for f in run.findings if f.id == finding.id]
        assert len(finding.program["steps"]) == min(sizes)


def test_a_verdict_is_as_grave_as_the_gravest_chunks() -> None:
    def chunk(first: int, verdict: str) -> Run:
        clauses = (ClauseEvidence("a.b", 1, (), verdict),)  # type: ignore[arg-type]
        return Run("s", SUBJECT, Settings(seed=1, programs=1, first=first), clauses=clauses)

    assert merge([chunk(0, "conforms"), chunk(1, "not_exercised")]).clauses[0].verdict == "conforms"
    assert merge([chunk(0, "divergence"), chunk(1, "known_deviation")]).clauses[0].verdict == "divergence"


def test_a_deviation_is_gone_only_if_no_chunk_saw_it() -> None:
    def chunk(first: int, state: str) -> Run:
        deviations = (DeviationEvidence("d", "a.b", 1, state),)  # type: ignore[arg-type]
        return Run("s", SUBJECT, Settings(seed=1, programs=1, first=first), deviations=deviations)

    assert merge([chunk(0, "gone"), chunk(1, "seen")]).gone == ()
    assert len(merge([chunk(0, "gone"), chunk(1, "not_exercised")]).gone) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suite": "other"}, "different suites"),
        ({"subject": SubjectInfo("torch", "torch", "2.15.0")}, "different subjects"),
        ({"settings": Settings(seed=2, programs=1, first=1)}, "different settings"),
        ({"settings": Settings(seed=1, programs=1, first=5)}, "not adjacent"),
    ],
)
def test_runs_that_are_no_chunks_of_one_run_are_not_merged(change: dict[str, object], reason: str) -> None:
    first = Run("s", SUBJECT, Settings(seed=1, programs=1))
    second = msgspec.structs.replace(Run("s", SUBJECT, Settings(seed=1, programs=1, first=1)), **change)
    with pytest.raises(RunMergeError, match=reason):
        merge([first, second])


def test_merging_nothing_is_refused() -> None:
    with pytest.raises(RunMergeError, match="nothing to merge"):
        merge([])


# -- the verdict -------------------------------------------------------------------------------------------------------


def test_an_unexplained_finding_a_gone_deviation_and_a_broken_law_are_divergences() -> None:
    quiet = make_run(findings=0)
    assert quiet.verdict == "conforms"
    assert make_run(findings=1).verdict == "divergence"
    gone = (DeviationEvidence("d", "a.b", 3, "gone"),)
    assert msgspec.structs.replace(quiet, deviations=gone).verdict == "divergence"
    broken = (LawEvidence("laws.x", 3, 1, "divergence"),)
    assert msgspec.structs.replace(quiet, laws=broken).verdict == "divergence"
    assert msgspec.structs.replace(quiet, totals=Totals()).verdict == "not_exercised"


def test_known_deviations_alone_are_no_divergence() -> None:
    known = tuple(finding for finding in make_run(findings=6).findings if finding.deviation)
    assert msgspec.structs.replace(make_run(findings=0), findings=known).verdict == "known_deviation"
