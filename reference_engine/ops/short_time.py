"""The short-time Fourier transform: spectra of overlapping frames of a signal, and the signal back from them.

Source: https://docs.pytorch.org/docs/stable/generated/torch.stft.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import levels
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.fourier import C2C, C2R, R2C
from reference_engine.semantics import refusal, switch, warn
from reference_engine.tensor import Tensor

_BY_ROOT, _BY_COUNT = 1, 2


def _said(t: Tensor) -> str:
    """A tensor as messages show it: by its type and its shape."""
    return f"{t._dtype.cpp_type_name}{list(t._shape)}"


def _window_said(window: Tensor | None) -> str:
    return "None" if window is None else f"{window._dtype.cpp_type_name}{{{list(window._shape)}}}"


def _number(value: Any) -> str:
    return "None" if value is None else str(int(value))


def _centred(window: Tensor | None, win_length: int, n_fft: int, like: Tensor) -> Tensor:
    """A window in the middle of a frame; of ones, if there is none."""
    import reference_engine as engine

    if window is None:
        window = engine.ones(win_length, dtype=like._dtype.to_real())
    if win_length == n_fft:
        return window
    left = (n_fft - win_length) // 2
    padded: Tensor = engine.constant_pad_nd(window, (left, n_fft - win_length - left))
    return padded


# -- there -------------------------------------------------------------------------------------------------------------


def _stft(
    self: Tensor, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None, center: bool,
    pad_mode: str, normalized: bool, onesided: bool | None, return_complex: bool | None, align_to_window: bool | None,
) -> Any:  # fmt: skip
    import reference_engine as engine

    if center and align_to_window is not None:
        raise refusal("fft.stft.align")
    signal = self
    if center:  # the first frame is around the first sample
        pad, lead = n_fft // 2, (1,) * (3 - len(self._shape))
        padded = engine.nn.functional.pad(self.view(lead + self._shape), [pad, pad], pad_mode)
        signal = padded.view(padded._shape[len(padded._shape) - len(self._shape) :])
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if window is None and switch("fft.window_advised"):
        warn("fft.stft.window_missing")
    complex_input = signal._dtype.is_complex or (window is not None and window._dtype.is_complex)
    as_complex = complex_input if return_complex is None else return_complex
    by_default = switch("fft.stft.real_by_default")
    if not as_complex:
        if return_complex is None and not by_default:
            raise refusal("fft.stft.return_complex")
        if return_complex is None:
            warn("fft.stft.return_complex")
        elif not by_default:
            warn("fft.stft.real_result")
    _check_stft(
        signal,
        n_fft,
        hop,
        width,
        window,
        normalized,
        onesided,
        return_complex if by_default else as_complex,
        align_to_window,
    )
    alone = len(signal._shape) == 1
    batch = signal.unsqueeze(0) if alone else signal
    if align_to_window:  # frames start where the window does
        left = (n_fft - width) // 2
        batch = engine.nn.functional.pad(batch, [left, left])
    half = not complex_input if onesided is None else onesided
    if complex_input and half:
        raise refusal("fft.stft.onesided")
    frames = 1 + (batch._shape[1] - n_fft) // hop
    step, along = batch._strides
    look = batch.as_strided((batch._shape[0], frames, n_fft), (step, hop * along, along))
    if window is not None or width < n_fft:
        look = look.mul(_centred(window, width, n_fft, signal))
    scale = _BY_ROOT if normalized else 0
    made = run(C2C, [look, (2,), scale, True]) if look._dtype.is_complex else run(R2C, [look, (2,), scale, half])
    made.transpose_(1, 2)
    if alone:
        made.squeeze_(0)
    return made if as_complex else engine.view_as_real(made)


def _check_stft(
    signal: Tensor, n_fft: int, hop: int, width: int, window: Tensor | None, normalized: bool, onesided: bool | None,
    return_complex: bool | None, align: bool | None,
) -> None:  # fmt: skip
    call = (
        f"stft({_said(signal)}, n_fft={n_fft}, hop_length={hop}, win_length={width}, window={_window_said(window)}, "
        f"normalized={_number(normalized)}, onesided={_number(onesided)}, return_complex={_number(return_complex)}"
    )
    call += f", align_to_window={_number(align)})" if switch("fft.stft.aligns") else ")"
    ndim = len(signal._shape)
    if not signal._dtype.is_differentiable:
        raise refusal("fft.stft.dtype", call=call)
    if not 1 <= ndim <= 2:
        raise refusal("fft.stft.rank", call=call)
    size = signal._shape[-1]
    if not 0 < n_fft <= size:
        raise refusal("fft.stft.size", call=call, size=size, n_fft=n_fft)
    if hop <= 0:
        raise refusal("fft.stft.hop", call=call, hop=hop)
    if not 0 < width <= n_fft:
        raise refusal("fft.stft.width", call=call, width=width)
    if window is not None and window._shape != (width,):
        raise refusal("fft.stft.window", call=call, width=width, shape=list(window._shape))


declare(
    "stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, "
    "str pad_mode='reflect', bool normalized=False, bool? onesided=None, bool? return_complex=None, "
    "bool? align_to_window=None) -> Tensor",
    forward=_stft, composite=True,
    samples=domains.real(shapes="vector", arguments={
        "n_fft": (1, 2, 3), "hop_length": (None, 1, 2), "win_length": (None,), "window": (None,),
        "center": (False, True), "pad_mode": ("reflect", "constant"), "normalized": (False, True),
        "onesided": (None, False), "return_complex": (True, True, None), "align_to_window": (None,),
    }),
)  # fmt: skip

# -- and back ----------------------------------------------------------------------------------------------------------


def _overlapped(frames: Tensor, size: int, hop: int) -> Tensor:
    """Frames added up where they lie over each other: the transpose of unfold."""
    made: Tensor = frames._unfold_backward((frames._shape[0], size), 1, frames._shape[-1], hop)
    return made


def _istft(
    self: Tensor, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None, center: bool,
    normalized: bool, onesided: bool | None, length: int | None, return_complex: bool,
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    if window is None and switch("fft.window_advised"):
        warn("fft.istft.window_missing")
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    call = (
        f"istft({_said(self)}, n_fft={n_fft}, hop_length={hop}, win_length={width}, window={_window_said(window)}, "
        f"center={_number(center)}, normalized={_number(normalized)}, onesided={_number(onesided)}, "
        f"length={_number(length)}, return_complex={_number(return_complex)})"
    )
    half = _check_istft(self, n_fft, hop, width, window, onesided, call)
    shape = _centred(window, width, n_fft, self)
    alone = len(self._shape) == 2
    parts = engine.view_as_real(self.resolve_conj())
    spectra = engine.view_as_complex((parts.unsqueeze(0) if alone else parts).transpose(1, 2))
    scale = _BY_ROOT if normalized else _BY_COUNT
    if return_complex:
        if half:
            raise refusal("fft.stft.onesided")
        frames = run(C2C, [spectra, (2,), scale, False])
    else:
        if window is not None and window._dtype.is_complex:
            raise refusal("fft.istft.complex_window")
        spectra = spectra if half else spectra._slice(-1, 0, n_fft // 2 + 1, 1)
        frames = run(C2R, [spectra, (2,), scale, n_fft])
    count = spectra._shape[1]
    whole = n_fft + hop * (count - 1)
    made = _overlapped(frames * shape.view(1, 1, n_fft), whole, hop)
    weight = _overlapped(shape.pow(2).expand(1, count, n_fft), whole, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else -(n_fft // 2) if center else whole
    made, weight = made._slice(1, start, end, 1), weight._slice(1, start, end, 1)
    if weight.numel() and np.abs(levels.values(weight)).min() < 1e-11:
        raise refusal("fft.istft.weightless", call=call)
    made = made / weight
    if alone:
        made = made.squeeze(0)
    if end > whole:
        warn("fft.istft.short")
        made = engine.constant_pad_nd(made, (0, end - whole))
    return made


def _check_istft(
    self: Tensor, n_fft: int, hop: int, width: int, window: Tensor | None, onesided: bool | None, call: str
) -> bool:
    """Whether the spectra are of real signals, and so of half the size."""
    if not self._dtype.is_complex:
        raise refusal("fft.istft.complex")
    ndim = len(self._shape)
    if ndim < 2:
        raise refusal("ops.dim.range", low=-ndim - 1, high=ndim, dim=-3)
    size = self._shape[-2]
    if not self.numel():
        raise refusal("fft.istft.empty", call=call)
    if ndim not in (2, 3):
        raise refusal("fft.istft.rank", call=call, ndim=ndim + 1)
    half = size != n_fft if onesided is None else onesided
    if half and size != n_fft // 2 + 1:
        raise refusal("fft.istft.half_size", call=call, size=size)
    if not half and size != n_fft:
        raise refusal("fft.istft.size", call=call, size=size)
    if not 0 < hop <= width:
        raise refusal("fft.istft.hop", call=call)
    if not 0 < width <= n_fft:
        raise refusal("fft.istft.width", call=call)
    if window is not None and window._shape != (width,):
        raise refusal("fft.istft.window", call=call)
    return half


declare(
    "istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, "
    "bool normalized=False, bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor",
    forward=_istft, composite=True,
)  # fmt: skip
