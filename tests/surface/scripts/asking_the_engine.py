"""What a hook may ask about the backward that runs, and what hooks leave behind."""

import torch
from torch.autograd.graph import saved_tensors_hooks

a = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(2.0, requires_grad=True)


def names():
    return [node.name() for node in torch._C._current_graph_task_execution_order()]


c = b.sin()
out = c * a.cos()
out.register_hook(lambda g: print(names()))
with torch.autograd.set_multithreading_enabled(False):
    out.backward(retain_graph=True)
    torch.autograd.grad(out, a, retain_graph=True)
for call in (names, lambda: out.backward(retain_graph=True), lambda: torch._C._will_engine_execute_node(c.grad_fn)):
    try:
        call()
    except RuntimeError as error:
        print(error)

x = a * 2
y, z = x.exp(), x.sin()
y.register_hook(lambda g: print([torch._C._will_engine_execute_node(t.grad_fn) for t in (x, z)]))
y.register_hook(lambda g: print(torch._C._current_autograd_node() is y.grad_fn, torch._C._current_graph_task_id() >= 0))
y.backward(retain_graph=True)
print(torch._C._current_graph_task_id(), torch._C._current_autograd_node())
print(isinstance(x.grad_fn, torch._C._functions.MulBackward0))
print(isinstance(x.grad_fn.next_functions[0][0], torch._C._functions.AccumulateGrad))
print([(m.shape, m.dtype, m.device) for m in x.grad_fn._input_metadata])

bad = torch._C._functions.DelayedError("not this way", 1)(x)
try:
    bad.backward(retain_graph=True)
except RuntimeError as error:
    print(bad.grad_fn.name(), error)
print(torch.autograd.grad((x + 0 * bad.detach()), x))


def leave_hooks(tensor):
    context.__enter__()
    return tensor


context = saved_tensors_hooks(lambda t: t, leave_hooks)
with context:
    a.sin().backward()
saved = a.exp()
saved.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: t)
print("no hooks are left")

w = torch.ones(2, requires_grad=True).clone()
with torch.autograd._unsafe_preserve_version_counter(w):
    w.mul_(2)
print(w._version)
