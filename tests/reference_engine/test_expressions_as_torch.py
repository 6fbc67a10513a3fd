"""Small expressions give the same on both engines: results, words of refusals, warnings.

For what no Program says: attributes, storages, private names that test suites use, Python's own protocols.
"""

from __future__ import annotations

import copy
import operator
import pickle
import warnings
from typing import Any

import pytest

import reference_engine as engine
from reference_engine import semantics

torch = pytest.importorskip("torch")

EXPRESSIONS = """
# Python's protocols
[operator.index(t) for t in (torch.tensor(3), torch.tensor([4]), torch.tensor(True))]
operator.index(torch.tensor([1, 2]))
operator.index(torch.tensor(1.5))
operator.index(torch.tensor([], dtype=torch.int64))
[float(torch.tensor(2)), int(torch.tensor(2.7)), complex(torch.tensor(1.5)), bool(torch.tensor([[0.0]]))]
float(torch.ones(2))
int(torch.tensor(1 + 2j))
float(torch.tensor(1 + 0j))
complex(torch.ones(0))
float(torch.tensor(2.0, requires_grad=True))
int(torch.tensor(2.0, requires_grad=True))
len(torch.tensor(1.0))
len(torch.ones(3, 2))
list(torch.tensor(1.0))
[t.shape for t in torch.ones(2, 3)]
bool(torch.ones(2))
bool(torch.ones(0))
2 in torch.tensor([1, 2])
copy.deepcopy(torch.ones(2, requires_grad=True) * 2)
copy.copy(torch.ones(2, requires_grad=True))._version
copy.deepcopy([t := torch.ones(2, 3).t(), t.view(6) if t.is_contiguous() else t[0]])[0].stride()
[a._version for a in (torch.ones(2).add_(1), copy.deepcopy(torch.ones(2).add_(1)))]
(m := {}, t := torch.ones(2), copy.deepcopy(t, m) is copy.deepcopy(t, m))[-1]

# storages
torch.ones(3).untyped_storage().copy_(torch.ones(2).untyped_storage())
torch.ones(3).untyped_storage().copy_(torch.arange(3.0).untyped_storage()).tolist()
[torch.ones(0).data_ptr(), torch.ones(2).data_ptr() == 0]
(t := torch.ones(2, 3), t[1].data_ptr() - t.data_ptr(), t[:, 1].data_ptr() - t.data_ptr(), t[2:].data_ptr())[1:]
(t := torch.arange(6), t.untyped_storage().nbytes(), t[2:].untyped_storage().nbytes(), t.nbytes, t[2:].nbytes)[1:]
(t := torch.ones(2), t.untyped_storage().resize_(16), t.untyped_storage().nbytes(), t.tolist())[2:]
(t := torch.ones(4), t.untyped_storage().resize_(4), t.untyped_storage().nbytes(), t.shape)[2:]
(t := torch.ones(2), u := t.view(2), t.untyped_storage()._cdata == u.untyped_storage()._cdata)[-1]
[t.is_set_to(u) for t in [torch.ones(2)] for u in (t, t.view(2), t.clone(), t[:1], t.view(1, 2))]

# what a tensor says of itself
[torch.ones(2, 3).stride(), torch.ones(2, 3).stride(0), torch.ones(2, 3).stride(-1)]
torch.ones(2, 3).stride(2)
[torch.ones(2, 3).size(), torch.ones(2, 3).size(-2), torch.ones(2, 3).dim(), torch.ones(2, 3).ndim]
torch.ones(2, 3).size(2)
[torch.ones(2, 3).t().dim_order(), torch.ones(2, 3, 4).permute(1, 2, 0).dim_order()]
torch.ones(2, 1).dim_order(ambiguity_check=True)
torch.ones(2, 3).expand(4, 2, 3).dim_order(ambiguity_check=True)
torch.ones(2, 3).dim_order(ambiguity_check=3)
torch.ones(2, 3).dim_order(ambiguity_check=[torch.contiguous_format])
torch.ones(2, 1).dim_order(ambiguity_check=[torch.contiguous_format])
torch.ones(2, 3).dim_order(ambiguity_check=[3])
torch.ones(1, 2, 3, 3).dim_order(ambiguity_check=[torch.contiguous_format, torch.channels_last])
[t.is_contiguous() for t in (torch.ones(2, 3), torch.ones(2, 3).t(), torch.ones(0, 3).t(), torch.ones(1, 3).t())]
torch.ones(2, 3, 4, 5).is_contiguous(memory_format=torch.channels_last)
torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last).stride()
torch.ones(2, 3).to(memory_format=torch.channels_last)
torch.ones(2, 3).is_contiguous(memory_format=torch.channels_last)
[torch.ones(2).element_size(), torch.ones(2).itemsize, torch.ones(2, 3).numel(), torch.ones(2, 3).nelement()]
[torch.ones(2, requires_grad=True).retains_grad, (torch.ones(2, requires_grad=True) * 2).retains_grad]
[torch.ones(2).is_leaf, (torch.ones(2) * 2).is_leaf, (torch.ones(2, requires_grad=True) * 2).is_leaf]
[torch.ones(2)._is_view(), torch.ones(2)[:1]._is_view(), torch.ones(2).detach()._is_view()]
(t := torch.ones(4), t[:2][:1]._base is t, t._base)[1:]
[torch.ones(2, dtype=d).is_floating_point() for d in (torch.float16, torch.int32, torch.complex64, torch.bool)]
[torch.ones(2, dtype=d).is_complex() for d in (torch.float16, torch.int32, torch.complex64, torch.bool)]
[torch.ones(2, dtype=d).is_signed() for d in (torch.float16, torch.int32, torch.uint8, torch.bool)]

# grad modes
[torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
[mode(flag).mode for mode in (torch.set_grad_enabled, torch.inference_mode) for flag in (True, False)]
torch.set_grad_enabled("a")
torch.inference_mode("a")
torch.autograd.set_multithreading_enabled("a")
repr(torch.set_grad_enabled(True))
torch.no_grad()(lambda: torch.is_grad_enabled())()
torch.set_grad_enabled(False)(lambda: torch.is_grad_enabled())()
torch.enable_grad()(lambda: torch.is_grad_enabled())()
torch.no_grad(lambda: torch.is_grad_enabled())()
torch.enable_grad(lambda: torch.is_grad_enabled())()
torch.inference_mode(lambda: torch.is_inference_mode_enabled())()
torch.inference_mode()(lambda: (torch.is_grad_enabled(), torch.is_inference_mode_enabled()))()
torch.inference_mode(False)(lambda: (torch.is_grad_enabled(), torch.is_inference_mode_enabled()))()
[f() for f in [torch.no_grad()(lambda: torch.is_grad_enabled())] for _ in range(2)] + [torch.is_grad_enabled()]
[list(torch.no_grad()(lambda: (torch.is_grad_enabled() for _ in range(2)))())]
[torch.is_grad_enabled(), list(torch.no_grad()(gen)(torch)), torch.is_grad_enabled()]
(g := torch.no_grad()(gen)(torch), next(g), torch.is_grad_enabled(), g.send(5), torch.is_grad_enabled())[1:]
(g := torch.no_grad()(gen)(torch), next(g), g.throw(ValueError("x")))[1:]
(g := torch.no_grad()(gen)(torch), next(g), g.close(), list(g))[1:]
(t := torch.ones(2), c := torch.autograd._unsafe_preserve_version_counter(t), c.__enter__(), t.add_(1), t._version)[-1]
preserved(torch)

# versions and in-place changes
(t := torch.ones(2), t.add_(1), t[:1].mul_(2), t._version, t.detach()._version, t.data._version)[3:]
(t := torch.ones(2), t.data.add_(1), t._version, t.detach().add_(1), t._version)[2:]
(t := torch.ones(2), torch.autograd.graph.increment_version(t), t._version)[-1]
(t := torch.ones(2), torch.autograd.graph.increment_version([t, t]), t._version)[-1]
torch.autograd.graph.increment_version(3)
torch.autograd.graph.increment_version([3])
torch.ones(2).copy
torch.ones(2).fill
torch.ones(3).fill_(torch.ones(2))
torch.ones(3, dtype=torch.uint8).fill_(-1).tolist()
torch.ones(3, dtype=torch.uint8).fill_(256)
torch.ones(3, dtype=torch.uint8).fill_(-256)
torch.ones(3, dtype=torch.uint8).fill_(255).tolist()
torch.ones(3, dtype=torch.uint8).fill_(-255).tolist()
torch.ones(3, dtype=torch.uint8).fill_(-1.5).tolist()
torch.ones(3, dtype=torch.int8).fill_(128)
torch.ones(3, dtype=torch.int8).fill_(127).tolist()
torch.ones(3, dtype=torch.int8).fill_(-128).tolist()
torch.ones(3, dtype=torch.int8).fill_(-129)
torch.ones(3, dtype=torch.int16).fill_(40000)
torch.ones(3, dtype=torch.int32).fill_(2**31)
torch.ones(3, dtype=torch.int64).fill_(2**63 - 1).tolist()
torch.ones(3, dtype=torch.int64).fill_(-(2**63)).tolist()
torch.ones(3, dtype=torch.int64).fill_(float("inf"))
torch.ones(3, dtype=torch.int64).fill_(float("nan"))
torch.ones(3, dtype=torch.int32).fill_(2.7).tolist()
torch.ones(3, dtype=torch.bool).fill_(2).tolist()
torch.ones(3, dtype=torch.bool).fill_(0.5).tolist()
torch.ones(3, dtype=torch.bool).fill_(2j).tolist()
torch.ones(3).fill_(2j)
torch.ones(3).fill_(2 + 0j).tolist()
torch.ones(3, dtype=torch.int64).fill_(1j)
torch.ones(3, dtype=torch.complex64).fill_(2j).tolist()
torch.ones(3, dtype=torch.complex64).fill_(2).tolist()
torch.ones(3).fill_(1e39)
torch.ones(3).fill_(-1e39)
torch.ones(3).fill_(3.4e38).tolist()
torch.ones(3).fill_(float("-inf")).tolist()
torch.ones(3, dtype=torch.float64).fill_(1e39).tolist()
torch.ones(3, dtype=torch.float16).fill_(70000)
torch.ones(3, dtype=torch.float16).fill_(65504.1)
[torch.ones(n, dtype=torch.float16).fill_(-70000).tolist() for n in ((), 1, (1, 1))]
torch.ones(3, dtype=torch.float16).fill_(65504).tolist()
torch.ones(3, dtype=torch.float16).fill_(float("inf")).tolist()
torch.ones(3, dtype=torch.bfloat16).fill_(3.4e38).tolist()
torch.ones(3, dtype=torch.bfloat16).fill_(1e39)
torch.ones(3).fill_(torch.tensor(2j))
torch.ones(3, dtype=torch.bool).fill_(torch.tensor(2j)).tolist()
torch.ones(1).expand(3).fill_(2).tolist()
torch.ones(1).expand(3).fill_(torch.tensor(2.0)).tolist()
torch.ones(1).expand(3).zero_().tolist()
torch.ones(1).expand(3).copy_(torch.ones(3))
(t := torch.ones(1).expand(3), t.copy_(t).tolist())[-1]
(t := torch.ones(1).expand(3), t.copy_(t[:]).tolist())[-1]
(t := torch.arange(4.0), t[1:].copy_(t[:-1]))
(t := torch.arange(4.0), t.copy_(t).tolist(), t._version)[1:]
torch.ones(2).copy_(torch.ones(3))
torch.ones(2, 3).copy_(torch.arange(3)).tolist()
torch.ones(2, dtype=torch.bool).copy_(torch.tensor([1j, 0])).tolist()
torch.tensor([1j, 0]).to(torch.bool).tolist()
torch.ones(2, 3).t().clone().stride()
torch.ones(2, 3).t().clone(memory_format=torch.contiguous_format).stride()
torch.ones(2, 3).clone(memory_format=torch.channels_last)
torch.ones(2, 3).t().contiguous().stride()
(t := torch.ones(2, 3), t.contiguous() is t, t.t().contiguous() is t)[1:]
torch.ones(1, 2, 3, 3).contiguous(memory_format=torch.channels_last).stride()

# set_, resize_, transposes in place
(t := torch.ones(4), t.set_(torch.arange(3.0)), t.tolist(), t._version)[2:]
(t := torch.ones(4), t.set_(torch.arange(6.0).untyped_storage(), 1, (2, 2), (2, 1)).tolist())[-1]
(t := torch.ones(4), t.set_(torch.arange(6.0).untyped_storage()).tolist())[-1]
(t := torch.ones(4), t.set_().shape, t.untyped_storage().nbytes())[1:]
torch.ones(4).set_(torch.arange(3))
torch.ones(4, requires_grad=True).set_(torch.arange(3.0))
(torch.ones(4, requires_grad=True) * 2).resize_(3)
torch.ones(4).resize_(-2)
(t := torch.ones(4), t.resize_(2, 2).stride(), t._version, t.resize_((3,)).tolist(), t._version)[1:]
(t := torch.ones(4), t.resize_as_(torch.ones(2, 2)).shape, t._version)[1:]
(t := torch.ones(2, 3), t.t_().stride(), t._version, t.transpose_(0, 1).stride(), t.unsqueeze_(0).shape)[1:]
torch.ones(2, 3, 4).t_()
torch.ones(3).t_().shape
(t := torch.ones(1, 2, 1), t.squeeze_(0).shape, t.squeeze_().shape, t._version)[1:]
torch.ones(2, requires_grad=True).t_()
torch.ones(2, requires_grad=True)[:1].squeeze_()
torch.ones(4).as_strided_((2, 2), (1, 2)).tolist()
(torch.ones(2, requires_grad=True) * 2).detach_().requires_grad
torch.ones(2, requires_grad=True)[:1].detach_()
[n.name() for n in [((torch.ones(2, 3, requires_grad=True) * 1).t_()).grad_fn]]
[n.name() for n in [((torch.ones(2, 3, requires_grad=True) * 1).unsqueeze_(0)).grad_fn]]

# leaves
torch.ones(2, dtype=torch.int64).requires_grad_()
torch.ones(2, dtype=torch.int64).requires_grad_(False).requires_grad
(torch.ones(2, requires_grad=True) * 2).requires_grad_(False)
(torch.ones(2, requires_grad=True) * 2).requires_grad_().is_leaf
setattr(torch.ones(2, requires_grad=True) * 2, "requires_grad", True)
setattr(torch.ones(2, dtype=torch.int64), "requires_grad", True)
setattr(torch.ones(2), "requires_grad", 1)
setattr(torch.ones(2), "grad", 3)
setattr(torch.ones(2), "grad", torch.ones(3))
setattr(torch.ones(2), "grad", torch.ones(2, dtype=torch.float64))
(t := torch.ones(2), setattr(t, "grad", t))
(t := torch.ones(2), setattr(t, "grad", None), t.grad)[1:]
setattr(torch.ones(2), "data", 3)
setattr(torch.ones(2, requires_grad=True), "data", torch.ones(2, dtype=torch.int64))
(t := torch.ones(2), setattr(t, "data", torch.ones(3, dtype=torch.int64)), t.tolist(), t._version)[2:]
torch.ones(2).retain_grad()
torch.ones(2).register_hook(print)
torch.ones(2).register_post_accumulate_grad_hook(print)
(torch.ones(2, requires_grad=True) * 2).register_post_accumulate_grad_hook(print)
copy.deepcopy(torch.ones(2, requires_grad=True)).requires_grad
(t := torch.ones(2, requires_grad=True), t.sum().backward(), copy.deepcopy(t).grad.tolist())[-1]
pickle.loads(pickle.dumps(torch.ones(2))).tolist()

# nodes, edges and the engine
[(n and n.name(), i) for n, i in (torch.ones(2, requires_grad=True) * 2).grad_fn.next_functions]
(torch.ones(2, requires_grad=True) * 2).grad_fn._input_metadata[0].shape
(torch.ones(2, requires_grad=True) * 2).grad_fn._input_metadata[0].dtype
(torch.ones(2, requires_grad=True) * 2).grad_fn.metadata
(torch.ones(2, requires_grad=True) * 2).grad_fn.requires_grad
(torch.ones(2, requires_grad=True) * 2).grad_fn(torch.ones(2))
(torch.ones(2, requires_grad=True) * 2).grad_fn(torch.ones(2), torch.ones(2))
torch.zeros(2, requires_grad=True).exp().grad_fn(torch.ones(2))
(torch.ones(2, requires_grad=True) * 2).grad_fn(3)
(torch.ones(2, requires_grad=True) * 2).grad_fn(grad=torch.ones(2))
(torch.ones(2, requires_grad=True) * torch.ones(2)).grad_fn._saved_self
(torch.ones(2, requires_grad=True) * torch.ones(2)).grad_fn._saved_other.tolist()
(torch.ones(2, requires_grad=True) * 3).grad_fn._saved_other
torch.ones(2, 3, requires_grad=True).sum(-1).grad_fn._saved_dim
torch.ones(2, 3, requires_grad=True).sum(-1).grad_fn._saved_self_sym_sizes
torch.ones(2, 3, requires_grad=True).mean().grad_fn._saved_self_sym_numel
torch.ones(2, 3, requires_grad=True).mean().grad_fn._saved_self_sym_sizes
torch.ones(2, 3, requires_grad=True).std(0).grad_fn._saved_correction
torch.ones(2, 3, requires_grad=True).select(0, -1).grad_fn._saved_index
torch.ones(2, 3, requires_grad=True)[:, torch.tensor([0, 1])].grad_fn._saved_indices
torch.ones(2, 3, requires_grad=True)[:, torch.tensor([0, 1])].grad_fn._raw_saved_indices[0]
torch.ones(2, 3, requires_grad=True).transpose(0, -1).grad_fn._saved_dim1
[loss(torch, how)._saved_reduction for how in ("none", "mean", "sum")]
torch.nn.functional.embedding(torch.tensor([0]), torch.ones(2, 2, requires_grad=True)).grad_fn._saved_padding_idx
torch.ones(2, requires_grad=True).exp().grad_fn._saved_result.grad_fn.name()
setattr(torch.ones(2, requires_grad=True).exp().grad_fn, "_saved_result", 3)
setattr(torch.ones(2, requires_grad=True).exp().grad_fn, "_raw_saved_result", 3)
copy.copy((torch.ones(2, requires_grad=True) * 2).grad_fn)
torch.autograd.graph.get_gradient_edge(torch.ones(2))
torch.autograd.graph.get_gradient_edge(torch.ones(2, requires_grad=True)).output_nr
torch.autograd.graph.get_gradient_edge(torch.ones(2, requires_grad=True).unbind()[1]).output_nr
torch.autograd.graph.register_multi_grad_hook([torch.ones(2)], print)
torch.autograd.graph.register_multi_grad_hook([torch.ones(2, requires_grad=True)], print, mode="some")
torch.autograd.graph.region_activation_memory_budget(True)
torch.autograd.graph.region_activation_memory_budget(-0.1)
torch.autograd.graph.region_activation_memory_budget(1)
torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(True)
torch.autograd.Variable._execution_engine.queue_callback(print)
torch.autograd.Variable(torch.ones(1), None)
torch.autograd.Variable(torch.ones(1, dtype=torch.int64), True)
torch.autograd.Variable(torch.ones(1), 1).requires_grad
torch.autograd.Variable().shape
isinstance(torch.ones(1), torch.autograd.Variable)
torch._C._will_engine_execute_node((torch.ones(2, requires_grad=True) * 2).grad_fn)
torch.autograd.grad([], torch.ones(1, requires_grad=True))
torch.autograd.grad([], torch.ones(1, requires_grad=True), allow_unused=True)
(w := torch.ones(3, 2, requires_grad=True), picked(torch, [1], w).backward(), w.grad.is_coalesced())[-1]
(w := torch.ones(3, 2, requires_grad=True), picked(torch, [1, 1], w).backward(), w.grad.is_coalesced())[-1]
torch.UntypedStorage([1, 2, 258]).tolist()
torch.UntypedStorage(2.5)
torch.UntypedStorage(["a"])
sparse_and_dense(torch)
nested(torch, 70)
hooked(torch)
elsewhere(torch)
batched(torch, False)
batched(torch, True)
"""


