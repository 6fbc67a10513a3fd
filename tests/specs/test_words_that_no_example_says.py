"""Refusals and warnings that no Program can reach: each engine says them in the words of the specification.

A Program names no module, no node's private method and no device; here these are called, on torch and on the reference.
"""

from __future__ import annotations

import importlib.util
import re
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import pytest

from reference_engine import semantics
from specs import Version

Call = Callable[[Any], object]
CALLS: dict[str, Call] = {}
HAS_TORCH = importlib.util.find_spec("torch") is not None
NEWEST = "2.13"
MEASURED = Version.parse(version("torch") if HAS_TORCH else NEWEST)
ENGINES = ["reference_engine", *(["torch"] if HAS_TORCH else [])]


def says(clause: str) -> Callable[[Call], Call]:
    """This call makes an engine say the words of a clause."""

    def register(call: Call) -> Call:
        CALLS[clause] = call
        return call

    return register


def leaf(torch: Any, size: int = 3) -> Any:
    return torch.ones(size, requires_grad=True)


def inferred(torch: Any) -> Any:
    with torch.inference_mode():
        return torch.ones(3)


def module(torch: Any, forward: Callable[..., Any]) -> Any:
    return type("Made", (torch.nn.Module,), {"forward": lambda self, x: forward(x)})()


# -- what backward and grad may be given -------------------------------------------------------------------------------


@says("backward.inputs.mapping")
def _(torch: Any) -> None:
    x = leaf(torch)
    torch.autograd.backward((x * 2).sum(), inputs=types.MappingProxyType({"x": x}))


@says("grad.inputs.mapping")
def _(torch: Any) -> None:
    x = leaf(torch)
    torch.autograd.grad((x * 2).sum(), types.MappingProxyType({"x": x}))


@says("backward.grad_tensors.dtype")
def _(torch: Any) -> None:
    torch.autograd.backward(leaf(torch), torch.ones(3, dtype=torch.complex64))


@says("backward.grad_tensors.batched_shape")
def _(torch: Any) -> None:
    x = leaf(torch, 1)
    torch.autograd.grad(x * 2, x, torch.ones(1, 2), is_grads_batched=True)


@says("backward.arguments.unexpected")
def _(torch: Any) -> None:
    torch.autograd.backward(leaf(torch, 1), bogus=1)


@says("backward.arguments.missing")
def _(torch: Any) -> None:
    torch.autograd.backward()


@says("grad.arguments.unexpected")
def _(torch: Any) -> None:
    torch.autograd.grad(leaf(torch, 1), leaf(torch, 1), bogus=1)


@says("grad.arguments.missing")
def _(torch: Any) -> None:
    torch.autograd.grad(leaf(torch, 1))


# -- the engine --------------------------------------------------------------------------------------------------------


@says("accumulate.later.overlap")
def _(torch: Any) -> None:
    x = leaf(torch)
    x.grad = torch.ones(1).expand(3)
    (x * 2).sum().backward()


@says("engine.not_implemented_node")
def _(torch: Any) -> None:
    torch.igamma(leaf(torch), leaf(torch)).sum().backward()


@says("accumulate.leaf_moved")
def _(torch: Any) -> None:
    x = leaf(torch)
    y = (x * 2).sum()
    x.requires_grad_(False).add_(leaf(torch))
    y.backward()


@says("anomaly.nan")
def _(torch: Any) -> None:
    with torch.autograd.detect_anomaly():
        (torch.zeros(1, requires_grad=True).sqrt() * 0).sum().backward()


@says("anomaly.error.parent")
def _(torch: Any) -> None:
    with torch.autograd.detect_anomaly():
        x = torch.zeros(1, requires_grad=True)
        (g,) = torch.autograd.grad(x.pow(1.5).sum(), x, create_graph=True)
        (g * 0).sum().backward()


@says("anomaly.error.parent_no_trace")
def _(torch: Any) -> None:
    x = torch.zeros(1, requires_grad=True)
    y = x.pow(1.5).sum()
    with torch.autograd.detect_anomaly():
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        (g * 0).sum().backward()


