"""``ops``: the table of ops, the evidence of a Run for each, and how much of torch's own table it covers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from conformance.cli.catalogue import evidence_of, evidence_option, print_json
from conformance.cli.options import json_flag
from conformance.cli.refusals import SetupError

if TYPE_CHECKING:
    from conformance.report.run import Run

EXAMPLES = """\b
Examples:
  conformance ops
  conformance ops --run run.json --json      with the evidence of a Run, cell by cell
  conformance ops --coverage                 against torch's own table of ops
"""


@click.command(short_help="List the ops of the reference engine.", epilog=EXAMPLES)
@evidence_option
@click.option("--coverage", is_flag=True, help="Count how many of torch's own OpInfo entries the table covers.")
@json_flag
def ops(run_file: Path | None, coverage: bool, as_json: bool) -> None:
    """List the ops of the reference engine: forms, derivatives, other names.

    With --run, each op shows how many programs of that Run exercised it in which way, and what came of it. A way
    without evidence is left out, never shown as conforming.
    """
    rows = op_rows(evidence_of(run_file))
    if coverage:
        _print_coverage(rows, as_json)
    elif as_json:
        print_json(rows)
    else:
        _print_table(rows)


def op_rows(evidence: Run | None) -> list[dict[str, Any]]:
    """One row an op, aliases not counted."""
    import reference_engine  # noqa: F401 - importing the engine declares its ops
    from reference_engine.ops.declare import ALIASES, OPS

    other_names: dict[str, list[str]] = {}
    for alias, name in sorted(ALIASES.items()):
        other_names.setdefault(name, []).append(alias)
    found = {} if evidence is None else {op.name: op.cells for op in evidence.ops}
    rows = []
    for name, overloads in sorted(OPS.items()):
        if name in ALIASES:
            continue
        row: dict[str, Any] = {
            "name": name,
            "aliases": other_names.get(name, []),
            "signatures": [op.signature for op in overloads],
            "differentiable": any(op.vjp or op.composite for op in overloads),
            "inplace": any(op.inplace for op in overloads),
            "out": any(op.out for op in overloads),
            "view": any(op.is_view for op in overloads),
        }
        if evidence is not None:
            cells = found.get(name, {})
            row["cells"] = {way: {"programs": c.programs, "verdict": c.verdict} for way, c in sorted(cells.items())}
        rows.append(row)
    return rows


def _print_table(rows: list[dict[str, Any]]) -> None:
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        traits = [trait for trait in ("differentiable", "inplace", "out", "view") if row[trait]]
        if row["aliases"]:
            traits.append(f"also {', '.join(row['aliases'])}")
        if "cells" in row:
            ways = [f"{way} {cell['programs']}" for way, cell in row["cells"].items() if cell["programs"]]
            traits = ways or ["not exercised"]
        click.echo(f"{row['name']:<{width}}  {', '.join(traits)}".rstrip())
    click.echo(f"{len(rows)} ops, {sum(row['differentiable'] for row in rows)} differentiable", err=True)


def _print_coverage(rows: list[dict[str, Any]], as_json: bool) -> None:
    from conformance.subjects.base import SubjectUnavailable
    from conformance.subjects.opinfo import autograd_entries, callable_entries
    from conformance.subjects.reference import Reference

    try:
        entries = autograd_entries()
        spelled = callable_entries(Reference())
    except SubjectUnavailable as error:
        raise SetupError(str(error)) from None
    known = {name for row in rows for name in (row["name"], *row["aliases"])}
    declared = [entry for entry in entries if not known.isdisjoint((entry.name, *entry.aliases))]
    written = [entry for entry in entries if entry not in declared and entry.name in spelled]
    missing = [entry for entry in entries if entry not in declared and entry.name not in spelled]
    covered = len(declared) + len(written)
    names = sorted({entry.name for entry in missing})
    if as_json:
        print_json({"autograd_entries": len(entries), "covered": covered, "declared": len(declared), "missing": names})
        return
    click.echo(f"torch's OpInfo entries that support autograd: {len(entries)}")
    click.echo(f"covered: {covered} ({covered / len(entries):.0%})")
    click.echo(f"  by an op of the table: {len(declared)}")
    click.echo(f"  by an operator, a property or a function written with these: {len(written)}")
    if names:
        click.echo(f"not covered: {', '.join(names)}")
