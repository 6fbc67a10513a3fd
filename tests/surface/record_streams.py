"""Record the random numbers of the installed torch.

python tests/surface/record_streams.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream_cases import sequence, stream_seed

GOLDENS = Path(__file__).parent / "goldens" / "streams.json"
SEEDS, LENGTH = 12, 15


def torch_bytes(script: str) -> str:
    """The memory of the tensor that `script` makes, as hexadecimal digits."""
    import torch

    tensor: Any = eval(script, {"torch": torch})
    return bytes(tensor.flatten().clone(memory_format=torch.contiguous_format).view(torch.uint8).tolist()).hex()


if __name__ == "__main__":
    import torch

    recorded = []
    for seed in range(SEEDS):
        torch.manual_seed(stream_seed(seed))
        recorded.append([torch_bytes(draw.script) for draw in sequence(seed, LENGTH)])
    document = {"torch": torch.__version__.split("+")[0], "sequences": recorded}
    GOLDENS.write_text(json.dumps(document, indent=0) + "\n")
