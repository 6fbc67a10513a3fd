"""Optimizers and schedules that are met less often, and averages of a model."""

import torch
from torch import nn, optim
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, update_bn


def attempt(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error)


torch.set_printoptions(precision=6)
made = {
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "NAdam decayed": lambda p: optim.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1, weight_decay=0.01),
    "ASGD": lambda p: optim.ASGD(p, lr=0.1, t0=3),
    "Rprop": lambda p: optim.Rprop(p, lr=0.1),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.01),
    "maximize": lambda p: optim.NAdam(p, lr=0.1, maximize=True),
}
for name, make in made.items():
    torch.manual_seed(0)
    x = torch.randn(2, 3, requires_grad=True)
    y = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = make([x, y])
    for _ in range(8):
        optimizer.zero_grad()
        loss = (x.pow(2).sum() + (y - 1).pow(4).sum()) * (x[0, 0] + 2)
        loss.backward()
        optimizer.step()
    print(name, x, y, sorted(optimizer.state[x]), optimizer)
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    print([round(float(v.double().sum()), 2) for _, v in sorted(optimizer.state[x].items())])
attempt(lambda: optim.NAdam([x], lr=-1))
attempt(lambda: optim.NAdam([x], momentum_decay=-1))
attempt(lambda: optim.RAdam([x], betas=(1.0, 0)))
attempt(lambda: optim.Rprop([x], etas=(2.0, 0)))
attempt(lambda: optim.Adafactor([x], lr=-1.0))
attempt(lambda: optim.Adafactor([x], d=0.5))
attempt(lambda: optim.ASGD([x], weight_decay=-0.5))


def run(scheduler, optimizer, steps=12):
    rates = []
    for _ in range(steps):
        optimizer.step()
        rates.append(
            [round(g["lr"], 6) for g in optimizer.param_groups]
            + [
                round(g.get("momentum", g.get("betas", (0,))[0] if "betas" in g else 0), 4)
                for g in optimizer.param_groups
            ]
        )
        scheduler.step()
    print(
        type(scheduler).__name__,
        rates,
        scheduler.last_epoch if hasattr(scheduler, "last_epoch") else "",
        [round(r, 6) for r in scheduler.get_last_lr()],
    )


def sgd(lr=1.0, **more):
    return optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9, **more)


S = optim.lr_scheduler
o = sgd()
run(S.OneCycleLR(o, max_lr=1.0, total_steps=12), o)
o = sgd()
run(S.OneCycleLR(o, max_lr=1.0, epochs=4, steps_per_epoch=3, three_phase=True, anneal_strategy="linear"), o)
o = optim.Adam([nn.Parameter(torch.zeros(1))])
run(S.OneCycleLR(o, max_lr=0.1, total_steps=12, cycle_momentum=True), o)
o = sgd()
sch = S.OneCycleLR(o, max_lr=1.0, total_steps=3)
run(sch, o, 3)
attempt(sch.step)
o = sgd()
run(S.CyclicLR(o, base_lr=0.1, max_lr=1.0, step_size_up=3), o)
o = sgd()
run(S.CyclicLR(o, base_lr=0.1, max_lr=1.0, step_size_up=2, step_size_down=3, mode="triangular2"), o)
o = sgd()
run(S.CyclicLR(o, base_lr=0.1, max_lr=1.0, step_size_up=3, mode="exp_range", gamma=0.9, cycle_momentum=False), o)
o = sgd()
run(S.CyclicLR(o, base_lr=0.1, max_lr=1.0, step_size_up=3, scale_fn=lambda x: 1 / x), o)
o = sgd()
run(S.CosineAnnealingWarmRestarts(o, T_0=3), o)
o = sgd()
sch = S.CosineAnnealingWarmRestarts(o, T_0=2, T_mult=2, eta_min=0.1)
run(sch, o)
sch.step(0.5)
print(sch.get_last_lr())
sch.step(5.5)
print(sch.get_last_lr(), sch.T_cur, sch.T_i)
o = sgd()
run(S.ChainedScheduler([S.ConstantLR(o, factor=0.1, total_iters=2), S.ExponentialLR(o, gamma=0.9)], optimizer=o), o)
o = sgd()
run(S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=3), S.CosineAnnealingLR(o, T_max=6)], [3]), o)
o = sgd()
run(SWALR(o, swa_lr=0.05, anneal_epochs=4), o)
o = sgd()
run(SWALR(o, swa_lr=[0.05], anneal_epochs=3, anneal_strategy="linear"), o)
attempt(lambda: S.OneCycleLR(o, max_lr=1.0))
attempt(lambda: S.OneCycleLR(o, max_lr=1.0, total_steps=-1))
attempt(lambda: S.OneCycleLR(o, max_lr=1.0, epochs=2, steps_per_epoch=0))
attempt(lambda: S.OneCycleLR(o, max_lr=1.0, total_steps=5, pct_start=2))
attempt(lambda: S.OneCycleLR(o, max_lr=1.0, total_steps=5, anneal_strategy="x"))
attempt(lambda: S.OneCycleLR(o, max_lr=[1.0, 2.0], total_steps=5))
attempt(lambda: S.CyclicLR(o, 0.1, 1.0, mode="x"))
attempt(lambda: S.CyclicLR(optim.Rprop([x]), 0.1, 1.0))
attempt(lambda: S.CyclicLR(o, [0.1, 1], 1.0))
attempt(lambda: S.CosineAnnealingWarmRestarts(o, T_0=0))
attempt(lambda: S.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=0))
attempt(lambda: S.ChainedScheduler([]))
attempt(lambda: S.ChainedScheduler([S.ConstantLR(o), S.ConstantLR(sgd())]))
attempt(lambda: SWALR(o, 0.1, anneal_strategy="x"))
attempt(lambda: SWALR(o, 0.1, anneal_epochs=-1))
attempt(lambda: SWALR(o, [0.1, 0.2]))
attempt(lambda: get_ema_avg_fn(2))

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
swa, ema, ema2 = (
    AveragedModel(model),
    AveragedModel(model, avg_fn=get_ema_avg_fn(0.9)),
    AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True),
)
optimizer = optim.SGD(model.parameters(), lr=0.1)
data = [(torch.randn(4, 2), torch.randn(4, 1)) for _ in range(3)]
for x, y in data:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
    for average in (swa, ema, ema2):
        average.update_parameters(model)
update_bn(data, swa)
print(swa.n_averaged, next(iter(swa.parameters())), swa.module[1].running_mean, swa.module[1].momentum)
print(ema.module[2].weight, ema2.module[1].running_var, ema2)
print(list(swa.state_dict()))
attempt(lambda: AveragedModel(model, avg_fn=get_ema_avg_fn(), multi_avg_fn=get_ema_multi_avg_fn()))
