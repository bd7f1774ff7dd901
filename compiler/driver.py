"""The phases in order. Each reports all of its findings; the driver stops between them."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dlc.compiler.compilation import Compilation, Result
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.settings import Head
from dlc.compiler.diagnostics.model import Collector, DiagnosticError, Severity
from dlc.compiler.ir.graph import Program
from dlc.compiler.lints import run as run_lints
from dlc.compiler.lowering.lower import Lowerer, spec_scope
from dlc.compiler.lowering.settings import SettingsBuilder, initializers
from dlc.compiler.semantics.override import exists, override, parse_override, similar_path
from dlc.compiler.semantics.resolve import SECTIONS, Resolver
from dlc.compiler.semantics.scope import error
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse, tree


def check(
    source: Source,
    *,
    path: Path | None = None,
    root: Path | None = None,
    sets: Sequence[str] = (),
) -> Result:
    """Compiles one spec as far as it goes.

    `path` is the file that imports are relative to (default: `root / source.name`);
    `root` is the folder that nothing may leave (default: the folder of `path`); `sets`
    are `--set` arguments. Nothing is raised and nothing is printed, whatever the text.
    """
    collecting = gc.isenabled()
    # The collector would walk the growing graph again and again, for nothing: a compile
    # makes no garbage worth the walk. It is two fifths of the time at 10,000 layers.
    gc.disable()
    try:
        return _check(source, path, root, sets)
    finally:
        if collecting:
            gc.enable()


def _check(source: Source, path: Path | None, root: Path | None, sets: Sequence[str]) -> Result:
    if path is None and root is not None:
        path = root / source.name
    if root is None and path is not None:
        root = path.parent
    if path is not None and root is not None:
        path, root = path.resolve(), root.resolve()
    collector = Collector()
    file = parse(source, collector)
    if file is None:
        return _result(collector)
    resolver = Resolver(collector, parse, path, root)
    spec = resolver.resolve(file)
    if not collector.has_errors and sets:
        spec = _override(spec, sets, resolver, collector)
    if collector.has_errors:
        return _result(collector, file)
    compilation = _lower(spec, resolver, collector, root, source)
    ensemble = compilation.settings.ensemble if compilation is not None else None
    if compilation is not None and ensemble is not None and ensemble.specs:
        compilation = _with_members(compilation, resolver, collector, sets)
    return _result(collector, file, spec, compilation)


def _override(
    spec: tree.File, sets: Sequence[str], resolver: Resolver, collector: Collector
) -> tree.File:
    for text in sets:
        parsed = parse_override(text, collector)
        if parsed is None:
            continue
        try:
            spec = override(spec, *parsed)
        except DiagnosticError as problem:
            collector.extend(problem.diagnostics)
    return spec if collector.has_errors else resolver.resolve(spec)


def _lower(
    spec: tree.File, resolver: Resolver, collector: Collector, root: Path | None, source: Source
) -> Compilation | None:
    before = collector.errors
    scope = spec_scope(spec, collector)
    if collector.errors > before:
        return None
    init = initializers(spec, scope, collector)
    program = Lowerer(spec, collector, init, scope).program()
    builder = SettingsBuilder(spec, program, scope, collector)
    settings = builder.build()
    program = builder.program
    _check_space(spec, collector)
    starts = _starts(program)
    if program is not None and starts:
        # Imported on use, as below: most networks start as PyTorch starts them.
        from dlc.compiler.lowering.symmetry import check_symmetry

        check_symmetry(spec, program, collector)
    if program is None or collector.errors > before:
        return None
    heads: tuple[Head, ...] = ()
    if any(start.reads for start in starts):
        from dlc.compiler.lowering.heads import find_heads

        heads = find_heads(spec, program, settings, collector)
        if collector.errors > before:
            return None
    compilation = Compilation(
        spec=spec,
        program=program,
        settings=settings,
        root=root,
        sources=(source, *resolver.importer.sources),
        heads=heads,
    )
    warnings = run_lints(compilation)
    collector.extend(warnings)
    return replace(compilation, warnings=warnings)


def _with_members(
    compilation: Compilation, resolver: Resolver, collector: Collector, sets: Sequence[str]
) -> Compilation | None:
    """The compilation with the further specs of its ensemble; None where one has errors, or
    does not fit. What `--set` changes in a section is changed for all members."""
    from dlc.compiler.lowering.members import files_of
    from dlc.compiler.members import refuse_unlike

    path, root = resolver.path, compilation.root
    shared = [text for text in sets if text.partition("=")[0].strip().split(".")[0] in SECTIONS]
    members = []
    for name in files_of(compilation.spec):
        try:
            file = resolver.importer.open(name, path, what="members")
            if file is None:
                continue
            assert path is not None
            given = ("ensemble=null", *(t for t in shared if not t.startswith("ensemble")))
            at = (path.parent / name.value).resolve()
            found = check(file.source, path=at, root=root, sets=given)
            collector.extend(d for d in found.diagnostics if d.severity is Severity.ERROR)
            if found.compilation is not None:
                refuse_unlike(compilation, found.compilation, name)
                members.append(found.compilation)
        except DiagnosticError as problem:
            collector.extend(problem.diagnostics)
    return None if collector.has_errors else replace(compilation, members=tuple(members))


def compile_member(compilation: Compilation, member: int) -> Compilation:
    """One member of the ensemble of a spec, counted from 0, whole in itself: compiled from the
    resolved spec of all; a further spec as it is."""
    from dlc.compiler.members import member_settings

    assert compilation.settings.ensemble is not None
    if compilation.settings.ensemble.specs and member > 0:
        return compilation.members[member - 1]
    # It has compiled before, but for the number of a seed or a fold.
    resolved = Source("resolved.yaml", compilation.canonical, "yaml")
    sets = member_settings(compilation, member)
    result = check(resolved, root=compilation.root, sets=sets)
    assert result.compilation is not None, result.diagnostics
    return result.compilation


def compile_balanced(
    resolved: str, root: Path | None, factors: Sequence[Sequence[float]]
) -> Compilation:
    """A resolved spec with numbers for what is `balanced` in its losses, in their order."""
    from dlc.compiler.semantics.balance import with_factors
    from dlc.compiler.syntax.format import format_file

    spec = parse(Source("resolved.yaml", resolved, "yaml"), Collector())
    # It has compiled before, but for these numbers.
    assert spec is not None
    text = format_file(with_factors(spec, factors), "yaml")
    result = check(Source("resolved.yaml", text, "yaml"), root=root)
    assert result.compilation is not None, result.diagnostics
    return result.compilation


def _starts(program: Program | None) -> list[Initializer]:
    """The initializers that a network uses."""
    if program is None:
        return []
    return [
        parameter.initializer
        for graph in program.graphs.values()
        for node in graph.nodes
        for parameter in node.parameters
        if isinstance(parameter.initializer, Initializer)
    ]


def _check_space(spec: tree.File, collector: Collector) -> None:
    search = next((e.value for e in spec.settings if e.key.text == "search"), None)
    for entry in search.entries if isinstance(search, tree.Mapping) else ():
        if entry.key.text != "space" or not isinstance(entry.value, tree.Mapping):
            continue
        for item in entry.value.entries:
            if not exists(spec, item.key.text):
                collector.extend(
                    error(
                        "E0214",
                        f"`{item.key}` names nothing in the spec",
                        item.key.span,
                        help=similar_path(spec, item.key.text)
                        or "a key of `space` is a parameter (`p`) or a path (`optimizer.lr`)",
                    ).diagnostics
                )


def _result(
    collector: Collector,
    file: tree.File | None = None,
    spec: tree.File | None = None,
    compilation: Compilation | None = None,
) -> Result:
    return Result(
        diagnostics=collector.sorted(),
        dropped=collector.dropped,
        file=file,
        spec=spec,
        compilation=compilation,
    )
