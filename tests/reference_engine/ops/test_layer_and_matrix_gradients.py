"""Gradients of layers, losses and matrix functions against central differences of our own forward, in double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference_engine as engine

F = engine.nn.functional


def _made(*shapes: tuple[int, ...], seed: int = 5) -> list[engine.Tensor]:
    rng = np.random.default_rng(seed)
    return [
        engine.tensor(rng.uniform(0.2, 1.4, shape).tolist(), dtype=engine.float64, requires_grad=True)
        for shape in shapes
    ]


def _differences(
    fn: Callable[..., engine.Tensor], tensors: list[engine.Tensor], which: int, step: float = 1e-6
) -> np.ndarray:
    values = np.array(tensors[which].detach().tolist())
    found = np.zeros_like(values)
    for at in np.ndindex(*values.shape):
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[at] += sign * step
            arguments = [t.detach() for t in tensors]
            arguments[which] = engine.tensor(moved.tolist(), dtype=engine.float64)
            ends.append(float(fn(*arguments).sum().item()))
        found[at] = (ends[0] - ends[1]) / (2 * step)
    return found


def _spd(a: engine.Tensor) -> engine.Tensor:
    return a.matmul(a.t()) + engine.eye(a.shape[0], dtype=a.dtype)


CASES: dict[str, tuple[Callable[..., engine.Tensor], list[tuple[int, ...]]]] = {
    "gelu": (lambda x: F.gelu(x), [(3, 2)]),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), [(3, 2)]),
    "silu": (lambda x: F.silu(x), [(4,)]),
    "mish": (lambda x: F.mish(x), [(4,)]),
    "elu": (lambda x: F.elu(-x), [(4,)]),
    "softplus": (lambda x: F.softplus(x, beta=2.0), [(4,)]),
    "glu": (lambda x: F.glu(x), [(2, 4)]),
    "prelu": (lambda x, w: F.prelu(-x, w), [(2, 3), (3,)]),
    "softmax": (lambda x: x.softmax(1) * x, [(2, 3)]),
    "log_softmax": (lambda x: x.log_softmax(1) * x, [(2, 3)]),
    "mse_loss": (lambda x, y: F.mse_loss(x, y), [(2, 3), (2, 3)]),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=0.3), [(2, 3), (2, 3)]),
    "bce with logits": (lambda x, y: F.binary_cross_entropy_with_logits(x, y), [(3,), (3,)]),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [(1, 2, 4, 4), (3, 2, 2, 2), (3,)]),
    "conv_transpose1d": (lambda x, w: F.conv_transpose1d(x, w, stride=2), [(1, 2, 3), (2, 3, 2)]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2) ** 2, [(1, 1, 4, 4)]),
    "pad reflect": (lambda x: F.pad(x, (1, 1), "reflect") ** 2, [(1, 2, 3)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b) ** 2, [(2, 3), (3,), (3,)]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b) ** 2, [(2, 4, 2), (4,), (4,)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True) ** 2, [(4, 2), (2,), (2,)]),
    "linear": (lambda x, w, b: F.linear(x, w, b) ** 2, [(2, 3), (4, 3), (4,)]),
    "addmm": (lambda c, a, b: engine.addmm(c, a, b, beta=2, alpha=0.5) ** 2, [(2,), (3, 2), (2, 2)]),
    "einsum": (lambda a, b: engine.einsum("bij,bjk->ik", a, b) ** 2, [(2, 2, 3), (2, 3, 2)]),
    "inv": (lambda a: engine.linalg.inv(_spd(a)), [(3, 3)]),
    "solve": (lambda a, b: engine.linalg.solve(_spd(a), b), [(3, 3), (3, 2)]),
    "det": (lambda a: engine.linalg.det(a), [(3, 3)]),
    "slogdet": (lambda a: engine.linalg.slogdet(_spd(a))[1], [(3, 3)]),
    "cholesky": (lambda a: engine.linalg.cholesky(_spd(a)), [(3, 3)]),
    "qr": (lambda a: engine.linalg.qr(a)[1] ** 2, [(4, 3)]),
    "svdvals": (lambda a: engine.linalg.svdvals(a) ** 3, [(3, 2)]),
    "pinv": (lambda a: engine.linalg.pinv(a), [(3, 2)]),
    "matrix_exp": (lambda a: engine.linalg.matrix_exp(a), [(2, 2)]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_agrees_with_central_differences(name: str) -> None:
    fn, shapes = CASES[name]
    tensors = _made(*shapes)
    grads = engine.autograd.grad(fn(*tensors).sum(), tensors)
    for which, grad in enumerate(grads):
        expected = _differences(fn, tensors, which)
        np.testing.assert_allclose(np.array(grad.tolist()), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_a_double_gradient_agrees_with_central_differences_of_the_gradient(name: str) -> None:
    fn, shapes = CASES[name]
    tensors = _made(*shapes)

    def first(*arguments: engine.Tensor) -> engine.Tensor:
        live = [a if a.requires_grad else a.requires_grad_() for a in arguments]
        made = engine.autograd.grad((fn(*live) ** 2).sum(), live, create_graph=True)
        return sum((g**2).sum() for g in made)  # type: ignore[return-value]

    grads = engine.autograd.grad(first(*tensors), tensors, allow_unused=True)
    for which, grad in enumerate(grads):
        expected = _differences(first, tensors, which)
        actual = np.zeros_like(expected) if grad is None else np.array(grad.tolist())
        np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


def test_the_gradient_of_a_singular_determinant_is_the_matrix_of_cofactors() -> None:
    a = engine.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=engine.float64, requires_grad=True)
    (grad,) = engine.autograd.grad(engine.linalg.det(a), a)
    assert grad.tolist() == [[4.0, -2.0], [-2.0, 1.0]]


def test_ormqr_keeps_its_product() -> None:
    x, tau, c = (engine.ones(shape, requires_grad=True) for shape in ((1, 1), (1,), (1, 1)))
    y = engine.ormqr(x, tau, c)
    y.zero_()
    with pytest.raises(RuntimeError, match=r"which is output 0 of Ormqr(Backward0)?, is at version 1"):
        y.sum().backward()


def test_the_gradients_of_an_inverse_meet_without_a_lazy_conjugate() -> None:
    x = engine.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=engine.complex64, requires_grad=True)
    y, ones = engine.linalg.inv(x), engine.ones(2, 2, dtype=engine.complex64)
    (first,) = engine.autograd.grad(y, x, ones, create_graph=True)
    (second,) = engine.autograd.grad(first, engine.autograd.graph.get_gradient_edge(y), ones)
    assert not second.is_conj()


def test_reflections_of_infinities_leave_alone_what_they_do_not_reach() -> None:
    x = engine.tensor([[1.0, 1.0], [float("inf"), 1.0], [0.0, 0.0]])
    made = engine.linalg.householder_product(x, engine.tensor([2.0]))
    assert made.tolist() == [[-1.0, -float("inf")], [-float("inf"), -float("inf")], [0.0, 0.0]]
    assert engine.signbit(made[2]).tolist() == [True, False]
    assert engine.linalg.householder_product(x, engine.tensor([0.0]))[1].isnan().tolist() == [True, False]


def _nodes(y: engine.Tensor) -> list[str]:
    made, node = [], y.grad_fn
    while node is not None:
        made.append(node.name().removesuffix("0").removesuffix("Backward"))
        node = node.next_functions[0][0] if node.next_functions else None
    return made[:-1]


@pytest.mark.parametrize(
    ("shapes", "dims", "nodes"),
    [
        (((2,), (2,)), 1, ["View", "Dot", "Permute"]),
        (((2, 3), (2, 3)), 2, ["View", "Dot", "View", "Permute"]),
        (((2, 3), (3, 2)), ([0, 1], [1, 0]), ["View", "Sum", "Mul", "Squeeze", "Permute"]),
        (((2, 3), (3, 4)), 1, ["View", "Mm", "View", "Permute"]),
        (((2, 1), (1, 3)), 1, ["View", "Mm", "View", "Permute", "SumBackward1"]),
    ],
    ids=["vectors", "in order", "out of order", "something is left", "a dimension of one"],
)
def test_tensordot_is_a_dot_product_where_nothing_is_left(shapes: Any, dims: Any, nodes: list[str]) -> None:
    a, b = _made(*shapes)
    y = engine.tensordot(a, b, dims)
    assert _nodes(y) == nodes
    assert np.allclose(y.detach().numpy(), np.tensordot(a.detach().numpy(), b.detach().numpy(), dims))
    with engine.no_grad():
        assert engine.tensordot(a, b, dims).equal(y)
