"""``torch.utils.serialization.config``: defaults of ``torch.load`` and ``torch.save``.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html#utils-serialization-config
"""

from __future__ import annotations


class load:
    """Defaults of ``torch.load``."""

    mmap = False
    endianness: object = None
    mmap_flags: int | None = 2  # MAP_PRIVATE
    calculate_storage_offsets = False


class save:
    """Defaults of ``torch.save``."""

    compute_crc32 = True
    use_pinned_memory_for_d2h = False
    storage_alignment = 64
