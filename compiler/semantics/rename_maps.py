"""Files of `rename` entries: how the names of a known library become names of ours.

A map is a file in either surface that holds `dlc: 1` and `rename:`, nothing else. A spec
names it by a path below its folder, or by its name alone where dlc ships it
(`torchvision/resnet18` is `specs/transfer/torchvision/resnet18.yaml`). Resolving puts the
entries in the place of the name, so that the resolved spec needs no file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from dlc.compiler.components.arguments import ListType, MappingType, UnionType
from dlc.compiler.components.base import arguments
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.diagnostics.model import Collector, DiagnosticError
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.compiler.semantics.bind import Binder
from dlc.compiler.semantics.imports import Importer
from dlc.compiler.semantics.instantiate import Context, value
from dlc.compiler.semantics.rename import Meaning, Origin, Rule, entries_of, rules_of
from dlc.compiler.semantics.scope import Scope, error
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import parse, tree
from dlc.compiler.syntax.files import SURFACES

#: The folder of the maps that dlc ships; their names are paths in it without the suffix.
FOLDER: Final = Path(__file__).resolve().parents[2] / "specs" / "transfer"

_NAME: Final = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)*\Z")


def shipped() -> tuple[str, ...]:
    """The names of all maps that dlc ships, sorted."""
    paths = (path.relative_to(FOLDER) for path in FOLDER.rglob("*.yaml"))
    return tuple(sorted(path.with_suffix("").as_posix() for path in paths))


def origin_of(entries: Sequence[tree.Entry], spec: Source | None) -> Origin:
    """Which map entries are of; of none where they stand in `spec` itself."""
    source = entries[0].key.span.source if entries else spec
    if source is None or source is spec:
        return Origin()
    path = Path(source.name)
    if path.is_relative_to(FOLDER):
        return Origin(path.relative_to(FOLDER).with_suffix("").as_posix(), shipped=True)
    return Origin(source.name)


class Maps:
    """Puts maps in the place of their names. Findings go to the binder's collector."""

    def __init__(self, binder: Binder, importer: Importer, path: Path | None) -> None:
        self.binder = binder
        self.importer = importer
        self.path = path

    def inlined(self, section: tree.Expr) -> tree.Expr:
        """A bound `transfer` section with the entries of every map that it names."""
        if not isinstance(section, tree.Mapping):
            return section
        entries = tuple(
            replace(entry, value=self._parts(entry.value)) if entry.key.text == "rename" else entry
            for entry in section.entries
        )
        return replace(section, entries=entries)

    def _parts(self, value: tree.Expr) -> tree.Expr:
        if not isinstance(value, tree.ListExpr):
            return value
        return replace(value, items=tuple(map(self._part, value.items)))

    def _part(self, part: tree.Expr) -> tree.Expr:
        if not isinstance(part, tree.Text):
            return part
        try:
            return self.mapping(part)
        except DiagnosticError as problem:
            self.binder.collector.extend(problem.diagnostics)
            return tree.Missing(part.span)

    def mapping(self, name: tree.Text) -> tree.Mapping:
        """The bound entries of the map that a text names. Raises `DiagnosticError` E0208 and
        E0209 for a file that cannot be read, and for what is no map."""
        before = self.binder.collector.errors
        found = self._entries(name)
        if self.binder.collector.errors > before:
            raise DiagnosticError()  # what is wrong inside the map was said there
        return found

    def _entries(self, name: tree.Text) -> tree.Mapping:
        file = self._file(name)
        if file is None:
            raise error("E0209", f"`{name.value}` has errors of its own", name.span)
        return self.entries(file, name)

    def entries(self, file: tree.File, name: tree.Text) -> tree.Mapping:
        """The bound entries of a map. Raises `DiagnosticError` E0209 for what is none."""
        other = _first_other(file)
        if other is not None:
            raise error(
                "E0209",
                f"`{name.value}` is no map of names: it holds more than `rename`",
                other,
                help="a map holds `dlc: 1` and `rename:`, nothing else",
            )
        entry = next((e for e in file.settings if e.key.text == "rename"), None)
        if entry is None:
            raise error(
                "E0209",
                f"`{name.value}` is no map of names: it has no `rename`",
                name.span,
                help='a map holds `dlc: 1` and `rename: {"theirs": "ours"}`',
            )
        bound = self.binder.value(_entries_type(), entry.value, "rename")
        return bound if isinstance(bound, tree.Mapping) else tree.Mapping((), bound.span)

    def _file(self, name: tree.Text) -> tree.File | None:
        if Path(name.value).suffix in SURFACES:
            return self.importer.open(name, self.path, what="maps")
        path = FOLDER / f"{name.value}.yaml"
        if not _NAME.match(name.value) or not path.is_file():
            near = closest(name.value, shipped())
            raise error(
                "E0209",
                f"dlc has no map `{name.value}`",
                name.span,
                help=f"there is a map with a similar name: `{near}`"
                if near
                else f"it has {listed(shipped())}; a map of your own is named with its suffix, "
                "as in `maps/mine.yaml`",
            )
        return self.importer.read(path, str(path), name.span)


