"""The optimizer of a generated module against torch's own, built by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import pytest
import torch
from torch import nn

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components import registry
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.runtime.loading import load_module, model_class

SPEC = """dlc: 1
name: Net
inputs:
  x: float[N, 6]
layers:
  - linear: 8
    name: first
  - layer_norm
  - tanh
  - linear: 8
    name: second
  - tanh
  - linear: 3
    output: logits
targets:
  label: int[N]
loss: cross_entropy(logits, label)
optimizer: {optimizer}
"""
STEPS = 20


def built(optimizer: str, spec: str = SPEC) -> tuple[ModuleType, nn.Module]:
    found = check(Source("net.yaml", spec.replace("{optimizer}", optimizer)))
    assert found.compilation is not None, found.diagnostics
    module = load_module(generate(found.compilation))
    torch.manual_seed(1)
    return module, model_class(module)()


def data() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return torch.randn(32, 6, generator=draw), torch.randint(0, 3, (32,), generator=draw)


def trained(
    module: ModuleType, model: nn.Module, make: Callable[[nn.Module], torch.optim.Optimizer]
) -> list[float]:
    """The losses of some steps, each from a closure, as L-BFGS wants it."""
    x, label = data()
    optimizer = make(model)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cast(torch.Tensor, module.loss(model(x), {"label": label}))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    return [float(cast(Any, optimizer.step)(closure).detach()) for _ in range(STEPS)]


def hand(name: str, **arguments: Any) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda model: getattr(torch.optim, name)(model.parameters(), **arguments)


AGAINST_TORCH = {
    "sgd(lr=0.1)": hand("SGD", lr=0.1),
    "sgd(lr=0.1, momentum=0.9)": hand("SGD", lr=0.1, momentum=0.9),
    "sgd(lr=0.1, momentum=0.9, nesterov=true)": hand("SGD", lr=0.1, momentum=0.9, nesterov=True),
    "asgd(lr=0.05, t0=5)": hand("ASGD", lr=0.05, t0=5),
    "adadelta(lr=0.5, rho=0.8)": hand("Adadelta", lr=0.5, rho=0.8),
    "adafactor(lr=0.05, eps=[null, 1e-2])": hand("Adafactor", lr=0.05, eps=(None, 1e-2)),
    "adagrad(lr=0.1, lr_decay=0.01)": hand("Adagrad", lr=0.1, lr_decay=0.01),
    "adam(lr=0.02, amsgrad=true)": hand("Adam", lr=0.02, amsgrad=True),
    "adamw(lr=0.02, weight_decay=0.1)": hand("AdamW", lr=0.02, weight_decay=0.1),
    "adamax(lr=0.02)": hand("Adamax", lr=0.02),
    "nadam(lr=0.02)": hand("NAdam", lr=0.02),
    "radam(lr=0.02)": hand("RAdam", lr=0.02),
    "rmsprop(lr=0.01, momentum=0.5, centered=true)": hand(
        "RMSprop", lr=0.01, momentum=0.5, centered=True
    ),
    "rprop(lr=0.01)": hand("Rprop", lr=0.01),
    "lbfgs(max_iter=3, line_search_fn=strong_wolfe)": hand(
        "LBFGS", max_iter=3, line_search_fn="strong_wolfe"
    ),
}


def test_every_optimizer_is_tried_here() -> None:
    tried = {text.partition("(")[0] for text in AGAINST_TORCH} | {"muon", "newton", "sparse_adam"}
    assert tried == set(registry.names("optimizer"))


@pytest.mark.parametrize("text", AGAINST_TORCH)
def test_twenty_steps_are_torchs(text: str) -> None:
    module, model = built(text)
    ours = trained(module, model, module.optimizer)
    module, model = built(text)
    theirs = trained(module, model, AGAINST_TORCH[text])
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ours[-1] < ours[0]


def test_muon_steps_the_matrices_between_layers_and_adamw_the_rest() -> None:
    text = '"muon(lr=0.02, others=adamw(lr=3e-3, no_decay=[bias, norm], weight_decay=0.1))"'
    module, model = built(text)
    made = module.optimizer(model)
    names = {p: name for name, p in model.named_parameters()}
    grouped = [{names[p] for p in group["params"]} for group in made.param_groups]
    assert grouped[0] == {"first.weight", "second.weight"}
    assert grouped[1] == {"logits.weight"}
    assert grouped[2] == set(names.values()) - grouped[0] - grouped[1]
    assert [group["weight_decay"] for group in made.param_groups] == [0.1, 0.1, 0.0]
    ours = trained(module, model, lambda _: made)
    module, model = built(text)
    weights = dict(model.named_parameters())
    hidden = [weights.pop("first.weight"), weights.pop("second.weight")]
    head = weights.pop("logits.weight")
    muon = torch.optim.Muon(hidden, lr=0.02)
    rest = [{"params": [head]}, {"params": list(weights.values()), "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(rest, lr=3e-3, weight_decay=0.1)
    x, label = data()
    theirs = []
    for _ in range(STEPS):
        loss = module.loss(model(x), {"label": label})
        theirs.append(float(loss.detach()))
        model.zero_grad()
        loss.backward()
        muon.step()
        adamw.step()
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_the_pair_of_muon_goes_on_from_a_loaded_state() -> None:
    text = "muon(lr=0.02)"
    module, model = built(text)
    first = module.optimizer(model)
    trained(module, model, lambda _: first)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = copy.deepcopy(first.state_dict())
    wanted = trained(module, model, lambda _: first)
    module, model = built(text)
    model.load_state_dict(weights)
    second = module.optimizer(model)
    second.load_state_dict(state)
    torch.optim.lr_scheduler.LambdaLR(second, lambda _: 1.0)
    assert trained(module, model, lambda _: second) == wanted


LOGISTIC = """dlc: 1
name: Net
inputs:
  x: float[N, 6]
