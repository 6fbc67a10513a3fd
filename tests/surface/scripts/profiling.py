"""What the profilers see, and in which order; not how long it took."""

import torch
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile, schedule

x = torch.ones(2, 2, requires_grad=True)
with torch.autograd.profiler.profile() as seen:
    with record_function("forward"):
        loss = (x.exp() * 2).sin().sum()
    loss.backward()
watched = ("aten::exp", "aten::mul", "aten::sin", "aten::sum", "forward")
names = [event.name for event in seen.function_events]
print([name for name in dict.fromkeys(names) if name in watched])
print([name for name in names if name.endswith("Backward0") and "::" not in name])
print([name for name in names if "evaluate_function" in name])
averages = {event.key: event for event in seen.key_averages()}
print(averages["aten::exp"].count, averages["aten::sin"].count, averages["forward"].is_user_annotation)
print(averages["aten::exp"].cpu_time_total >= averages["aten::exp"].self_cpu_time_total > 0)
table = seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=3)
print([column.strip() for column in table.splitlines()[1].split("  ") if column.strip()])
print(len(table.splitlines()), table.splitlines()[-1].startswith("Self CPU time total: "))
with torch.autograd.profiler.profile(enabled=False) as nothing:
    x.exp()
print(nothing)
with torch.autograd.profiler.emit_nvtx(enabled=False):
    x.exp()
try:
    with seen:
        pass
except RuntimeError as error:
    print(error)


@record_function("decorated")
def double(x):
    return x * 2


with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as prof:
    double(x)
shapes = {event.key: event.input_shapes for event in prof.key_averages(group_by_input_shape=True)}
print("decorated" in shapes, "aten::mul" in shapes, len(prof.events()) > 0)
steps = []
with profile(
    activities=[ProfilerActivity.CPU],
    schedule=schedule(wait=1, warmup=1, active=2, repeat=2),
    on_trace_ready=lambda p: steps.append(p.step_num),
) as prof:
    for _ in range(10):
        x.exp()
        prof.step()
print(steps)
actions = schedule(wait=1, warmup=1, active=2, repeat=1, skip_first=1)
print([actions(step).name for step in range(7)])
