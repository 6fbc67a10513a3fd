"""Expressions whose value or refusal changed between releases of torch; run with a torch, this records what it gives.

python tests/reference_engine/version_cases.py    # adds the installed release to version_goldens.json
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

GOLDENS = Path(__file__).with_name("version_goldens.json")

ARGUMENTS = (
    "x.squeeze('a', 2)",
    "torch.squeeze(x, 1.5)",
    "torch.var(x, keepdim=1.5, out=x)",
    "torch.std_mean(x, 1.5, keepdim=True)",
    "torch.std_mean(x, foo=1.5, keepdim=True)",
    "x.std(correction='a', keepdim=1.5)",
    "torch.sparse_coo_tensor(x, x, (2,), foo=1, bar=2)",
    "torch.add(x, x, x, x, x)",
    "torch.add(x, 1, x)",
    "x.sum(1.5, foo=True, bar=3)",
    "torch.mean(x, dim='a')",
    "torch.max(x, 1.5)",
    "torch.pow('a', x, x)",
    "torch.cumsum(x)",
    "torch.cumsum(x, 1.5)",
    "torch.transpose(x, 1.5, 2)",
    "torch.gather(x, 0, 1.5)",
)  # fmt: skip

NAMES = (
    "torch.nonzero_static(x, size=1)",
    "x.nonzero_static(size=1)",
    "x.nbytes",
    "x.itemsize",
    "x.untyped_storage()",
)

LAYERS = (
    "torch.nn.functional.rms_norm(scalar, (1,))",
    "torch.nn.functional.rms_norm(x, (2, 2))",
    "torch.nn.functional.rms_norm(x, (3,))",
    "torch.nn.functional.rms_norm(x.long(), (2,))",
    "torch.channel_shuffle(graph(1, 4, 2), 2).grad_fn.name()",
    "torch.stft(x, 1, 1)",
    "torch.stft(x, 1, 1, return_complex=False)",
    "torch.stft(x, 1)",
    "torch.nn.utils.weight_norm(torch.nn.Linear(1, 1)).bias.shape",
    "torch.channel_shuffle(graph(1, 4, 2), 2).sum().backward()",
    "torch.istft(torch.ones(2, 3, dtype=torch.complex64), 2, 1)",
)

NODES = (
    "(graph(1, 2) * 1).squeeze_().grad_fn.name()",
    "(graph(1, 2) * 1).squeeze_(0).grad_fn.name()",
    "graph(2, 2).to_sparse().grad_fn.name()",
    "graph(2, 2).to_sparse(1).grad_fn.name()",
    "graph(2, 2).to(torch.complex64).to_sparse(1).grad_fn.name()",
    "torch.t_copy(graph(2, 2).to(torch.complex64)).grad_fn.name()",
    "torch.select_copy(graph(2, 2).to(torch.complex64), 0, 0)",
)

OLDER_NODES = (
    "torch.prelu(graph(1, 2), graph(2)).grad_fn.name()",
    "torch.autograd.grad(torch.prelu(-graph(1, 2), graph(2)).sum(), [w := graph(1)], allow_unused=True)",
    "torch.prelu(x, torch.ones(1, dtype=torch.float64))",
    "torch.prelu(torch.ones(3, 2).t(), x[:1]).stride()",
    "graph(2).diag().grad_fn.name()",
    "graph(2, 2).diag(1).grad_fn.name()",
    "torch.ones(2, 2).half().diag()",
    "torch.nn.functional.hardtanh(graph(2).bfloat16()).sum().backward()",
    "torch.nn.functional.mish(torch.ones(2).bfloat16()).shape",
    "graph(2, 2).to_sparse_csr().grad_fn.name()",
    "torch.max(x, out=torch.ones(()))",
    "torch.ormqr(graph(3, 1), x[:1], graph(3, 1)).sum().backward()",
    "torch.ormqr(graph(3, 1).cfloat(), x[:1].cfloat(), torch.ones(3, 1).cfloat()).requires_grad",
    "hasattr(graph(2, 2).mean().grad_fn, '_saved_self')",
    "hasattr(graph(2, 2).mean(1).grad_fn, '_saved_self')",
)

SPARSE = (
    "torch.sparse_coo_tensor(scalar)",
    "torch.sparse_coo_tensor((1.0, 1))",
    "x.values()",
    "x.coalesce()",
    "x.sparse_dim()",
    "x.crow_indices()",
    "x.to_sparse().crow_indices()",
    "x.to_sparse().contiguous()",
    "torch.ones(2, 2).to_sparse().to_sparse_csr(1)",
    "torch.ones(2, 2).to_sparse().to_sparse(1)",
    "torch.sparse_csr_tensor(x.long(), x.long(), x, (2, 2), check_invariants=True)",
    "torch.sparse_csc_tensor(torch.tensor([0, 1]), torch.tensor([0]), x[:1], (1, 1), foo=1)",
    "torch.sparse.mm(torch.ones(1, 1).to_sparse_csr(), torch.ones(1, 1), reduce='foo')",
    "x.to_sparse().requires_grad_().log1p().backward(x.to_sparse())",
)

EDGES = (
    "torch.func.grad",
    "torch.vmap",
    "torch.autograd.graph.GradientEdge(None, 1)",
    "torch.autograd.graph.GradientEdge(None, 1, None)",
    "torch.autograd.graph.get_gradient_edge(graph(1) * 1).output_nr",
)

INDICES = (
    "torch.ones(1, 1).index_reduce(1, torch.tensor([1, 1, 1]), torch.ones(1, 3, 1), 'amin')",
    "torch.ones(2, 1).index_reduce(1, torch.tensor([0, 0]), torch.full((1, 2), 3.0), 'amax')",
    "torch.ones(1).index_reduce(0, torch.tensor([0, 0]), torch.ones(2, 2), 'amax')",
    "scalar.scatter_reduce(1, torch.tensor(0), scalar, 'prod')",
    "scalar.scatter_reduce(0, torch.tensor(0), scalar, 'foo')",
    "scalar.scatter_reduce(0, torch.tensor(0), scalar, 'prod')",
    "torch.ones(1, dtype=torch.bool).scatter_reduce(0, torch.tensor([0]), torch.ones(1, dtype=torch.bool), 'mean')",
    "torch.ones(1, dtype=torch.cfloat).scatter_reduce(0, torch.tensor([0]), torch.ones(1, dtype=torch.cfloat), 'amax')",
)

MATRICES = (
    "torch.nuclear_norm(torch.ones(1, 1))",
    "torch.nuclear_norm(torch.ones(1))",
    "torch.nuclear_norm(torch.ones(1, 1, 1), (0,))",
    "torch.frobenius_norm(x, ())",
    "torch.inner(graph(1), graph(1), out=torch.ones(())).grad_fn.name()",
    "torch.tensordot(graph(2), graph(2), 1, out=torch.ones(())).grad_fn.name()",
)

ORDERS = (
    "torch.tensor([5.0, 4, 3, 2, 1, 0]).unique(False)",
    "torch.tensor([0, 14, 1, 13]).unique(False)",
    "torch.tensor([3.0, 1, 2, 1]).unique(False, True, True)",
    "torch.arange(40.0).unique(False)",
    "torch.as_strided_scatter(torch.ones(9)[::2], torch.ones(2), (2,), (1,), 0).stride()",
)

QUOTIENTS = (
    "torch.zeros(3, dtype=torch.cfloat) / -0.75",
    "torch.zeros(10, dtype=torch.cfloat) / -0.75",
    "torch.zeros(6, dtype=torch.cdouble) / torch.full((6,), -0.75)",
    "torch.zeros(1, 6, dtype=torch.cdouble) / torch.full((2, 1), -0.75)",
    "torch.ones(6, dtype=torch.cdouble) / torch.zeros(6)",
)

CALLS = (
    "len(torch.autograd.graph.get_gradient_edge(graph(1) * 1))",
    "torch.autograd.backward([3])",
    "torch.autograd.backward([3], [torch.ones(1)])",
    "torch.autograd.backward([3], [None])",
    "torch.autograd.grad([3], graph(1))",
    "torch.autograd.backward((w := graph(1)) * 1, inputs=[w])",
    "torch.autograd.backward((w := graph(1)) * 1, inputs=iter([w]))",
    "torch.autograd.backward((w := graph(1)) * 1, inputs=3)",
    "(y := graph(1) * 1, y.retain_grad(), y.register_hook(lambda g: g * 2), y.backward(), y.grad)[-1]",
    "(y := graph(1) * 1, y.register_hook(lambda g: g * 2), y.retain_grad(), y.backward(), y.grad)[-1]",
    (
        "(said := [], y := graph(1) * 1, y.grad_fn.register_prehook(lambda g: said.append('node')), "
        "y.register_hook(lambda g: said.append('tensor')), y.backward(), said)[-1]"
    ),
    "(said := [], w := graph(1), w.register_hook(lambda g: said.append(w.grad)), (w * 1).backward(), said)[-1]",
)

CASES = (
    CALLS + MATRICES + ORDERS + QUOTIENTS + ARGUMENTS + NAMES + LAYERS + NODES + OLDER_NODES + SPARSE + EDGES + INDICES
)


def outcome(torch: Any, expression: str) -> list[str]:
    """What an expression gives or is refused with, and the warnings."""
    scope = {"torch": torch, "x": torch.tensor([1.0, 2.0]), "scalar": torch.tensor(1.0)}
    scope["graph"] = lambda *shape: torch.ones(*shape, requires_grad=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = eval(expression, scope)
            result = "a function" if callable(result) else result
            text = "a storage" if "torage" in type(result).__name__ else str(result)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
    return [_clean(part) for part in (text, *(str(w.message) for w in seen))]


def _clean(text: str) -> str:
    text = re.sub(r"(for possible resolutions\.).*", r"\1", text, flags=re.DOTALL)
    text = re.sub(r" \(Triggered internally at [^)]*\)", "", text)
    return re.sub(r"module '[\w.]*'", "the module", text).rstrip("\n")


if __name__ == "__main__":
    import torch

    torch.set_warn_always(True)
    known = json.loads(GOLDENS.read_text()) if GOLDENS.exists() else {}
    version = torch.__version__.partition("+")[0]
    for case in CASES:
        known.setdefault(case, {})[version] = outcome(torch, case)
    known = {case: dict(sorted(known[case].items(), key=lambda e: [int(n) for n in e[0].split(".")])) for case in CASES}
    GOLDENS.write_text(json.dumps(known, indent=1) + "\n")
