"""Pickling tensors; ``torch.save`` and ``torch.load``.

The files are torch's own (``saving/``). Unless told otherwise, reading makes nothing but tensors and containers.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import copy
import enum
import os
import pickle
import pickletools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from reference_engine.devices import device
from reference_engine.dtypes import dtype
from reference_engine.semantics import warn
from reference_engine.sparse import memory
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor
from reference_engine.tensor_base import TensorBase

FileLike = str | os.PathLike[str] | IO[bytes]
MAP_LOCATION = Callable[[Storage, str], Storage] | device | str | dict[str, str] | None

_INTERNAL = frozenset(TensorBase.__annotations__) | {"_is_param", "_is_buffer"}


def user_attributes(t: Tensor) -> dict[str, Any]:
    """What a program keeps on a tensor besides what the engine does."""
    return {name: value for name, value in vars(t).items() if name not in _INTERNAL}


class Memory:
    """Stands for a storage in a pickle. Outside of a file each tensor brings its own."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def __reduce__(self) -> Any:
        return _memory, (self.storage.bytes.tobytes(),)


def _memory(content: bytes) -> Memory:
    storage = Storage(0)
    storage.bytes = np.frombuffer(content, np.uint8).copy()
    return Memory(storage)


def _rebuild(
    cls: type[Any], memory: Memory, d: dtype, shape: tuple[int, ...], strides: tuple[int, ...], offset: int,
    lazy: tuple[bool, bool], requires_grad: bool, state: dict[str, Any],
) -> Any:  # fmt: skip
    made: Any = Tensor._make(memory.storage, d, shape, strides, offset)
    made._conj, made._neg = lazy
    made.__class__ = cls
    made._leaf_requires_grad = requires_grad
    vars(made).update(state)
    return made


def _rebuild_sparse(
    cls: type[Any], kept: memory.Coo | memory.Compressed, shape: tuple[int, ...], state: dict[str, Any]
) -> Any:
    """A sparse tensor from a pickle, which keeps no flag for it."""
    made: Any = memory.tensor(shape, kept)
    made.__class__ = cls
    vars(made).update(state)
    return made


def reduce(t: Tensor) -> Any:
    """``Tensor.__reduce_ex__``: values, layout and flag; neither history nor gradient.

    Warns:
        UserWarning: the tensor has hooks, which are not kept.
    """
    for hook in (t._backward_hooks or {}).values():
        if not getattr(hook, "__torch_unserializable__", False):
            warn("tensor.pickle.hooks", hook=repr(hook))
    state = user_attributes(t)
    state |= {name: True for name in ("_is_param", "_is_buffer") if name in vars(t)}
    if t._sparse is not None:
        return _rebuild_sparse, (type(t), t._sparse, t._shape, state)
    return _rebuild, (
        type(t), Memory(t._storage), t._dtype, t._shape, t._strides, t._offset, (t._conj, t._neg), t.requires_grad,
        state,
    )  # fmt: skip


# -- save and load -----------------------------------------------------------------------------------------------------

DEFAULT_PROTOCOL = 2

#: What a program has said may be loaded, by the name that files have for it.
_allowed: list[Any] = []
_packages: list[tuple[int, Callable[[Any], Any], Callable[[Any, Any], Any]]] = []


