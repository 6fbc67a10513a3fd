"""Values that are not there yet, and functions that are marked for a compiler: they give what Python gives."""

import torch
from torch import nn

Future = torch.futures.Future
first, second = Future(), Future()
both = torch.futures.collect_all([first, second])
plus_one = first.then(lambda future: future.wait() + 1)
first.add_done_callback(lambda future: print("called with", future.value()))
print(first.done(), both.done())
first.set_result(torch.tensor(3.0))
second.set_result(torch.tensor(4.0))
print(both.done(), plus_one.wait(), torch.futures.wait_all([first, second]))
first.add_done_callback(lambda future: print("called at once"))
try:
    first.set_result(torch.tensor(5.0))
except RuntimeError as error:
    print(error)
failed = Future()
failed.set_exception(ValueError("nothing came"))
try:
    failed.wait()
except ValueError as error:
    print(error)


@torch.jit.script
def scaled(x: torch.Tensor, factor: float) -> torch.Tensor:
    return torch.tanh(x) * factor


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.weight) * x


x = torch.tensor([0.5, 2.0], requires_grad=True)
y = scaled(x, 3.0)
y.sum().backward()
print(y.detach(), x.grad)
gate = torch.jit.script(Gate())
out = gate(torch.ones(2))
out.sum().backward()
print(out.detach(), gate.weight.grad, [name for name, _ in gate.named_parameters()])
traced = torch.jit.trace(lambda t: t * t + 1, torch.ones(2))
print(traced(torch.tensor([2.0, 3.0])))
waited = torch.jit.wait(torch.jit.fork(torch.add, torch.ones(2), torch.ones(2)))
print(waited, torch.jit.is_scripting(), torch.jit.is_tracing(), torch.jit.annotate(int, 3))
