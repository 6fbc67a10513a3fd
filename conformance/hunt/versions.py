"""The same finding on other releases: each has an interpreter of its own, which runs the suite from where it is."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

import conformance
from conformance.hunt.state import Cause

_TIMEOUT = 120.0
_ROOT = str(Path(conformance.__file__).resolve().parents[1])


def check(cause: Cause, pythons: Sequence[Path], subject: str) -> dict[str, str]:
    """Release to "affected", "not affected", or why it can't be told."""
    told: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "finding.json"
        path.write_bytes(msgspec.json.encode({"program": cause.finding.program, "law": cause.finding.law}))
        for python in pythons:
            version, seen = _ask(python, path, subject)
            told[version] = seen
    return told


def _ask(python: Path, path: Path, subject: str) -> tuple[str, str]:
    environment = {**os.environ, "PYTHONPATH": _ROOT}
    command = [str(python), "-m", "conformance.hunt.recheck", str(path), subject]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return str(python), "no answer"
    except OSError as error:
        return str(python), f"can't be run: {error.strerror}"
    if done.returncode < 0:
        return str(python), f"affected: killed by signal {-done.returncode}"
    try:
        version, seen = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return str(python), f"can't be told: {last[:120]}"
    return version, seen
