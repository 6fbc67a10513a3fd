"""``torch.gru``, ``lstm``, ``rnn_tanh`` and ``rnn_relu``: recurrent layers on weights that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine.nn.sequences import RNNBase
from reference_engine.tensor import Tensor

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Weighted:
    """What a recurrent layer knows of itself, with weights from a list: those of each layer and direction in turn."""

    def __init__(
        self, mode: str, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float, train: bool,
        bidirectional: bool, hidden: Sequence[Tensor],
    ) -> None:  # fmt: skip
        self.mode, self.num_layers, self.bidirectional = mode, num_layers, bidirectional
        self.dropout, self.training = dropout, train
        projected = mode == "LSTM" and hidden[0].shape[-1] != hidden[1].shape[-1]
        self.proj_size = hidden[0].shape[-1] if projected else 0
        names = (*_NAMES[: 4 if has_biases else 2], *(("weight_hr",) if projected else ()))
        given = iter(params)
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                for name in names:
                    setattr(self, name + suffix, next(given))

    _suffixes: Any = RNNBase._suffixes
    _through_layers: Any = RNNBase._through_layers
    _scan: Any = RNNBase._scan


def _run(mode: str, given: tuple[Any, ...]) -> tuple[Tensor, ...]:
    packed = isinstance(given[3], (list, tuple))  # the weights, behind the sizes of the batches
    if packed:
        input, sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional = given
        alive, batch_first = sizes.tolist(), False
    else:
        input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first = given
        alive = None
    states = tuple(hx) if mode == "LSTM" else (hx,)
    layers = _Weighted(mode, params, has_biases, num_layers, dropout, train, bidirectional, states)
    outputs, finals = layers._through_layers(input.transpose(0, 1) if batch_first else input, states, alive)
    return (outputs.transpose(0, 1) if batch_first else outputs, *finals)


def gru(*given: Any) -> tuple[Tensor, ...]:
    """The outputs at every step and the last states, of a sequence or a packed one."""
    return _run("GRU", given)


def lstm(*given: Any) -> tuple[Tensor, ...]:
    """The same, with the states of the cells as a third."""
    return _run("LSTM", given)


def rnn_tanh(*given: Any) -> tuple[Tensor, ...]:
    return _run("RNN_TANH", given)


def rnn_relu(*given: Any) -> tuple[Tensor, ...]:
    return _run("RNN_RELU", given)