def loss(module: Any, how: str) -> Any:
    target = module.ones(2)
    return module.nn.functional.mse_loss(module.ones(2, requires_grad=True), target, reduction=how).grad_fn


def gen(module: Any) -> Any:
    """A generator that says whether recording is on, and what it was sent."""
    try:
        sent = yield module.is_grad_enabled()
        yield (module.is_grad_enabled(), sent)
    except ValueError as error:
        yield (module.is_grad_enabled(), str(error))


def preserved(module: Any) -> list[int]:
    one, two = module.ones(2).add_(1), module.ones(2)
    with module.autograd._unsafe_preserve_version_counter((one, two)):
        one.add_(1)
        two.add_(1)
    return [one._version, two._version]


def sparse_and_dense(module: Any) -> list[Any]:
    """A weight that gets a sparse and a dense gradient in one pass, in either order."""
    found = []
    for first in (True, False):
        weight = module.ones(3, 2, requires_grad=True)
        hidden = weight * 1
        picked = module.nn.functional.embedding(module.tensor([0, 2]), hidden, sparse=True).sum()
        used = (hidden * module.arange(6.0).reshape(3, 2)).sum()
        (picked + used if first else used + picked).backward()
        found.append(weight.grad.tolist())
    return found


def picked(module: Any, places: list[int], weight: Any) -> Any:
    return module.nn.functional.embedding(module.tensor(places), weight, sparse=True).sum()


