"""Forward mode: dual numbers in and out of dual levels."""

from __future__ import annotations

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.program import steps as s


def dual(b: Builder) -> None:
    name = b.pick(lambda t: t.dtype.is_floating_point or t.dtype.is_complex)
    if name is None:
        return
    if b.choose.coin(0.5):
        t = b.tensors[name]
        shape = tuple(t.shape) if not b.spoil() else (*t.shape, 1)
        tangent = making.new(b, shape, t.dtype.name)
        if not b.choose.coin(0.9 if b.open_modes else 0.1):
            b.open_modes += 1
            b.emit(s.EnterMode("autograd.forward_ad.dual_level"))
        b.emit(s.Apply("autograd.forward_ad.make_dual", (s.Ref(name), s.Ref(tangent)), (), (b.fresh(),)))
        return
    primal, tangent = b.fresh(), b.fresh()
    b.emit(s.Apply("autograd.forward_ad.unpack_dual", (s.Ref(name),), (), (primal, tangent)))
