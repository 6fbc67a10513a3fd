"""``torch.distributed``, as it is before a process group is made: it can be asked, and there is nobody to talk to."""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    """Whether the package can be used: no group can be made here."""
    return False


def is_initialized() -> bool:
    return False


def is_nccl_available() -> bool:
    return False


is_gloo_available = is_mpi_available = is_ucc_available = is_torchelastic_launched = is_nccl_available


class ProcessGroup:
    """The processes that talk to each other."""


class group:
    """``group.WORLD``: all processes; None before a group is made."""

    WORLD = None


class ReduceOp:
    """How what is sent is put together."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = range(8)


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Make a group.

    Raises:
        NotImplementedError: always; this engine is one process.
    """
    raise NotImplementedError("torch.distributed.init_process_group is not part of this engine: it is one process")


def _needs_a_group(*args: Any, **kwargs: Any) -> NoReturn:
    """What only members of a group can do.

    Raises:
        ValueError: always, since there is none.
    """
    raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")


get_rank = get_world_size = get_backend = barrier = all_reduce = reduce = broadcast = _needs_a_group
all_gather = gather = scatter = reduce_scatter = all_to_all = send = recv = isend = irecv = new_group = _needs_a_group
all_gather_object = broadcast_object_list = all_gather_into_tensor = reduce_scatter_tensor = _needs_a_group
destroy_process_group = _needs_a_group

__all__ = [
    "ProcessGroup", "ReduceOp", "all_gather", "all_reduce", "barrier", "broadcast", "destroy_process_group",
    "get_backend", "get_rank", "get_world_size", "group", "init_process_group", "is_available", "is_initialized",
]  # fmt: skip