@contextmanager
def _opened(file: Any, mode: str) -> Iterator[Any]:
    if isinstance(file, (str, os.PathLike)):
        folder = os.path.dirname(os.path.abspath(file))
        if "w" in mode and not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
        with open(file, mode) as opened:
            yield opened
    elif "w" in mode:
        if not hasattr(file, "write"):
            raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
        yield file
    else:
        if not hasattr(file, "seek"):
            raise AttributeError(
                f"'{type(file).__name__}' object has no attribute 'seek'. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
        yield file


def save(
    obj: Any, f: Any, pickle_module: Any = pickle, pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True, _disable_byteorder_record: bool = False,
) -> None:  # fmt: skip
    """Write an object to a file, or to anything that has ``write``.

    Raises:
        RuntimeError: a folder that does not exist. AttributeError: no file.
    """
    from reference_engine.saving import archives

    with _opened(f, "wb") as file:
        if not _use_new_zipfile_serialization:
            archives.write_sequence(file, obj, pickle_protocol)
            return
        path = f if isinstance(f, (str, os.PathLike)) else ""
        archives.write(file, os.path.splitext(os.path.basename(path))[0] or "archive", obj, pickle_protocol)


_TRUST = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to "
    "`True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can result in "
    "arbitrary code execution. Do it only if you got the file from a trusted source.\n"
)
_MORE = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only "
    "https://pytorch.org/docs/stable/generated/torch.load.html."
)
UNSAFE_MESSAGE = _TRUST


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """Read what ``save`` wrote.

    Args:
        map_location: where memories go: a device, names of places for names, or a function of memory and place.

    Raises:
        pickle.UnpicklingError: something else than tensors and containers, with ``weights_only``, which is the default
            unless a ``pickle_module`` is given.
        RuntimeError: a place that there is not, or no file of tensors.
    """
    from reference_engine.saving import archives

    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    careful = pickle_module is None if weights_only is None else bool(weights_only)
    locate, allowed = _locating(map_location), _allowing() if careful else None
    with _opened(f, "rb") as file:
        archive = archives.is_archive(file)
        if mmap and not archive:
            raise RuntimeError(
                "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True), please "
                "torch.save your checkpoint with this option in order to use mmap."
            )
        if mmap and not isinstance(f, (str, os.PathLike)):
            raise ValueError("f must be a file path in order to use the mmap argument")
        read = archives.read if archive else archives.read_sequence
        try:
            return read(file, locate, allowed, pickle_load_args)
        except _Unsupported as error:
            raise pickle.UnpicklingError(
                "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo "
                f"those steps only if you trust the source of the checkpoint\033[0m. \n\t(1) {_TRUST}\t(2) "
                "Alternatively, to load with `weights_only=True` please check the recommended steps in the following "
                f"error message.\n\tWeightsUnpickler error: {error}{_MORE}"
            ) from None
        except EOFError:
            raise EOFError from None
        except pickle.UnpicklingError as error:
            key = re.fullmatch(r"invalid load key, '(.*)'\.", str(error))
            if not careful:
                raise
            file.seek(0)
            first = file.read(1)
            what = f"Unsupported operand {first[0] if key is None else _code(key[1])}"
            raise pickle.UnpicklingError(
                f"Weights only load failed. {_TRUST}Please file an issue with the following so that we can make "
                f"`weights_only=True` compatible with your use case: WeightsUnpickler error: \n\n{what}{_MORE}"
            ) from None


def _code(shown: str) -> int:
    return int(shown[2:], 16) if shown.startswith("\\x") else ord(shown)


# -- places ------------------------------------------------------------------------------------------------------------


def location_tag(storage: Any) -> str:
    """Where a memory is, as a file says it."""
    for _, tag, _ in sorted(_packages, key=lambda package: package[0]):
        found = tag(storage)
        if found:
            return str(found)
    return "cpu"


def register_package(priority: int, tagger: Callable[[Any], Any], deserializer: Callable[[Any, Any], Any]) -> None:
    """Say how memories of a kind of device are named in files, and brought back."""
    _packages.append((priority, tagger, deserializer))


def default_restore_location(storage: Any, location: str) -> Any:
    """A memory at a named place.

    Raises:
        RuntimeError: there is no such place.
    """
    for _, _, restore in sorted(_packages, key=lambda package: package[0]):
        found = restore(storage, location)
        if found is not None:
            return found
    if location.startswith("cpu"):
        return storage
    if location.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    raise RuntimeError(
        f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})"
    )


def _locating(map_location: Any) -> Callable[[Any, str], Any]:
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, place: default_restore_location(storage, map_location.get(place, place))
    if isinstance(map_location, (str, device)):
        return lambda storage, place: default_restore_location(storage, str(map_location))

    def asked(storage: Any, place: str) -> Any:
        found = map_location(storage, place)
        return default_restore_location(storage, place) if found is None else found

    return asked


# -- trust -------------------------------------------------------------------------------------------------------------


class _Unsupported(Exception):
    """A global that may not be loaded."""


