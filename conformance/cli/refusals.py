"""What the command line refuses: one clear line on standard error, exit code 2, and nothing half-written."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import click

#: Exit codes; the first two are a Run's verdict.
CONFORMS, FINDINGS, REFUSED, INTERRUPTED = 0, 1, 2, 130


class SetupError(click.ClickException):
    """The command can't do what was asked for; its text is one line that says why and what to do."""

    exit_code = REFUSED


def run_command(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command and turn whatever ends it into an exit code and, where it is a refusal, one line."""
    try:
        answer = command.main(
            args=None if arguments is None else list(arguments), prog_name=name, standalone_mode=False
        )
        sys.stdout.flush()
        return answer if isinstance(answer, int) else CONFORMS
    except click.ClickException as error:
        return _refuse(name, error)
    except (click.Abort, KeyboardInterrupt):
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough. What is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CONFORMS


def _refuse(name: str, error: click.ClickException) -> int:
    where = name
    hint = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        where = error.ctx.command_path
        hint = f" (see {where} --help)"
    print(f"{where}: {' '.join(error.format_message().split()).rstrip('.')}{hint}", file=sys.stderr)
    return REFUSED


def unknown(kind: str, name: str, known: Iterable[str], *, listing: str = "") -> NoReturn:
    """Refuse a name that nothing has, with the nearest that something has."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        advice = f"; did you mean {near[0]!r}?"
    elif listing:
        advice = f"; {listing}"
    else:
        advice = f"; known: {', '.join(names) or 'none'}"
    raise SetupError(f"unknown {kind} {name!r}{advice}")


def check_writable(*outputs: Path | None) -> None:
    """Refuse outputs that could not be written at the end of a long run, before it begins."""
    wanted = [path for path in outputs if path is not None]
    if len({path.resolve() for path in wanted}) < len(wanted):
        raise SetupError("two outputs have the same name")
    for path in wanted:
        if path.is_dir():
            raise SetupError(f"cannot write {path}: it is a folder")
        if path.exists() and not os.access(path, os.W_OK):
            raise SetupError(f"cannot write {path}: permission denied")
        if path.exists() and not path.is_file():
            continue  # /dev/stdout, a pipe: no file is made beside it
        try:
            with tempfile.TemporaryFile(dir=path.resolve().parent):
                pass
        except OSError as error:
            raise SetupError(f"cannot write {path}: {error.strerror or error}") from None
