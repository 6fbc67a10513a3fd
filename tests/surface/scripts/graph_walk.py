"""Walking the graph from a result to its leaves."""

import torch

x = torch.tensor([0.5, 0.75], requires_grad=True)
y = torch.exp(x)
z = (y * 2 + x.sin()).sum()
print(z)


def show(node, depth=0):
    if node is None:
        print("  " * depth + "None")
        return
    print("  " * depth + node.name())
    for parent, index in node.next_functions:
        show(parent, depth + 1)


show(z.grad_fn)
accumulate = y.grad_fn.next_functions[0][0]
print(accumulate.variable is x, accumulate.variable)
print(y.grad_fn._saved_result.equal(y), y.grad_fn._saved_result is y)
p = x.pow(3)
print(p.grad_fn._saved_self is x, p.grad_fn._saved_exponent)
print(x.grad_fn, x.is_leaf, y.is_leaf, z.is_leaf, x.output_nr)
u, v = torch.stack([x, x]).unbind()
print(u.grad_fn.name(), u.output_nr, v.output_nr)
print(type(y.grad_fn).__name__, y.grad_fn.name())
print(len(y.grad_fn.metadata))
z.backward()
print(x.grad)
try:
    print(y.grad_fn._saved_result)
except RuntimeError as error:
    print(str(error))
