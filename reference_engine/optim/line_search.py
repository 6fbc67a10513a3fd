"""Line search for the strong Wolfe conditions, with cubic interpolation.

J. Nocedal and S. Wright, Numerical Optimization, chapter 3 (algorithms 3.5 and 3.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference_engine.tensor import Tensor


@dataclass(frozen=True)
class Point:
    """How far along the direction, and the loss, gradient and slope there."""

    at: Any
    loss: float
    gradient: Tensor
    slope: Any


def cubic_minimum(first: Point, second: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through two points with these slopes is smallest, within the bounds."""
    x1, x2 = first.at, second.at
    low, high = bounds or ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = first.slope + second.slope - 3 * (first.loss - second.loss) / (x1 - x2)
    square = d1**2 - first.slope * second.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    if x1 <= x2:
        minimum = x2 - (x2 - x1) * ((second.slope + d2 - d1) / (second.slope - first.slope + 2 * d2))
    else:
        minimum = x1 - (x1 - x2) * ((first.slope + d2 - d1) / (first.slope - second.slope + 2 * d2))
    return min(max(minimum, low), high)


def strong_wolfe(
    evaluate: Callable[[Any], tuple[float, Tensor]],
    length: Any,
    direction: Tensor,
    loss: float,
    gradient: Tensor,
    slope: Any,
    max_evaluations: int,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    tolerance: float = 1e-9,
) -> tuple[float, Tensor, Any, int]:
    """Loss, gradient and length of a step that satisfies the conditions, and how often `evaluate` was called."""
    origin = Point(0, loss, gradient.clone(), slope)

    def visit(at: Any) -> Point:
        value, grad = evaluate(at)
        return Point(at, value, grad, grad.dot(direction))

    def too_high(point: Point) -> bool:
        return bool(point.loss > loss + decrease * point.at * slope)

    def flat(point: Point) -> bool:
        return bool(abs(point.slope) <= -curvature * slope)

    # Bracket: lengthen the step until it is too long, or good.
    before, point = origin, visit(length)
    evaluations, iterations = 1, 0
    bracket: list[Point] | None = None
    done = False
    while iterations < max_evaluations:
        if too_high(point) or (iterations > 1 and point.loss >= before.loss):
            bracket = [before, point]
        elif flat(point):
            bracket, done = [point], True
        elif point.slope >= 0:
            bracket = [before, point]
        if bracket is not None:
            break
        bounds = (point.at + 0.01 * (point.at - before.at), point.at * 10)
        before, point = point, visit(cubic_minimum(before, point, bounds))
        evaluations += 1
        iterations += 1
    if bracket is None:
        bracket = [origin, point]

    # Zoom: shrink the bracket around a good step.
    stalled = False
    low, high = (0, 1) if bracket[0].loss <= bracket[-1].loss else (1, 0)
    while not done and iterations < max_evaluations:
        if abs(bracket[1].at - bracket[0].at) * direction.abs().max() < tolerance:
            break
        at = cubic_minimum(bracket[0], bracket[1])
        left, right = sorted((bracket[0].at, bracket[1].at), key=float)
        margin = 0.1 * (right - left)
        if min(right - at, at - left) < margin:
            # Close to an end: allowed once, then the step is moved inwards.
            if stalled or at >= right or at <= left:
                at = right - margin if abs(at - right) < abs(at - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = visit(at)
        evaluations += 1
        iterations += 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        else:
            if flat(point):
                done = True
            elif point.slope * (bracket[high].at - bracket[low].at) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    best = bracket[low] if len(bracket) > 1 else bracket[0]
    return best.loss, best.gradient, best.at, evaluations
