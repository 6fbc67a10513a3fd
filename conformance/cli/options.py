"""Options that several commands share, and the kinds of values they take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from conformance.cli.refusals import SetupError

Command = TypeVar("Command", bound=Callable[..., Any])

_DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


if TYPE_CHECKING:
    SecondsType = click.ParamType[float]
else:  # generic only in newer versions of click
    SecondsType = click.ParamType


class Duration(SecondsType):
    """``90``, ``90s``, ``5m``, ``1h30m``: a time in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of a duration."""
        if isinstance(value, (int, float)):
            return float(value)
        match = _DURATION.fullmatch(value.strip())
        seconds = 0.0
        if match is not None:
            parts = {unit: float(number) for unit, number in match.groupdict().items() if number is not None}
            seconds = 3600 * parts.get("h", 0) + 60 * parts.get("m", 0) + parts.get("s", 0)
        if seconds <= 0:
            self.fail(f"{value!r} is no duration (write 90s, 5m or 1h30m)", param, ctx)
        return seconds


INPUT_FILE = click.Path(dir_okay=False, path_type=Path)
OUTPUT_FILE = click.Path(path_type=Path)


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, listed in the help in the order given."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


subject_option = click.option(
    "--subject",
    default="torch",
    show_default=True,
    metavar="NAME",
    help="The engine under test; `subjects` lists them.",
)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def refusing_names() -> Iterator[None]:
    """Refuse, in one line, a subject, profile, driver or law that is not there or can't run here."""
    from conformance.generate.drivers import UnknownDriver
    from conformance.generate.profiles import UnknownProfile
    from conformance.judge.laws import UnknownLaw
    from conformance.subjects.base import SubjectUnavailable
    from conformance.subjects.registry import UnknownSubject

    try:
        yield
    except (UnknownSubject, UnknownProfile, UnknownDriver, UnknownLaw, SubjectUnavailable) as error:
        raise SetupError(str(error)) from None
