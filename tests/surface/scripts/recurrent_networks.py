"""RNN, GRU and LSTM over sequences: shapes, values, gradients, refusals, and a training loop."""

import torch
from torch import nn

torch.manual_seed(0)


def attempt(call):
    try:
        made = call()
        print([tuple(t.shape) for t in made] if isinstance(made, tuple) else made)
    except Exception as error:
        print(type(error).__name__, error)


for cls in (nn.RNN, nn.GRU, nn.LSTM):

    def state(*shape, cls=cls):
        zeros = torch.zeros(*shape)
        return (zeros, zeros) if cls is nn.LSTM else zeros

    model = cls(3, 4)
    attempt(lambda: model(torch.ones(3)))
    attempt(lambda: model(torch.ones(5, 2, 4)))
    attempt(lambda: model(torch.ones(5, 2, 3), state(1, 4)))
    attempt(lambda: model(torch.ones(5, 3), state(1, 2, 4)))
    attempt(lambda: model(torch.ones(5, 2, 3), state(1, 3, 4)))
    attempt(lambda: model(torch.ones(5, 2, 3).double()))
    attempt(lambda: cls(3, 4, dropout=2))
    attempt(lambda: cls(3, 0))
    attempt(lambda: cls(3, 4, 0))
    attempt(lambda: cls(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.1, bias=False))
    model = cls(3, 4, 2, bidirectional=True, batch_first=True)
    print([name for name, _ in model.named_parameters()])
    outputs, final = model(torch.randn(2, 5, 3))
    print([f"{value:.3f}" for value in outputs.flatten().tolist()])  # fused kernels differ in the last bits
    print(outputs.shape, (final[0] if cls is nn.LSTM else final).shape, outputs.grad_fn is not None)
    outputs.sum().backward()
    print(f"{model.weight_ih_l0.grad.norm():.4f} {model.bias_hh_l1_reverse.grad.norm():.4f}")
    print(model(torch.randn(5, 3))[0].shape)
attempt(lambda: nn.RNN(3, 4, nonlinearity="x"))
attempt(lambda: nn.RNN(3, 4, proj_size=2))
attempt(lambda: nn.LSTM(3, 4, proj_size=4))
print(nn.RNN(3, 4, nonlinearity="relu").mode, nn.RNN(3, 4).mode)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.lstm = nn.LSTM(4, 5)
        self.tag = nn.Linear(5, 3)

    def forward(self, words):
        outputs, _ = self.lstm(self.embedding(words).view(len(words), 1, -1))
        return nn.functional.log_softmax(self.tag(outputs.view(len(words), -1)), dim=1)


model = Tagger()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
words, tags = torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 0])
for _ in range(5):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(model(words), tags)
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.4f}")
