"""A program as the text of a Python module: plain PyTorch, as one writes it by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.classes import Classes, ClassPlan
from dlc.compiler.codegen.containers import Container
from dlc.compiler.codegen.forward import Forward
from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.literals import annotation, literal
from dlc.compiler.codegen.torch_check import check_source
from dlc.compiler.codegen.torch_init import reset_parameters
from dlc.compiler.ir.graph import Program

_IMPORTS = (
    ("math", re.compile(r"\bmath\."), "import math"),
    ("torch", re.compile(r"\btorch\."), "import torch"),
    ("F", re.compile(r"\bF\."), "import torch.nn.functional as F"),
)


def generate_network(program: Program, docstring: str = "", functions: str = "") -> str:
    """The module of a network: its imports, helpers and classes.

    `docstring` and `functions` are what stands before and behind. The result is the same
    for equal programs, byte for byte. Raises `DiagnosticError` E0501 where two layers want
    one name, E0403 where the network needs a size that no input shows.
    """
    classes = Classes(program, taken=identifiers.MODULE_NAMES)
    names = frozenset(classes.helpers) | {plan.name for plan in classes.plans}
    texts = [source.strip("\n") for source in classes.helpers.values()]
    for plan in classes.plans:
        main = plan is classes.main
        texts.append("\n".join(_ClassText(program, plan, names, main).lines()))
    if functions:
        texts.append(functions.strip("\n"))
    body = "\n\n\n".join(texts)
    parts = [docstring or f'"""{classes.main_name}."""', _imports(body), "", body]
    source = "\n".join(parts) + "\n"
    check_source(source)
    return source


def _imports(body: str) -> str:
    lines = ["", "from __future__ import annotations", ""]
    found = {name: line for name, pattern, line in _IMPORTS if pattern.search(body)}
    if "math" in found:
        lines += [found["math"], ""]
    lines += [found[name] for name in ("torch", "F") if name in found]
    lines += ["from torch import Tensor, nn", ""]
    return "\n".join(lines)


class _ClassText:
    """The source of one class."""

    def __init__(
        self, program: Program, plan: ClassPlan, module_names: frozenset[str], main: bool
    ) -> None:
        self._program = program
        self._plan = plan
        self._graph = plan.code.graph
        self._main = main
        self._forward = Forward(plan, module_names)

    def lines(self) -> Iterator[str]:
        body = list(self._forward.body(2, main=self._main))
        yield f"class {self._plan.name}(nn.Module):"
        if not self._main and len(self._graph.inputs) == 1:
            yield f'    """{self._types(self._graph.inputs)} -> {self._results()}."""'
            yield ""
        yield from self._init()
        yield from self._reset()
        yield from self._signature()
        yield from body

    # ── __init__ ─────────────────────────────────────────────────────────────

    def _init(self) -> Iterator[str]:
        arguments = [f"{a.name}: {annotation(a.values)}" for a in self._plan.arguments]
        lines = [
            line
            for attribute, container in self._forward.containers.items()
            for line in statement(f"self.{attribute} = {self._container(container)}", 2)
        ]
        stored = [
            f"        self.{attribute} = {name}" for name, attribute in self._forward.stored.items()
        ]
        lines = [*stored, *lines, *self._ties()]
        if not lines and not arguments:
            return
        yield from statement(f"def __init__({', '.join(['self', *arguments])}) -> None:", 1)
        yield "        super().__init__()"
        yield from lines
        if self._has_reset():
            yield "        self.reset_parameters()"
        yield ""

    def _container(self, container: Container) -> str:
        if container.leaf is not None:
            return self._constructor(container.leaf)
        texts = {str(turn): self._container(inner) for turn, inner in container.turns.items()}
        if not container.is_list:
            items = ", ".join(f"{literal(turn)}: {text}" for turn, text in texts.items())
            return f"nn.ModuleDict({{{items}}})"
        if len(texts) > 1 and len(set(texts.values())) == 1:
            return f"nn.ModuleList({texts['0']} for _ in range({len(texts)}))"
        return f"nn.ModuleList([{', '.join(texts.values())}])"

    def _constructor(self, place: int) -> str:
        module = self._plan.code.nodes[place].module
        assert module is not None
        sources = self._plan.sources
        given = [str(sources[place, "a", i]) for i in range(len(module.args))]
        given += [f"{name}={sources[place, 'k', name]}" for name in self._plan.keywords[place]]
        return f"{module.constructor}({', '.join(given)})"

    def _ties(self) -> Iterator[str]:
        for written in self._plan.code.nodes:
            for own, owner in () if written.reuses else written.node.shared:
                path = identifiers.module_path(f"{written.node.name}.{own}")
                other = identifiers.module_path(owner)
                yield from statement(
                    f"{_attribute_path(path)} = {_attribute_path(other)}",
                    2,
                    "one tensor, learned from both uses",
                )

    # ── the other methods ────────────────────────────────────────────────────

    def _reset(self) -> Iterator[str]:
        lines = list(reset_parameters(self._plan, self._forward.containers, 1))
        if lines:
            yield from lines
            yield ""

    def _has_reset(self) -> bool:
        return any(reset_parameters(self._plan, self._forward.containers, 1))

    def _signature(self) -> Iterator[str]:
        graph, names = self._graph, self._forward.arguments
        if self._main:
            result = "dict[str, Tensor]"
        elif len(graph.outputs) == 1:
            result = "Tensor"
        else:
            result = f"tuple[{', '.join(['Tensor'] * len(graph.outputs))}]"
        if not self._main and len(names) == 1:
            yield f"    def forward(self, {names[0]}: Tensor) -> {result}:"
            return
        yield "    def forward("
        yield "        self,"
        for name, value in zip(names, graph.inputs, strict=True):
            yield f"        {name}: Tensor,  # {self._types([value])}"
        yield f"    ) -> {result}:"

    def _types(self, values: Iterable[str]) -> str:
        numbers = self._plan.code.numbers
        return ", ".join(self._forward.shapes.type(numbers[value]) for value in values)

    def _results(self) -> str:
        return self._types(value for _, value in self._graph.outputs)


def _attribute_path(path: str) -> str:
    """`self.conv2d[3].weight` for the key `conv2d.3.weight`."""
    return "self" + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in path.split("."))
