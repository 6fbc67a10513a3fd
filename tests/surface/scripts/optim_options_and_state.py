"""Options of optimizers that are refused, parameters with names, and a state that is loaded."""

import warnings

import torch

warnings.simplefilter("ignore")


def say(what, call):
    try:
        call()
        print(what, "ok")
    except Exception as error:
        print(what, type(error).__name__, error)


def parameter(*values, dtype=torch.float64):
    return torch.nn.Parameter(torch.tensor(values, dtype=dtype))


one, two = parameter(1.0, 2.0), parameter(3.0)
SGD, Adam, AdamW, Adagrad = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad

# -- names --------------------------------------------------------------------------------------------------------
say("some named", lambda: SGD([("a", one), two], lr=0.1))
say("named later", lambda: SGD([{"params": [one]}, {"params": [("b", two)]}], lr=0.1))
say("named before", lambda: SGD([{"params": [("b", two)]}, {"params": [one]}], lr=0.1))
named = SGD([("a", one), ("b", two)], lr=0.1)
print(named)
print(named.state_dict()["param_groups"])
unnamed = SGD([one, two], lr=0.2)
named.load_state_dict(unnamed.state_dict())
print(named.param_groups[0]["param_names"], named.param_groups[0]["lr"])

# -- options ------------------------------------------------------------------------------------------------------
rates = (torch.tensor([0.1, 0.2]), torch.tensor(-0.1))
for kind in (
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adafactor",
    "Adamax",
    "NAdam",
    "RAdam",
    "Rprop",
    "ASGD",
    "LBFGS",
):
    for rate in rates:
        say(f"{kind} lr={rate.tolist()}", lambda kind=kind, rate=rate: getattr(torch.optim, kind)([one], lr=rate))
for kind in (Adam, AdamW):
    say("a tensor at once", lambda kind=kind: kind([one], lr=torch.tensor(0.1), foreach=True))
    say("a tensor and a float", lambda kind=kind: kind([one], betas=(0.9, torch.tensor(0.99))))
    say("tensors at once", lambda kind=kind: kind([one], betas=(torch.tensor(0.9), torch.tensor(0.99)), foreach=True))
for kind in (SGD, Adam, AdamW, Adagrad):
    say("both ways", lambda kind=kind: kind([one], lr=0.1, fused=True, foreach=True))
    say("fused and differentiable", lambda kind=kind: kind([one], lr=0.1, fused=True, differentiable=True))

    def step(*leaves, kind=kind):
        optimizer = kind(leaves, lr=0.1, fused=True)
        for leaf in leaves:
            leaf.grad = torch.ones_like(leaf.detach())
        optimizer.step()

    odd = parameter(1.0, dtype=torch.complex64)
    say("fused, complex first", lambda step=step: step(parameter(1j, dtype=torch.complex64), parameter(1.0)))
    say("fused, complex later", lambda step=step: step(parameter(1.0), parameter(1j, dtype=torch.complex64)))
say(
    "complex Adafactor",
    lambda: step(parameter(1j, dtype=torch.complex128), kind=lambda p, lr, fused: torch.optim.Adafactor(p, lr)),
)

# -- a loaded state is the very state that was saved -------------------------------------------------------------
first = SGD([one], lr=0.1, momentum=0.9)
one.grad = torch.ones_like(one.detach())
first.step()
saved = first.state_dict()
second = SGD([one], lr=0.1, momentum=0.9)
second.load_state_dict(saved)
second.step()
print(saved["state"][0]["momentum_buffer"], second.state[one]["momentum_buffer"] is first.state[one]["momentum_buffer"])

solver = torch.optim.LBFGS([one], lr=0.5, max_iter=3, history_size=2)


def closure():
    solver.zero_grad()
    loss = (one**2).sum() + one.prod()
    loss.backward()
    return loss


for _ in range(2):
    print(f"{solver.step(closure).item():.6f}")
state = solver.state_dict()["state"][0]
print(sorted(state), len(state["al"]), len(state["old_dirs"]), state["n_iter"], state["func_evals"])
