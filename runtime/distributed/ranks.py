"""Several processes that train one network: what a `World` does where it is one of many.

Collectives run over gloo between CPUs and over NCCL between CUDA devices. Ranks hold the
same weights, or with `sharded` each a part of them, take shares of the same batches in the
same order, and come to the same decisions after the same steps.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from dlc.compiler.components.losses.uncertainty import LOG_VARIANCES
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.device import choose_device, free_bytes
from dlc.runtime.distributed import counting, sharding, wire
from dlc.runtime.failures import Failure, failure
from dlc.runtime.seeding import stream
from dlc.runtime.training import random_state
from dlc.runtime.training.samples import Batch, Take
from dlc.runtime.training.signals import Stop
from dlc.runtime.training.weights import load_tensors, owned_tensors
from dlc.runtime.training.world import (
    READ_SECONDS,
    READ_STEPS,
    LossFunction,
    Pulse,
    World,
)

if TYPE_CHECKING:
    from dlc.runtime.inference.measures import Measures
    from dlc.runtime.training.plan import Plan

T = TypeVar("T")

# They take derivatives of the loss beside the backward pass, of one rank's share.
_BY_ONE = frozenset({"newton"})
# They turn each gradient as a matrix.
_BY_MATRIX = frozenset({"muon"})


class Followed(Exception):
    """Another rank failed and has said why: this one ends without a word."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Ranks(World):
    """This process among those that `torchrun` or `dlc train --nproc` started."""

    def __init__(self, rank: int, size: int, local_rank: int) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self._least = 1
        self._undivided: torch.nn.Module | None = None

    @classmethod
    def open(cls, device: torch.device, timeout: float) -> Ranks:
        """Meets the others, as the environment of `torchrun` says; a collective waits so many
        seconds for a rank. Raises `Failure` E0637 where they do not come together."""
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        wait = timedelta(seconds=timeout)
        try:
            store, _, _ = next(rendezvous("env://", rank, size, timeout=wait))
            # The store outlives the ranks of an attempt: without a prefix those of the next
            # one would call at the addresses of the dead.
            attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
            store = PrefixStore(f"attempt_{attempt}", store)
            if device.type == "cuda":
                torch.cuda.set_device(local_rank % torch.cuda.device_count())
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=wait)
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise failure(
                "E0637",
                f"rank {rank} of {size} does not reach the others over `{backend}`",
                notes=(reason[:200],),
                help="let all nodes reach `MASTER_ADDR` at `MASTER_PORT`, and name the network "
                "to use: `GLOO_SOCKET_IFNAME`, `NCCL_SOCKET_IFNAME`",
            ) from None
        return cls(rank, size, local_rank)

    def close(self) -> None:
        """Leaves the others, when all are done."""
        dist.barrier()
        dist.destroy_process_group()

    # ── what ranks tell each other ───────────────────────────────────────────

    def together(self, action: Callable[[], T]) -> T:
        problem: Failure | None = None
        result: T | None = None
        try:
            result = action()
        except Failure as raised:
            problem = raised
        said: dict[str, Any] | None = None
        if problem is not None:
            first = problem.diagnostic
            said = {
                "code": first.code.number,
                "message": first.message,
                "help": first.help,
                "exit_code": problem.exit_code,
            }
        found = wire.gather(said)
        failed = next((rank for rank, told in enumerate(found) if told is not None), None)
        if failed is None:
            return result  # type: ignore[return-value]
        if problem is not None and failed == self.rank:
            raise problem
        told: dict[str, Any] = found[failed]
        if not self.leads:
            raise Followed(told["exit_code"])
        raise failure(
            told["code"],
            f"rank {failed}: {told['message']}",
            help=told["help"],
            exit_code=told["exit_code"],
        )

    def told(self, value: Any) -> Any:
        return wire.broadcast(value)

    def wait(self) -> None:
        dist.barrier()

    def require_same(self, values: Mapping[str, Any]) -> None:
        def compare() -> None:
            for name, value in values.items():
                if value != expected[name]:
                    raise failure(
                        "E0639",
                        f"{name} is {value} here, and {expected[name]} at rank 0",
                        help="give every rank the same dlc, spec and data",
                    )

        expected = wire.broadcast(dict(values))
        self.together(compare)

    def mean(self, values: Sequence[float]) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return [float(value) for value in total / self.size]

    def averaged(self, value: torch.Tensor) -> torch.Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value / self.size

    def merged(self, measures: Measures) -> Measures:
        merged = replace(measures, _states={}, _rows=0)
        for told in wire.gather({k: wire.packed(v) for k, v in measures.state().items()}):
            merged.merge({key: wire.unpacked(value) for key, value in told.items()})
        return merged

    def pulse(self, stop: Stop) -> Pulse:
        return AgreedPulse(stop)

    # ── batches ──────────────────────────────────────────────────────────────

    def share(self, start: int, stop: int) -> tuple[int, int]:
        return self._share_of(self.rank, start, stop)

    def _share_of(self, rank: int, start: int, stop: int) -> tuple[int, int]:
        count = stop - start
        # A short last batch goes to some of the ranks.
        sharing = min(self.size, max(count // self._least, 1))
        if rank >= sharing:
            return start, start
        return start + count * rank // sharing, start + count * (rank + 1) // sharing

    def taking(self, take: Take) -> Take:
        def share(start: int, stop: int) -> Batch:
            parts = [self._share_of(rank, start, stop) for rank in range(self.size)]
            counts = [last - first for first, last in parts]
            first, last = parts[self.rank]
            if first == last:
                # It takes part in the exchange of gradients, with a loss of no weight.
                first, last = start, min(start + self._least, stop)
            inputs, targets = take(first, last)
            return inputs, counting.Share(targets, counts)

        return share

    def counted(self, loss: LossFunction, plan: Plan) -> LossFunction:
        return counting.counted(loss, plan, self.rank)

    def refuse_small(self, batch_size: int, *, statistics: bool) -> None:
        self._least = 2 if statistics else 1
        if batch_size < self.size * self._least:
            each = "two samples, for batch norm" if statistics else "one"
            samples = f"{batch_size:,} sample{'s' * (batch_size != 1)}"
            raise failure(
                "E0636",
                f"a batch of {samples} is too small for {self.size:,} ranks",
                notes=(f"`data.batch_size` is shared by all ranks, and each needs {each}",),
                help=f"set `data.batch_size` to {self.size * self._least:,} at least, or use "
                "fewer ranks",
                exit_code=2,
            )

    # ── the network ──────────────────────────────────────────────────────────

    def warnings(self, plan: Plan, device: str) -> tuple[Diagnostic, ...]:
        if not plan.batch_statistics or choose_device(device).type == "cuda":
            return ()
        return (
            Diagnostic(
                code("W0307"),
                f"batch norm takes its statistics over the share of each of {self.size} ranks",
                notes=("on the CPU; on CUDA devices they are those of the whole batch",),
                help="a loss that does not depend on the number of ranks needs another norm, "
                "such as `group_norm`",
            ),
        )

    def placed(self, model: torch.nn.Module, device: torch.device, plan: Plan) -> torch.nn.Module:
        self._refuse_undivided(plan)
        if device.type == "cuda":
            convert = torch.nn.SyncBatchNorm.convert_sync_batchnorm
            model = convert(model)  # type: ignore[no-untyped-call]
        asked = plan.settings.train.parallel
        needed = asked == "auto" and sharding.is_needed(model, free_bytes(device))
        self.in_step = asked == "fsdp" or self.told(needed)
        if not self.in_step:
            return model.to(device)
        self._refuse_whole(plan)
        if plan.heads or plan.scaled or plan.pretrained is not None:
            self._undivided = copy.deepcopy(model).to(device)
        return sharding.shard(model, device, self.size, plan.lent)

    def undivided(self, model: torch.nn.Module) -> torch.nn.Module:
        return model if self._undivided is None else self._undivided

    def begun(self, model: torch.nn.Module, undivided: torch.nn.Module) -> None:
        if undivided is not model:
            load_tensors(model, owned_tensors(undivided))
            self._undivided = None

    def whole(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        if not self.in_step:
            return dict(tensors) if self.leads else {}
        return sharding.whole(tensors, keep=self.leads)

    def readable(self, model: torch.nn.Module) -> Any:
        return sharding.Whole(model) if self.in_step else model

    def local(self, model: torch.nn.Module) -> Any:
        return sharding.Local(model) if self.in_step else model

    def _refuse_undivided(self, plan: Plan) -> None:
        optimizer = plan.settings.optimizer
        if optimizer is not None and optimizer.name in _BY_ONE:
            raise failure(
                "E0640",
                f"`{optimizer.name}` takes derivatives itself, which ranks cannot share",
                help="train with one process, or use another optimizer, such as `lbfgs`",
            )

    def _refuse_whole(self, plan: Plan) -> None:
        """An optimizer that sees all parameters as one vector or as matrices needs them whole."""
        optimizer = plan.settings.optimizer
        if optimizer is not None and (optimizer.closure or optimizer.name in _BY_MATRIX):
            raise failure(
                "E0640",
                f"`{optimizer.name}` needs whole parameters, and these are divided over ranks",
                help="write `train.parallel: ddp`, or use another optimizer",
            )

    def joined(self, model: torch.nn.Module, plan: Plan) -> torch.nn.Module:
        if any(getattr(module, "sparse", False) for module in model.modules()):
            raise failure(
                "E0640",
                "ranks exchange dense gradients, and those of `sparse=true` are not",
                help="train with one process, or leave `sparse` out",
            )
        if self.in_step:
            return model
        if not any(parameter.requires_grad for parameter in model.parameters()):
            return model
        transfer = plan.settings.transfer
        # What is frozen for some epochs gets no gradient in them.
        unused = plan.untrained or (transfer is not None and bool(transfer.freeze))
        read = {name for term in plan.settings.loss for name in term.loss.names}
        if any(term.variance is not None for term in plan.settings.loss):
            read.add(LOG_VARIANCES)
        on_cuda = next(model.parameters()).device.type == "cuda"
        joined = DistributedDataParallel(
            _Touched(model, frozenset(read)),
            device_ids=[torch.cuda.current_device()] if on_cuda else None,
            find_unused_parameters=unused,
            gradient_as_bucket_view=True,
        )
        if not unused:
            joined(touch=True).backward()
            model.zero_grad(set_to_none=True)
        return joined

    def exchanging(self, model: torch.nn.Module, *, last: bool) -> AbstractContextManager[object]:
        if self.in_step:
            sharding.exchange(model, last=last)
        elif not last and isinstance(model, DistributedDataParallel):
            return model.no_sync()
        return nullcontext()

    def level(self, model: torch.nn.Module) -> None:
        for buffer in model.buffers():
            # gloo does not know bool.
            bits = buffer.dtype is torch.bool
            dist.broadcast(buffer.view(torch.uint8) if bits else buffer, 0)

    # ── random state ─────────────────────────────────────────────────────────

    def draw_apart(self, seed: int) -> None:
        if not self.leads:
            random_state.seed(stream(seed, "rank", self.rank) >> 1)

    def random(self, device: torch.device) -> dict[str, Any]:
        states = wire.gather(random_state.capture(device))
        return {"random": states[0], "random_by_rank": states[1:]}

    def restore_random(self, state: Mapping[str, Any], device: torch.device, step: int) -> None:
        states = [state["random"], *state.get("random_by_rank", ())]
        if len(states) == self.size:
            random_state.restore(states[self.rank], device)
        elif self.leads:
            random_state.restore(states[0], device)
        else:
            # Of a run with another number of ranks there is no state for this one.
            random_state.seed(stream(torch.initial_seed(), "rank", self.rank, step) >> 1)

    # ── ends ─────────────────────────────────────────────────────────────────

    def device(self, chosen: torch.device) -> torch.device:
        if chosen.type == "cuda":
            return torch.device("cuda", torch.cuda.current_device())
        if chosen.type != "cpu":
            raise failure(
                "E0637",
                f"there is no way for ranks on `{chosen.type}` to reach each other",
                help="train with one process, or with `--device cpu`",
                exit_code=2,
            )
        return chosen

    def described(self, device: str) -> str:
        divided = ", parameters divided" if self.in_step else ""
        return f"{self.size} ranks, each on {device}{divided}"

    def lost(self, error: RuntimeError) -> Failure | None:
        text = str(error)
        gone = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
        if not isinstance(error, dist.DistError) and not any(sign in text for sign in gone):
            return None
        hung = "imed out" in text or "imeout" in text
        return failure(
            "E0638",
            "another rank does not answer" if hung else "another rank is gone",
            notes=(text.strip().splitlines()[0][:200],),
            help="look at the logs of the other ranks; `dlc train --resume` goes on from the "
            "last checkpoint",
        )


class _Touched(torch.nn.Module):
    """A network that can be run without inputs, only to reach its parameters.

    DDP puts gradients together anew after its first step, by the order in which they came,
    and sums of more than two ranks then round in another way. A step before the first makes
    all steps of a session alike: a run that was resumed ends with the same bits.
    """

    def __init__(self, model: torch.nn.Module, read: frozenset[str]) -> None:
        super().__init__()
        self.model = model
        self.read = read

    def forward(self, *, touch: bool = False, **inputs: torch.Tensor) -> Any:
        if not touch:
            found = self.model(**inputs)
            # DDP waits for a gradient of every output that has a history.
            return {n: v if n in self.read else v.detach() for n, v in found.items()}
        return torch.stack([p.sum() for p in self.model.parameters() if p.requires_grad]).sum()


class AgreedPulse(Pulse):
    """Comes at the same step on all ranks, and so do signals: one that any rank got."""

    def __init__(self, stop: Stop) -> None:
        self.own = stop
        self.next = 0
        super().__init__(Stop())

    def rest(self, step: int) -> None:
        super().rest(step)
        self.next = max(self.next, step + 1)

    def due(self, step: int) -> bool:
        if step < self.next:
            return False
        self.meet(step)
        return True

    def meet(self, step: int) -> None:
        elapsed = (time.monotonic() - self.at) / max(step - self.step, 1)
        agreed = torch.tensor([float(self.own.signal or 0), elapsed], dtype=torch.float64)
        dist.all_reduce(agreed, dist.ReduceOp.MAX)
        signal, seconds = agreed.tolist()
        if signal:
            self.stop.signal = int(signal)
        # Of figures that all ranks have, so that they meet again.
        self.next = step + max(1, min(READ_STEPS, int(READ_SECONDS / max(seconds, 1e-9))))
