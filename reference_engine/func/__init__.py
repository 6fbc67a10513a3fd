"""``torch.func``: derivatives as functions of functions, and functions of batches.

Where to start reading: ``reference_engine/levels.py`` (what is inside of a transform), then ``gradients.py``, and
``reference_engine/ops/batching.py`` for ``vmap``.
"""

from __future__ import annotations

from reference_engine.func.gradients import grad, grad_and_value, vjp
from reference_engine.func.jacobians import hessian, jacfwd, jacrev
from reference_engine.func.modules import functional_call, stack_module_state
from reference_engine.func.rearranging import rearrange
from reference_engine.func.rewriting import functionalize, replace_all_batch_norm_modules_
from reference_engine.func.tangents import jvp, linearize
from reference_engine.func.vectorized import vmap
from reference_engine.levels import debug_unwrap

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
