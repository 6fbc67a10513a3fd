"""Every optimizer on the same little valley."""

import torch


def valley(p):
    x, y = p
    return (1 - x) ** 2 + 5 * (y - x**2) ** 2


makers = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "SGD nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "SGD dampened": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.5, dampening=0.3, maximize=False),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "Adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.05, amsgrad=True, weight_decay=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.05),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "RMSprop centered": lambda p: torch.optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.01),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=1.0),
}
for name, make in makers.items():
    start = torch.tensor([-1.0, 0.5], requires_grad=True)
    optimizer = make([start])
    for _ in range(25):
        optimizer.zero_grad()
        loss = valley(start)
        loss.backward()
        optimizer.step()
    print(f"{name:18}", start.detach(), f"{loss.item():.4f}")

start = torch.tensor([-1.0, 0.5], dtype=torch.double, requires_grad=True)
for search in (None, "strong_wolfe"):
    p = start.detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([p], lr=0.5 if search is None else 1, max_iter=8, line_search_fn=search)
    count = [0]

    def closure():
        count[0] += 1
        optimizer.zero_grad()
        loss = valley(p)
        loss.backward()
        return loss

    first = optimizer.step(closure)
    print(search, first, p, count[0])

w = torch.nn.Parameter(torch.ones(2))
v = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.SGD([{"params": [w]}, {"params": [v], "lr": 1.0}], lr=0.1, momentum=0.9)
print(optimizer)
((w * v).sum()).backward()
optimizer.step()
print(w, v)
state = optimizer.state_dict()
print(state["param_groups"][1]["lr"], state["state"])
again = torch.optim.SGD([{"params": [w]}, {"params": [v], "lr": 2.0}], lr=0.3)
again.load_state_dict(state)
print(again.param_groups[1]["lr"], again.param_groups[0]["momentum"])
adam = torch.optim.Adam([w])
(w * 2).sum().backward()
adam.step()
print(adam.state_dict()["state"])
for bad in (
    lambda: torch.optim.SGD([], lr=1),
    lambda: torch.optim.SGD([w * 2], lr=1),
    lambda: torch.optim.SGD([w], lr=-1),
):
    try:
        bad()
    except ValueError as error:
        print(error)
