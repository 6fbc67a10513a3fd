"""What ``gradcheck`` is made of: finite differences, derivatives as the engine computes them, and the comparisons.

``numerical.py`` and ``analytical.py`` compute; ``slow.py`` compares whole Jacobians, ``fast.py`` one number of each;
``rules.py`` checks what else a backward owes: zeros for zeros, undefined gradients, batches.
"""

from __future__ import annotations