layers:
  - linear: 3
    output: logits
targets:
  label: int[N]
loss: cross_entropy(logits, label)
regularization: {l2: 0.1}
optimizer: {optimizer}
"""


def _closure(module: ModuleType, model: nn.Module) -> Callable[..., torch.Tensor]:
    x, label = data()

    def closure(backward: bool = True) -> torch.Tensor:
        assert not backward
        loss = module.loss(model(x), {"label": label}) + module.penalty(model)
        return cast(torch.Tensor, loss)

    return closure


def test_newton_is_the_textbooks_step() -> None:
    module, model = built("newton(damping=1e-8)", LOGISTIC)
    closure = _closure(module, model)
    weights = list(model.parameters())
    x, label = data()

    def loss(weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        logits = nn.functional.linear(x, weight, bias)
        return nn.functional.cross_entropy(logits, label) + 0.05 * weight.square().sum()

    start = tuple(w.detach().clone() for w in weights)
    gradient = torch.cat(
        [g.flatten() for g in torch.func.grad(loss, argnums=(0, 1))(*start)]
    ).double()
    jacobian = torch.func.jacrev(loss, argnums=(0, 1))
    blocks = torch.func.jacrev(jacobian, argnums=(0, 1))(*start)
    sizes = [w.numel() for w in start]
    rows = [
        torch.cat([blocks[i][j].reshape(sizes[i], sizes[j]) for j in (0, 1)], dim=1) for i in (0, 1)
    ]
    hessian = torch.cat(rows).double() + 1e-8 * torch.eye(sum(sizes))
    # The biases may all grow together, so that without damping there is no one solution.
    step = torch.linalg.solve(hessian, gradient)
    module.optimizer(model).step(closure)
    wanted = torch.cat([w.flatten() for w in start]) - step
    found = torch.cat([w.detach().flatten() for w in weights])
    moved = found.double() - torch.cat([w.flatten() for w in start])
    assert torch.allclose(model(x)["logits"].softmax(1), _answers(wanted, x), atol=1e-4)
    assert moved.norm() > 0.1


def _answers(flat: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    weight, bias = flat[:18].reshape(3, 6).float(), flat[18:].float()
    return nn.functional.linear(x, weight, bias).softmax(1)


def test_newton_finds_the_minimum_in_few_steps_and_never_rises() -> None:
    module, model = built("newton", LOGISTIC)
    closure = _closure(module, model)
    optimizer = module.optimizer(model)
    losses = [float(optimizer.step(closure).detach()) for _ in range(8)]
    assert losses == sorted(losses, reverse=True)
    loss = closure(backward=False)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert max(float(g.abs().max()) for g in gradients) < 1e-4


def test_newton_damps_where_the_curvature_is_negative() -> None:
    module, model = built("newton(damping=1e-6)")
    x, label = data()

    def closure(backward: bool = True) -> torch.Tensor:
        return cast(torch.Tensor, module.loss(model(x), {"label": label}))

    optimizer = module.optimizer(model)
    losses = [float(optimizer.step(closure).detach()) for _ in range(40)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


GROUPS = """
  adamw:
    lr: 0.01
    weight_decay: 0.05
    no_decay: [bias, norm]
    groups:
      - {match: first, lr: 0.001}
      - {kind: layer_norm, betas: [0.5, 0.9]}
      - {match: "*", role: weight, weight_decay: 0.5}
