"""The softmax of very many classes: rare ones are looked at in clusters.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html, and
Grave et al., "Efficient softmax approximation for GPUs", https://arxiv.org/abs/1609.04309
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from reference_engine.nn import functional as F
from reference_engine.nn.containers import ModuleList, Sequential
from reference_engine.nn.linear import Linear
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The head scores frequent classes and clusters; each cluster has a smaller model of its own."""

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        cuts = list(cutoffs)
        if not cuts:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        ascending = all(a < b for a, b in pairwise(cuts))
        if not ascending or cuts[0] <= 0 or cuts[-1] > n_classes - 1 or any(int(c) != c for c in cuts):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cuts, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for number in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (number + 1)))
            members = self.cutoffs[number + 1] - self.cutoffs[number]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, **made), Linear(hidden, members, bias=False, **made)
                )
            )  # fmt: skip

    def reset_parameters(self) -> None:
        self.head.reset_parameters()
        for inner, outer in self.tail:
            inner.reset_parameters()
            outer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> Any:
        """The log-probability of each target, and the mean loss."""
        self._check(input_, target_)
        batched = target_.dim() > 0
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        found, count = 0, target.size(0)
        output, places = input.new_zeros(count), target.new_empty(count)
        low = 0
        for number, high in enumerate(self.cutoffs):
            mask: Any = (target >= low).logical_and(target < high)
            rows = mask.nonzero().squeeze()
            if rows.numel():
                if number == 0:
                    places.index_copy_(0, rows, target[mask])
                else:
                    inside = target[mask] - low
                    scores = self.tail[number - 1](input.index_select(0, rows))
                    places.index_fill_(0, rows, self.shortlist_size + number - 1)
                    logs = F.log_softmax(scores, dim=1).gather(1, inside.unsqueeze(1))
                    output.index_copy_(0, rows, logs.squeeze(1))
                found += rows.numel()
            low = high
        if found != count:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{target.min().item()}, "
                f"{target.max().item()}] were found. "
            )
        head = F.log_softmax(self.head(input), dim=1)
        output += head.gather(1, places.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    @staticmethod
    def _check(input: Tensor, target: Tensor) -> None:
        rank = target.dim()
        if rank > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if rank == 1 and input.size(0) != target.size(0):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input.dim() != rank + 1:
            raise RuntimeError(
                f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with size {input.size()}"
            )

    def _all_logs(self, input: Tensor, head_output: Tensor) -> Tensor:
        logs = input.new_empty((head_output.size(0), self.n_classes))
        head = F.log_softmax(head_output, dim=1)
        logs[:, : self.shortlist_size] = head[:, : self.shortlist_size]
        for number in range(self.n_clusters):
            start, stop = self.cutoffs[number], self.cutoffs[number + 1]
            inside = F.log_softmax(self.tail[number](input), dim=1)
            logs[:, start:stop] = inside + head[:, self.shortlist_size + number].unsqueeze(1)
        return logs

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes."""
        return self._all_logs(input, self.head(input))

    def predict(self, input: Tensor) -> Any:
        """The likeliest class of each sample; clusters are looked into only where one of them is likeliest."""
        head_output = self.head(input)
        best = head_output.argmax(dim=1)
        rare = best >= self.shortlist_size
        if not rare.any():
            return best
        if rare.all():
            return self._all_logs(input, head_output).argmax(dim=1)
        best[rare] = self._all_logs(input[rare], head_output[rare]).argmax(dim=1)
        return best
