"""What all our tests share: one thread for torch, and the two ways in which Hypothesis searches."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version

# Before anything imports torch or NumPy: our tensors are tiny, and test processes already fill the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis

# Examples take as long as an engine takes to run a program; that is the benchmarks' business.
hypothesis.settings.register_profile("local", deadline=None)
# In CI the same examples every time: a failure there is of the change, not of chance. To search on is for runs.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_report_header() -> str:
    """Which subject the tests see."""
    torch = f"torch {version('torch')}" if importlib.util.find_spec("torch") else "no torch"
    return f"subject: {torch}, numpy {version('numpy')}"
