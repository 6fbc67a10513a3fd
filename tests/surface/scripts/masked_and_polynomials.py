"""Masked reductions, orthogonal polynomials, LDL decomposition, decompositions of low rank."""

import torch


def show(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)


def derivatives(function, *inputs):
    made = function(*inputs)
    weights = torch.arange(made.numel()).to(made.dtype).reshape(made.shape) + 1
    print(made, *torch.autograd.grad(made, inputs, weights))


x = torch.tensor([[1.0, 2, -3], [4, 0.5, 6]], requires_grad=True)
mask = torch.tensor([[True, False, True], [False, False, False]])
whole = torch.tensor([[1, 2, 3], [4, 5, 6]])
masked = torch.masked
for name in ("sum", "prod", "amax", "amin", "mean", "logsumexp", "norm", "var", "std"):
    function = getattr(masked, name)
    print(name)
    derivatives(lambda x, f=function: f(x, dim=1, mask=mask), x)
    derivatives(lambda x, f=function: f(x, mask=mask), x)
for name in ("cumsum", "cumprod", "softmax", "log_softmax", "softmin"):
    function = getattr(masked, name)
    print(name)
    derivatives(lambda x, f=function: f(x, 1, mask=mask), x)
derivatives(lambda x: masked.normalize(x, 2.0, 1, mask=mask), x)
derivatives(lambda x: masked.median(x, 1, mask=mask), x)
derivatives(lambda x: masked.logaddexp(x, x, input_mask=mask), x)
show(lambda: (masked.sum(whole, 1, mask=mask), masked.argmax(whole, 1, mask=mask), masked.amin(whole, 1, mask=mask)))
show(lambda: masked.mean(whole, 1, mask=mask))
show(lambda: masked.median(whole, 1, mask=mask))
show(lambda: masked.sum(x, 1, mask=mask.unsqueeze(0)))
show(lambda: masked.sum(x, 5, mask=mask))
show(lambda: masked._ops._output_mask(masked.sum, x, 1, mask=mask))

at = torch.tensor([-1.5, -1, -0.25, 0, 0.3, 1])
for name in sorted(n for n in dir(torch.special) if "polynomial" in n):
    function = getattr(torch.special, name)
    print(name, [function(at, n) for n in (-1, 0, 1, 2, 3)], function(0.3, torch.tensor([0.0, 1, 2.5])))
show(lambda: torch.special.hermite_polynomial_h(at.half(), 2))
show(lambda: torch.special.laguerre_polynomial_l(at.requires_grad_(), 2).requires_grad)
show(lambda: torch.special.legendre_polynomial_p(0.3, 2))

symmetric = torch.tensor([[0.0, 2, 3, 1], [2, 0, 6, 4], [3, 6, 0, 2], [1, 4, 2, 0]], dtype=torch.float64)
packed = torch.linalg.ldl_factor(symmetric)
show(lambda: packed)
show(lambda: (torch.linalg.ldl_solve(*packed, symmetric) - torch.eye(4)).abs().max() < 1e-12)
show(lambda: torch.linalg.ldl_factor_ex(symmetric.requires_grad_()))
show(lambda: torch.linalg.ldl_factor(symmetric)[0].sum().backward())
show(lambda: torch.linalg.ldl_factor(torch.zeros(2, 3)))
show(lambda: torch.linalg.ldl_solve(*packed, torch.ones(3, 1, dtype=torch.float64)))
show(lambda: torch.linalg.ldl_solve(*packed, torch.ones(4, 1)))

torch.manual_seed(0)
tall = torch.randn(7, 3) @ torch.randn(3, 5)
u, s, v = torch.svd_lowrank(tall, q=4)
print(u.shape, (s > 1e-5).tolist(), v.shape, torch.allclose(u * s @ v.mT, tall, atol=1e-4))
print([t.shape for t in torch.pca_lowrank(tall, 2)])
show(lambda: torch.pca_lowrank(tall, 9))
show(lambda: torch.pca_lowrank(tall, niter=-1))
