"""Images seen through a grid: a spatial transformer in small, and every way of looking."""

import torch
import torch.nn.functional as F

image = torch.arange(12.0).reshape(1, 1, 3, 4)
theta = torch.tensor([[[0.8, 0.3, 0.1], [-0.2, 0.9, -0.3]]], requires_grad=True)
grid = F.affine_grid(theta, (1, 1, 2, 3), align_corners=False)
print(grid, grid.grad_fn.name())
seen = F.grid_sample(image, grid, align_corners=False)
print(seen, seen.grad_fn.name())
seen.square().sum().backward()
print(theta.grad.round(decimals=2))

# the identity
same = F.affine_grid(torch.eye(2, 3)[None], image.shape, align_corners=True)
print(F.grid_sample(image, same, align_corners=True))

points = torch.tensor([[[[-1.2, 0.1], [0.35, -0.7], [0.9, 1.4]]]], dtype=torch.float64, requires_grad=True)
pixels = image.double().sin().requires_grad_()
for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        for align in (False, True):
            seen = F.grid_sample(pixels, points, mode, padding, align)
            of_pixels, of_points = torch.autograd.grad(seen.square().sum(), (pixels, points))
            print(
                mode,
                padding,
                align,
                seen.flatten(),
                of_pixels.flatten().round(decimals=9),
                of_points.flatten().round(decimals=9),
            )

# twice differentiable
seen = F.grid_sample(pixels, points, "bicubic", "border", False)
(moved,) = torch.autograd.grad(seen.sum(), points, create_graph=True)
print([g.round(decimals=9) for g in torch.autograd.grad(moved.square().sum(), (pixels, points))])
print(torch.autograd.gradcheck(lambda x, g: F.grid_sample(x, g, align_corners=False), (pixels, points)))
print(torch.autograd.gradgradcheck(lambda x, g: F.grid_sample(x, g, align_corners=False), (pixels, points)))

volume = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
cube = F.affine_grid(torch.eye(3, 4)[None] * 0.5, (1, 1, 1, 2, 2), align_corners=False)
print(F.grid_sample(volume, cube, align_corners=False), torch.grid_sampler(volume, cube, 1, 1, True))
for wrong in (
    lambda: F.grid_sample(image, grid, mode="linear"),
    lambda: F.grid_sample(image, grid, padding_mode="mirror"),
    lambda: F.grid_sample(image, grid[..., :1], align_corners=False),
    lambda: F.grid_sample(image, torch.zeros(2, 1, 1, 2), align_corners=False),
    lambda: F.grid_sample(volume, cube, mode="bicubic", align_corners=False),
    lambda: F.affine_grid(theta, (1, 1, 2), align_corners=False),
    lambda: F.affine_grid(theta, (1, 1, 2, 2, 2), align_corners=False),
    lambda: F.affine_grid(theta.long(), (1, 1, 2, 2), align_corners=False),
):
    try:
        wrong()
    except (RuntimeError, ValueError, NotImplementedError) as error:
        print(type(error).__name__, error)