def hooked(module: Any) -> list[Any]:
    """What comes back from hooks on saved tensors: a leaf, a result, a plain tensor."""
    x = module.ones(2, requires_grad=True)
    with module.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):
        nodes = [(x * x).grad_fn, (x * 2).exp().grad_fn, (x * module.ones(2)).grad_fn]
    found = [nodes[0]._saved_self, nodes[1]._saved_result, nodes[2]._saved_other]
    return [(t.output_nr, t.is_leaf, t.requires_grad, t.grad_fn and t.grad_fn.name()) for t in found]


def elsewhere(module: Any) -> None:
    """What one context allowed to be changed is used in another."""
    allow = module.autograd.graph.allow_mutation_on_saved_tensors
    x = module.ones(2, requires_grad=True)
    with allow():
        y = (x * 2).exp()
    with allow():
        y.sum().backward()


def batched(module: Any, retain: bool) -> float:
    """Gradients for a batch, and then once more."""
    x = module.ones(2, requires_grad=True)
    y = x.exp()
    module.autograd.grad(y, x, module.eye(2), is_grads_batched=True, retain_graph=retain)
    return round(float(module.autograd.grad(y.sum(), x)[0].sum()), 4)


def nested(module: Any, depth: int) -> float:
    """Backward within backward, deeper than one thread's stack has room for."""

    class Deeper(module.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, left: int) -> Any:
            ctx.left = left
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            if ctx.left:
                with module.enable_grad():
                    y = module.ones(1, requires_grad=True)
                    Deeper.apply(y, ctx.left - 1).backward()
                    grad = grad + y.grad
            return grad, None

    x = module.ones(1, requires_grad=True)
    Deeper.apply(x, depth).backward()
    return float(x.grad)


