"""``torch.version``: that of the semantics in force when this package was imported."""

from __future__ import annotations

from reference_engine.semantics import current

__version__ = str(current().version)
debug = False
cuda = hip = xpu = rocm = git_version = None