@says("graph.introspection.order")
def _(torch: Any) -> None:
    torch._C._current_graph_task_execution_order()


@says("graph.introspection.order_threads")
def _(torch: Any) -> None:
    y = leaf(torch) * 2
    y.register_hook(lambda grad: torch._C._current_graph_task_execution_order() and None)
    y.sum().backward()


@says("graph.introspection.type")
def _(torch: Any) -> None:
    torch._C._will_engine_execute_node(3)


@says("graph.memory_budget.type")
def _(torch: Any) -> None:
    torch.autograd.graph.region_activation_memory_budget("a")


@says("graph.memory_budget.range")
def _(torch: Any) -> None:
    torch.autograd.graph.region_activation_memory_budget(2.0)


@says("graph.memory_budget.eager")
def _(torch: Any) -> None:
    torch.autograd.graph.region_activation_memory_budget(0.5)


@says("graph.switch.type")
def _(torch: Any) -> None:
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(3)


# -- hooks -------------------------------------------------------------------------------------------------------------


@says("hooks.tensor.not_callable")
def _(torch: Any) -> None:
    x = leaf(torch)
    x.register_hook(3)
    x.sum().backward()


@says("hooks.tensor.dict_type")
def _(torch: Any) -> None:
    (leaf(torch) * 2).grad_fn._register_hook_dict(3)


@says("tensor.backward_hooks.deleted")
def _(torch: Any) -> None:
    del leaf(torch)._backward_hooks


@says("tensor.post_accumulate_grad_hooks.deleted")
def _(torch: Any) -> None:
    del leaf(torch)._post_accumulate_grad_hooks


@says("hooks.module.both")
def _(torch: Any) -> None:
    made = torch.nn.Linear(1, 1)
    made.register_backward_hook(print)
    made.register_full_backward_hook(print)


@says("hooks.module.non_full")
def _(torch: Any) -> None:
    made = module(torch, lambda x: torch.exp(x * 2))
    made.register_backward_hook(lambda *_: None)
    made(leaf(torch)).sum().backward()


@says("hooks.module.output_type")
def _(torch: Any) -> None:
    made = module(torch, lambda x: "text")
    made.register_full_backward_hook(lambda *_: None)
    made(leaf(torch))


# -- saved tensors and versions ----------------------------------------------------------------------------------------


@says("saved.hooks.none")
def _(torch: Any) -> None:
    y = leaf(torch) * torch.ones(3)
    y.grad_fn._raw_saved_self.register_hooks(lambda x: x, lambda x: x)


@says("saved.construct")
def _(torch: Any) -> None:
    torch._C._autograd.SavedTensor()


@says("saved.read_only")
def _(torch: Any) -> None:
    y = leaf(torch) * 2
    y.grad_fn._saved_other = 3


@says("version.set.inference")
def _(torch: Any) -> None:
    torch._C._autograd._unsafe_set_version_counter((torch.ones(1), inferred(torch)), (3, -1))


@says("version.set.negative")
def _(torch: Any) -> None:
    torch._C._autograd._unsafe_set_version_counter((torch.ones(1),), (-1,))


@says("version.set.count")
def _(torch: Any) -> None:
    torch._C._autograd._unsafe_set_version_counter((inferred(torch),), (1, 2))


# -- leaves and modes --------------------------------------------------------------------------------------------------


@says("leaf.grad_dtype.read_non_leaf")
def _(torch: Any) -> None:
    _ = (leaf(torch) * 2).grad_dtype


@says("tensor.attribute.read_only")
def _(torch: Any) -> None:
    leaf(torch).is_leaf = True


@says("leaf.retain_grad.arguments")
def _(torch: Any) -> None:
    (leaf(torch) * 2).retain_grad(1)


@says("tensor.data.deleted")
def _(torch: Any) -> None:
    del leaf(torch).data


@says("tensor.grad_fn.none")
def _(torch: Any) -> None:
    (leaf(torch) * 2)._grad_fn = 3


