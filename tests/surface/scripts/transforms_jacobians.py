"""Whole derivatives of functions: rows by reverse mode, columns by forward mode, and one over the other."""

from functools import partial

import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

torch.manual_seed(0)


def predict(weight, bias, x):
    return torch.nn.functional.linear(x, weight, bias).sin()


weight, bias, x = torch.randn(3, 4), torch.randn(3), torch.randn(4)
value, pull_back = vjp(partial(predict, weight, bias), x)
print(value, vmap(pull_back)(torch.eye(3)))
print(jacrev(predict, argnums=2)(weight, bias, x))
print(jacfwd(predict, argnums=2)(weight, bias, x), jacfwd(predict, argnums=2)(weight, bias, x).stride())
print([j.shape for j in jacrev(predict, argnums=(0, 1))(weight, bias, x)])
print(hessian(predict, argnums=2)(weight, bias, x)[0])
for outer in (jacfwd, jacrev):
    for inner in (jacfwd, jacrev):
        print(outer(inner(predict, argnums=2), argnums=2)(weight, bias, x).shape)
batch = torch.randn(5, 4)
print(vmap(jacrev(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, batch).shape)
print(vmap(hessian(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, batch)[1, 2])


def energy(x):
    return (x**3).sum()


print(jvp(grad(energy), (x,), (torch.ones(4),))[1], vjp(grad(energy), x)[1](torch.ones(4)))
nested = {"a": torch.randn(2), "b": (torch.randn(3), [torch.randn(())])}


def of_nested(d):
    return {"s": d["a"].sum() * d["b"][0], "p": (d["b"][1][0] ** 2,)}


for transform in (jacrev, jacfwd):
    found = transform(of_nested)(nested)
    print(found["s"]["a"], found["p"][0]["b"], found["p"][0]["a"])
print(jacrev(lambda x: (x * 2, x.sum()), has_aux=True)(x), jacfwd(lambda x: (x * 2, x.sum()), has_aux=True)(x))
print(jacrev(lambda x: x**3, chunk_size=1)(x), jacrev(lambda x: x**3, chunk_size=3)(x))
print(jacrev(lambda x: torch.ones(2))(x), jacfwd(lambda x: torch.ones(2))(x))
value, derivative = linearize(lambda x: x * x, x)
print(value, derivative(torch.ones(4)))
for wrong in (
    lambda: jacrev(energy, argnums=3)(x),
    lambda: jacrev(energy, chunk_size=0)(x),
    lambda: jacrev(lambda x: 1.0)(x),
    lambda: jacfwd(lambda x: 1.0)(x),
    lambda: jacrev(lambda x: x * 1j)(x),
    lambda: jacfwd(energy)(x * 1j),
    lambda: jacrev(energy)(x.long()),
    lambda: jacfwd(energy)(x.long()),
    lambda: jacrev(energy)(1.0),
    lambda: grad(lambda x: x)(x),
    lambda: grad(energy, argnums="a")(x),
    lambda: grad(energy, argnums=())(x),
    lambda: grad(energy, argnums=(0, 0))(x),
    lambda: grad(energy, has_aux=True)(x),
    lambda: vjp(energy, x)[1](torch.ones(2)),
    lambda: vjp(lambda x: [x], x)[1]((x,)),
    lambda: vjp(lambda x: x.long(), x),
    lambda: vjp(lambda x: None, x),
    lambda: jvp(energy, x, x),
    lambda: jvp(energy, (x,), x),
    lambda: jvp(energy, (x,), (x[:2],)),
    lambda: jvp(energy, (), ()),
    lambda: jvp(lambda x: torch.ones(2), (x,), (x,), strict=True),
    lambda: derivative(x[:2]),
):
    try:
        print(wrong())
    except Exception as error:
        print(type(error).__name__, error)
