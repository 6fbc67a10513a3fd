"""``torch.types``: names for annotations."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from os import PathLike
from typing import Any, TypeAlias

from reference_engine.dtypes import dtype
from reference_engine.size import Size
from reference_engine.storage import Storage as Storage
from reference_engine.tensor import Tensor

Number: TypeAlias = int | float | bool
_dtype: TypeAlias = dtype
_bool, _int, _float, _complex = builtins.bool, builtins.int, builtins.float, builtins.complex
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_symsize = _size
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_TensorOrTensorsOrGradEdge: TypeAlias = Any
FileLike: TypeAlias = str | PathLike[str] | Any
Device: TypeAlias = Any
IntLikeType, FloatLikeType, BoolLikeType = int, float, bool
