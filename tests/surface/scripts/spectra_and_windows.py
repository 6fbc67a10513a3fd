"""Windows, and short-time Fourier transforms with their derivatives."""

import warnings

import torch
from torch.signal import windows

warnings.simplefilter("ignore")  # some warnings come once a process


def show(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)


for window in (torch.hann_window, torch.hamming_window, torch.blackman_window, torch.bartlett_window):
    show(lambda w=window: (w(5), w(6, False), w(1), w(0), w(7, dtype=torch.float64)))
    show(lambda w=window: (w(5, dtype=torch.float16), w(6, dtype=torch.bfloat16)))
    show(lambda w=window: w(-2))
    show(lambda w=window: w(3, dtype=torch.int64))
show(lambda: (torch.kaiser_window(5), torch.kaiser_window(5, True, 3.0), torch.kaiser_window(4, periodic=False)))
show(lambda: torch.hamming_window(5, True, 0.3, 0.1))
show(lambda: torch.hamming_window(5, alpha=0.3))
show(lambda: torch.hann_window(5.5))
show(lambda: torch.hann_window(3, requires_grad=True))
for name in windows.__all__:
    more = {"a": [0.46, 0.23, 0.31]} if name == "general_cosine" else {}
    made = getattr(windows, name)
    show(lambda made=made, more=more: (made(6, **more), made(5, sym=False, **more), made(1, **more), made(0, **more)))
    show(lambda made=made, more=more: made(-1, **more))
    show(lambda made=made, more=more: made(3, dtype=torch.float16, **more))
show(lambda: windows.gaussian(5, std=0))
show(lambda: windows.exponential(5, center=1.0))
show(lambda: windows.kaiser(5, beta=-1))
show(lambda: windows.general_cosine(5, a=[]))

signal = torch.linspace(-1, 2, 20).sin().requires_grad_()
weights = torch.hann_window(8)


def rounded(t):
    return (torch.view_as_real(t) if t.is_complex() else t).detach().mul(1000).round().div(1000).add(0.0)


for options in (
    {},
    {"center": False, "normalized": True},
    {"pad_mode": "constant", "onesided": False},
    {"win_length": 6, "hop_length": 3},
):
    chosen = {"hop_length": 4, "window": weights[: options.get("win_length", 8)], "return_complex": True, **options}
    made = torch.stft(signal, 8, **chosen)
    print(made.shape, made.stride(), made.grad_fn.name(), rounded(made))
    print(rounded(torch.autograd.grad(made, signal, torch.ones_like(made))[0]))
back = torch.istft(torch.stft(signal, 8, 2, window=weights, return_complex=True), 8, 2, window=weights)
print(torch.allclose(back, signal, atol=1e-5), back.grad_fn.name())
spectra = torch.stft(signal.detach(), 8, 2, window=weights, return_complex=True)
show(lambda: signal.stft(8))
show(lambda: signal.stft(8, return_complex=True, hop_length=0))
show(lambda: signal.stft(8, return_complex=True, window=weights[:3]))
show(lambda: signal.stft(30, return_complex=True, center=False))
show(lambda: signal.long().stft(8, return_complex=True))
show(lambda: spectra.istft(10, 2))
show(lambda: spectra.istft(8, 9))
show(lambda: spectra.istft(8, 2, window=weights, center=False))
show(lambda: spectra.real.istft(8, 2))
show(lambda: torch.istft(spectra, 8, 2, window=weights, length=22).shape)
