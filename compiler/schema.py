"""The JSON Schema of the YAML surface: made, shipped, and held against a spec.

Editors read the shipped file, `grammar/spec.schema.json`; `dlc schema` prints what the
components give now; the tests hold the two equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax.yaml_nodes import Mapping, Node, NodeReader, Scalar, Sequence

FILE = "spec.schema.json"

# The core of YAML 1.2, as the language reads it: everything else is a word or an expression.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {"": None, "null": None, "true": True, "false": False}
_MOST_DIGITS = 64


def text(*, installed: bool = False) -> str:
    """The schema that the components give now, as the text of its file; with `installed` it
    knows the ops of other packages too."""
    from dlc.compiler.components.registry import all_names
    from dlc.compiler.schema_definitions import build

    schema = build(all_names("op") if installed else None)
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


@cache
def shipped() -> str:
    """The text of the shipped file."""
    from importlib.resources import files

    return files("dlc.grammar").joinpath(FILE).read_text(encoding="utf-8")


def validate(source: Source) -> tuple[Diagnostic, ...]:
    """What the shipped schema refuses in a YAML spec, each with its place.

    Nothing for a `.dlc` text, which a JSON Schema cannot read. Imports jsonschema.
    """
    if source.surface == "dlc":
        return ()
    collector = Collector()
    root = NodeReader(source, collector).read()
    if root is None or collector.has_errors:
        return collector.sorted()
    for error in _validator().iter_errors(plain(root)):
        for diagnostic in _findings(error, root, source):
            collector.add(diagnostic)
    return collector.sorted()


def plain(node: Node) -> Any:
    """A YAML node as JSON has it: scalars by the rules of the language, `1e-3` a number and
    `no` a text."""
    # The reader bounds the depth of nodes, so this recursion ends.
    if isinstance(node, Mapping):
        return {key.value: plain(value) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if not node.plain or len(node.value) > _MOST_DIGITS:
        return node.value
    if node.value in _WORDS:
        return _WORDS[node.value]
    if _INTEGER.match(node.value):
        return int(node.value)
    return float(node.value) if _FLOAT.match(node.value) else node.value


@cache
def _validator() -> Any:
    from jsonschema import Draft7Validator

    return Draft7Validator(json.loads(shipped()))


def _findings(error: Any, root: Node, source: Source) -> Iterator[Diagnostic]:
    """One error of jsonschema as diagnostics; of alternatives, the one that came nearest."""
    wanted: list[str] = []
    while error.validator == "anyOf":
        # An alternative that fails at its own type was not the one meant.
        deeper = [e for e in error.context if len(e.relative_path) or e.validator != "type"]
        if not deeper:
            wanted = _types(error)
            break
        error = max(deeper, key=lambda e: len(e.relative_path))
    path = list(error.absolute_path)
    node, key = _at(root, path)
    where = _span(source, node)
    what = f"`{path[-1]}`" if path and isinstance(path[-1], str) else "this"
    match error.validator:
        case "additionalProperties" if isinstance(error.schema["additionalProperties"], bool):
            yield from _unknown_keys(error, node, source, what if path else "a spec")
        case "required":
            missing = next(n for n in error.validator_value if n not in error.instance)
            place = _span(source, key) if key is not None else where
            message = f"{what} needs `{missing}`" if path else f"a spec needs `{missing}`"
            yield Diagnostic(code("E0303"), message, Label(place), help=f"add `{missing}`")
        case "type" | "anyOf":
            found = f"{what} is {_KINDS[type(error.instance)]}"
            kinds = _listed(wanted or _types(error))
            yield Diagnostic(
                code("E0301"), f"{found}, and only {kinds} may stand here", Label(where)
            )
        case "enum":
            yield Diagnostic(
                code("E0304"),
                f"{what} may be {', '.join(f'`{v}`' for v in error.validator_value)} only",
                Label(where),
            )
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            side = _SIDES[error.validator]
            message = f"{what} must be {side} {error.validator_value}, got {error.instance}"
            yield Diagnostic(code("E0302"), message, Label(where))
        case "maxItems" | "minItems":
            side = "at most" if error.validator == "maxItems" else "at least"
            message = f"{what} takes {side} {error.validator_value} items"
            yield Diagnostic(code("E0305"), message, Label(where))
        case _:
            yield Diagnostic(code("E0115"), f"{what} has not the form that is wanted", Label(where))


def _unknown_keys(error: Any, node: Node, source: Source, what: str) -> Iterator[Diagnostic]:
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    for key, _ in node.pairs if isinstance(node, Mapping) else ():
        if key.value in known or any(re.search(pattern, key.value) for pattern in patterns):
            continue
        _, help = did_you_mean(key.value, known, "key")
        place = Label(_span(source, key))
        yield Diagnostic(code("E0206"), f"{what} has no `{key.value}`", place, help=help)


_SIDES = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
}
_KINDS: dict[type, str] = {
    type(None): "empty",
    bool: "a flag",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}
_JSON_KINDS = {
    "null": "nothing",
    "boolean": "a flag",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "a mapping",
}


def _types(error: Any) -> list[str]:
    """The JSON types that would have been taken, each once."""
    errors = error.context if error.validator == "anyOf" else [error]
    found: list[str] = []
    for one in errors:
        value = one.validator_value
        found += value if isinstance(value, list) else [value]
    return list(dict.fromkeys(found))


def _listed(kinds: list[str]) -> str:
    words = [_JSON_KINDS[kind] for kind in kinds]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _at(root: Node, path: list[str | int]) -> tuple[Node, Scalar | None]:
    """The node at a path, and the key it stands under."""
    node, key = root, None
    for part in path:
        if isinstance(node, Sequence) and isinstance(part, int):
            node, key = node.items[part], None
        elif isinstance(node, Mapping):
            # The last of two equal keys counts in a plain mapping.
            key, node = next(pair for pair in reversed(node.pairs) if pair[0].value == part)
    return node, key


def _span(source: Source, node: Node) -> Span:
    end = source.text.find("\n", node.start, node.end)
    return source.span(node.start, node.end if end < 0 else end)
