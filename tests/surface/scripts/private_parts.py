"""Parts with an underscore that scripts use all the same."""

import torch
import torch._utils
from torch._library.custom_ops import CustomOpDef, custom_op
from torch._library.infer_schema import infer_schema
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors
from torch.utils._contextlib import _DecoratorContextManager, _NoParamDecoratorContextManager
from torch.utils.backcompat import broadcast_warning, keepdim_warning


class Around(_DecoratorContextManager):
    def __enter__(self):
        print("in")

    def __exit__(self, *exc):
        print("out")


@Around()
def f():
    print("body")


f()
f()


class Plain(_NoParamDecoratorContextManager):
    def __enter__(self):
        print("in")

    def __exit__(self, *exc):
        print("out")


@Plain
def g():
    print("body")


g()
with Plain():
    print("inside")
print(broadcast_warning.enabled, keepdim_warning.enabled)
tensors = [torch.ones(2, 2), torch.zeros(3)]
flat = _flatten_dense_tensors(tensors)
print(flat, _unflatten_dense_tensors(flat, tensors))


def h(x: torch.Tensor) -> torch.Tensor:
    return x.clone()


print(infer_schema(h, mutates_args=()), custom_op is torch.library.custom_op)
print(type(custom_op("private::h", h, mutates_args=())) is CustomOpDef)
print(torch._C._len_torch_dispatch_stack(), torch._C.parse_schema("a::b(Tensor x) -> Tensor").name)
