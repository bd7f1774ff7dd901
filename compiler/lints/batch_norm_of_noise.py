"""Batch norm in a network of reinforcement learning, or over noise that is drawn.

Batch norm answers a sample by those that are with it: the same state gets another value in
another batch, and the same noise another picture. What learns from such answers, a policy from
its critic or a generator from its discriminator, follows the batch's noise, and penalties of
the gradient at one sample are no longer those of one sample (Salimans and Kingma, "Weight
normalization", 2016; Gulrajani et al., "Improved training of Wasserstein GANs", 2017). What is
learned by reinforcement also drifts as the policy does, and running statistics trail behind.

Found where a block or the model is called critic, discriminator, actor or policy; where a target
is a reward, an advantage or a q value; and behind an input that is called noise or
latent, or a `gaussian_noise` that is not on the data itself. Remedy: `layer_norm`, `group_norm`
or `norm=weight`, which know one sample at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dlc.compiler.analysis.flat import flatten
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.graph import Node, Program

CODE = code("W0182")

_JUDGES = {
    "actor": "an actor",
    "critic": "a critic",
    "discriminator": "a discriminator",
    "policy": "a policy",
}
_DRAWN = frozenset({"noise", "latent", "latents"})
# Not returns: those of shares are labels like any others.
_EARNED = ("reward", "advantage", "q_value", "td_target")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    program = compilation.program
    found = _found(program)
    if found is None:
        return
    node, why = found
    if node.span is not None:
        yield Diagnostic(
            CODE,
            f"`{node.kind}` {why}, and answers each sample by the others of its batch",
            Label(node.span),
            help="use `layer_norm` or `group_norm`, which know one sample at a time",
        )


def _found(program: Program) -> tuple[Node, str] | None:
    """The first batch norm of the kind, and where it stands."""
    for graph in program.graphs.values():
        words = sorted(_words(graph.block or program.name) & set(_JUDGES))
        for node in graph.nodes:
            if words and _is_batch_norm(node):
                return node, f"is in {_JUDGES[words[0]]}"
    earned = next((name for name, _ in program.targets if _is_earned(name)), None)
    if earned is not None:
        for _, _, node in program.walk():
            if _is_batch_norm(node):
                return node, f"is in a network that learns `{earned}`"
    return _behind_noise(program)


def _behind_noise(program: Program) -> tuple[Node, str] | None:
    flat = flatten(program)
    sources = {name: f"`{name}`" for name in program.graph.inputs if _words(name) & _DRAWN}
    data = set(program.graph.inputs) - set(sources)
    for layer in flat.layers:
        hit = next((sources[value] for value in layer.values if value in sources), None)
        if hit is not None and _is_batch_norm(layer.node):
            return layer.node, f"lies behind {hit}"
        if layer.node.kind == "gaussian_noise" and not set(layer.values) <= data:
            hit = hit or f"the noise of `{layer.path}`"
        if hit is not None:
            sources.update(dict.fromkeys(layer.outputs, hit))
        elif layer.values and set(layer.values) <= data and _hands_on(layer.node):
            data.update(layer.outputs)
    return None


def _hands_on(node: Node) -> bool:
    """Whether what comes out is still the data, at another scale or in another shape."""
    return not node.parameters


def _is_batch_norm(node: Node) -> bool:
    return node.kind.startswith("batch_norm")


def _is_earned(name: str) -> bool:
    plain = name.lower()
    return any(re.search(rf"(^|_){word}s?($|_)", plain) for word in _EARNED)


def _words(name: str) -> frozenset[str]:
    """`PolicyHead` and `policy_head` as `policy` and `head`."""
    return frozenset(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))
