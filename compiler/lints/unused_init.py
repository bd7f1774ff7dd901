"""An entry of `init` that no layer starts from.

A misread kind (`conv1d` where the layers are `conv2d`), a layer that went, or a layer that has
an `init` of its own: the entry promises what does not happen. Remedy: name the kind that
was meant, or remove the entry.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.graph import Node, Parameter, Program
from dlc.compiler.syntax import tree

CODE = code("W0105")

_ARGUMENTS = ("init", "bias_init", "recurrent_init")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    section = next((e.value for e in compilation.spec.settings if e.key.text == "init"), None)
    if not isinstance(section, tree.Mapping):
        return
    nodes = [node for graph in compilation.program.graphs.values() for node in graph.nodes]
    for entry in section.entries:
        key = entry.key.text
        alike = nodes if key == "bias" else [node for node in nodes if node.kind == key]
        learned = [(node, p) for node in alike for p in node.parameters if _is_meant(key, p)]
        if any(_from_section(node, parameter) for node, parameter in learned):
            continue
        if not alike:
            problem = f"no layer is of the kind `{key}`: this entry of `init` starts nothing"
        elif not learned:
            what = "no layer has a bias" if key == "bias" else f"`{key}` has no weights"
            problem = f"{what}: this entry of `init` starts nothing"
        else:
            whose = "bias" if key == "bias" else f"`{key}`"
            problem = f"every {whose} has a start of its own: this entry of `init` starts nothing"
        kinds = _kinds(compilation.program)
        yield Diagnostic(
            CODE,
            problem,
            Label(entry.key.span),
            help="remove it" + (f"; there are weights in {listed(kinds)}" if kinds else ""),
        )


def _is_meant(key: str, parameter: Parameter) -> bool:
    return parameter.trainable and parameter.is_bias == (key == "bias")


def _from_section(node: Node, parameter: Parameter) -> bool:
    own = [getattr(node.op, name, None) for name in _ARGUMENTS]
    return parameter.initializer is not None and all(
        given is not parameter.initializer for given in own
    )


def _kinds(program: Program) -> set[str]:
    """The kinds of layers that have weights."""
    return {
        node.kind
        for graph in program.graphs.values()
        for node in graph.nodes
        if any(_is_meant("", parameter) for parameter in node.parameters)
    }
