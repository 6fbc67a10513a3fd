"""What tests ask about other devices: there are none."""

from __future__ import annotations

TEST_CUDA = TEST_MULTIGPU = TEST_CUDNN = SM53OrLater = SM80OrLater = False
