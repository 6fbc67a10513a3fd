"""``torch.utils._python_dispatch``: modes that see operations below autograd. This engine has nothing there to see."""

from __future__ import annotations

from typing import NoReturn


class TorchDispatchMode:
    """Can be subclassed and made, so that a suite that defines one can be imported; not entered."""

    def __enter__(self) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__}: TorchDispatchMode is not part of this engine, which has no dispatcher"
        )

    def __exit__(self, *exc: object) -> None:
        pass
