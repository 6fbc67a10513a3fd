"""Record what the installed torch prints for every script.

python tests/surface/record_scripts.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
GOLDENS = HERE / "goldens" / "scripts.json"
SCRIPTS = sorted((HERE / "scripts").glob("*.py"))


def outputs(engine: str, scripts: Sequence[Path] = SCRIPTS) -> dict[str, str]:
    """What each script prints on an engine, in a process of its own."""
    # The engine goes by another's name there, so nothing of this process may be loaded yet.
    command = [sys.executable, str(HERE / "run_scripts.py"), engine, *(str(path) for path in scripts)]
    path = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    printed: dict[str, str] = json.loads(done.stdout)
    return printed


if __name__ == "__main__":
    import torch

    document = {"torch": torch.__version__.split("+")[0], "outputs": outputs("torch")}
    GOLDENS.write_text(json.dumps(document, indent=0) + "\n")
