"""Attention and transformers."""

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def attempt(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error)


q, k, v = (torch.randn(2, 3, 4, 8, requires_grad=True) for _ in range(3))
out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
print(out.shape, out.sum())
out.pow(2).sum().backward()
print(q.grad[0, 0, 1:], k.grad[0, 0, 1])

mha = nn.MultiheadAttention(8, 2)
print(mha, [(n, tuple(p.shape)) for n, p in mha.named_parameters()])
print(mha.in_proj_weight[0], mha.out_proj.weight[0], mha.in_proj_bias)
x = torch.randn(5, 2, 8, requires_grad=True)
out, weights = mha(x, x, x)
print(out.shape, weights.shape)
print(out[0], weights[0, 0])
print(out.grad_fn.name())
out.sum().backward()
print(x.grad[0], mha.in_proj_weight.grad[:2], mha.out_proj.bias.grad)
y = torch.randn(3, 2, 8)
print(mha(y, x, x, need_weights=False)[0][0], mha(y, x, x)[1].sum(-1))
print(mha(y, x, torch.randn(5, 2, 8), average_attn_weights=False)[1].shape)
padding = torch.tensor([[False, False, True, True, False], [False] * 5])
print(mha(y, x, x, key_padding_mask=padding)[1])
causal = nn.Transformer.generate_square_subsequent_mask(5)
print(causal)
print(mha(x, x, x, attn_mask=causal, need_weights=False, is_causal=True)[0][0])
print(mha(x[:, 0], x[:, 0], x[:, 0])[1])
print(mha(x, x, x, attn_mask=causal.isinf())[1][0])
other = nn.MultiheadAttention(8, 4, kdim=3, vdim=5, batch_first=True, add_bias_kv=True, add_zero_attn=True)
print([(n, tuple(p.shape)) for n, p in other.named_parameters()])
print(other(torch.ones(1, 2, 8), torch.ones(1, 3, 3), torch.ones(1, 3, 5)))
attempt(lambda: nn.MultiheadAttention(8, 3))
attempt(lambda: nn.MultiheadAttention(0, 3))
attempt(lambda: mha(x, x, x, attn_mask=torch.zeros(2, 2)))
attempt(lambda: mha(x, x, x, attn_mask=torch.zeros(2, 5, 5)))
attempt(lambda: mha(x, x[0], x))
attempt(lambda: mha(x[None], x, x))
attempt(lambda: mha(x[..., :4], x, x))
attempt(lambda: mha(x, x, x, key_padding_mask=torch.zeros(3, 5)))
attempt(lambda: mha(x, x, x, is_causal=True))
attempt(lambda: mha(x, x, x, attn_mask=torch.zeros(5, 5, dtype=torch.int64)))

torch.manual_seed(1)
layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16, dropout=0.0)
print(layer)
out = layer(torch.rand(3, 2, 8))
print(out[0])
out.pow(3).sum().backward()
print(layer.linear2.bias.grad.shape, layer.norm2.weight.grad)
encoder = nn.TransformerEncoder(
    nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu"),
    num_layers=2,
    norm=nn.LayerNorm(8),
)
encoder.eval()
print(encoder(torch.rand(2, 4, 8), mask=nn.Transformer.generate_square_subsequent_mask(4))[0])
print(encoder(torch.rand(2, 4, 8), src_key_padding_mask=torch.tensor([[False, False, True, True]] * 2))[0])
decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0), 2)
print(decoder)
print(decoder(torch.rand(3, 2, 8), torch.rand(4, 2, 8), tgt_mask=nn.Transformer.generate_square_subsequent_mask(3))[0])
torch.manual_seed(2)
model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0)
out = model(torch.rand(4, 2, 8), torch.rand(3, 2, 8))
print(out[0])
out.mean().backward()
print(sum(p.numel() for p in model.parameters()), list(model.state_dict())[:4])
attempt(lambda: model(torch.rand(4, 2, 8), torch.rand(3, 1, 8)))
attempt(lambda: model(torch.rand(4, 2, 4), torch.rand(3, 2, 8)))
attempt(lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"))


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[: x.size(0)])


class TransformerModel(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, dropout=0.5):
        super().__init__()
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        self.transformer_encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d_model, nhead, d_hid, dropout), nlayers
        )
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self):
        self.embedding.weight.data.uniform_(-0.1, 0.1)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-0.1, 0.1)

    def forward(self, src, src_mask=None):
        src = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        return self.linear(self.transformer_encoder(src, src_mask))


torch.manual_seed(3)
model = TransformerModel(10, 8, 2, 16, 2, 0.0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.95)
data = torch.randint(0, 10, (6, 3))
mask = nn.Transformer.generate_square_subsequent_mask(5)
for _ in range(4):
    loss = F.cross_entropy(model(data[:-1], mask).view(-1, 10), data[1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    scheduler.step()
    print(f"{loss.item():.4f}", math.exp(loss.item()).__round__(3), scheduler.get_last_lr())
