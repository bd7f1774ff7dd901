"""Generated source as a Python module.

The text always comes from the compiler, which has just made it: a `model.py` that lies in
a run folder is compared with it and never run.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType

from torch import nn

from dlc.compiler.codegen.torch_check import check_source


def load_module(source: str) -> ModuleType:
    """Runs generated source and gives it as a module; equal texts give one module.

    Tracebacks and `inspect` show its lines. Raises `DiagnosticError` E0901 where the text
    holds anything that the compiler does not generate.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f"dlc_generated_{digest}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    check_source(source)
    filename = f"<model.py {digest}>"
    module = ModuleType(name)
    module.__file__ = filename
    code = compile(source, filename, "exec", dont_inherit=True)
    # Checked above: nothing but definitions of modules and functions over torch.
    exec(code, module.__dict__)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    # torch.compile and copying look classes up by the name of their module.
    sys.modules[name] = module
    return module


def model_class(module: ModuleType) -> type[nn.Module]:
    """The network of a generated module: its last class."""
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, nn.Module)
        if value.__module__ == module.__name__
    ]
    return classes[-1]
