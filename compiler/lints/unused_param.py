"""A parameter of the spec that nothing reads.

`--set p=0.5` then changes nothing, and a search over it searches nothing. Remedy: use
it, or remove it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0104")

_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    spec = compilation.spec
    if not spec.params:
        return
    # By the words of the text: what stands in a branch that is not taken reads it too.
    words = Counter(_WORD.findall(_COMMENT.sub("", spec.source.text)))
    for param in spec.params:
        if words[param.name.text] < 2:
            yield Diagnostic(
                CODE,
                f"nothing reads the parameter `{param.name}`",
                Label(param.name.span),
                help="use it, or remove it",
            )
