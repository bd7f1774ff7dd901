"""Every loss against torch's own: in the generated module, over steps, and measured in numpy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from checking import check_yaml, compiled
from torch import Tensor
from torch.nn import functional as F

from dlc.compiler import Compilation
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components import registry
from dlc.runtime import losses
from dlc.runtime.inference.measures import Measures
from dlc.runtime.loading import load_module, model_class

ROWS = 24
Values = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """`outputs` are layers after a linear one of so many units; `targets` a type and how it is
    drawn; `expected` the loss as one writes it by hand."""

    loss: str
    outputs: Mapping[str, tuple[int, list[str]]]
    targets: Mapping[str, tuple[str, Callable[[], Tensor]]]
    expected: Callable[[Values], Tensor]
    batched: bool = field(default=False)


def numbers(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(ROWS, *shape)


def flags(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randint(0, 2, (ROWS, *shape))


def signs(*shape: int) -> Callable[[], Tensor]:
    return lambda: 2 * torch.randint(0, 2, (ROWS, *shape)) - 1


def classes(count: int, *shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randint(0, count, (ROWS, *shape))


def shares(count: int) -> Callable[[], Tensor]:
    def drawn() -> Tensor:
        found = torch.softmax(torch.randn(ROWS, count), 1)
        found[0] = torch.eye(count)[0]
        return found

    return drawn


def some_ignored(count: int, *shape: int) -> Callable[[], Tensor]:
    def drawn() -> Tensor:
        found = torch.randint(0, count, (ROWS, *shape))
        found[::5] = -100
        return found

    return drawn


def right_classes() -> Tensor:
    found = torch.full((ROWS, 5), -1)
    for row in range(ROWS):
        several = torch.randperm(5)[: row % 5]
        found[row, : len(several)] = several
        # What stands behind the first -1 does not count.
        found[row, -1] = -1 if row % 5 == 4 else 3
    return found


def by_hand_focal(v: Values) -> Tensor:
    logs = torch.log_softmax(v["y"], 1)
    counts = v["t"] != -100
    kept = v["t"].clamp(min=0)
    right = logs.gather(1, kept[:, None])[:, 0]
    weight = torch.tensor([1.0, 2.0, 0.5, 1.5])[kept]
    return (weight * (1 - right.exp()) ** 1.5 * -right)[counts].sum() / counts.sum()


def by_hand_dice(p: Tensor, t: Tensor, smooth: float) -> Tensor:
    found = []
    for k in range(p.shape[1]):
        a, b = p[:, k].reshape(-1), t[:, k].reshape(-1)
        found.append(1 - (2 * (a * b).sum() + smooth) / (a.sum() + b.sum() + smooth))
    return torch.stack(found).mean()


def by_hand_nt_xent(v: Values) -> Tensor:
    a, b = F.normalize(v["y"]), F.normalize(v["z"])
    rows, total = len(a), []
    every = torch.cat([a, b])
    for i in range(2 * rows):
        others = [j for j in range(2 * rows) if j != i]
        twin = (i + rows) % (2 * rows)
        cosines = every[i] @ every[others].T / 0.4
        total.append(torch.logsumexp(cosines, 0) - every[i] @ every[twin] / 0.4)
    return torch.stack(total).mean()


def by_hand_info_nce(v: Values) -> Tensor:
    cosines = F.normalize(v["y"]) @ F.normalize(v["z"]).T / 0.2
    rows = range(len(cosines))
    one = [torch.logsumexp(cosines[i], 0) - cosines[i, i] for i in rows]
    other = [torch.logsumexp(cosines[:, i], 0) - cosines[i, i] for i in rows]
    return (torch.stack(one).mean() + torch.stack(other).mean()) / 2


def by_hand_contrastive(v: Values) -> Tensor:
    d = F.pairwise_distance(v["y"], v["z"])
    apart = torch.clamp(1.5 - d, min=0) ** 2
    return (torch.where(v["t"] == 1, d**2, apart) / 2).mean()


def by_hand_focal_sigmoid(v: Values) -> Tensor:
    p = torch.sigmoid(v["y"])
    yes = -0.25 * (1 - p) ** 2 * p.log()
    no = -0.75 * p**2 * (1 - p).log()
    return torch.where(v["t"] == 1, yes, no).mean()


WEIGHTS = torch.tensor([1.0, 2.0, 0.5, 1.5])
T = {"t": ("float[N, 3]", numbers(3))}
Y = {"y": (3, list[str]())}
PAIR = {"y": (5, list[str]()), "z": (5, list[str]())}
SIGNS = {"t": ("int[N, 3]", signs(3))}
CASES = {
    "mse_loss": Case("mse_loss(y, t)", Y, T, lambda v: F.mse_loss(v["y"], v["t"])),
    "l1_loss": Case("l1_loss(y, t)", Y, T, lambda v: F.l1_loss(v["y"], v["t"])),
    "smooth_l1_loss": Case(
        "smooth_l1_loss(y, t, beta=0.5)", Y, T, lambda v: F.smooth_l1_loss(v["y"], v["t"], beta=0.5)
    ),
    "huber_loss": Case(
        "huber_loss(y, t, delta=0.5)", Y, T, lambda v: F.huber_loss(v["y"], v["t"], delta=0.5)
    ),
    "cross_entropy": Case(
        "cross_entropy(y, t, weight=[1, 2, 0.5, 1.5], label_smoothing=0.2)",
        {"y": (4, [])},
        {"t": ("int[N]", some_ignored(4))},
        lambda v: F.cross_entropy(v["y"], v["t"], weight=WEIGHTS, label_smoothing=0.2),
    ),
    "nll_loss": Case(
        "nll_loss(y, t, weight=[1, 2, 0.5, 1.5])",
        {"y": (4, ["log_softmax"])},
        {"t": ("int[N]", some_ignored(4))},
        lambda v: F.nll_loss(v["y"], v["t"], weight=WEIGHTS),
    ),
    "binary_cross_entropy": Case(
        "binary_cross_entropy(y, t)",
        {"y": (3, ["sigmoid"])},
        {"t": ("int[N, 3]", flags(3))},
        lambda v: F.binary_cross_entropy(v["y"], v["t"].float()),
    ),
    "binary_cross_entropy_with_logits": Case(
        "binary_cross_entropy_with_logits(y, t, pos_weight=[1, 2, 3])",
        Y,
        {"t": ("bool[N, 3]", lambda: torch.rand(ROWS, 3) > 0.5)},
        lambda v: F.binary_cross_entropy_with_logits(
            v["y"], v["t"].float(), pos_weight=torch.tensor([1.0, 2.0, 3.0])
        ),
    ),
    "multilabel_soft_margin_loss": Case(
        "multilabel_soft_margin_loss(y, t)",
        Y,
        {"t": ("int[N, 3]", flags(3))},
        lambda v: F.multilabel_soft_margin_loss(v["y"], v["t"].float()),
    ),
    "multilabel_margin_loss": Case(
        "multilabel_margin_loss(y, t)",
        {"y": (5, [])},
        {"t": ("int[N, 5]", right_classes)},
        lambda v: F.multilabel_margin_loss(v["y"], v["t"]),
    ),
    "multi_margin_loss": Case(
        "multi_margin_loss(y, t, p=2, margin=0.5, weight=[1, 2, 0.5, 1.5])",
        {"y": (4, [])},
        {"t": ("int[N]", classes(4))},
        lambda v: F.multi_margin_loss(v["y"], v["t"], p=2, margin=0.5, weight=WEIGHTS),
    ),
    "soft_margin_loss": Case(
        "soft_margin_loss(y, t)", Y, SIGNS, lambda v: F.soft_margin_loss(v["y"], v["t"].float())
    ),
    "hinge_embedding_loss": Case(
        "hinge_embedding_loss(y, t, margin=0.7)",
        Y,
        SIGNS,
        lambda v: F.hinge_embedding_loss(v["y"], v["t"].float(), margin=0.7),
    ),
    "poisson_nll_loss": Case(
        "poisson_nll_loss(y, t, full=true)",
        Y,
        {"t": ("int[N, 3]", classes(7, 3))},
        lambda v: F.poisson_nll_loss(v["y"], v["t"].float(), full=True),
    ),
    "poisson_nll_loss of a rate": Case(
        "poisson_nll_loss(y, t, log_input=false, eps=0.01)",
        {"y": (3, ["softplus"])},
        {"t": ("int[N, 3]", classes(7, 3))},
        lambda v: F.poisson_nll_loss(v["y"], v["t"].float(), log_input=False, eps=0.01),
    ),
    "gaussian_nll_loss": Case(
        "gaussian_nll_loss(y, t, z, full=true, eps=0.3)",
        {"y": (3, []), "z": (3, ["softplus"])},
        T,
        lambda v: F.gaussian_nll_loss(v["y"], v["t"], v["z"], full=True, eps=0.3),
    ),
    "kl_div": Case(
        "kl_div(y, t)",
        {"y": (4, ["log_softmax"])},
        {"t": ("float[N, 4]", shares(4))},
        lambda v: F.kl_div(v["y"], v["t"], reduction="batchmean"),
    ),
    "kl_div of logarithms": Case(
        "kl_div(y, t, log_target=true)",
        {"y": (4, ["log_softmax"])},
        {"t": ("float[N, 4]", lambda: torch.log_softmax(torch.randn(ROWS, 4), 1))},
        lambda v: (v["t"].exp() * (v["t"] - v["y"])).sum(1).mean(),
    ),
    "margin_ranking_loss": Case(
        "margin_ranking_loss(y, z, t, margin=0.2)",
        {"y": (3, []), "z": (3, [])},
        SIGNS,
        lambda v: F.margin_ranking_loss(v["y"], v["z"], v["t"], margin=0.2),
    ),
    "triplet_margin_loss": Case(
        "triplet_margin_loss(y, z, w, margin=0.5, swap=true)",
        {**PAIR, "w": (5, [])},
        {},
        lambda v: F.triplet_margin_loss(v["y"], v["z"], v["w"], margin=0.5, swap=True),
    ),
    "cosine_embedding_loss": Case(
        "cosine_embedding_loss(y, z, t, margin=0.1)",
        PAIR,
        {"t": ("int[N]", signs())},
        lambda v: F.cosine_embedding_loss(v["y"], v["z"], v["t"], margin=0.1),
    ),
    "contrastive_loss": Case(
        "contrastive_loss(y, z, t, margin=1.5)",
        PAIR,
        {"t": ("int[N]", flags())},
        by_hand_contrastive,
    ),
    "nt_xent_loss": Case(
        "nt_xent_loss(y, z, temperature=0.4)", PAIR, {}, by_hand_nt_xent, batched=True
    ),
    "info_nce_loss": Case(
        "info_nce_loss(y, z, temperature=0.2)", PAIR, {}, by_hand_info_nce, batched=True
    ),
    "sigmoid_focal_loss": Case(
        "sigmoid_focal_loss(y, t)", Y, {"t": ("int[N, 3]", flags(3))}, by_hand_focal_sigmoid
    ),
    "focal_loss": Case(
        "focal_loss(y, t, weight=[1, 2, 0.5, 1.5], gamma=1.5)",
        {"y": (4, [])},
        {"t": ("int[N]", some_ignored(4))},
        by_hand_focal,
    ),
    "dice_loss": Case(
        "dice_loss(y, t, smooth=0.5)",
        {"y": (12, ["unflatten: {dim: 1, sizes: [3, 2, 2]}"])},
        {"t": ("int[N, 2, 2]", classes(3, 2, 2))},
        lambda v: by_hand_dice(
            torch.softmax(v["y"], 1), F.one_hot(v["t"], 3).movedim(-1, 1).float(), 0.5
        ),
    ),
    "dice_loss of masks": Case(
        "dice_loss(y, t)",
        {"y": (8, ["unflatten: {dim: 1, sizes: [2, 2, 2]}"])},
        {"t": ("float[N, 2, 2, 2]", lambda: (torch.rand(ROWS, 2, 2, 2) > 0.5).float())},
        lambda v: by_hand_dice(torch.sigmoid(v["y"]), v["t"], 1.0),
    ),
    "ctc_loss": Case(
        "ctc_loss(y, t, frames, letters, blank=1)",
        {"y": (28, ["unflatten: {dim: 1, sizes: [7, 4]}", "log_softmax"])},
        {
            "t": ("int[N, 3]", lambda: 2 * torch.randint(0, 2, (ROWS, 3))),
            "frames": ("int[N]", lambda: torch.randint(6, 8, (ROWS,))),
            "letters": ("int[N]", lambda: torch.randint(0, 4, (ROWS,))),
        },
        lambda v: F.ctc_loss(v["y"].transpose(0, 1), v["t"], v["frames"], v["letters"], blank=1),
    ),
    "ctc_loss of whole rows": Case(
        "ctc_loss(y, t, zero_infinity=true)",
        {"y": (16, ["unflatten: {dim: 1, sizes: [4, 4]}", "log_softmax"])},
        {"t": ("int[N, 3]", lambda: torch.randint(1, 3, (ROWS, 3)))},
        lambda v: F.ctc_loss(
            v["y"].transpose(0, 1),
            v["t"],
            torch.full((len(v["t"]),), 4),
            torch.full((len(v["t"]),), 3),
            zero_infinity=True,
        ),
    ),
}


def compilation_of(case: Case) -> Compilation:
    lines = ["dlc: 1", "inputs:", "  x: float[N, 6]", "layers:"]
    for name, (units, layers) in case.outputs.items():
        lines += ["  - from: x", f"    linear: {units}"]
        lines += [f"  - {layer}" for layer in layers]
        lines += [f"    output: {name}"]
        if layers and ":" not in layers[-1]:
            lines[-2] += ":"
    if case.targets:
        lines += ["targets:", *(f"  {name}: {type}" for name, (type, _) in case.targets.items())]
    lines += [f'loss: "{case.loss}"', "optimizer: sgd(lr=0.05)"]
    result = check_yaml("\n".join(lines) + "\n")
    return compiled(result)


every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def test_every_loss_has_a_case_and_a_measure() -> None:
    # `uncertainty` is its losses, each of them a term of its own.
    single = set(registry.names("loss")) - {"uncertainty"}
    assert {name.partition(" ")[0] for name in CASES} == single
    assert losses.names() == single


@every_case
def test_twenty_steps_are_those_of_a_loss_written_by_hand(case: Case) -> None:
    module = load_module(generate(compilation_of(case)))
    torch.manual_seed(0)
    ours: Any = model_class(module)()
    theirs: Any = model_class(module)()
    theirs.load_state_dict(ours.state_dict())
    optimizers = [module.optimizer(ours), torch.optim.SGD(theirs.parameters(), lr=0.05)]
    targets = {name: drawn() for name, (_, drawn) in case.targets.items()}
    x = torch.randn(ROWS, 6)
    for _ in range(20):
        found = module.loss(ours(x=x), targets)
        expected = case.expected({**theirs(x=x), **targets})
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=1e-6)
        for value, optimizer in zip((found, expected), optimizers, strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def measures_of(compilation: Compilation) -> Measures:
    graph = compilation.program.graph
    outputs = {name: graph.values[value] for name, value in graph.outputs}
    return Measures(
        loss=compilation.settings.loss,
        metrics=(),
        outputs=tuple(outputs),
        types={**outputs, **dict(compilation.program.targets)},
    )


@every_case
def test_the_measure_is_torchs_however_rows_are_cut_and_spread(case: Case) -> None:
    compilation = compilation_of(case)
    module = load_module(generate(compilation))
    torch.manual_seed(1)
    network: Any = model_class(module)()
    targets = {name: drawn() for name, (_, drawn) in case.targets.items()}
    with torch.no_grad():
        outputs = network(x=torch.randn(ROWS, 6))
        expected = float(case.expected({**outputs, **targets}))
    values = {name: value.numpy() for name, value in {**outputs, **targets}.items()}

    def part(start: int, stop: int) -> dict[str, Any]:
        return {name: value[start:stop] for name, value in values.items()}

    for cuts in ([0, ROWS], [0, 1, 10, ROWS]):
        whole, merged = measures_of(compilation), measures_of(compilation)
        for start, stop in itertools.pairwise(cuts):
            whole.add(part(start, stop), stop - start)
            rank = measures_of(compilation)
            rank.add(part(start, stop), stop - start)
            merged.merge(rank.state())
        assert whole.results()["loss"] == pytest.approx(expected, rel=2e-5, abs=1e-6)
        assert merged.results()["loss"] == pytest.approx(expected, rel=2e-5, abs=1e-6)


def test_losses_within_a_batch_are_measured_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlc.runtime.losses import _in_batches

    monkeypatch.setattr(_in_batches, "GROUP", 10)
    case = CASES["info_nce_loss"]
    compilation = compilation_of(case)
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(ROWS, 5)) for name in ("y", "z")}
    found = measures_of(compilation)
    found.add({name: value[:7] for name, value in values.items()}, 7)
    found.add({name: value[7:] for name, value in values.items()}, ROWS - 7)
    total = 0.0
    for start in (0, 10, 20):
        group = {name: torch.tensor(v[start : start + 10]) for name, v in values.items()}
        total += float(case.expected(group)) * len(group["y"])
    assert found.results()["loss"] == pytest.approx(total / ROWS, rel=1e-9)
