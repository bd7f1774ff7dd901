"""Binding the network: what each step of a block or model applies, and to what.

Names only; sizes and types come later, when blocks are expanded. The two surfaces
write a value at the head of a chain in different ways (`image -> relu`, `from: image`);
here both become the same step.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import cast

from dlc.compiler.components import registry
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.ops.base import Op
from dlc.compiler.semantics.bind import Binder, similar
from dlc.compiler.semantics.scope import Layered
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

#: A call that is no op: applies a named layer again.
REUSE = "reuse"
#: What its own argument is called, beside the inputs of the layer.
LAYER = "layer"


class NetworkBinder:
    """Binds the steps of one block or of the model.

    `blocks` are those that may be used here: declared above, or imported. `later` are
    declared below, for the message. `failed` could not be imported, which is reported.
    """

    def __init__(
        self,
        binder: Binder,
        blocks: Mapping[str, tree.BlockDecl],
        later: Mapping[str, tree.BlockDecl],
        params: Layered[Span],
        failed: Container[str] = (),
    ) -> None:
        self.failed = failed
        self.binder = binder
        self.blocks = blocks
        self.later = later
        self.params = params

    def steps(self, steps: tuple[tree.Step, ...], names: Layered[Span]) -> tuple[tree.Step, ...]:
        """The bound steps. `names` are the values in scope, and grows as they are named."""
        bound: list[tree.Step] = []
        for step in steps:
            bound.extend(self._step(step, names))
            for name in step.names:
                self._declare(name, names)
        return tuple(bound)

    def _declare(self, name: tree.Name, names: Layered[Span]) -> None:
        if name.text in names:
            self.binder.report(
                "E0203",
                f"`{name}` is the name of two values",
                name.span,
                help="give this one another name",
                secondary=_at(names.get(name.text), "the first one"),
            )
        elif name.text in self.params:
            self.binder.report(
                "E0211",
                f"`{name}` is a {'size' if name.text.isupper() else 'parameter'}; "
                "a value cannot hide it",
                name.span,
                help="give the value another name",
                secondary=_at(self.params.get(name.text), "declared here"),
            )
        if name.text not in names:
            names[name.text] = name.span

    def _step(self, step: tree.Step, names: Layered[Span]) -> list[tree.Step]:
        inputs, operation = step.inputs, step.operation
        if inputs is not None and len(inputs) == 1 and isinstance(inputs[0], tree.ListExpr):
            inputs = inputs[0].items
        before: list[tree.Step] = []
        if (
            inputs is None
            and isinstance(operation, tree.Call)
            and not operation.arguments
            and operation.name.text in names
        ):
            # A bare word that names a value is the value, whatever op bears the name.
            word = tree.Word((operation.name.text,), operation.name.span)
            inputs, operation = (word,), None
        elif inputs is not None and len(inputs) == 1:
            head = inputs[0]
            if isinstance(head, tree.Word) and self._is_op(head, names):
                call = tree.Call(tree.Name(head.text, head.span), (), head.span)
                first = replace(step, inputs=None, operation=call, names=(), output=False)
                before, inputs = [self._applied(first, call, names)], None
        if inputs is not None:
            for expr in inputs:
                self._check_flow(expr, names)
        if inputs is not step.inputs or operation is not step.operation:
            step = replace(step, inputs=inputs, operation=operation)
        if operation is None:
            if before and inputs is None:
                # `h = relu`: the head was the operation itself.
                return [replace(before[0], names=step.names, output=step.output)]
            return [*before, step]
        return [*before, self._applied(step, operation, names)]

    def _is_op(self, head: tree.Word, names: Layered[Span]) -> bool:
        return (
            len(head.parts) == 1
            and head.text not in names
            and (head.text in self.blocks or registry.has("op", head.text))
        )

    def _check_flow(self, expr: tree.Expr, names: Layered[Span]) -> None:
        """Names in a flow expression are values; numbers and parameters may stand beside."""
        match expr:
            case tree.Word(parts=(name, *rest)):
                if name in names or name in self.params or name.isupper() or rest:
                    return
                if self.binder.collector.is_full:
                    self.binder.report("E0202", f"no value above is called `{name}`", expr.span)
                    return
                _, help = did_you_mean(name, chain(self.params, reversed(list(names))), "name")
                if not help and (registry.has("op", name) or name in self.blocks):
                    help = f"`{name}` is an op: apply it with an arrow, `x -> {name}`"
                self.binder.collector.add(
                    Diagnostic(
                        code("E0202"),
                        f"no value above is called `{name}`",
                        Label(expr.span),
                        help=help or f"values in scope: {_listed(names)}",
                    )
                )
            case tree.Unary(operand=operand):
                self._check_flow(operand, names)
            case tree.Binary(left=left, right=right):
                self._check_flow(left, names)
                self._check_flow(right, names)
            case tree.Unparsed(problem=problem):
                self.binder.collector.add(problem)

    def _applied(
        self, step: tree.Step, operation: tree.Operation, names: Layered[Span]
    ) -> tree.Step:
        match operation:
            case tree.Call():
                return tree.Step(
                    step.inputs,
                    self._call(operation, names, 1 if step.inputs is None else len(step.inputs)),
                    step.names,
                    step.output,
                    step.chained,
                    span=step.span,
                )
            case tree.Repeat(variables=variables, body=body):
                inner = NetworkBinder(
                    self.binder,
                    self.blocks,
                    self.later,
                    self.params.inner({v.text: v.span for v in variables}),
                    self.failed,
                )
                for variable in variables:
                    outer = self.params.get(variable.text) or names.get(variable.text)
                    if outer is not None:
                        self.binder.report(
                            "E0211",
                            f"the loop variable `{variable}` hides another name",
                            variable.span,
                            help="give it another name",
                            secondary=(Label(outer, "the name that it hides"),),
                        )
                bound = inner.steps(body, names.inner())
                return replace(step, operation=replace(operation, body=bound))
            case tree.If(then=then, otherwise=otherwise):
                return replace(
                    step,
                    operation=replace(
                        operation,
                        then=self.steps(then, names.inner()),
                        otherwise=None
                        if otherwise is None
                        else self.steps(otherwise, names.inner()),
                    ),
                )
            case tree.Residual(body=body, shortcut=shortcut):
                return replace(
                    step,
                    operation=replace(
                        operation,
                        body=self.steps(body, names.inner()),
                        shortcut=None if shortcut is None else self.steps(shortcut, names.inner()),
                    ),
                )

    def _call(self, call: tree.Call, names: Layered[Span], flowing: int) -> tree.Call:
        name = call.name.text
        if name in self.blocks:
            return self.binder.block_call(call, self.blocks[name], flowing)
        if name == REUSE:
            return self._reuse(call, names)
        try:
            op = cast(type[Op], registry.load("op", name))
        except registry.UnknownComponent:
            self._unknown(call)
            return replace(call, arguments=())
        except BrokenPlugin as problem:
            self.binder.report(
                "E0217",
                f"the op `{problem.name}` cannot be used: {problem.reason}",
                call.name.span,
                help=f"it comes from the package `{problem.package}`: mend, upgrade or "
                "uninstall that",
            )
            return replace(call, arguments=())
        first = 1 if op.ports and not op.ports[0].variadic else len(op.ports)
        extra = [*(port.name for port in op.ports[first:]), *op.shareable]
        return self.binder.call(call, op, extra)

    def _reuse(self, call: tree.Call, names: Layered[Span]) -> tree.Call:
        """`reuse(enc, mask=mask)` with its layer named as `reuse(layer=enc, mask=mask)`."""
        layers = [a for a in call.arguments if a.name is None or a.name.text == LAYER]
        given = layers[0].value if len(layers) == 1 else None
        if not isinstance(given, tree.Word) or len(given.parts) != 1:
            self.binder.report(
                "E0303",
                "`reuse` takes the name of one layer",
                call.span,
                help="name the layer where it stands first, then write `reuse(name)`",
            )
            return replace(call, arguments=())
        if given.text not in names:
            self.binder.collector.add(
                similar(
                    "E0212",
                    f"no layer above is called `{given.text}`",
                    given.text,
                    given.span,
                    names,
                    "layer",
                )
            )
        others = tuple(a for a in call.arguments if a is not layers[0])
        for argument in others:
            self._check_flow(argument.value, names)
        named = replace(layers[0], name=layers[0].name or tree.Name(LAYER, given.span))
        return replace(call, arguments=(named, *others))

    def _unknown(self, call: tree.Call) -> None:
        name = call.name.text
        if name in self.failed:
            return
        if name in self.later:
            self.binder.report(
                "E0215",
                f"the block `{name}` is used above its declaration",
                call.name.span,
                help="blocks use only those above them: move it up, or break the circle",
                secondary=(Label(self.later[name].name.span, "declared here"),),
            )
            return
        if self.binder.collector.is_full:
            self.binder.report("E0201", f"no op is called `{name}`", call.name.span)
            return
        is_block = name[:1].isupper() and not self._looks_foreign(name)
        candidates = [*registry.all_names("op"), *self.blocks, REUSE]
        self.binder.collector.add(
            similar(
                "E0201",
                f"no {'block' if is_block else 'op'} is called `{name}`",
                name,
                call.name.span,
                candidates,
                "op",
                otherwise="declare it under `blocks`, or import it"
                if is_block
                else "`dlc ops` lists all ops",
            )
        )

    def _looks_foreign(self, name: str) -> bool:
        return bool(did_you_mean(name, registry.names("op"), "op")[1])


def _at(span: Span | None, text: str) -> tuple[Label, ...]:
    return () if span is None else (Label(span, text),)


def _listed(names: Iterable[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in islice(names, 8))
    return shown or "none"
