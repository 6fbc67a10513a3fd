"""A recurrent classifier written from scratch."""

import torch
from torch import nn

torch.set_default_dtype(torch.float64)

letters = "abcdefg"


def encode(word):
    t = torch.zeros(len(word), 1, len(letters))
    for i, letter in enumerate(word):
        t[i][0][letters.index(letter)] = 1
    return t


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return self.softmax(self.h2o(hidden)), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


torch.manual_seed(5)
rnn = RNN(len(letters), 6, 2)
print(encode("bad"))
words = [("abba", 0), ("fgfg", 1), ("cab", 0), ("gef", 1)]
criterion = nn.NLLLoss()
for epoch in range(10):
    total = 0
    for word, category in words:
        line = encode(word)
        hidden = rnn.init_hidden()
        rnn.zero_grad()
        for i in range(line.size(0)):
            output, hidden = rnn(line[i], hidden)
        loss = criterion(output, torch.tensor([category]))
        loss.backward()
        for p in rnn.parameters():
            p.data.add_(p.grad.data, alpha=-0.2)
        total += loss.item()
    if epoch % 3 == 0:
        print(epoch, f"{total:.4f}")
print(output)
cell = nn.LSTMCell(3, 2)
h, c = cell(torch.ones(1, 3))
print(h, c)
print(nn.GRUCell(3, 2)(torch.ones(1, 3)), nn.RNNCell(3, 2, nonlinearity="relu")(torch.ones(1, 3)))
