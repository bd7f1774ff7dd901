"""Where a network is trained: the CPU, or an accelerator that torch knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dlc.runtime.failures import Failure, failure

if TYPE_CHECKING:
    import torch


def choose_device(asked: str = "auto") -> torch.device:
    """`auto` is the accelerator where there is one, else the CPU. Otherwise a device as
    torch writes it: `cpu`, `cuda`, `cuda:1`, `mps`. Raises `Failure` E0612."""
    import torch

    if asked == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return found if found is not None else torch.device("cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise failure(
            "E0612", f"`{asked}` is no device", help="write `cpu`, `cuda`, `cuda:1` or `mps`"
        ) from None
    if device.type == "cpu":
        return torch.device("cpu")
    present = torch.accelerator.current_accelerator(check_available=True)
    if present is None or present.type != device.type:
        raise _unavailable(asked, f"torch sees no `{device.type}` device here")
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise _unavailable(asked, f"torch sees {count} `{device.type}` device{'s' * (count != 1)}")
    return device


def _unavailable(asked: str, reason: str) -> Failure:
    return failure(
        "E0612",
        f"`--device {asked}` cannot be had: {reason}",
        help="`dlc info` shows what there is; `--device cpu` always runs",
    )


def describe(device: torch.device) -> str:
    """`cpu (8 threads)` or `cuda:0 (NVIDIA H100)`."""
    import torch

    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({threads} thread{'s' * (threads != 1)})"
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def free_bytes(device: torch.device) -> int | None:
    """Free memory of an accelerator; None where it is the CPU's, or not told."""
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return None


def used_bytes(device: torch.device) -> int | None:
    """The peak of what tensors took on an accelerator, or what the process takes now; None
    where that is not told."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch raised this because a device had no memory left; the CPU's allocator
    has no exception class of its own."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def release_memory(device: torch.device) -> None:
    """Gives back what torch keeps for later, after a device had no memory left."""
    import torch

    if device.type != "cpu":
        torch.accelerator.memory.empty_cache()
