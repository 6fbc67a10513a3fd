"""Sequences of different lengths: padded, packed, through a recurrent network, and back."""

import torch
from torch import nn
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

torch.manual_seed(0)


def attempt(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error)


a, b, c = torch.ones(3, 2, requires_grad=True), torch.full((1, 2), 2.0), torch.full((2, 2), 3.0)
padded = pad_sequence([a, b, c])
print(padded.shape, type(padded.grad_fn).__name__)
print(pad_sequence([a, b, c], batch_first=True, padding_value=-1.0))
print(pad_sequence([a, b, c], batch_first=True, padding_side="left").detach())
print(unpad_sequence(pad_sequence([a, b]), torch.tensor([3, 1])))
packed = pack_padded_sequence(padded, torch.tensor([3, 1, 2]), enforce_sorted=False)
print(packed)
print(packed.data.grad_fn.next_functions[0][0].name(), isinstance(packed, PackedSequence), packed.is_cuda)
print(packed.double().data.dtype, packed.to(torch.float32) is packed)
out, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=9.0, total_length=4)
print(out, lengths)
(out.sum() * 2).backward()
print(a.grad)
print(unpack_sequence(pack_sequence([a.detach(), c, b])))
attempt(lambda: pack_sequence([b, a]))
attempt(lambda: pack_padded_sequence(padded, [3, 2]))
attempt(lambda: pack_padded_sequence(padded, [3, 2, 0]))
attempt(lambda: pack_padded_sequence(padded[:0], [0, 0, 0]))
attempt(lambda: pad_packed_sequence(packed, total_length=2))
attempt(lambda: pad_sequence([]))
attempt(lambda: pad_sequence([a, b], padding_side="top"))

for kind, options in (
    (nn.RNN, {}),
    (nn.GRU, {"num_layers": 2}),
    (nn.LSTM, {"bidirectional": True}),
    (nn.LSTM, {"proj_size": 2, "num_layers": 2}),
    (nn.RNN, {"bidirectional": True, "nonlinearity": "relu"}),
):
    torch.manual_seed(1)
    net = kind(2, 3, **options).double()
    sequences = [torch.randn(n, 2).double() for n in (2, 4, 1)]
    packed = pack_sequence(sequences, enforce_sorted=False)
    output, state = net(packed)
    print(kind.__name__, options, type(output).__name__, output.batch_sizes, output.data.shape)
    states = state if isinstance(state, tuple) else (state,)
    print([tuple(s.shape) for s in states])
    padded, lengths = pad_packed_sequence(output)
    print(padded[:, 0].detach().sum().item().__round__(9), lengths)
    for i, sequence in enumerate(sequences):
        alone, final = net(sequence)
        finals = final if isinstance(final, tuple) else (final,)
        print(
            torch.allclose(alone, padded[: len(sequence), i]),
            [torch.allclose(f, s[:, i]) for f, s in zip(finals, states)],
        )
    output.data.sum().backward()
    print([round(p.grad.abs().sum().item(), 9) for p in net.parameters()])
    net(packed, state)
    attempt(lambda: net(PackedSequence(packed.data[:, :1], packed.batch_sizes)))
