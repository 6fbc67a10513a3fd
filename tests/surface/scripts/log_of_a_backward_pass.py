"""What a backward pass tells the logger of torch.autograd.graph, and what numerical Jacobians come in."""

import logging
import re
import warnings

import torch
from torch.autograd.gradcheck import get_numerical_jacobian

lines = []


class Keep(logging.Handler):
    def emit(self, record):
        lines.append(re.sub(r" object at 0x[0-9a-f]+", "", record.getMessage()))


log = logging.getLogger("torch.autograd.graph")
log.addHandler(Keep())
log.propagate = False
x = torch.ones(3, requires_grad=True)
y = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)


def run():
    whole, part = (x * y).split([1, 2], 1)
    return whole.sum() + 2.0 * x.sum()


run().backward()
print(lines)
log.setLevel(logging.DEBUG)
run().backward()
torch.autograd.grad(run(), x)
a, b = y.unbind()
a.sum().backward()
log.setLevel(logging.WARNING)
run().backward()
for line in lines:
    print(line)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    found = get_numerical_jacobian(lambda inputs: inputs[0] * 2, (y,))
print(type(found).__name__, found[0].shape)
