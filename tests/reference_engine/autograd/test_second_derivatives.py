"""Second derivatives taken in four ways agree with each other, and with central differences.

Forward over forward, reverse over forward, forward over reverse, reverse over reverse: each asks another formula for
its derivative, and torch's formulas are right in some of these orders only (`docs/defects/`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import reference_engine as torch
from reference_engine import linalg
from reference_engine.func import grad, jvp, vmap
from reference_engine.nn import functional as F

Curve = Callable[[torch.Tensor], torch.Tensor]
F64 = torch.float64


def T(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)


A = T([[2.0, 0.3, -0.4], [0.1, 1.7, 0.2], [-0.3, 0.5, 2.2]])
B = T([[1.0, 0.2, -0.7], [0.4, 1.3, 0.6], [-0.2, 0.9, 0.8]])
X = T([[0.5, -1.2, 0.0], [1.4, 0.7, -0.3]])
W = T([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def curve(t: torch.Tensor) -> torch.Tensor:
    return A + t * B + t * t * B.mT * 0.5


class Square(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return 2 * ctx.saved_tensors[0] * g

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor) -> torch.Tensor:
        return 2 * ctx.saved_tensors[0] * tangent


# each a function of one number that goes through the operation of its name, some at a point where a factor, a row or
# an argument is zero at t = 0.7
CASES: dict[str, Curve] = {
    "custom_function": lambda t: Square.apply(Square.apply(t)),
    "det": lambda t: linalg.det(curve(t)),
    "det_singular": lambda t: linalg.det(torch.stack((t, t + 1, 2 * t, 2 * t + 2 + (t - 0.7) ** 2)).reshape(2, 2)),
    "slogdet": lambda t: linalg.slogdet(curve(t))[1],
    "logdet": lambda t: torch.logdet(curve(t) @ curve(t).mT),
    "solve": lambda t: (linalg.solve(curve(t), B * t) * W[:1].T).sum(),
    "solve_left": lambda t: (linalg.solve(curve(t), B * t, left=False) * W[:1]).sum(),
    "inv": lambda t: (linalg.inv(curve(t)) * B).sum(),
    "cholesky": lambda t: (linalg.cholesky(curve(t) @ curve(t).mT) * B).sum(),
    "cholesky_inverse": lambda t: (torch.cholesky_inverse(linalg.cholesky(curve(t) @ curve(t).mT)) * B).sum(),
    "cholesky_inverse_upper": lambda t: (
        torch.cholesky_inverse(linalg.cholesky(curve(t) @ curve(t).mT).mT, upper=True) * B
    ).sum(),
    "cholesky_solve": lambda t: (torch.cholesky_solve(B * t, linalg.cholesky(curve(t) @ curve(t).mT)) * W[:1]).sum(),
    "cholesky_solve_upper": lambda t: (
        torch.cholesky_solve(B * t, linalg.cholesky(curve(t) @ curve(t).mT).mT, upper=True) * W[:1]
    ).sum(),
    "triangular": lambda t: (linalg.solve_triangular(curve(t).tril(), B * t, upper=False) * W[:1]).sum(),
    "qr": lambda t: (linalg.qr(curve(t))[0] * B + linalg.qr(curve(t))[1] * A).sum(),
    "svdvals": lambda t: (linalg.svdvals(curve(t)) * W[0]).sum(),
    "svd": lambda t: (lambda usv: (usv[0].abs() * B).sum() + (usv[2].abs() * A).sum())(linalg.svd(curve(t))),
    "eigh": lambda t: (lambda e: (e[0] * W[0]).sum() + (e[1].abs() * A).sum())(linalg.eigh(curve(t) @ curve(t).mT)),
    "eig": lambda t: (lambda e: (e[0].abs() * W[0]).sum() + (e[1].abs() * A).sum())(linalg.eig(curve(t))),
    "pinv": lambda t: (linalg.pinv(curve(t)[:, :2]) * W).sum(),
    "lstsq": lambda t: (linalg.lstsq(curve(t)[:, :2], B * t)[0] * W).sum(),
    "lu": lambda t: (lambda p: (p[1] * B).sum() + (p[2] * A).sum())(linalg.lu(curve(t))),
    "lu_solve": lambda t: (lambda f: (linalg.lu_solve(f[0], f[1], B * t) * W[:1]).sum())(linalg.lu_factor(curve(t))),
    "householder_product": lambda t: (linalg.householder_product(curve(t), W[0] * 0.1 + t * 0.2) * A).sum(),
    "matrix_exp": lambda t: (linalg.matrix_exp(curve(t) * 0.3) * A).sum(),
    "matrix_power": lambda t: (linalg.matrix_power(curve(t), 3) * A).sum(),
    "matrix_power_neg": lambda t: (linalg.matrix_power(curve(t), -2) * A).sum(),
    "norm_nuc": lambda t: linalg.matrix_norm(curve(t), "nuc"),
    "norm2": lambda t: linalg.matrix_norm(curve(t), 2),
    "norm_fro": lambda t: linalg.norm(curve(t)),
    "vnorm3": lambda t: linalg.vector_norm(curve(t), 3),
    "vnorm2": lambda t: linalg.vector_norm(curve(t), 2),
    "vnorm1_5": lambda t: linalg.vector_norm(curve(t), 1.5),
    "cross": lambda t: (linalg.cross(curve(t), B * t) * A).sum(),
    "cumprod": lambda t: (
        torch.cumprod(torch.stack((t, t + 1, 2 - t, t - 0.7, 2 * t + 1, t + 3)).reshape(2, 3), -1) * W
    ).sum(),
    "cumprod2zero": lambda t: (
        torch.cumprod(torch.stack((t - 0.7, t + 1, 2 * t - 1.4, t - 0.7, 2 * t + 1, t + 3)).reshape(2, 3), -1) * W
    ).sum(),
    "prod": lambda t: torch.stack((t, t + 1, 2 - t, t - 0.7, 2 * t + 1, t + 3)).prod(),
    "prod2zero": lambda t: torch.stack((t - 0.7, t + 1, 2 - t, t - 0.7, 2 * t + 1, t + 3)).prod(),
    "prod_dim": lambda t: (
        torch.stack((t, t + 1, 2 - t, t - 0.7, 2 * t + 1, t + 3)).reshape(2, 3).prod(1) * W[:, 0]
    ).sum(),
    "cumsum": lambda t: ((X * t).cumsum(1) ** 3).sum(),
    "logcumsumexp": lambda t: (torch.logcumsumexp(X * t * t, 1) * W).sum(),
    "logsumexp": lambda t: (torch.logsumexp(X * t * t, 1) * W[:, 0]).sum(),
    "softmax": lambda t: (torch.softmax(X * t * t, 1) * W).sum(),
    "log_softmax": lambda t: (torch.log_softmax(X * t * t, 1) * W).sum(),
    "layer_norm": lambda t: (F.layer_norm(X * t + t * t * W, (3,), W[0] * t, W[1] * t) * W).sum(),
    "batch_norm": lambda t: (
        F.batch_norm(X * t + t * t * W * X, None, None, W[0] * t, W[1] * t, training=True) * W
    ).sum(),
    "batch_norm_eval": lambda t: (F.batch_norm(X * t, W[0], W[1], W[0] * t, W[1] * t, training=False) * W * t).sum(),
    "group_norm": lambda t: (
        F.group_norm((X * t + t * t * W).reshape(1, 2, 3), 1, W[0, :2] * t, W[1, :2] * t) * W
    ).sum(),
    "instance_norm": lambda t: (F.instance_norm((X * t + t * t * W).reshape(1, 2, 3)) * W).sum(),
    "rms_norm": lambda t: (F.rms_norm(X * t + t * t * W, (3,), W[0] * t) * W).sum(),
    "var": lambda t: ((X * t + t * t * W).var(1) * W[:, 0]).sum(),
    "std": lambda t: ((X * t + t * t * W).std(1) * W[:, 0]).sum(),
    "std_mean": lambda t: sum((v * W[:, 0]).sum() for v in torch.std_mean(X * t + t * t * W, 1)),
    "pow_tt": lambda t: (((X * t).abs() + 0.5) ** (W * t * 0.3)).sum(),
    "pow_zero": lambda t: ((X * t) ** 2).sum() + ((X * t) ** 3).sum(),
    "xlogy": lambda t: torch.xlogy(W * t, (X * t).abs() + 0.1).sum(),
    "sinc": lambda t: torch.sinc(X * t).sum(),
    "atan2": lambda t: torch.atan2(X * t + 1, W * t * t).sum(),
    "hypot": lambda t: torch.hypot(X * t + 1, W * t * t).sum(),
    "logaddexp": lambda t: torch.logaddexp(X * t, W * t * t).sum(),
    "lerp": lambda t: torch.lerp(X * t, W * t, X * t * t).sum(),
    "addcdiv": lambda t: torch.addcdiv(X * t, W * t, X * t * t + 5, value=0.3).sum(),
    "addcmul": lambda t: torch.addcmul(X * t, W * t, X * t * t, value=0.3).sum(),
    "erfinv": lambda t: torch.erfinv(X * t * 0.5).sum(),
    "digamma": lambda t: torch.digamma(W * t).sum(),
    "lgamma": lambda t: torch.lgamma(W * t).sum(),
    "polygamma": lambda t: torch.polygamma(1, W * t).sum(),
    "gelu": lambda t: F.gelu(X * t * t).sum(),
    "gelu_tanh": lambda t: F.gelu(X * t * t, approximate="tanh").sum(),
    "silu": lambda t: F.silu(X * t * t).sum(),
    "mish": lambda t: F.mish(X * t * t).sum(),
    "elu": lambda t: F.elu(X * t * t, alpha=1.3).sum(),
    "selu": lambda t: torch.selu(X * t * t).sum(),
    "celu": lambda t: torch.celu(X * t * t, alpha=1.3).sum(),
    "softplus": lambda t: F.softplus(X * t * t, beta=2).sum(),
    "logsigmoid": lambda t: F.logsigmoid(X * t * t).sum(),
    "hardswish": lambda t: F.hardswish(X * t * t).sum(),
    "prelu": lambda t: F.prelu(X * t * t, torch.stack((t * 0.3,))).sum(),
    "mse": lambda t: F.mse_loss(X * t * t, W * t),
    "smooth_l1": lambda t: F.smooth_l1_loss(X * t * t, W * t * 0.3),
    "huber": lambda t: F.huber_loss(X * t * t, W * t * 0.3),
    "bce": lambda t: F.binary_cross_entropy(torch.sigmoid(X * t * t), torch.sigmoid(W * t)),
    "bcel": lambda t: F.binary_cross_entropy_with_logits(X * t * t, torch.sigmoid(W * t)),
    "kl": lambda t: F.kl_div(torch.log_softmax(X * t * t, 1), torch.softmax(W * t, 1), reduction="batchmean"),
    "ce_prob": lambda t: F.cross_entropy(X * t * t, torch.softmax(W * t, 1)),
    "nll": lambda t: F.nll_loss(torch.log_softmax(X * t * t, 1), torch.tensor([0, 2])),
    "cosine_similarity": lambda t: F.cosine_similarity(X * t * t + W, W * t).sum(),
    "normalize": lambda t: (F.normalize(X * t * t + W) * X).sum(),
    "conv1d": lambda t: (F.conv1d((X * t * t).reshape(1, 2, 3), (B * t)[:2, :2].reshape(1, 2, 2)) ** 2).sum(),
    "conv_tr1d": lambda t: (
        F.conv_transpose1d((X * t * t).reshape(1, 2, 3), (B * t)[:2, :2].reshape(2, 1, 2)) ** 2
    ).sum(),
    "embedding": lambda t: (F.embedding(torch.tensor([0, 2, 2]), B * t) ** 3).sum(),
    "interp": lambda t: (F.interpolate((X * t).reshape(1, 2, 3), size=5, mode="linear") ** 3).sum(),
    "max_pool": lambda t: (F.max_pool1d((X * t).reshape(1, 2, 3), 2) ** 3).sum(),
    "avg_pool": lambda t: (F.avg_pool1d((X * t).reshape(1, 2, 3), 2) ** 3).sum(),
    "linear": lambda t: (F.linear(X * t, B * t, W[0] * t) ** 2).sum(),
    "bilinear": lambda t: (F.bilinear(X * t, W * t, (B * t).reshape(1, 3, 3)) ** 2).sum(),
    "addmm": lambda t: (torch.addmm(B * t, A * t, B * t * t, beta=0.5, alpha=2) ** 2).sum(),
    "baddbmm": lambda t: (torch.baddbmm((B * t)[None], (A * t)[None], (B * t * t)[None], beta=0.5, alpha=2) ** 2).sum(),
    "kron": lambda t: (torch.kron(A * t, B * t * t) ** 2).sum(),
    "einsum": lambda t: (torch.einsum("ij,jk,ki->i", A * t, B * t * t, A) ** 2).sum(),
    "fft": lambda t: (torch.fft.fft(X * t * t).abs() ** 2).sum(),
    "rfft": lambda t: (torch.fft.irfft(torch.fft.rfft(X * t * t) * t, n=3) ** 2).sum(),
    "angle": lambda t: torch.complex(X * t * t + 1, W * t).angle().sum(),
    "polar": lambda t: (torch.polar(W * t, X * t) ** 2).real.sum(),
    "cabs": lambda t: torch.complex(X * t * t + 1, W * t).abs().sum(),
    "scatter_prod": lambda t: (
        torch.scatter_reduce(X * t, 1, torch.tensor([[0, 0, 1], [2, 1, 1]]), W * t, "prod") ** 2
    ).sum(),
    "scatter_mean": lambda t: (
        torch.scatter_reduce(X * t, 1, torch.tensor([[0, 0, 1], [2, 1, 1]]), W * t, "mean") ** 2
    ).sum(),
    "gather": lambda t: ((X * t).gather(1, torch.tensor([[0, 0, 1], [2, 1, 1]])) ** 3).sum(),
    "renorm": lambda t: (torch.renorm(X * t * t + W, 2, 0, 1.0) * X).sum(),
    "trapz": lambda t: (torch.trapezoid(X * t, W * t * t)).sum(),
    "cov": lambda t: (torch.cov(X * t * t + W * t) ** 2).sum(),
    "corrcoef": lambda t: torch.corrcoef(X * t * t + W * t).sum(),
    "logit": lambda t: torch.logit(torch.sigmoid(X * t)).sum() * t,
    "log_ndtr": lambda t: torch.special.log_ndtr(X * t).sum(),
    "ndtri": lambda t: torch.special.ndtri(torch.sigmoid(X * t)).sum(),
    "erfcx": lambda t: torch.special.erfcx(X * t).sum(),
    "entr": lambda t: torch.special.entr(W * t).sum(),
    "xlog1py": lambda t: torch.special.xlog1py(W * t, W * t * t).sum(),
    "i0": lambda t: torch.i0(X * t).sum(),
    "i1": lambda t: torch.special.i1(X * t).sum(),
    "i0e": lambda t: torch.special.i0e(X * t).sum(),
    "i1e": lambda t: torch.special.i1e(X * t).sum(),
    "mvlgamma": lambda t: torch.mvlgamma(W * t + 2, 2).sum(),
    "nanmean": lambda t: (torch.nanmean(X * t, 1) ** 2).sum(),
    "dist": lambda t: torch.dist(X * t, W * t * t, 3),
    "tensordot": lambda t: torch.tensordot(A * t, B * t, 2) ** 2,
    "glu": lambda t: (F.glu((B * t)[:, :2]) ** 2).sum(),
    "lp_pool": lambda t: F.lp_pool1d((W * t * t).reshape(1, 2, 3), 3, 2).sum(),
    "sdpa": lambda t: (F.scaled_dot_product_attention((X * t)[None], (W * t)[None], (W * t * t)[None]) ** 2).sum(),
    "poisson_nll": lambda t: F.poisson_nll_loss(X * t, W * t),
    "gaussian_nll": lambda t: F.gaussian_nll_loss(X * t, W * t, W * t * t),
    "triplet": lambda t: F.triplet_margin_loss(X * t, W * t, X * t * t - 1),
    "softmin": lambda t: (F.softmin(X * t * t, 1) * W).sum(),
    "multi_dot": lambda t: (linalg.multi_dot([A * t, B * t, A * t * t]) ** 2).sum(),
    "tensorinv": lambda t: (linalg.tensorinv(curve(t).reshape(3, 3), ind=1) * B).sum(),
    "vander": lambda t: (linalg.vander(W[0] * t) ** 2).sum(),
    "cumtrapz": lambda t: (torch.cumulative_trapezoid(X * t, W * t * t) ** 2).sum(),
    "aminmax_ties": lambda t: (X * t).amax() * t,
    "nanmedian": lambda t: (X * t * t).nanmedian() * t,
    "sort": lambda t: ((X * t * t).sort(1)[0] * W).sum(),
    "clamp": lambda t: ((X * t * t).clamp(-0.2 * t, 0.4 * t) ** 2).sum(),
    "where": lambda t: (torch.where(X > 0, X * t * t, W * t) ** 2).sum(),
    "fold": lambda t: (F.unfold((B * t).reshape(1, 1, 3, 3), 2) ** 3).sum(),
    "roll": lambda t: ((X * t).roll(1, 1) * X * t).sum(),
    "copysign": lambda t: torch.copysign(X * t * t, W * t).sum(),
    "ldexp": lambda t: torch.ldexp(X * t * t, W * t).sum(),
    "fmod": lambda t: torch.fmod(W * t * 3, X * t * t + 2).sum(),
    "remainder": lambda t: torch.remainder(W * t * 3, X * t * t + 2).sum(),
    "div_floor": lambda t: torch.div(W * t * 3, X * t * t + 2, rounding_mode="floor").sum() * t,
    "float_power": lambda t: torch.float_power(W * t, X * t).sum(),
    "rsqrt": lambda t: torch.rsqrt(W * t).sum(),
    "expm1": lambda t: torch.expm1(X * t).sum(),
    "tan": lambda t: torch.tan(X * t * 0.5).sum(),
    "acosh": lambda t: torch.acosh(W * t + 1).sum(),
    "det_batch": lambda t: linalg.det(torch.stack((curve(t), curve(t * t)))).sum(),
}


@pytest.mark.parametrize("name", CASES)
def test_every_way_to_a_second_derivative_gives_the_same(name: str) -> None:
    f = CASES[name]
    t, one, h = T(0.7), T(1.0), 1e-4

    def forward(t: torch.Tensor) -> torch.Tensor:
        return jvp(f, (t,), (one,))[1]

    first = float((f(t + h) - f(t - h)) / (2 * h))
    second = float((f(t + h) - 2 * f(t) + f(t - h)) / h**2)
    assert float(forward(t)) == pytest.approx(first, rel=1e-5, abs=1e-5), "forward mode"
    found = {
        "forward over forward": jvp(forward, (t,), (one,))[1],
        "reverse over forward": grad(forward)(t),
        "forward over reverse": jvp(grad(f), (t,), (one,))[1],
        "reverse over reverse": grad(grad(f))(t),
    }
    for way, value in found.items():
        assert float(value) == pytest.approx(second, rel=2e-3, abs=2e-3), way


@pytest.mark.parametrize("name", CASES)
def test_in_a_batch_each_slice_has_its_own_derivatives(name: str) -> None:
    f, points = CASES[name], T([0.7, 0.9])
    for order, derivative in enumerate((grad(f), grad(grad(f))), 1):
        apart = torch.stack([derivative(t) for t in points])
        assert vmap(derivative)(points).tolist() == pytest.approx(apart.tolist(), rel=1e-9, abs=1e-9), order