@says("tensor.grad_fn.deleted")
def _(torch: Any) -> None:
    y = leaf(torch) * 2
    del y._grad_fn


@says("leaf.variable.function")
def _(torch: Any) -> None:
    torch.autograd.variable(torch.ones(1))


@says("leaf.variable.type")
def _(torch: Any) -> None:
    torch.autograd.Variable(3)


@says("leaf.variable.volatile")
def _(torch: Any) -> None:
    torch.autograd.Variable(torch.ones(1), volatile=True)


@says("tensor.volatile.read")
def _(torch: Any) -> None:
    _ = torch.ones(1).volatile


@says("leaf.variable.volatile_requires_grad")
def _(torch: Any) -> None:
    torch.autograd.Variable(3, True, True)  # before the data is looked at


@says("leaf.variable.grad_fn")
def _(torch: Any) -> None:
    torch.autograd.Variable(3, True, False, leaf(torch).sum().grad_fn)


@says("inference.resize")
def _(torch: Any) -> None:
    inferred(torch).resize_(4)


@says("mode.decorate_class")
def _(torch: Any) -> None:
    torch.no_grad()(type("Made", (), {}))


# -- Functions of old ------------------------------------------------------------------------------------------------


@says("function.type_deprecated")
def _(torch: Any) -> None:
    old = importlib.import_module(f"{torch.__name__}.autograd._functions")
    old.Type.apply(leaf(torch), torch.float64)


@says("function.nested.type")
def _(torch: Any) -> None:
    torch.autograd.function.NestedIOFunction().save_for_backward(3)


@says("function.resize.numel")
def _(torch: Any) -> None:
    old = importlib.import_module(f"{torch.__name__}.autograd._functions")
    old.Resize.apply(leaf(torch), (4,))


# -- another device ----------------------------------------------------------------------------------------------------


@says("engine.gradient.device")
def _(torch: Any) -> None:
    members = {
        "forward": staticmethod(lambda ctx, x: x * 2),
        "backward": staticmethod(lambda ctx, grad: torch.ones(3, device="meta")),
    }
    type("Made", (torch.autograd.Function,), members).apply(leaf(torch)).sum().backward()


@says("engine.gradient.root_device")
def _(torch: Any) -> None:
    (leaf(torch) * 2).backward(torch.ones(3, device="meta"))


@says("leaf.grad.device")
def _(torch: Any) -> None:
    leaf(torch).grad = torch.ones(3, device="meta")


@says("leaf.data.incompatible")
def _(torch: Any) -> None:
    leaf(torch).data = torch.ones(3, device="meta")


@contextmanager
def meant(engine: str) -> Iterator[Any]:
    """The engine, the reference with the semantics of the torch that is installed."""
    with semantics.using(semantics.Semantics(str(MEASURED))):
        yield importlib.import_module(engine)


def said(engine: Any, call: Call) -> list[str]:
    """All that a call warns of, and the exception, as ``Type: words``."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refused = []
        try:
            call(engine)
        except Exception as error:
            refused.append(f"{type(error).__name__}: {error}")
    return [f"{w.category.__name__}: {w.message}" for w in warned] + refused


def pattern(clause: str) -> str:
    """What the words of a clause look like at the version of the torch that is installed."""
    kind, template = semantics.current().message(clause)
    literal = re.split(r"\{\w+\}", template.replace("{{", "\0").replace("}}", "\1"))
    parts = [re.escape(part.replace("\0", "{").replace("\1", "}")) for part in literal]
    return f"{kind}: {'(.+?)'.join(parts)}( \\(Triggered internally at .*\\))?"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("clause", CALLS)
def test_an_engine_says_the_words_of_the_clause(clause: str, engine: str) -> None:
    with meant(engine) as module:
        if semantics.current().specs.messages[clause].at(MEASURED) is None:
            pytest.skip(f"torch {MEASURED} does not say this")
        words = said(module, CALLS[clause])
        assert any(re.fullmatch(pattern(clause), each, re.DOTALL) for each in words), words
