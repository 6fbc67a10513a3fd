"""Run scripts on one engine and print what each prints, as JSON.

    python tests/surface/run_scripts.py ENGINE SCRIPT...

ENGINE is ``torch``, or ``reference_engine@2.13`` for the reference with the semantics of that torch; it goes by the
name of ``torch`` while the scripts run. ``reference_engine@2.13:twister`` draws all its random numbers as torch does
where it has no MKL, whatever the processor; ``reference_engine@2.13:twister:watched`` runs them inside of a dispatch
mode that changes nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import sys
import traceback
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch.x`` as ``reference_engine.x``."""

    def __init__(self, engine: str) -> None:
        self.engine = engine

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "torch" and not name.startswith("torch."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return importlib.import_module(self.engine + spec.name[len("torch") :])

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def run(path: Path) -> str:
    """What the script prints; a traceback's last lines if it fails."""
    import torch

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})
        except Exception:
            last = traceback.format_exc().strip().splitlines()
            print("SCRIPT FAILED", *last[-6:], sep="\n")
        finally:
            torch.set_default_dtype(torch.float32)
            torch.set_printoptions(profile="default")
            torch.set_grad_enabled(True)
    return printed.getvalue()


def main(engine: str, scripts: Sequence[str]) -> None:
    engine, _, variant = engine.partition(":")
    engine, _, version = engine.partition("@")
    with contextlib.ExitStack() as stack:
        if engine != "torch":
            sys.meta_path.insert(0, _Alias(engine))
            semantics: Any = importlib.import_module(f"{engine}.semantics")
            # A module imported anew becomes an attribute of its package; autograd.gradcheck is a function there.
            sys.modules.update({"torch" + n[len(engine) :]: m for n, m in sys.modules.items() if n.startswith(engine)})
            stack.enter_context(semantics.using(semantics.Semantics(version or None)))
        if "watched" in variant.split(":"):
            dispatch: Any = importlib.import_module(f"{engine}.utils._python_dispatch")
            stack.enter_context(dispatch.BaseTorchDispatchMode())
        if "twister" in variant.split(":"):
            random: Any = importlib.import_module(f"{engine}.random")
            random.torch_uses_mkl_here = lambda: False
        json.dump({Path(script).stem: run(Path(script)) for script in scripts}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
