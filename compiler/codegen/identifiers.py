"""Names of a spec as Python identifiers.

Each mapping is a pure function of the name and injective: two names never become
one, whatever else stands in the graph, so that nothing needs renumbering. A name that
Python or `nn.Module` needs for itself gets a trailing underscore, and so does every
name that already is such a name with underscores behind it (`forward` -> `forward_`,
`forward_` -> `forward__`).
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What `dir(nn.Module())` holds without a leading underscore (a test compares), and the
# method that generated classes add.
MODULE_ATTRIBUTES = _words(
    """T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
    reset_parameters"""
)

#: Names at the top of every generated module, and those that its functions have.
MODULE_NAMES = _words(
    """annotations math torch F nn Tensor weight_norm spectral_norm
    loss penalty constrain optimizer schedule plateau set_dropout
    Newton MuonWithAdamW"""
)

# Builtins that generated code calls; the author may use the others (`input`, `id`) freely.
_USED_BUILTINS = _words(
    """abs all any bool dict enumerate float int isinstance len list max min range reversed set
    sorted str sum super tuple zip"""
)

_KEYWORDS = frozenset(keyword.kwlist)
_UNDERSCORES = re.compile(r"(?:underscore)*_")
_CAMEL = re.compile(r"[^A-Za-z0-9]+")


def _escape(name: str, reserved: frozenset[str]) -> str:
    # A leading underscore may be private to nn.Module, or mangled by Python inside a class.
    if _UNDERSCORES.match(name):
        name = "underscore" + name
    stem = name
    while stem:
        if stem in reserved:
            return name + "_"
        if not stem.endswith("_"):
            return name
        stem = stem[:-1]
    return name


def attribute(name: str) -> str:
    """The name of a submodule as an attribute, and as a part of state_dict keys."""
    return _escape(name, _KEYWORDS | MODULE_ATTRIBUTES)


def variable(name: str, module_names: frozenset[str] = frozenset()) -> str:
    """The name of a value as a local variable or an argument of `forward`."""
    return _escape(name, _KEYWORDS | MODULE_NAMES | _USED_BUILTINS | module_names | {"self"})


def class_name(name: str) -> str:
    """The name of a model or block as a class: as it is if it can be one, else in CamelCase."""
    words = [name] if name.isidentifier() and name.isascii() else _CAMEL.split(name)
    camel = "".join(word[:1].upper() + word[1:] for word in words if word)
    if not camel or camel[0].isdigit() or camel[0] == "_":
        camel = "Model" + camel
    reserved = _KEYWORDS | MODULE_NAMES | frozenset(dir(builtins))
    return _escape(camel, frozenset(reserved))


def module_path(path: str) -> str:
    """The state_dict key of a parameter, from its dotted path in the program."""
    *layers, own = path.split(".")  # the last part is torch's own
    return ".".join([*(part if part.isdigit() else attribute(part) for part in layers), own])


class Names:
    """Hands out names that are not taken."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def take(self, name: str) -> str:
        """`name`, or `name_2`, `name_3`, ... where it is taken."""
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free
