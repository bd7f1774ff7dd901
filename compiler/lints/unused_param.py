"""A parameter of the spec that nothing reads.

`--set p=0.5` then changes nothing, and a search over it searches nothing. Remedy: use
it, or remove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0104")

_COMMENT = re.compile(r"#[^\n]*")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    spec = compilation.spec
    text = ""
    for param in spec.params:
        # By the words of the text: what stands in a branch that is not taken reads it too.
        text = text or _COMMENT.sub("", spec.source.text)
        if len(re.findall(rf"\b{re.escape(param.name.text)}\b", text)) < 2:
            yield Diagnostic(
                CODE,
                f"nothing reads the parameter `{param.name}`",
                Label(param.name.span),
                help="use it, or remove it",
            )
