"""What anomaly mode tells of the call that made a failing node, and when warnings are errors."""

import contextlib
import io
import warnings

import torch
from torch.autograd import detect_anomaly


def forward(a):
    d = a + 1
    e = d**2
    d += 1
    return e


for action in ("always", "error"):
    stream = io.StringIO()
    with warnings.catch_warnings(record=True) as seen, contextlib.redirect_stderr(stream):
        warnings.simplefilter("always")
        try:
            with detect_anomaly():
                warnings.simplefilter(action)
                a = torch.ones(5, requires_grad=True)
                forward(a).sum().backward()
        except RuntimeError as error:
            print(str(error).split(":")[0])
    print(len(seen), "Error detected in PowBackward0" in stream.getvalue())
    for warning in seen:
        text = str(warning.message)
        print(text.split("\n")[0].split(". ")[0], "forward(a).sum()" in text, "e = d**2" in text)

x = torch.ones(2, requires_grad=True)
y = x.exp()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    with detect_anomaly():
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
print(sorted(g.grad_fn.metadata), g.grad_fn.metadata["parent_"] is y.grad_fn)
