"""Looking words up, and predicting the next one."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.set_default_dtype(torch.float64)

torch.manual_seed(1)
word_to_ix = {"hello": 0, "world": 1}
embeds = nn.Embedding(2, 5)
lookup = torch.tensor([word_to_ix["hello"]], dtype=torch.long)
print(embeds(lookup))

text = ["the", "cat", "sat", "on", "the", "mat", "and", "the", "dog", "sat", "on", "the", "cat"]
vocab = sorted(set(text))
index = {word: i for i, word in enumerate(vocab)}
ngrams = [([text[i - 2], text[i - 1]], text[i]) for i in range(2, len(text))]


class NGram(nn.Module):
    def __init__(self, size, dim, context):
        super().__init__()
        self.embeddings = nn.Embedding(size, dim)
        self.linear1 = nn.Linear(context * dim, 12)
        self.linear2 = nn.Linear(12, size)

    def forward(self, inputs):
        embeds = self.embeddings(inputs).view((1, -1))
        out = F.relu(self.linear1(embeds))
        return F.log_softmax(self.linear2(out), dim=1)


model = NGram(len(vocab), 4, 2)
optimizer = optim.SGD(model.parameters(), lr=0.05)
loss_function = nn.NLLLoss()
for epoch in range(6):
    total = 0
    for context, target in ngrams:
        ids = torch.tensor([index[w] for w in context], dtype=torch.long)
        model.zero_grad()
        log_probs = model(ids)
        loss = loss_function(log_probs, torch.tensor([index[target]]))
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"{total:.4f}")
print(model.embeddings.weight[index["cat"]])
padded = nn.Embedding(4, 2, padding_idx=0)
padded(torch.tensor([0, 1, 1, 3])).sum().backward()
print(padded.weight.grad)
