"""``python -m specs [area ...]``: validates the data and prints the index of messages at the newest version."""

from __future__ import annotations

import sys

from specs.load import NEWEST, SpecError, Specs, load


def index(specs: Specs, areas: tuple[str, ...] = ()) -> str:
    """One line a message (id, type, template at the newest version), one line a switch."""
    lines: list[str] = []
    for message in specs.messages.values():
        if areas and message.id.split(".", 1)[0] not in areas:
            continue
        template = message.at(NEWEST)
        if template is None:
            lines.append(f"{message.id}  (nothing at {NEWEST})")
        else:
            lines.append(f"{message.id}  {message.type_of(template)}  {template.text!r}")
    for switch in specs.switches.values():
        if not areas or switch.area in areas:
            lines.append(f"{switch.id}  switch  {'on' if NEWEST in switch.versions else 'off'}  {switch.text}")
    counts = (len(specs.clauses), len(specs.messages), len(specs.switches), len(specs.deviations))
    lines.append("{} clauses, {} messages, {} switches, {} deviations".format(*counts))
    return "\n".join(lines)


def main(areas: tuple[str, ...]) -> int:
    """Print the index; 1 if the data contradicts itself."""
    try:
        print(index(load(), areas))
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
