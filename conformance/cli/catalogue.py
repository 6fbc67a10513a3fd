"""``show``, ``clauses`` and ``subjects``: what the specification says and what can be put under test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from conformance.cli.compare import load_runs
from conformance.cli.options import INPUT_FILE, json_flag
from conformance.cli.refusals import unknown

if TYPE_CHECKING:
    from conformance.report.run import Run
    from specs.load import Specs
    from specs.schema import Clause

SHOW_EXAMPLES = """\b
Examples:
  conformance show backward.implicit_grad.one_element
  conformance show backward            every clause of an area
  conformance show backward.freed      every clause whose id begins so
"""

evidence_option = click.option(
    "--run", "run_file", type=INPUT_FILE, metavar="RUN.json", help="Add the evidence of a Run (see `run --json`)."
)


def evidence_of(path: Path | None) -> Run | None:
    """The Run whose evidence was asked for, if any."""
    return None if path is None else load_runs((path,))[0]


def print_json(rows: Any) -> None:
    """Rows as JSON for people and programs."""
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


# -- clauses -----------------------------------------------------------------------------------------------------------


@click.command(epilog=SHOW_EXAMPLES, short_help="Show what a clause says.")
@click.argument("clause", metavar="CLAUSE")
@evidence_option
@json_flag
def show(clause: str, run_file: Path | None, as_json: bool) -> None:
    """Show what a CLAUSE says: its text, source, words by version, known deviations and example programs."""
    from specs.load import load

    specs = load()
    evidence = evidence_of(run_file)
    prefix = clause.rstrip(".") + "."
    chosen = (
        [specs.clauses[clause]]
        if clause in specs.clauses
        else [c for c in specs.clauses.values() if c.id.startswith(prefix)]
    )
    if not chosen:
        unknown("clause", clause, specs.clauses, listing="`conformance clauses` lists them")
    rows = [_clause_row(specs, entry, evidence, words=True) for entry in chosen]
    if as_json:
        print_json(rows[0] if clause in specs.clauses else rows)
        return
    for number, (entry, row) in enumerate(zip(chosen, rows, strict=True)):
        click.echo("\n" * (number > 0) + _prose(entry, row, with_examples=len(chosen) == 1))


@click.command(short_help="List the clauses of the specification.")
@click.option("--area", help="Only clauses of this area.")
@evidence_option
@json_flag
def clauses(area: str | None, run_file: Path | None, as_json: bool) -> None:
    """List the clauses of the specification, with area, versions and source."""
    from specs.load import load

    specs = load()
    if area is not None and area not in specs.areas():
        unknown("area", area, specs.areas())
    evidence = evidence_of(run_file)
    chosen = [entry for entry in specs.clauses.values() if area in (None, entry.area)]
    rows = [_clause_row(specs, entry, evidence) for entry in chosen]
    if as_json:
        print_json(rows)
        return
    width = max((len(entry.id) for entry in chosen), default=0)
    for entry, row in zip(chosen, rows, strict=True):
        counted = f"{row['programs']:>8}  {row['verdict']:<15}  " if evidence is not None else ""
        click.echo(f"{entry.id:<{width}}  {counted}{entry.text}")
    click.echo(f"{len(chosen)} clauses", err=True)


def _clause_row(specs: Specs, entry: Clause, evidence: Run | None, *, words: bool = False) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": entry.id,
        "area": entry.area,
        "kind": entry.kind,
        "text": entry.text,
        "versions": str(entry.versions),
        "source": entry.source,
        "under_specified": entry.under_specified,
        "deviations": [deviation.id for deviation in specs.deviations.values() if deviation.clause == entry.id],
    }
    if words:
        message = specs.messages.get(entry.id)
        row["message"] = message and [
            {"type": message.type_of(template), "versions": str(template.versions), "text": template.text}
            for template in message.template
        ]
    if evidence is not None:
        found = next((item for item in evidence.clauses if item.id == entry.id), None)
        row["programs"] = found.programs if found else 0
        row["verdict"] = found.verdict if found else "not_exercised"
        row["examples"] = list(found.examples) if found else []
    return row


def _prose(entry: Clause, row: dict[str, Any], *, with_examples: bool) -> str:
    lines = [click.style(entry.id, bold=True), f"  {entry.text}", ""]
    lines.append(f"  kind      {entry.kind}")
    lines.append(f"  versions  {row['versions']}")
    lines.append(f"  source    {entry.source}")
    if entry.under_specified:
        lines.append(f"  left open {entry.under_specified}")
    for template in row["message"] or ():
        lines += ["", f"  {template['type']}, {template['versions']}:", *_indented(template["text"], 4)]
    if "programs" in row:
        lines += ["", f"  {row['verdict']}: exercised by {row['programs']} programs"]
    for deviation in row["deviations"]:
        lines += ["", *_deviation(deviation)]
    if with_examples:
        lines += _examples(entry.id)
    return "\n".join(lines)


def _deviation(deviation_id: str) -> list[str]:
    from specs.load import load

    deviation = load().deviations[deviation_id]
    lines = [f"  known deviation {deviation.id} ({deviation.versions}): {deviation.title}"]
    lines += [f"    promised    {deviation.promised}", f"    torch does  {deviation.torch_does}"]
    lines.append(f"    why         {deviation.why}")
    return [*lines, f"    see         {deviation.link}"] if deviation.link else lines


def _examples(clause_id: str) -> list[str]:
    from conformance.examples import EXAMPLES
    from conformance.program.script import to_script

    lines: list[str] = []
    for example in EXAMPLES.values():
        if clause_id not in example.clauses:
            continue
        lines += ["", f"  example {example.name}:", *_indented(to_script(example.program), 4)]
    return lines


def _indented(text: str, by: int) -> list[str]:
    return [" " * by + line if line else "" for line in text.splitlines()]


# -- subjects ---------------------------------------------------------------------------------------------------------


@click.command(short_help="List the engines that can be put under test.")
@json_flag
def subjects(as_json: bool) -> None:
    """List the engines that can be put under test, and whether each can run here.

    Other packages add theirs through the entry point group `autograd_conformance.subjects`.
    """
    from conformance.subjects.base import SubjectUnavailable
    from conformance.subjects.registry import subject_factories

    rows: list[dict[str, str | None]] = []
    for name, factory in subject_factories().items():
        try:
            subject = factory()
            rows.append({"name": name, "library": subject.library, "version": subject.version(), "unavailable": None})
        except SubjectUnavailable as error:
            rows.append({"name": name, "library": None, "version": None, "unavailable": str(error)})
    if as_json:
        print_json(rows)
        return
    for row in rows:
        here = row["unavailable"] is None
        click.echo(f"{row['name']:<16}" + ("{library} {version}" if here else "not here: {unavailable}").format(**row))
