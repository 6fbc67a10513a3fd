"""Gradients in the loss: a critic with a gradient penalty."""

import torch
from torch import autograd, nn

torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2, betas=(0.5, 0.9))
real, fake = torch.randn(8, 2) + 2, torch.randn(8, 2)
for step in range(5):
    mix = torch.rand(8, 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    scores = critic(between)
    (gradients,) = autograd.grad(
        outputs=scores, inputs=between, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    penalty = ((gradients.norm(2, dim=1) - 1) ** 2).mean()
    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, f"{loss.item():.4f} {penalty.item():.4f}")
print(gradients)
print(penalty)
