"""What PyTorch autograd owes its users, as data: clauses, the exact words of refusals, switches, known deviations."""

from __future__ import annotations

from specs.load import NEWEST, OLDEST, NoTemplate, SpecError, Specs, UnknownId, load
from specs.schema import Clause, Deviation, Message, Switch, Template
from specs.versions import Version, VersionRange

__all__ = [
    "NEWEST",
    "OLDEST",
    "Clause",
    "Deviation",
    "Message",
    "NoTemplate",
    "SpecError",
    "Specs",
    "Switch",
    "Template",
    "UnknownId",
    "Version",
    "VersionRange",
    "load",
]
