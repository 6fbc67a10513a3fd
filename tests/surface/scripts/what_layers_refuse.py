"""What layers and their functions say to arguments that do not go together, and what a packed sequence can do."""

import io

import torch
import torch.nn.functional as F
import torch.utils.serialization
from torch import nn
from torch.nn.utils import rnn


def told(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error)[:200].partition(" one of {")[0])


query, image = torch.ones(3, 2, 4), torch.ones(1, 2, 4, 4)
ways = (torch.ones(12, 4), torch.zeros(12), None, None, False, 0.0, torch.eye(4), torch.zeros(4))
bias_k = (*ways[:2], torch.ones(1, 1, 4), *ways[3:])
for call in (
    lambda: nn.Embedding(3, 2, padding_idx=5),
    lambda: nn.Conv2d(2, 3, 2, padding="around"),
    lambda: nn.Conv2d(2, 3, 2, padding="same", stride=2),
    lambda: nn.Conv2d(2, 3, 2, padding_mode="around"),
    lambda: nn.ConvTranspose2d(2, 3, 2)(image, output_size=(9, 9)),
    lambda: nn.Dropout("often"),
    lambda: F.multi_head_attention_forward(query, query, query, 4, 2, *bias_k),
    lambda: F.multi_head_attention_forward(query, query, query, 4, 2, *ways, static_k=torch.ones(3, 3, 2)),
    lambda: F.multi_head_attention_forward(query, query, query, 4, 2, *ways, use_separate_proj_weight=True),
    lambda: F.multi_head_attention_forward(query, query, query, 4, 2, None, *ways[1:]),
    lambda: nn.EmbeddingBag(3, 2, include_last_offset=True)(torch.tensor([1, 2]), torch.tensor([0])).shape,
    lambda: nn.EmbeddingBag(3, 2, include_last_offset=True)(torch.tensor([1]), torch.tensor([], dtype=torch.long)),
    lambda: torch.func.functional_call(nn.Sequential(nn.Linear(2, 2)), {"0.lost.x": query}, query),
    lambda: torch.func.functional_call(nn.Linear(2, 2), {"": query}, query),
    lambda: torch.load(io.BytesIO(b"abc"), mmap=True),
    lambda: torch.utils.backcompat.broadcast_warning.enabled,
    lambda: torch.utils.serialization.config.load.mmap,
):
    told(call)

packed = rnn.pack_sequence([torch.ones(2), torch.zeros(1)])
print(packed.is_pinned(), packed.byte().data, packed.char().data.dtype, packed.short().data.dtype)
file = io.BytesIO()
with torch.serialization.skip_data():
    torch.save({"a": torch.ones(2)}, file)
file.seek(0)
print(torch.load(file))
file = io.BytesIO()
torch.save(nn.ReLU(), file)
file.seek(0)
with torch.serialization.safe_globals([nn.ReLU]):
    print(torch.load(file))