LINES = [line for line in EXPRESSIONS.splitlines() if line and not line.startswith("#")]


def plain(value: Any, module: Any) -> object:
    """A value in words that do not depend on the engine."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(each, module) for each in value]
    if isinstance(value, module.Tensor):
        return "tensor", tuple(value.shape), str(value.dtype), value.tolist(), value.requires_grad
    text = repr(value)
    return text if " at 0x" not in text else type(value).__name__


def given(module: Any, line: str) -> object:
    """What an expression gives, or refuses, and warns of."""
    tools = (gen, preserved, sparse_and_dense, nested, loss, picked, hooked, elsewhere, batched)
    names = {"torch": module, "operator": operator, "copy": copy, "pickle": pickle, **{f.__name__: f for f in tools}}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = plain(eval(line, names), module)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
    module.set_grad_enabled(True)
    said = [str(w.message).partition(" (Triggered internally")[0] for w in warned]
    return found, said


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13), reason="words of older versions differ"
)
@pytest.mark.parametrize("line", LINES)
def test_an_expression_gives_the_same_on_both_engines(line: str) -> None:
    with semantics.using(semantics.Semantics(torch.__version__.split("+")[0])):
        found = given(engine, line)
    assert found == given(torch, line)


def test_a_tensor_has_no_public_name_that_torch_has_not() -> None:
    assert {name for name in dir(engine.Tensor) if not name.startswith("_")} <= set(dir(torch.Tensor))
