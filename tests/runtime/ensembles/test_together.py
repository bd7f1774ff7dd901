"""Members trained side by side are the networks that they are alone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlc.runtime.ensembles.stacked import Stacked
from dlc.runtime.ensembles.trial import try_together


class Net(nn.Module):
    """A network with batch norm and dropout, in double."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(rate)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.dropout(torch.relu(self.norm(self.first(x))))
        return {"y": self.last(x)}


def loss(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    return F.cross_entropy(outputs["y"], targets["t"])


def networks(count: int = 3, rate: float = 0.0) -> list[nn.Module]:
    torch.manual_seed(4)
    return [Net(rate).double().train() for _ in range(count)]


def batch() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return {"x": torch.randn(16, 4).double()}, {"t": torch.randint(0, 3, (16,))}


def test_gradients_and_statistics_are_those_of_each_alone() -> None:
    alone = networks()
    both = copy.deepcopy(alone)
    stacked = Stacked(both, loss)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in both]
    singles = [torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in alone]
    for _ in range(20):
        batches = [batch() for _ in alone]
        results = stacked.gradients([(0.5, batches), (0.5, batches[::-1])])
        for place, (model, twin) in enumerate(zip(alone, both, strict=True)):
            total = torch.zeros(())
            for inputs, targets in (batches[place], batches[::-1][place]):
                part = 0.5 * loss(model(**inputs), targets)
                part.backward()
                total = total + part.detach()
            torch.testing.assert_close(results[place][0], total, check_dtype=False)
            for p, q in zip(model.parameters(), twin.parameters(), strict=True):
                torch.testing.assert_close(q.grad, p.grad, rtol=1e-12, atol=1e-13)
        for optimizer in (*optimizers, *singles):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    for model, twin in zip(alone, both, strict=True):
        for name, tensor in model.state_dict().items():
            torch.testing.assert_close(twin.state_dict()[name], tensor, rtol=1e-10, atol=1e-12)


def test_dropout_draws_for_each_member_apart() -> None:
    models = networks(2, rate=0.5)
    models[1].load_state_dict(models[0].state_dict())
    one = batch()
    (_, first, _), (_, second, _) = Stacked(models, loss).gradients([(1.0, [one, one])])
    assert not torch.equal(first["y"], second["y"])
    # Without dropout the same two agree.
    for model in models:
        model.dropout.p = 0.0  # type: ignore[union-attr, assignment]
    (_, first, _), (_, second, _) = Stacked(models, loss).gradients([(1.0, [one, one])])
    assert torch.equal(first["y"], second["y"])


def test_a_frozen_parameter_stays_without_a_gradient() -> None:
    models = networks(2)
    for model in models:
        model.get_parameter("first.weight").requires_grad_(False)
    Stacked(models, loss).gradients([(1.0, [batch(), batch()])])
    for model in models:
        assert model.get_parameter("first.weight").grad is None
        assert model.get_parameter("last.weight").grad is not None


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.1)


def test_a_trial_touches_nothing_and_says_what_it_found() -> None:
    models = networks(3, rate=0.5)
    before = copy.deepcopy([model.state_dict() for model in models])
    batches = [batch() for _ in models]
    verdict = try_together(models, batches, loss, sgd, measure=True)
    assert verdict.gain is not None
    assert verdict.together == (verdict.gain >= 1.1)
    for model, state in zip(models, before, strict=True):
        assert model.training
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, state[name])
        assert all(p.grad is None for p in model.parameters())


class Deciding(Net):
    """Looks at its numbers to say what to do, which no pass over several can."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return super().forward(x if x.sum() > 0 else -x)


class Leaky(Net):
    """Mixes all that it is given: side by side its members are not apart."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = super().forward(x)
        self.norm.running_mean = self.norm.running_mean + 1.0
        return found


def test_what_cannot_be_done_for_several_at_once_is_told() -> None:
    torch.manual_seed(1)
    models: list[nn.Module] = [Deciding().double() for _ in range(2)]
    verdict = try_together(models, [batch(), batch()], loss, sgd, measure=False)
    assert not verdict.together
    assert "data-dependent control flow" in verdict.why


def test_what_comes_out_otherwise_is_not_trained_together() -> None:
    torch.manual_seed(1)
    models: list[nn.Module] = [Leaky().double().train() for _ in range(2)]
    verdict = try_together(models, [batch(), batch()], loss, sgd, measure=False)
    assert not verdict.together
    assert verdict.why


@pytest.mark.parametrize("measure", [False, True])
def test_batch_norm_is_no_hindrance(measure: bool) -> None:
    models = networks()
    batches = [batch() for _ in models]
    verdict = try_together(models, batches, loss, sgd, measure=measure)
    assert "gradients" not in verdict.why
    assert verdict.together or measure
