"""What a run settles for speed: made once, kept in `run.json`, taken up again by resuming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "bf16", "fp16"]
Compiled: TypeAlias = Literal["no", "blocks", "step"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How the steps of a run are computed.

    `precision` is that of the forward and backward passes; weights and losses are float32.
    `compile` says what torch.compile is given: nothing, each block, or the whole step.
    `micro_batch` is the number of samples that are computed at once, None for a whole batch;
    the gradients of a batch are the same for any.
    """

    precision: Precision = "float32"
    channels_last: bool = False
    compile: Compiled = "no"
    tf32: bool = False
    cuda_graphs: bool = False
    checkpointing: bool = False
    micro_batch: int | None = None

    def record(self) -> dict[str, Any]:
        """As `run.json` keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Choices:
        """From what `record` gave; keys that are not ours are left out."""
        return cls(**{f.name: record[f.name] for f in fields(cls) if f.name in record})

    def __str__(self) -> str:
        """`bf16, channels last`."""
        in_tf32 = self.tf32 and self.precision == "float32"
        parts: list[str] = ["TF32" if in_tf32 else self.precision]
        words = {
            "channels last": self.channels_last,
            f"compiled {'by block' if self.compile == 'blocks' else self.compile}": (
                self.compile != "no"
            ),
            "CUDA graphs": self.cuda_graphs,
            "checkpointing": self.checkpointing,
        }
        parts += [word for word, used in words.items() if used]
        if self.micro_batch is not None:
            parts.append(f"{self.micro_batch:,} samples at once")
        return ", ".join(parts)