"""


def test_groups_are_torchs_parameter_groups() -> None:
    module, model = built(GROUPS)
    names = {p: name for name, p in model.named_parameters()}
    found = {
        frozenset(names[p] for p in group["params"]): (
            group["lr"],
            group["weight_decay"],
            group["betas"],
        )
        for group in module.optimizer(model).param_groups
    }
    assert found == {
        frozenset({"second.bias", "logits.bias"}): (0.01, 0.0, (0.9, 0.999)),
        frozenset({"first.weight"}): (0.001, 0.05, (0.9, 0.999)),
        frozenset({"first.bias"}): (0.001, 0.0, (0.9, 0.999)),
        frozenset({"layer_norm.weight", "layer_norm.bias"}): (0.01, 0.0, (0.5, 0.9)),
        frozenset({"second.weight", "logits.weight"}): (0.01, 0.5, (0.9, 0.999)),
    }


def test_a_schedule_moves_all_rates_by_one_factor() -> None:
    module, model = built(GROUPS + "schedule: linear")
    optimizer = module.optimizer(model)
    before = [group["lr"] for group in optimizer.param_groups]
    schedule = module.schedule(optimizer, 10, 5)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    after = [group["lr"] for group in optimizer.param_groups]
    assert after == pytest.approx([0.6 * lr for lr in before])


def test_weight_decay_is_l2_for_plain_sgd_and_not_for_adam() -> None:
    def weights(optimizer: str, section: str = "") -> torch.Tensor:
        spec = LOGISTIC.replace("regularization: {l2: 0.1}\n", section)
        module, model = built(optimizer, spec)
        x, label = data()
        made = module.optimizer(model)
        for _ in range(STEPS):
            made.zero_grad()
            loss = module.loss(model(x), {"label": label})
            if section:
                loss = loss + module.penalty(model)
            loss.backward()
            made.step()
        return cast(torch.Tensor, model.get_parameter("logits.weight").detach())

    l2 = "regularization: {l2: 0.1}\n"
    decayed = weights("sgd(lr=0.5, weight_decay=0.1, no_decay=[bias])")
    assert torch.allclose(decayed, weights("sgd(lr=0.5)", l2), atol=1e-6)
    assert (decayed - weights("sgd(lr=0.5)")).abs().max() > 1e-2
    coupled = weights("adam(lr=0.05, weight_decay=0.1, no_decay=[bias])")
    assert torch.allclose(coupled, weights("adam(lr=0.05)", l2), atol=1e-5)
    decoupled = weights("adamw(lr=0.05, weight_decay=0.1, no_decay=[bias])")
    assert (decoupled - weights("adam(lr=0.05)", l2)).abs().max() > 1e-2


def test_optimizers_name_their_torch_class() -> None:
    for name in set(registry.names("optimizer")) - {"newton"}:
        cls = cast(type[Optimizer], registry.load("optimizer", name))
        assert issubclass(getattr(torch.optim, cls.torch_class), torch.optim.Optimizer)
