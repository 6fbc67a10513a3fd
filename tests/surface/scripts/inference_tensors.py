"""What may be done to inference tensors outside of inference mode, and by which refusal the rest is told."""

import torch


def tell(name, action):
    try:
        action()
        print(name, "is fine")
    except RuntimeError as error:
        print(name, str(error).split(".")[0])


CHANGES = {
    "add_ of a number": lambda x: x.add_(1),
    "mul_ of a tensor": lambda x: x.mul_(torch.ones(1, 2, 3)),
    "zero_": lambda x: x.zero_(),
    "relu_": lambda x: x.relu_(),
    "transpose_": lambda x: x.transpose_(0, 1),
    "unsqueeze_": lambda x: x.unsqueeze_(0),
    "copy_": lambda x: x.copy_(torch.ones(1, 2, 3)),
    "normal_": lambda x: x.normal_(),
    "resize_": lambda x: x.resize_(1, 2),
    "resize_as_": lambda x: x.resize_as_(torch.ones(1, 2)),
    "an element": lambda x: x.__setitem__(0, 1.0),
    "out=": lambda x: torch.mul(torch.ones(3), 2, out=x),
    "out= recorded": lambda x: torch.mul(torch.ones(3, requires_grad=True), 2, out=x),
    "detach_": lambda x: x.detach_(),
}

for requires_grad in (False, True):
    for enabled in (True, False):
        print("requires grad" if requires_grad else "plain", "recording" if enabled else "not recording")
        for name, change in CHANGES.items():
            with torch.inference_mode():
                x = torch.ones(1, 2, 3, requires_grad=requires_grad)
            with torch.set_grad_enabled(enabled):
                tell(name, lambda: change(x))

with torch.inference_mode():
    inside = torch.ones(1, 2, 3, requires_grad=True)
    print(inside.resize_(1, 2).shape, inside.requires_grad)
    outside = torch.ones(1, 2, 3)
normal = torch.ones(2, 2, requires_grad=True)
with torch.inference_mode():
    print(normal.resize_(1, 2).shape, normal.is_inference())
