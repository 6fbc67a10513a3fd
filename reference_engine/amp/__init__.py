"""``torch.amp``: mixed precision.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from reference_engine.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from reference_engine.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
