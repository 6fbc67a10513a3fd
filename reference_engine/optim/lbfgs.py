"""L-BFGS: a quasi-Newton method that remembers the last steps.

https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import reference_engine as torch
from reference_engine.modes import enable_grad, no_grad
from reference_engine.optim.line_search import strong_wolfe
from reference_engine.optim.optimizer import Optimizer, State, check_rate
from reference_engine.tensor import Tensor


@dataclass
class Memory:
    """The last changes of the gradient and the steps that caused them, stored under torch's names."""

    capacity: int
    changes: list[Tensor] = field(default_factory=list)
    steps: list[Tensor] = field(default_factory=list)
    inverse_products: list[Tensor] = field(default_factory=list)
    scale: Any = 1

    @classmethod
    def of(cls, state: State, capacity: int) -> Memory:
        """What the state of the optimizer holds from earlier steps."""
        if state.get("prev_flat_grad") is None:
            return cls(capacity)
        return cls(capacity, state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"])

    def store(self, state: State) -> None:
        state.update(old_dirs=self.changes, old_stps=self.steps, ro=self.inverse_products, H_diag=self.scale)

    def remember(self, change: Tensor, step: Tensor) -> None:
        """Keep a pair with positive curvature; the others would spoil the approximation."""
        product = change.dot(step)
        if not product > 1e-10:
            return
        if len(self.changes) == self.capacity:
            for queue in (self.changes, self.steps, self.inverse_products):
                queue.pop(0)
        self.changes.append(change)
        self.steps.append(step)
        self.inverse_products.append(1.0 / product)
        self.scale = product / change.dot(change)

    def direction(self, gradient: Tensor, weights: list[Any]) -> Tensor:
        """The approximate inverse Hessian times the negative gradient (the two-loop recursion).

        Args:
            gradient: the gradient.
            weights: as long as the memory may get; what each pair weighs is written to it.
        """
        pairs = list(enumerate(zip(self.changes, self.steps, self.inverse_products, strict=True)))
        result = gradient.neg()
        for number, (change, step, inverse) in reversed(pairs):
            weights[number] = step.dot(result) * inverse
            result.add_(change, alpha=-weights[number])
        result = torch.mul(result, self.scale)
        for number, (change, step, inverse) in pairs:
            result.add_(step, alpha=weights[number] - change.dot(result) * inverse)
        return result


class LBFGS(Optimizer):
    """One step may evaluate the closure many times."""

    def __init__(
        self,
        params: Any,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_rate(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        """All gradients as one vector."""
        parts = []
        for parameter in self._params:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            part = gradient.to_dense().reshape(-1)
            parts.append(torch.view_as_real(part).reshape(-1) if part.is_complex() else part)
        return torch.cat(parts, 0)

    def _move(self, length: Any, direction: Tensor) -> None:
        start = 0
        for parameter in self._params:
            target = torch.view_as_real(parameter) if parameter.is_complex() else parameter
            count = target.numel()
            target.add_(direction[start : start + count].view_as(target), alpha=length)
            start += count

    def _evaluate(
        self, closure: Callable[[], Any], start: list[Tensor], length: Any, direction: Tensor
    ) -> tuple[float, Tensor]:
        """Loss and gradient some way along a direction; the parameters return to `start`."""
        self._move(length, direction)
        loss, gradient = float(closure()), self._gradient()
        for parameter, before in zip(self._params, start, strict=True):
            parameter.copy_(before)
        return loss, gradient

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:
        """Move until one of the limits or tolerances of the group is met; returns the first loss."""
        closure = enable_grad()(closure)
        group = self.param_groups[0]
        tolerance = group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss, evaluations = float(first_loss), 1
        state["func_evals"] += 1
        gradient = self._gradient()
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first_loss
        memory = Memory.of(state, group["history_size"])
        direction: Any = state.get("d")
        length: Any = state.get("t")
        before = state.get("prev_flat_grad")
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = gradient.neg()
            else:
                memory.remember(gradient.sub(before), direction.mul(length))
                weights = state.setdefault("al", [None] * group["history_size"])
                direction = memory.direction(gradient, weights)
            before, loss_before = gradient.clone() if before is None else before.copy_(gradient), loss
            length = group["lr"]
            if state["n_iter"] == 1:
                length = min(1.0, 1.0 / gradient.abs().sum()) * length
            slope = gradient.dot(direction)
            if slope > -tolerance:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = [parameter.clone() for parameter in self._params]
                loss, gradient, length, used = strong_wolfe(
                    lambda at: self._evaluate(closure, start, at, direction),  # noqa: B023 - called in this iteration
                    length,
                    direction,
                    loss,
                    gradient,
                    slope,
                    max_evaluations=group["max_eval"] - evaluations,
                )
                self._move(length, direction)
            else:
                self._move(length, direction)
                if iteration != group["max_iter"]:
                    loss, gradient, used = float(closure()), self._gradient(), 1
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or gradient.abs().max() <= group["tolerance_grad"]
                or direction.mul(length).abs().max() <= tolerance
                or abs(loss - loss_before) < tolerance
            ):
                break
        state.update(d=direction, t=length)
        memory.store(state)
        state.update(prev_flat_grad=before, prev_loss=loss_before)
        return first_loss
