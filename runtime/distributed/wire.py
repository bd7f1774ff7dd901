"""What ranks send each other: JSON and the bytes of tensors, never pickles."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist


def gather(value: Any) -> list[Any]:
    """What every rank gave, by rank; anything that JSON can hold."""
    text = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
    lengths = _gather(torch.tensor([len(text)]))
    longest = max(int(length) for length in lengths)
    padded = torch.zeros(longest, dtype=torch.uint8)
    padded[: len(text)] = text
    return [
        json.loads(found[: int(length)].numpy().tobytes())
        for found, length in zip(_gather(padded), lengths, strict=True)
    ]


def broadcast(value: Any) -> Any:
    """What rank 0 gave."""
    leads = dist.get_rank() == 0
    content = json.dumps(value).encode() if leads else b""
    length = torch.tensor([len(content)])
    dist.broadcast(length, 0)
    text = torch.zeros(int(length), dtype=torch.uint8)
    if leads:
        text = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    dist.broadcast(text, 0)
    return json.loads(text.numpy().tobytes())


def packed(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Named arrays as JSON can hold them, without loss."""
    return {
        name: [array.dtype.str, array.shape, base64.b64encode(array.tobytes()).decode()]
        for name, array in arrays.items()
    }


def unpacked(arrays: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    return {
        name: np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
        for name, (dtype, shape, text) in arrays.items()
    }


def gather_rows(rows: torch.Tensor, counts: Sequence[int]) -> list[torch.Tensor]:
    """The rows of every rank, of which rank r has `counts[r]`; without gradients. Ranks agree
    in all other sizes."""
    own = rows.detach()[: counts[dist.get_rank()]].contiguous()
    padded = own.new_zeros((max(counts), *own.shape[1:]))
    padded[: len(own)] = own
    # As bytes: gloo does not know every element type.
    found = _gather(padded.flatten().view(torch.uint8))
    return [
        part.view(padded.dtype).view(padded.shape)[:count]
        for part, count in zip(found, counts, strict=True)
    ]


def _gather(tensor: torch.Tensor) -> list[torch.Tensor]:
    found = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(found, tensor)
    return found