def _full_name(value: Any) -> str:
    from reference_engine.saving import names

    module, name = names.name_of(value, None) or (value.__module__, value.__qualname__)
    return name if module == "builtins" else f"{module}.{name}"


def _allowing() -> Callable[[str, str], Any]:
    from reference_engine.saving.pickled import is_harmless

    trusted = {}
    for entry in _allowed:
        value, name = entry if isinstance(entry, tuple) else (entry, _full_name(entry))
        trusted[name] = value

    def allow(module: str, name: str) -> Any:
        full = name if module in ("builtins", "__builtin__") else f"{module}.{name}"
        if full in trusted:
            return trusted[full]
        if is_harmless(module, name):
            return None
        raise _Unsupported(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{full}])` or the "
            f"`torch.serialization.safe_globals([{full}])` context manager to allowlist this global if you trust this "
            "class/function."
        )

    return allow


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Say of classes and functions, or pairs of one and its name in files, that they may be loaded."""
    _allowed.extend(entry for entry in safe_globals if entry not in _allowed)


def get_safe_globals() -> list[Any]:
    """What was said to be safe."""
    return list(_allowed)


def clear_safe_globals() -> None:
    _allowed.clear()


class safe_globals:
    """Inside, these may be loaded."""

    def __init__(self, safe_globals: Iterable[Any]) -> None:
        self.given = list(safe_globals)

    def __enter__(self) -> None:
        self._before = list(_allowed)
        add_safe_globals(self.given)

    def __exit__(self, *exc: object) -> None:
        _allowed[:] = self._before


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The globals in a file that ``load`` would refuse.

    Raises:
        ValueError: a file that is no archive.
    """
    from reference_engine.saving import archives
    from reference_engine.saving.pickled import is_harmless

    with _opened(f, "rb") as file:
        if not archives.is_archive(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        body = archives.pickle_of(file)
    trusted = {_full_name(entry) for entry in _allowed}
    found, strings = set(), list[Any]()
    for code, given, _ in pickletools.genops(body):
        argument: Any = given
        if "UNICODE" in code.name:
            strings.append(argument)
        if code.name in ("GLOBAL", "STACK_GLOBAL"):
            module, name = argument.split(" ") if code.name == "GLOBAL" else strings[-2:]
            full = name if module in ("builtins", "__builtin__") else f"{module}.{name}"
            if not is_harmless(module, name) and full not in trusted:
                found.add(full)
    return list(found)


class LoadEndianness(enum.Enum):
    """In which order a file without a record of it has its bytes."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


_settings: dict[str, Any] = {"endianness": None, "crc32": True, "mmap": 2}


def get_default_load_endianness() -> LoadEndianness | None:
    found: LoadEndianness | None = _settings["endianness"]
    return found


def set_default_load_endianness(endianness: Any) -> None:
    if not isinstance(endianness, LoadEndianness) and endianness is not None:
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _settings["endianness"] = endianness


def get_crc32_options() -> bool:
    return bool(_settings["crc32"])


def set_crc32_options(compute_crc32: bool) -> None:
    _settings["crc32"] = compute_crc32


def get_default_mmap_options() -> int:
    return int(_settings["mmap"])


class set_default_mmap_options:
    """How files are mapped into memory, which here they are not."""

    def __init__(self, flags: int) -> None:
        self._before = _settings["mmap"]
        _settings["mmap"] = flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _settings["mmap"] = self._before


class skip_data:
    """Inside, ``save`` leaves room for the values but does not write them, and ``load`` does not read them.

    Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
    """

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        from reference_engine.saving import archives

        self._before, archives.state.without_values = archives.state.without_values, True

    def __exit__(self, *exc: object) -> None:
        from reference_engine.saving import archives

        archives.state.without_values = self._before


class SourceChangeWarning(Warning):
    """The source of a class is another than when it was saved."""


def copy_user_attributes(of: Tensor, to: Tensor, memo: dict[int, Any]) -> None:
    """What ``copy.deepcopy`` of a tensor does about them."""
    for name, value in user_attributes(of).items():
        setattr(to, name, copy.deepcopy(value, memo))


def unserializable_hook(f: Any) -> Any:
    """Marks a hook that is known not to be pickled with its tensor."""
    f.__torch_unserializable__ = True
    return f
