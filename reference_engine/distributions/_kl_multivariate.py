"""Kullback-Leibler divergences of multivariate normal distributions: half of

log det Q - log det P + tr Q^-1 P + (m_q - m_p)^T Q^-1 (m_q - m_p) - n
"""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine.distributions.kl import register_kl
from reference_engine.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    _batch_lowrank_logdet,
    _batch_lowrank_mahalanobis,
    _weighted,
)
from reference_engine.distributions.multivariate_normal import MultivariateNormal, _batch_mahalanobis, _log_diagonal

_solve_triangular = torch.linalg.solve_triangular


def _square_sum(matrices: Any) -> Any:
    """tr X X^T"""
    return matrices.reshape(-1, matrices.size(-2) * matrices.size(-1)).pow(2).sum(-1).reshape(matrices.shape[:-2])


def _same_size(p: Any, q: Any, kind: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {kind}Multivariate Normals with"
            "                          different event shapes cannot be computed"
        )


def _lowrank_log_det(d: Any) -> Any:
    return _batch_lowrank_logdet(d._parts[0], d._parts[1], d._capacitance_tril)


def _lowrank_square(p: Any, q: Any) -> Any:
    return _batch_lowrank_mahalanobis(q._parts[0], q._parts[1], q.loc - p.loc, q._capacitance_tril)


def _lowrank_solved(q: Any) -> Any:
    """A, where the inverse of the covariance of q is D^-1 - A^T A."""
    return _solve_triangular(q._capacitance_tril, _weighted(*q._parts), upper=False)


def _root_inverse(diagonal: Any) -> Any:
    return diagonal.rsqrt().unsqueeze(-1)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank_lowrank(p: Any, q: Any) -> Any:
    _same_size(p, q, "Low Rank ")
    (factor, diagonal), (_, other) = p._parts, q._parts
    solved = _lowrank_solved(q)
    log_ratio = _lowrank_log_det(q) - _lowrank_log_det(p)
    square = _lowrank_square(p, q)
    trace = (diagonal / other).sum(-1) + _square_sum(factor * _root_inverse(other))
    trace = trace - _square_sum(solved * diagonal.sqrt().unsqueeze(-2)) - _square_sum(solved.matmul(factor))
    return 0.5 * (log_ratio + trace + square - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_lowrank(p: Any, q: Any) -> Any:
    _same_size(p, q, "(Low Rank) ")
    tril = p._unbroadcasted_scale_tril
    log_ratio = _lowrank_log_det(q) - 2 * _log_diagonal(tril)
    square = _lowrank_square(p, q)
    trace = _square_sum(tril * _root_inverse(q._parts[1])) - _square_sum(_lowrank_solved(q).matmul(tril))
    return 0.5 * (log_ratio + trace + square - p.event_shape[0])


def _solved_for(q: Any, *matrices: Any) -> list[Any]:
    """L^-1 X, of the factor of the covariance of q and matrices whose batches broadcast with it."""
    tril, n = q._unbroadcasted_scale_tril, q.event_shape[0]
    batch = torch.broadcast_shapes(tril.shape[:-2], matrices[0].shape[:-2])
    tril = tril.expand((*batch, n, n))
    return [_solve_triangular(tril, m.expand((*batch, n, m.size(-1))), upper=False) for m in matrices]


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_full(p: Any, q: Any) -> Any:
    _same_size(p, q, "(Low Rank) ")
    factor, diagonal = p._parts
    tril = q._unbroadcasted_scale_tril
    log_ratio = 2 * _log_diagonal(tril) - _lowrank_log_det(p)
    square = _batch_mahalanobis(tril, q.loc - p.loc)
    parts = _solved_for(q, factor, torch.diag_embed(diagonal.sqrt()))
    trace = _square_sum(parts[0]) + _square_sum(parts[1])
    return 0.5 * (log_ratio + trace + square - p.event_shape[0])


@register_kl(MultivariateNormal, MultivariateNormal)
def _full_full(p: Any, q: Any) -> Any:
    _same_size(p, q, "")
    half_log_ratio = _log_diagonal(q._unbroadcasted_scale_tril) - _log_diagonal(p._unbroadcasted_scale_tril)
    (solved,) = _solved_for(q, p._unbroadcasted_scale_tril)
    square = _batch_mahalanobis(q._unbroadcasted_scale_tril, q.loc - p.loc)
    return half_log_ratio + 0.5 * (_square_sum(solved) + square - p.event_shape[0])
