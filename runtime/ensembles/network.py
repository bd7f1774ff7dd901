"""Several networks that answer as one, in PyTorch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlc.compiler.components.combination import Combination


class EnsembleNetwork(nn.Module):
    """Takes what each of its members takes, and gives their outputs, combined.

    The formulas are those of `dlc.compiler.codegen.onnx_combination`. The state_dict keys are
    those of the members after `members.K.`.
    """

    def __init__(
        self, members: Iterable[nn.Module], combinations: Mapping[str, Combination]
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.combinations = dict(combinations)

    def forward(self, *args: Tensor, **kwargs: Tensor) -> dict[str, Tensor]:
        answers = [member(*args, **kwargs) for member in self.members]
        return {
            name: combined([answer[name] for answer in answers], combination)
            for name, combination in self.combinations.items()
        }


def members_in(weights: Iterable[str]) -> int:
    """How many networks weights are of, by their state_dict keys; 0 for those of one network
    that is no ensemble."""
    found = [re.match(r"members\.(\d+)\.", name) for name in weights]
    return max((int(match[1]) + 1 for match in found if match is not None), default=0)


def combined(answers: Sequence[Tensor], combination: Combination) -> Tensor:
    """One output of several members, of equal shapes, as one."""
    if combination.kind == "numbers":
        return torch.stack(tuple(answers)).mean(0)
    x = torch.stack(tuple(answers))
    if combination.kind == "classes":
        dim = combination.dim
        logs = x.log_softmax(dim + 1)
        mean = _log_mean(logs)
        if not combination.vote:
            return mean
        chosen = logs.argmax(dim + 1, keepdim=True)
        votes = torch.zeros_like(logs).scatter_(dim + 1, chosen, 1.0).sum(0)
        return _with_votes(mean, votes, len(answers))
    yes, no = _log_mean(F.logsigmoid(x)), _log_mean(F.logsigmoid(-x))
    if combination.vote:
        votes = (x > 0).to(x.dtype).sum(0)
        yes = _with_votes(yes, votes, len(answers))
        no = _with_votes(no, len(answers) - votes, len(answers))
    return yes - no


def _log_mean(logs: Tensor) -> Tensor:
    return logs.logsumexp(0) - math.log(len(logs))


def _with_votes(mean: Tensor, votes: Tensor, count: int) -> Tensor:
    share = torch.where(votes > 0, torch.log(votes + mean.exp()), mean)
    return share - math.log(count + 1)
