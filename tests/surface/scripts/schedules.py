"""Learning rate schedules."""

import warnings

import torch
from torch.optim import lr_scheduler

warnings.simplefilter("error")


def trace(make, steps=8):
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([p], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(round(optimizer.param_groups[0]["lr"], 6))
        optimizer.step()
        scheduler.step()
    return rates


print(trace(lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5)))
print(trace(lambda o: lr_scheduler.MultiStepLR(o, milestones=[2, 5], gamma=0.1)))
print(trace(lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9)))
print(trace(lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch))))
print(trace(lambda o: lr_scheduler.MultiplicativeLR(o, lambda epoch: 0.95)))
print(trace(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=4, eta_min=0.1), 12))
print(trace(lambda o: lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=4)))
print(trace(lambda o: lr_scheduler.ConstantLR(o, factor=0.5, total_iters=3)))
print(trace(lambda o: lr_scheduler.PolynomialLR(o, total_iters=5, power=2.0)))
print(
    trace(
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.ConstantLR(o, factor=0.1, total_iters=2), lr_scheduler.ExponentialLR(o, gamma=0.9)], [3]
        )
    )
)
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([p], lr=1.0)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
for loss in (1.0, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8):
    plateau.step(loss)
    print(optimizer.param_groups[0]["lr"], end=" ")
print()
scheduler = lr_scheduler.StepLR(torch.optim.SGD([p], lr=0.1), 2)
print(scheduler.get_last_lr(), scheduler.state_dict())
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    scheduler.step()
    print(caught[0].message)
