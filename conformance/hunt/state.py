"""What a hunt knows, kept in a folder: it can be stopped at any time and goes on where it was."""

from __future__ import annotations

from pathlib import Path

import msgspec

from conformance.hunt.steering import Steering
from conformance.report.files import write_atomically
from conformance.report.run import Finding


class HuntError(Exception):
    """The folder holds another hunt, or none that can be read; the text is one line."""


class Plan(msgspec.Struct, frozen=True):
    """What makes two hunts the same one."""

    subject: str
    version: str
    seed: int
    profiles: tuple[str, ...]
    epoch: int  # programs in an epoch


class Cause(msgspec.Struct):
    """Findings of one cause.

    Attributes:
        finding: the first of them, shrunk once `complete`.
        programs: how many programs met it.
        found_at: programs drawn when it was first met.
        complete: whether it is shrunk, and its versions are checked.
        versions: release to what was seen there: "affected", "not affected", or why that cannot be told.
    """

    finding: Finding
    programs: int = 1
    found_at: int = 0
    complete: bool = False
    versions: dict[str, str] = msgspec.field(default_factory=dict)


class State(msgspec.Struct):
    """A hunt so far."""

    plan: Plan
    drawn: int = 0
    seconds: float = 0.0
    quiet: float = 0.0  # of these, since something unexplained was last met for the first time
    steering: Steering = msgspec.field(default_factory=Steering)
    weights: list[dict[str, float]] = msgspec.field(default_factory=list)  # one an epoch
    causes: dict[str, Cause] = msgspec.field(default_factory=dict)
    aliases: dict[str, str] = msgspec.field(default_factory=dict)  # ids of findings that turned out to be another's
    deviations: dict[str, int] = msgspec.field(default_factory=dict)


def begin(folder: Path, plan: Plan) -> State:
    """The hunt of a folder, or a new one.

    Raises:
        HuntError: the folder holds a hunt with other settings, or something else.
    """
    path = folder / "state.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        return State(plan)
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except (msgspec.DecodeError, OSError) as error:
        raise HuntError(f"{path} can't be read: {error}") from None
    if state.plan != plan:
        other = ", ".join(
            f"{field} {getattr(state.plan, field)}"
            for field in plan.__struct_fields__
            if getattr(plan, field) != getattr(state.plan, field)
        )
        raise HuntError(f"{folder} holds another hunt ({other}); give another --state folder to begin a new one")
    return state


def save(folder: Path, state: State) -> None:
    """Write the state, so that a hunt that is killed loses an epoch at most."""
    write_atomically(folder / "state.json", msgspec.json.format(msgspec.json.encode(state), indent=1).decode())
    write_atomically(folder / "weights.json", msgspec.json.encode(state.weights).decode())
