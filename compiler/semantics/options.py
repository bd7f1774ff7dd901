"""Which alternative of a union an expression is meant for, decided by its form alone."""

from __future__ import annotations

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
    WordType,
)
from dlc.compiler.semantics.forms import words_in
from dlc.compiler.syntax import tree

_WORD_RANKS: tuple[tuple[type, ...], ...] = (
    (ReferenceType, TextType),
    (IntType, FloatType, DimType, BoolType),
    (WordType,),
    (ListType,),
    (ComponentType,),
)


def _word_rank(option: ArgumentType) -> int:
    """Which alternative a word that nothing knows is read as: the first of these."""
    for rank, kinds in enumerate(_WORD_RANKS):
        if isinstance(option, kinds):
            return rank
    return len(_WORD_RANKS)


def choose(
    options: tuple[ArgumentType, ...], expr: tree.Expr, known: frozenset[str] = frozenset()
) -> ArgumentType:
    """Which alternative an expression is meant for; decided by its form, and by whether the
    names in it are `known`: `vocab` is a number where a parameter bears the name, else text."""

    def first(*kinds: type) -> ArgumentType | None:
        return next((o for o in options if isinstance(o, kinds)), None)

    choice: ArgumentType | None = None
    match expr:
        case tree.Null():
            choice = first(NullType)
        case tree.ListExpr():
            choice = first(ListType)
        case tree.Mapping():
            choice = _for_mapping(options, expr)
        case tree.Call():
            choice = first(ComponentType)
        case tree.Boolean():
            choice = first(BoolType)
        case tree.Word(parts=parts):
            if parts[0] in known:
                choice = first(IntType, FloatType, DimType)
            choice = choice or _for_word(options, ".".join(parts))
        case tree.Text(value=text):
            choice = first(TextType) or _for_word(options, text)
        case tree.Number():
            choice = first(IntType, FloatType, DimType)
        case tree.Unary() | tree.Binary() | tree.Conditional():
            # `data/words.txt` reads as a division of names that nobody declared.
            choice = None if known.issuperset(words_in([expr])) else first(TextType)
            choice = choice or first(IntType, FloatType, DimType)
        case tree.Unparsed():
            choice = first(TextType)
    if choice is not None:
        return choice
    return next((o for o in options if not isinstance(o, NullType)), options[0])


def _for_mapping(options: tuple[ArgumentType, ...], expr: tree.Mapping) -> ArgumentType | None:
    components = [o for o in options if isinstance(o, ComponentType)]
    if len(expr.entries) == 1:
        for option in components:
            if option.kind != "section" and expr.entries[0].key.text in registry.names(option.kind):
                return option
    sections = [o for o in components if o.kind == "section"]
    mappings = [o for o in options if isinstance(o, MappingType)]
    ranked: list[ArgumentType] = [*sections, *mappings, *components]
    return ranked[0] if ranked else None


def _for_word(options: tuple[ArgumentType, ...], text: str) -> ArgumentType | None:
    for option in options:
        if isinstance(option, WordType) and text in option.words:
            return option
    for option in options:
        if (
            isinstance(option, ComponentType)
            and option.kind != "section"
            and text in registry.names(option.kind)
        ):
            return option
    for option in sorted(options, key=_word_rank):
        return option
    return None
