"""``torch._ops``: the classes of operators."""

from __future__ import annotations

from reference_engine.dispatcher.operators import OpNamespace as _OpNamespace
from reference_engine.dispatcher.operators import OpOverload, OpOverloadPacket

__all__ = ["OpOverload", "OpOverloadPacket", "_OpNamespace"]
