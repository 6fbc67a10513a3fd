"""An executable specification of PyTorch autograd, in NumPy.

The public names are torch's own, so that ``import reference_engine as torch`` runs a script written for torch. It is
built to be read: start at ``tensor.py``, then ``autograd/engine.py``, ``views.py`` and ``ops/pointwise.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_engine import autograd, creation, dtypes, errors, ops, overrides
from reference_engine import tensor as _tensor_module
from reference_engine.creation import *  # noqa: F403
from reference_engine.devices import device
from reference_engine.dtypes import (
    bfloat16,
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    set_default_dtype,
    short,
    uint8,
)  # fmt: skip
from reference_engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)  # fmt: skip
from reference_engine.namespaces import publish as _publish
from reference_engine.semantics import require
from reference_engine.size import Size
from reference_engine.tensor import Tensor, is_tensor

_publish(globals())
_later = {name: globals().pop(name) for name in ("func", "vmap")}  # not in every version


if TYPE_CHECKING:  # most names are published, not imported

    def __getattr__(name: str) -> Any: ...

    # Modules that are analysed in a cycle with this one see these before the line above.
    Generator: Any
    allclose: Any
    linalg: Any
    where: Any
    diag_embed: Any
    cat: Any
    view_as_complex: Any
    complex: Any
    imag: Any
    rand: Any
    randn_like: Any
    stack: Any
    tensor_split: Any
    split: Any
    view_as_real: Any

else:

    def __getattr__(name):
        if name not in _later:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        require("functorch.exists", "torch", name)
        return _later[name]

    def __dir__():
        return sorted({*globals(), *_later})
