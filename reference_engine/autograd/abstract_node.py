"""``torch.autograd.graph.Node``: what every node is an instance of, without being derived from it.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.Node.metadata.html
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import node

if TYPE_CHECKING:
    from reference_engine.autograd.hooks import RemovableHandle
    from reference_engine.tensor import Tensor


class Node(abc.ABC):
    """A step of the backward graph, as ``grad_fn`` shows it. It is never made by hand."""

    @abc.abstractmethod
    def name(self) -> str:
        """What the node is called."""
        raise NotImplementedError

    @property
    @abc.abstractmethod
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """Where the gradients that the node computes go."""
        raise NotImplementedError

    @abc.abstractmethod
    def metadata(self) -> dict[Any, Any]:
        """What a program notes down at the node."""
        raise NotImplementedError

    @property
    @abc.abstractmethod
    def _input_metadata(self) -> list[Any]:
        raise NotImplementedError

    @abc.abstractmethod
    def _register_hook_dict(self, tensor: Tensor) -> None:
        raise NotImplementedError

    @abc.abstractmethod
    def _sequence_nr(self) -> int:
        raise NotImplementedError

    @abc.abstractmethod
    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` whenever the node has run; what it returns replaces the former."""
        raise NotImplementedError

    @abc.abstractmethod
    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` whenever the node is about to run; what it returns replaces them."""
        raise NotImplementedError


Node.register(node.Node)
