"""Programs as JSON. Reading one never executes code, and what can't be a Program is refused in one clear line."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import msgspec

from conformance.program import steps as s
from conformance.program.limits import ProgramError, validate

__all__ = ["MAX_BYTES", "ProgramError", "decode", "encode", "load", "save", "validate"]

MAX_BYTES = 4 << 20

_decoder = msgspec.json.Decoder(s.Program)
_encoder = msgspec.json.Encoder(order="deterministic")
_KINDS = {
    "step": tuple(str(kind.__struct_config__.tag) for kind in s.STEP_TYPES),
    "kind": tuple(str(kind.__struct_config__.tag) for kind in s.ARG_TYPES),
}
_BAD_TAG = re.compile(r"Invalid value '(?P<word>[^']*)' - at `\$?(?P<place>[^`]*)\.(?P<field>step|kind)`\Z")
_PLACE = re.compile(r" - at `\$?\.?(?P<place>[^`]*)`\Z")


def encode(program: s.Program) -> bytes:
    """The Program as JSON, one step a line."""
    return msgspec.json.format(_encoder.encode(program), indent=1) + b"\n"


def decode(data: bytes | str) -> s.Program:
    """The Program that JSON describes.

    Raises:
        ProgramError: it describes none, or one beyond the limits; the text names the place.
    """
    if len(data) > MAX_BYTES:
        raise ProgramError(f"a Program file holds at most {MAX_BYTES} bytes, this one {len(data)}")
    try:
        program = _decoder.decode(data)
    except RecursionError:
        raise ProgramError("the Program is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ProgramError(_explain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProgramError(f"not JSON: {_line(str(error))}") from None
    validate(program)
    return program


def load(path: Path) -> s.Program:
    """Read a Program file.

    Raises:
        ProgramError: the file can't be read, or holds no Program.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProgramError(f"can't read {path}: {error.strerror}") from None
    try:
        return decode(data)
    except ProgramError as error:
        raise ProgramError(f"{path}: {error}") from None


def save(program: s.Program, path: Path) -> None:
    """Write a Program file, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(encode(program))
    partial.replace(path)


def _explain(text: str) -> str:
    """A msgspec complaint as one line that starts with the place."""
    bad_tag = _BAD_TAG.match(text)
    if bad_tag:
        field, word = bad_tag["field"], bad_tag["word"]
        near = difflib.get_close_matches(word, _KINDS[field], n=1, cutoff=0.4)
        hint = f"; the nearest is {near[0]!r}" if near else f"; there are {', '.join(_KINDS[field])}"
        return (
            f"{bad_tag['place'].lstrip('.')}: unknown {'step' if field == 'step' else 'argument kind'} {word!r}{hint}"
        )
    place = _PLACE.search(text)
    if place:
        return f"{place['place'] or 'Program'}: {_line(text[: place.start()])}"
    return f"Program: {_line(text)}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
