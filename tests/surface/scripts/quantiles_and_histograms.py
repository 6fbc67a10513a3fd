"""Quantiles, histograms, divisors and differences of samples."""

import torch


def show(what):
    try:
        made = what()
        print(made)
        return made
    except Exception as error:
        print(type(error).__name__, error)


def derivatives(function, *inputs):
    made = function(*inputs)
    made = made if isinstance(made, (tuple, list)) else [made]
    cotangents = [torch.arange(m.numel()).to(m.dtype).reshape(m.shape) * 0.7 + 0.3 for m in made]
    print(*made, [m.stride() for m in made])
    print(*torch.autograd.grad(made, inputs, cotangents))


x = torch.tensor([[1.0, 2, 3.5], [4, -1, 0.5]], requires_grad=True)
for mode in ("linear", "lower", "higher", "midpoint", "nearest"):
    derivatives(lambda x, mode=mode: torch.quantile(x, 0.3, interpolation=mode), x)
    derivatives(lambda x, mode=mode: torch.nanquantile(x, torch.tensor([0.3, 0.6]), 1, True, interpolation=mode), x)
holes = torch.tensor([[1.0, float("nan"), 3.5], [4, -1, 0.5]], requires_grad=True)
derivatives(lambda x: torch.quantile(x, torch.tensor([0.3, 0.6]), dim=1), holes)
derivatives(lambda x: torch.nanquantile(x, torch.tensor([0.3, 0.6]), dim=0), holes)
ranks = torch.tensor([0.25, 0.5], requires_grad=True)
derivatives(lambda x, q: x.quantile(q), x, ranks)
show(lambda: x.quantile(1.3))
show(lambda: x.quantile(torch.tensor([[0.3]])))
show(lambda: x.quantile(torch.tensor(0.3, dtype=torch.float64)))
show(lambda: x.long().quantile(0.3))
show(lambda: x.quantile(0.3, interpolation="between"))
show(lambda: torch.quantile(torch.empty(0), 0.3))
show(lambda: torch.quantile(x, [0.3]))
show(lambda: torch.quantile(x.detach(), 0.3, out=torch.zeros((), dtype=torch.float64)))

values = torch.tensor([1.0, 2, 1, 4])
show(lambda: torch.histogram(values, 4))
show(lambda: values.histogram(torch.tensor([0.0, 1, 2, 3]), weight=torch.tensor([1.0, 2, 4, 8]), density=True))
show(lambda: torch.histogram(values, 3, range=(0.0, 3.0), out=(torch.zeros(3), torch.zeros(4))))
show(lambda: torch.histogram(values, 3, range=(3.0, 0.0)))
show(lambda: torch.histogram(values, 0))
show(lambda: torch.histogram(values.long(), 3))
show(lambda: torch.histogram(values, 3, weight=torch.ones(2)))
points = torch.tensor([[0.0, 1], [1, 0], [2, 0], [2, 2]], requires_grad=True)
show(lambda: torch.histogramdd(points, [3, 2], weight=torch.tensor([1.0, 2, 4, 8])))
show(lambda: torch.histogramdd(points, 2, range=[0.0, 1, 0, 1], density=True))
show(lambda: torch.histogramdd(points.detach(), (torch.tensor([0.0, 1, 2]), torch.tensor([0.0, 3]))))
show(lambda: torch.histogramdd(points, [2, 2, 2]))
show(lambda: torch.histogramdd(points, "two"))

a, b = torch.tensor([5, 10, 15, -4, 0, 0]), torch.tensor([3, 4, 5, 6, 0, 7])
show(lambda: (torch.gcd(a, b), torch.lcm(a, b), a.gcd(torch.tensor(3))))
show(lambda: a.clone().lcm_(b))
show(lambda: torch.gcd(a.to(torch.uint8), b.to(torch.int8)))
show(lambda: torch.gcd(values, values))
show(lambda: torch.gcd(a, 3))

rows = torch.tensor([[1.0, 2, 4, 8], [10, 20, 40, 80]], requires_grad=True)
derivatives(lambda t: torch.gradient(t), rows)
derivatives(lambda t: torch.gradient(t, spacing=2.0, dim=1, edge_order=2), rows)
derivatives(lambda t: torch.gradient(t, spacing=[2.0, 3.0]), rows)
derivatives(lambda t: torch.gradient(t, spacing=(torch.tensor([0.0, 2]), torch.tensor([0.0, 2, 3, 7]))), rows)
derivatives(lambda t: torch.gradient(t, spacing=(torch.tensor([0.0, 2, 3, 7]),), dim=1, edge_order=2), rows)
show(lambda: torch.gradient(a.view(2, 3)))
show(lambda: torch.gradient(rows, edge_order=2))
show(lambda: torch.gradient(rows, spacing=[1.0, 2.0, 3.0]))
show(lambda: torch.gradient(rows, spacing="wide"))
