"""The file around a pickle: a zip archive with a record for each memory, or the older sequence of pickles."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine.saving.pickled import Reader, Writer
from reference_engine.storage import UntypedStorage
from reference_engine.typed_storage import TypedStorage

_ALIGNMENT = 64
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_SERIAL = "0" * 40

Locate = Callable[[UntypedStorage, str], Any]
"""What becomes of a memory that was at a place."""


def is_archive(file: Any) -> bool:
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return bool(head == b"PK\x03\x04")


# -- zip ---------------------------------------------------------------------------------------------------------------


class _State:
    without_values = False  # inside of ``torch.serialization.skip_data``


state = _State()


def write(file: Any, name: str, obj: Any, protocol: int) -> None:
    """Write an archive whose records begin at multiples of 64 bytes."""
    body = io.BytesIO()
    writer = Writer(body, protocol)
    writer.dump(obj)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _record(archive, f"{name}/data.pkl", body.getvalue())
        _record(archive, f"{name}/.format_version", b"1")
        _record(archive, f"{name}/.storage_alignment", str(_ALIGNMENT).encode())
        _record(archive, f"{name}/byteorder", sys.byteorder.encode())
        for key, storage in writer.storages.items():
            content = storage.bytes.tobytes()
            _record(archive, f"{name}/data/{key}", bytes(len(content)) if state.without_values else content)
        _record(archive, f"{name}/version", b"3\n")
        _record(archive, f"{name}/.data/serialization_id", _SERIAL.encode())


def _record(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)
    at = archive.fp.tell() + 30 + len(name.encode()) + 4  # type: ignore[union-attr]
    padding = -at % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    archive.writestr(info, content)


def read(file: Any, locate: Locate, allowed: Any, options: dict[str, Any]) -> Any:
    """Read an archive."""
    with zipfile.ZipFile(file) as archive:
        top = archive.namelist()[0].partition("/")[0]
        order = archive.read(f"{top}/byteorder") if f"{top}/byteorder" in archive.namelist() else b"little"
        made: dict[str, Any] = {}

        def memory(pid: Any) -> Any:
            _, kind, key, location, _ = pid
            if key not in made:
                content = archive.read(f"{top}/data/{key}")
                content = bytes(len(content)) if state.without_values else content  # of torch's, anything
                storage = _of(content, kind, order != sys.byteorder.encode())
                placed = locate(storage, location)
                made[key] = storage if placed is None else placed.untyped()
            return _typed(made[key], kind)

        return Reader(io.BytesIO(archive.read(f"{top}/data.pkl")), memory, allowed, **options).load()


def pickle_of(file: Any) -> bytes:
    """The pickle in an archive."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(archive.namelist()[0].partition("/")[0] + "/data.pkl")


def _of(content: bytes, kind: Any, swap: bool) -> UntypedStorage:
    storage = UntypedStorage()
    storage.bytes = np.frombuffer(content, np.uint8).copy()
    if swap and kind is not UntypedStorage:
        storage.byteswap(kind.dtype)
    return storage


def _typed(storage: UntypedStorage, kind: Any) -> Any:
    if kind is UntypedStorage:
        return storage
    return TypedStorage(wrap_storage=storage, dtype=kind.dtype, _internal=True)


# -- the older sequence ------------------------------------------------------------------------------------------------


def write_sequence(file: Any, obj: Any, protocol: int) -> None:
    """Write a magic number, a version, the pickle, the keys of the memories, and those one after another."""
    body = io.BytesIO()
    writer = _SequenceWriter(body, protocol)
    writer.dump(obj)
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": _PROTOCOL, "little_endian": sys.byteorder == "little", "type_sizes": sizes}
    for value in (_MAGIC, _PROTOCOL, system):
        pickle.dump(value, file, protocol)
    file.write(body.getvalue())
    keys = sorted(writer.storages)
    pickle.dump(keys, file, protocol)
    for key in keys:
        content = writer.storages[key].bytes
        file.write(struct.pack("<q", content.size // writer.sizes[key]) + content.tobytes())


class _SequenceWriter(Writer):
    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.sizes: dict[str, int] = {}

    def persistent_id(self, obj: Any) -> Any:
        found = super().persistent_id(obj)
        if found is None:
            return None
        self.sizes[found[2]] = 1 if found[1] is UntypedStorage else found[1].dtype.itemsize
        return (*found, None)


def read_sequence(file: Any, locate: Locate, allowed: Any, options: dict[str, Any]) -> Any:
    """Read what `write_sequence` wrote.

    Raises:
        RuntimeError: it is something else.
    """
    if Reader(file, _no_memory, allowed, **options).load() != _MAGIC:
        raise RuntimeError("Invalid magic number; corrupt file?")
    if Reader(file, _no_memory, allowed, **options).load() != _PROTOCOL:
        raise RuntimeError("Invalid protocol version")
    Reader(file, _no_memory, allowed, **options).load()
    made: dict[str, Any] = {}

    def memory(pid: Any) -> Any:
        _, kind, key, location, count, *_ = pid
        if key not in made:
            size = 1 if kind is UntypedStorage else kind.dtype.itemsize
            storage = UntypedStorage(count * size)
            placed = locate(storage, location)
            made[key] = (storage if placed is None else placed.untyped(), size)
        return _typed(made[key][0], kind)

    result = Reader(file, memory, allowed, **options).load()
    for key in Reader(file, _no_memory, allowed, **options).load():
        storage, size = made[key]
        (count,) = struct.unpack("<q", file.read(8))
        storage.bytes[...] = np.frombuffer(file.read(count * size), np.uint8)
    return result


def _no_memory(pid: Any) -> Any:
    raise pickle.UnpicklingError(f"unexpected memory {pid!r}")