def _entries_type() -> MappingType:
    """What stands below `rename` of a map: one part of what `transfer.rename` takes."""
    wanted = arguments(Transfer)["rename"].type
    assert isinstance(wanted, ListType)
    assert isinstance(wanted.item, UnionType)
    return next(option for option in wanted.item.options if isinstance(option, MappingType))


def _first_other(file: tree.File) -> Span | None:
    """The place of the first thing in a file that no map holds."""
    declared = (*file.params, *file.dims, *file.imports, *file.blocks, *file.targets)
    model = (file.model,) if file.model is not None else ()
    spans = [part.span for part in (*declared, *model)]
    spans += [entry.key.span for entry in file.settings if entry.key.text != "rename"]
    return min(spans, key=lambda span: span.start, default=None)


def read_rules(name: str) -> tuple[Rule, ...]:
    """The rules that a command is given: by the path of a map, from the working folder, by
    the name of a map that dlc ships, or as entries in braces, `{fc: null}`. Raises
    `DiagnosticError`."""
    collector = Collector()
    path = Path(name)
    folder = path.parent.resolve()
    importer = Importer(folder, parse, collector)
    told = path.name if path.suffix in SURFACES else name
    source = Source("--rename", told, "argument")
    maps = Maps(Binder(collector), importer, folder / "--rename")
    try:
        if name.lstrip().startswith("{"):
            return _rules_in_braces(maps, name)
        mapping = maps.mapping(tree.Text(told, source.whole))
        origin = origin_of(mapping.entries, None)
        return rules_of([_meanings(mapping)], [mapping.entries], [origin])
    except DiagnosticError as problem:
        raise DiagnosticError(*collector.sorted(), *problem.diagnostics) from None


def _rules_in_braces(maps: Maps, text: str) -> tuple[Rule, ...]:
    source = Source("--rename", f"dlc: 1\nrename: {text}\n", "yaml")
    collector = maps.binder.collector
    file = parse(source, collector)
    if file is None or collector.has_errors:
        raise DiagnosticError()
    mapping = maps.entries(file, tree.Text("--rename", source.whole))
    if collector.has_errors:
        raise DiagnosticError()
    return rules_of([_meanings(mapping)], [mapping.entries])


def bound_rules(entries: tree.Expr, collector: Collector) -> tuple[Rule, ...]:
    """The rules of entries that stand in no file, without places. Findings of binding go to
    the collector; raises `DiagnosticError` for the others."""
    bound = Binder(collector).value(_entries_type(), entries, "rename")
    if collector.has_errors or not isinstance(bound, tree.Mapping):
        return ()
    return rules_of([_meanings(bound)])


def _meanings(mapping: tree.Mapping) -> dict[str, Meaning]:
    found: dict[str, Meaning] = value(_entries_type(), mapping, Context(Scope()), "rename")
    return found


def rules_in(spec: tree.File, transfer: Transfer) -> tuple[Rule, ...]:
    """The rules of a bound spec with their places. Raises `DiagnosticError` E0701."""
    section = next((e.value for e in spec.settings if e.key.text == "transfer"), None)
    entries = section.entries if isinstance(section, tree.Mapping) else ()
    rename = next((entry.value for entry in entries if entry.key.text == "rename"), None)
    parts = [part for part in transfer.rename if not isinstance(part, str)]
    places = [*entries_of(rename)]
    return rules_of(parts, places, [origin_of(part, spec.source) for part in places])
