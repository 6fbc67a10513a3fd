"""``torch._library.infer_schema``."""

from __future__ import annotations

from reference_engine.dispatcher.inference import infer_schema

__all__ = ["infer_schema"]
