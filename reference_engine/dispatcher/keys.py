"""The names of torch's dispatch keys. Of these, a call of an operator of a program's own looks at a few."""

from __future__ import annotations

import enum

_BACKENDS = [
    "CPU",
    "CUDA",
    "HIP",
    "XLA",
    "MPS",
    "IPU",
    "XPU",
    "HPU",
    "VE",
    "Lazy",
    "MTIA",
    "MAIA",
    "PrivateUse1",
    "PrivateUse2",
    "PrivateUse3",
    "Meta",
]
_OTHERS = [
    "Undefined",
    "Dense",
    "Quantized",
    "Sparse",
    "SparseCsr",
    "NestedTensor",
    "BackendSelect",
    "Python",
    "Functionalize",
    "Conjugate",
    "Negative",
    "ZeroTensor",
    "ADInplaceOrView",
    "AutogradOther",
    "AutogradFunctionality",
    "AutogradNestedTensor",
    "Tracer",
    "FuncTorchBatched",
    "FuncTorchBatchedDecomposition",
    "FuncTorchVmapMode",
    "FuncTorchGradWrapper",
    "FuncTorchDynamicLayerBackMode",
    "FuncTorchDynamicLayerFrontMode",
    "PythonTLSSnapshot",
    "PythonDispatcher",
    "PreDispatch",
    "Autograd",
    "CompositeImplicitAutograd",
    "CompositeImplicitAutogradNestedTensor",
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
]

DispatchKey = enum.Enum(  # type: ignore[misc]
    "DispatchKey",
    [
        *_OTHERS,
        *(f"{kind}{backend}" for kind in ("", "Autograd", "Quantized", "Sparse", "SparseCsr") for backend in _BACKENDS),
        *(f"Autocast{backend}" for backend in ("CPU", "CUDA", "HPU", "IPU", "MPS", "XPU", "PrivateUse1")),
    ],
)
