"""Parametrizations: symmetric, skew-symmetric, orthogonal, and what can go wrong."""

import copy

import torch
import torch.nn as nn
import torch.nn.utils.parametrize as parametrize
from torch.nn.utils import parametrizations

torch.manual_seed(0)


def attempt(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error)


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)


layer = nn.Linear(3, 3)
parametrize.register_parametrization(layer, "weight", Symmetric())
print(layer)
A = layer.weight
print(torch.allclose(A, A.T), A.grad_fn.name(), type(layer).__name__)
print(A)
print(f"\nUnparametrized:\n{layer.parametrizations.weight.original}")
print([name for name, _ in layer.named_parameters()])
layer.weight.sum().backward()
print(layer.parametrizations.weight.original.grad)
attempt(lambda: setattr(layer, "weight", torch.ones(3, 3)))

cnn = nn.Conv2d(in_channels=2, out_channels=4, kernel_size=3)
parametrize.register_parametrization(cnn, "weight", Symmetric())
print(torch.allclose(cnn.weight, cnn.weight.transpose(-1, -2)), cnn)


class Skew(nn.Module):
    def forward(self, X):
        A = X.triu(1)
        return A - A.transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu(1)


class MatrixExponential(nn.Module):
    def forward(self, X):
        return torch.matrix_exp(X)


layer_orthogonal = nn.Linear(3, 3)
parametrize.register_parametrization(layer_orthogonal, "weight", Skew())
parametrize.register_parametrization(layer_orthogonal, "weight", MatrixExponential())
print(layer_orthogonal)
X = layer_orthogonal.weight
print(torch.dist(X.T @ X, torch.eye(3)) < 1e-4)
attempt(lambda: setattr(layer_orthogonal, "weight", X))

skewed = nn.Linear(3, 3)
parametrize.register_parametrization(skewed, "weight", Skew())
X = torch.rand(3, 3)
X = X - X.T
skewed.weight = X
print(torch.dist(skewed.weight, X))
with parametrize.cached():
    print(skewed.weight is skewed.weight)
print(skewed.weight is skewed.weight)
print(parametrize.is_parametrized(skewed), parametrize.is_parametrized(skewed, "bias"))
print(parametrize.type_before_parametrizations(skewed).__name__)


class RankOne(nn.Module):
    def forward(self, x, y):
        return x.unsqueeze(-1) @ y.unsqueeze(-2)

    def right_inverse(self, Z):
        U, S, Vh = torch.linalg.svd(Z, full_matrices=False)
        s0_sqrt = S[0].sqrt().unsqueeze(-1)
        return U[..., :, 0] * s0_sqrt, Vh[..., 0, :] * s0_sqrt


rank_one = parametrize.register_parametrization(nn.Linear(4, 4), "weight", RankOne())
print(torch.linalg.matrix_rank(rank_one.weight).item(), [(n, p.shape) for n, p in rank_one.named_parameters()])
attempt(lambda: parametrize.remove_parametrizations(rank_one, "weight", leave_parametrized=False))
parametrize.remove_parametrizations(rank_one, "weight")
print(rank_one, type(rank_one.weight).__name__, rank_one.weight.is_leaf)
parametrize.remove_parametrizations(skewed, "weight", leave_parametrized=False)
print(skewed, skewed.weight)
attempt(lambda: parametrize.remove_parametrizations(skewed, "weight"))
attempt(lambda: parametrize.register_parametrization(nn.Linear(1, 1), "nothing", Skew()))


class Half(nn.Module):
    def forward(self, X):
        return X[: len(X) // 2]


class Doubled(nn.Module):
    def forward(self, X):
        return X.double()


class Nothing(nn.Module):
    def forward(self, X):
        return None


for bad in (Half(), Doubled(), Nothing()):
    attempt(lambda bad=bad: parametrize.register_parametrization(nn.Linear(2, 2), "weight", bad))
    attempt(lambda bad=bad: parametrize.register_parametrization(copy.deepcopy(layer), "weight", bad))
print(parametrize.register_parametrization(nn.Linear(2, 2), "weight", Half(), unsafe=True).weight.shape)
print(layer.state_dict().keys())
attempt(lambda: __import__("pickle").dumps(layer))

target = nn.Linear(3, 3)
parametrize.transfer_parametrizations_and_params(layer, target)
print(target, torch.equal(target.weight, layer.weight))

for map_ in ("matrix_exp", "cayley", "householder"):
    torch.manual_seed(1)
    orth = parametrizations.orthogonal(nn.Linear(3, 5).double(), orthogonal_map=map_)
    Q = orth.weight
    print(map_, orth, torch.allclose(Q.T @ Q, torch.eye(3).double()))
    print(Q.shape, orth.parametrizations.weight[0].base.shape)
    Q.pow(2).mul(torch.arange(15).view(5, 3)).sum().backward()
    print(orth.parametrizations.weight.original.grad.shape)
attempt(lambda: parametrizations.orthogonal(nn.Linear(3, 5), "bias"))
attempt(lambda: parametrizations.orthogonal(nn.Linear(3, 5), orthogonal_map="qr"))
attempt(lambda: parametrizations.orthogonal(nn.Linear(3, 5), "w"))

torch.manual_seed(2)
m = parametrizations.spectral_norm(nn.Linear(4, 3))
print(m, sorted(n for n, _ in m.named_buffers()))
print(round(torch.linalg.matrix_norm(m.weight, 2).item(), 3))
m(torch.ones(2, 4)).sum().backward()
print(m.parametrizations.weight.original.grad)
m = parametrizations.weight_norm(nn.Linear(4, 3), name="weight")
print(
    m, m.parametrizations.weight.original0.size(), m.parametrizations.weight.original1.size(), m.weight.grad_fn.name()
)
m(torch.ones(2, 4)).sum().backward()
print(m.parametrizations.weight.original0.grad)
print(m.parametrizations.weight.original1.grad)
m = parametrizations.weight_norm(nn.Conv1d(4, 3, 2), dim=1)
print(m.parametrizations.weight.original0, m.weight.grad_fn.name())
m = torch.nn.utils.weight_norm(nn.Linear(2, 3), name="weight")
print(m, m.weight_g.size(), m.weight_v, [n for n, _ in m.named_parameters()], m.weight)
m(torch.ones(1, 2)).sum().backward()
print(m.weight_g.grad, m.weight_v.grad)
attempt(lambda: torch.nn.utils.weight_norm(m))
print(torch.nn.utils.remove_weight_norm(m).weight)
attempt(lambda: torch.nn.utils.remove_weight_norm(m))
m = torch.nn.utils.spectral_norm(nn.Linear(2, 3))
print([n for n, _ in m.named_parameters()], [n for n, _ in m.named_buffers()])
m(torch.ones(1, 2)).sum().backward()
print(m.weight_u, m.weight_orig.grad)
print(torch.nn.utils.remove_spectral_norm(m).weight)
