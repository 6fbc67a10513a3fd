"""The terminal: progress with rate, remaining time and findings; a summary that fits one screen; plain when piped."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console
from synthetic_run import hostile_run, make_run

from conformance.report import terminal
from conformance.report.run import Run
from conformance.report.terminal import Progress, print_summary, printable


def summary(run: Run, **options: object) -> str:
    console = Console(file=io.StringIO(), **{"width": 80, "color_system": None, **options})  # type: ignore[arg-type]
    print_summary(run, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_summary_of_any_run_fits_one_screen(width: int) -> None:
    for run in (make_run(findings=0), make_run(), make_run(clauses=2_000, findings=500), hostile_run()):
        lines = summary(run, width=width).splitlines()
        assert len(lines) <= 24
        assert all(len(line) <= width for line in lines)


def test_the_summary_begins_with_the_verdict() -> None:
    assert summary(make_run()).startswith("✕ 4 unexplained findings  torch 2.13.0\n")
    assert summary(make_run(findings=0)).startswith("✓ Conforms  torch 2.13.0\n")


def test_the_summary_names_the_gravest_findings_and_counts_the_others() -> None:
    text = summary(make_run(findings=30), width=200)
    assert text.count("✕") == 1 + 1 + 8  # the verdict, the clauses, the findings
    assert "… and 22 more" in text
    assert "hooks.order_of_retain_grad no longer happens" in text


def test_a_title_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in summary(hostile_run())
    assert printable("a\x1b[2J\r\nb\u202ec") == "a\\x1b[2J  b\\u202ec"


COLOURED = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from synthetic_run import make_run\n"
    "from conformance.report.terminal import print_summary, Progress, default_console\n"
    "with Progress(10) as progress: progress.advance(5); progress.found(make_run().findings[0])\n"
    "print_summary(make_run(), default_console())\n"
)


def in_a_process(terminal: bool, **environment: str) -> str:
    """What a process writes to a pipe, or to a pseudo-terminal."""
    command = [sys.executable, "-c", COLOURED, os.path.dirname(__file__)]
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    variables = {**clean, "TERM": "xterm-256color", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **environment}
    if not terminal:
        return subprocess.run(command, capture_output=True, text=True, check=True, env=variables).stdout
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
    leader, follower = pty.openpty()
    with subprocess.Popen(command, stdout=follower, stderr=follower, stdin=follower, env=variables) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            written += part
    os.close(leader)
    assert process.returncode == 0
    return written.decode()


def test_a_pipe_gets_plain_text() -> None:
    text = in_a_process(terminal=False)
    assert "unexplained findings" in text
    assert "\x1b" not in text


def test_a_terminal_gets_colour_unless_no_color_is_set() -> None:
    assert "\x1b[1;31m" in in_a_process(terminal=True)
    colourless = in_a_process(terminal=True, NO_COLOR="1")
    assert "unexplained findings" in colourless
    assert "[31m" not in colourless
    assert ";31m" not in colourless


class Clock:
    """Time as the test tells it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_progress_in_a_pipe_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    console = Console(file=io.StringIO(), width=120, color_system=None)
    with Progress(1_000, console=console) as progress:
        for _ in range(25):
            clock.now += 1
            progress.advance(20)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "200 of 1,000 programs, 20/s, 10s, 40s left; 0 findings",
        "400 of 1,000 programs, 20/s, 20s, 30s left; 0 findings",
    ]


def test_the_nearer_of_two_bounds_says_what_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    console = Console(file=io.StringIO(), width=120, color_system=None)
    with Progress(1_000_000, seconds=15, console=console) as progress:
        clock.now += 10
        progress.advance(50)
    assert "50 of 1,000,000 programs, 5/s, 10s, 5.0s left" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_new_finding_is_told_at_once_and_a_known_one_only_counted() -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    new, known = make_run().findings[:2]
    assert known.deviation
    with Progress(10, console=console) as progress:
        progress.found(new)
        progress.found(known)
        progress.found(new)  # the next chunk meets it again
    (line,) = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert line.startswith("✕ mul: the gradient of the first element has the wrong sign (0)")
    assert (progress.findings, progress.known) == (1, 1)


def test_live_progress_shows_rate_and_findings() -> None:
    text = in_a_process(terminal=True)
    assert "programs" in text
    assert "1 finding" in text
    assert "5/10" in text
