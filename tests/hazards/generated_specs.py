"""Specs out of thin air: right in form, mostly right in content, in both surfaces.

A spec is drawn once and written twice, so that a test can also ask whether the two
surfaces say the same. `wild` is how often something is drawn that need not fit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import (
    ArgumentType,
    BoolType,
    ComponentType,
    DimType,
    FloatType,
    IntType,
    ListType,
    MappingType,
    NullType,
    ReferenceType,
    TextType,
    UnionType,
    WordType,
)
from dlc.compiler.components.base import arguments
from dlc.compiler.source import Source

_WILD = ("0", "-1", "0.5", "1e308", "9007199254740991", "N", "H // 2", "N % 2", "2**53", "inf",
         "9**9**9", "1 // 0", "N // 0", "'text'", "null", "true", "[1, 2]", "[]", "nothing", "x",
         "x * x", "width if N == 2 else 1", "not 1", "1 < 2", "2**64", "a.b", "100000", "yes",
         "N * T", "-N", "relu", "normal(std=1)", "{a: 1}")  # fmt: skip
_INPUTS = (
    ("x", "float[N, 8]"), ("x", "float[N, 3, 8, 8]"), ("x", "float[N, 3, H, W]"),
    ("x", "float[N, T, 8]"), ("x", "int[N, T]"), ("x", "int[N]"), ("x", "float[N, 4, T]"),
    ("x", "float[N, 2, 4, 6, 6]"), ("x", "bool[N, T]"), ("x", "uint8[N, 3, 8, 8]"),
)  # fmt: skip
_CALM_OPS = ("relu", "tanh", "dropout", "linear", "linear", "identity", "silu")
_TAME_OPS = ("relu", "tanh", "dropout", "linear", "linear", "gelu", "identity", "layer_norm",
             "conv2d", "batch_norm2d", "flatten", "global_avg_pool", "softmax")  # fmt: skip


@dataclass
class Step:
    """One item of `layers`; `parts` are the bodies of a control step, by their YAML keys."""

    kind: str
    arguments: list[tuple[str, str]] = field(default_factory=list)
    inputs: str | None = None
    name: str | None = None
    output: bool = False
    head: str = ""
    variables: tuple[str, ...] = ()
    parts: list[tuple[str, list[Step]]] = field(default_factory=list)


@dataclass
class Block:
    name: str
    params: list[tuple[str, str | None]]
    input: str | None
    body: list[Step]


@dataclass
class Spec:
    params: list[tuple[str, str]]
    dims: list[tuple[str, str]]
    blocks: list[Block]
    inputs: list[tuple[str, str]]
    body: list[Step]
    targets: list[tuple[str, str]]
    settings: list[tuple[str, str]]


def generated(rng: random.Random, wild: float | None = None) -> tuple[Source, Source]:
    """One spec in both surfaces, YAML first."""
    if wild is None:
        wild = rng.choice((0.0, 0.01, 0.05, 0.2))
    spec = _Drawing(rng, wild).spec()
    yaml, dlc = _yaml(spec), _dlc(spec)
    return Source("generated.yaml", yaml, "yaml"), Source("generated.dlc", dlc, "dlc")


class _Drawing:
    def __init__(self, rng: random.Random, wild: float) -> None:
        self.rng = rng
        self.wild = wild
        self.numbers: list[str] = []
        self.values: list[str] = []
        self.blocks: list[Block] = []
        self.count = 0
        # Half of the specs keep to what fits together, so that they come through.
        self.calm = rng.random() < 0.5

    def spec(self) -> Spec:
        rng = self.rng
        params = [("width", self.number("8", "4", "3")), ("depth", "2"), ("p", "0.1")]
        dims = [("T", self.number("1..512", "4..64 step 4"))] if rng.random() < 0.3 else []
        for name in ("Cell", "Block", "Stage")[: rng.choice((0, 0, 1, 3))]:
            self.blocks.append(self.block(name))
        inputs = [_INPUTS[0] if self.calm else rng.choice(_INPUTS)]
        if rng.random() < 0.3:
            inputs.append(("mask", self.number("bool[N, T]", "float[N, 8]")))
        self.numbers, self.values = ["width", "depth", "p"], [name for name, _ in inputs]
        head = self.step(0)
        head.inputs = "x"
        last = Step("linear", [("out_features", "3")], name="logits", output=True)
        body = [head, *self.steps(0), last]
        targets = [("label", self.number("int[N]", "float[N, 3]"))] if rng.random() < 0.5 else []
        return Spec(params, dims, list(self.blocks), inputs, body, targets, self.settings(targets))

    def settings(self, targets: list[tuple[str, str]]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if targets:
            loss = self.number("cross_entropy(logits, label)", "mse_loss(logits, label)")
            more = self.number("", f" + 0.5 * {loss}", " * 2", " - 1", " / p", f" - ({loss})")
            found.append(("loss", loss + more))
            if self.rng.random() < 0.5:
                found.append(("metrics", "accuracy(logits, label)"))
            for kind in ("optimizer", "schedule"):
                if kind == "optimizer" or self.rng.random() < 0.5:
                    found.append((kind, self.component(kind)))
        return found

    def number(self, *options: str) -> str:
        return self.rng.choice(_WILD if self.rng.random() < self.wild else options)

    def name(self, stem: str) -> str:
        if self.rng.random() < self.wild:
            return self.rng.choice(("x", "width", "N", "linear", "forward", "class", "h1"))
        self.count += 1
        return f"{stem}{self.count}"

    # ── blocks and steps ─────────────────────────────────────────────────────

    def block(self, name: str) -> Block:
        params: list[tuple[str, str | None]] = [("width", None), ("depth", self.number("1", "2"))]
        input = self.rng.choice(
            (None, "float[..., C]", "float", "float[N, C, H, W]")[: 3 + (not self.calm)]
        )
        self.numbers = ["width", "depth", *(["C"] if input and "C" in input else [])]
        self.values = ["x"] if input else []
        return Block(name, params, input, self.steps(1))

    def steps(self, depth: int) -> list[Step]:
        values, numbers = list(self.values), list(self.numbers)
        made = [self.step(depth) for _ in range(self.rng.randrange(1, 5 if depth < 2 else 3))]
        if depth:
            self.values, self.numbers = values, numbers
        return made

    def step(self, depth: int) -> Step:
        step = self.control(depth) if self.rng.random() < 0.25 and depth < 4 else self.call()
        if self.values and self.rng.random() < 0.1:
            step.inputs = self.rng.choice(self.values)
            if self.rng.random() < 0.4:
                step.inputs = (
                    f"{step.inputs} {self.rng.choice('+-*/')} {self.number('2', step.inputs)}"
                )
        if self.rng.random() < 0.15:
            step.name = self.name("h")
            self.values.append(step.name)
        return step

    def control(self, depth: int) -> Step:
        match self.rng.choice(("repeat", "repeat", "if", "residual", "residual")):
            case "repeat":
                head = self.number("2", "3", "0", "depth", "[1, 2]", "depth + 1")
                stems = ("i", "item")[: self.rng.randrange(3)]
                variables = tuple(self.name(stem) for stem in stems)
                before = list(self.numbers)
                self.numbers += variables
                body = self.steps(depth + 1)
                self.numbers = before
                return Step("repeat", head=head, variables=variables, parts=[("layers", body)])
            case "if":
                left, right = self.expression(), self.expression()
                head = f"{left} {self.rng.choice(('==', '!=', '<', '>='))} {right}"
                parts = [("then", self.steps(depth + 1))]
                if self.rng.random() < 0.5:
                    parts.append(("else", self.steps(depth + 1)))
                return Step("if", head=head, parts=parts)
            case _:
                parts = [("residual", self.steps(depth + 1))]
                if self.rng.random() < 0.4:
                    parts.append(("shortcut", self.steps(depth + 1)))
                return Step("residual", parts=parts)

    def call(self) -> Step:
        if self.blocks and self.rng.random() < 0.25:
            block = self.rng.choice(self.blocks)
            given = [("width", self.expression())]
            if self.rng.random() < 0.5:
                given.append(("depth", self.number("1", "3", "depth")))
            return Step(block.name, given)
        if self.calm:
            return self.component_call("op", self.rng.choice(_CALM_OPS))
        if self.rng.random() < 0.7:
            return self.component_call("op", self.rng.choice(_TAME_OPS))
        return self.component_call("op", self.rng.choice(registry.names("op")))

    # ── values ───────────────────────────────────────────────────────────────

    def component_call(self, kind: str, name: str) -> Step:
        given = []
        for key, spec in arguments(registry.load(kind, name)).items():
            if spec.required or self.rng.random() < 0.15:
                given.append((key, self.value(spec.type)))
        if self.rng.random() < self.wild:
            given.append((self.rng.choice(("weight", "mask", "typo")), self.rng.choice(_WILD)))
        return Step(name, given)

    def component(self, kind: str) -> str:
        made = self.component_call(kind, self.rng.choice(registry.names(kind)))
        return f"{made.kind}({', '.join(f'{key}={value}' for key, value in made.arguments)})"

    def value(self, wanted: ArgumentType) -> str:
        rng = self.rng
        if rng.random() < self.wild:
            return rng.choice(_WILD)
        match wanted:
            case IntType(low=low):
                return rng.choice((self.expression(), str(max(low or 1, 1)), "2", "4"))
            case FloatType(high=high):
                return rng.choice(("0.1", "0.5", "p" if "p" in self.numbers else "0.25")) if (
                    high is not None
                ) else rng.choice(("1", "0.5", "1e-3"))  # fmt: skip
            case BoolType():
                return rng.choice(("true", "false"))
            case DimType():
                return self.expression()
            case WordType(words=words):
                return rng.choice(words)
            case ListType(item=item, length=length):
                count = rng.randrange(1, 3) if length is None else length
                return f"[{', '.join(self.value(item) for _ in range(count))}]"
            case UnionType(options=options):
                return self.value(rng.choice(options))
            case ComponentType(kind=kind) if kind != "section":
                return self.component(kind)
            case NullType():
                return "null"
            case ReferenceType():
                return rng.choice(self.values or ["x"])
            case TextType():
                return "'n,m'"
            case MappingType():
                return "null"
        return "1"

    def expression(self) -> str:
        rng = self.rng
        atom = self.number("1", "2", "3", "4", "8", *(n for n in self.numbers if n != "p"))
        if rng.random() < 0.75:
            return atom
        return f"{atom} {rng.choice(('+', '*', '//', '%', '-', '**'))} {self.number('1', '2', '3')}"


# ── the two surfaces ─────────────────────────────────────────────────────────


def _yaml(spec: Spec) -> str:
    lines = ["dlc: 1", "name: Net", "params:", *(f"  {k}: {v}" for k, v in spec.params)]
    if spec.dims:
        lines += ["dims:", *(f"  {k}: {v}" for k, v in spec.dims)]
    if spec.blocks:
        lines.append("blocks:")
    for block in spec.blocks:
        lines += [f"  {block.name}:", "    params:"]
        lines += [f"      {k}: {'int' if v is None else v}" for k, v in block.params]
        if block.input:
            lines += ["    inputs:", f"      x: {block.input}"]
        lines += ["    layers:", *_yaml_steps(block.body, 3)]
    lines += ["inputs:", *(f"  {k}: {v}" for k, v in spec.inputs)]
    lines += ["layers:", *_yaml_steps(spec.body, 1)]
    if spec.targets:
        lines += ["targets:", *(f"  {k}: {v}" for k, v in spec.targets)]
    lines += [f"{key}: {value}" for key, value in spec.settings]
    return "\n".join(lines) + "\n"


def _yaml_steps(steps: list[Step], indent: int) -> list[str]:
    pad = "  " * indent
    lines: list[str] = []
    for step in steps:
        own: list[str] = []
        if step.inputs is not None:
            own.append(f"from: {step.inputs}")
        if step.kind in ("repeat", "if"):
            own.append(f"{step.kind}: {step.head}")
        elif step.kind != "residual":
            own.append(f"{step.kind}:")
            own += [f"  {key}: {value}" for key, value in step.arguments]
        if step.variables:
            own.append(f"as: [{', '.join(step.variables)}]")
        for key, body in step.parts:
            own += [f"{key}:", *_yaml_steps(body, 1)]
        if step.name is not None:
            own.append(f"{'output' if step.output else 'name'}: {step.name}")
        lines += [f"{pad}{'- ' if not i else '  '}{line}" for i, line in enumerate(own)]
    return lines


def _dlc(spec: Spec) -> str:
    lines = ["dlc 1", *(f"param {k} = {v}" for k, v in spec.params)]
    lines += [f"dim {k} = {v}" for k, v in spec.dims]
    for block in spec.blocks:
        params = ", ".join(f"{k}: int" if v is None else f"{k} = {v}" for k, v in block.params)
        lines.append(f"block {block.name}({params}) {{")
        if block.input:
            lines.append(f"  input x: {block.input}")
        lines += [*_dlc_steps(block.body, 1), "}"]
    lines.append("model Net {")
    lines += [f"  input {k}: {v}" for k, v in spec.inputs]
    lines += [*_dlc_steps(spec.body, 1), "}"]
    lines += [f"target {k}: {v}" for k, v in spec.targets]
    lines += [f"{key} = {value}" for key, value in spec.settings]
    return "\n".join(lines) + "\n"


def _dlc_steps(steps: list[Step], indent: int) -> list[str]:
    pad = "  " * indent
    lines: list[str] = []
    for step in steps:
        text = f"{'output ' if step.output else ''}{step.name} = " if step.name else ""
        text += f"{step.inputs} -> " if step.inputs is not None else ""
        if not step.parts:
            given = ", ".join(f"{key}={value}" for key, value in step.arguments)
            lines.append(f"{pad}{text}{step.kind}({given})")
            continue
        first, *others = step.parts
        head = f"{step.kind} {step.head}".strip()
        head += f" as {', '.join(step.variables)}" if step.variables else ""
        lines += [f"{pad}{text}{head} {{", *_dlc_steps(first[1], indent + 1)]
        for key, body in others:
            lines += [f"{pad}}} {key} {{", *_dlc_steps(body, indent + 1)]
        lines.append(f"{pad}}}")
    return lines
