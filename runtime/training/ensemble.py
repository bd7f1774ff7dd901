"""Ensembles: a run for each member, and what they say together.

runs/x/               as a run: spec, resolved spec, model.py, run.json, summary.json, lock
runs/x/specs/0.yaml   the resolved spec of member 0
runs/x/members/0/     its run, whole in itself: evaluate, export, resume take it
runs/x/members/1/     ...
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from dlc.compiler import Compilation, compile_member, member_settings
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.sections.ensemble import Ensemble
from dlc.compiler.version import VERSION
from dlc.runtime.data.dividing import count_folds
from dlc.runtime.data.splits import Rows
from dlc.runtime.device import choose_device
from dlc.runtime.ensembles.trial import Verdict
from dlc.runtime.export.sources import of_members, of_run
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.figures import plain
from dlc.runtime.training import session
from dlc.runtime.training.assembly import Load, samples_for
from dlc.runtime.training.folds import aligned, columns_of, number
from dlc.runtime.training.members import Members, stop_of
from dlc.runtime.training.plan import (
    Plan,
    average_monitor,
    compile_resolved,
    figure_names,
    plan_of,
    plan_of_run,
)
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.run_folder import (
    MEMBERS,
    MODULE,
    RESOLVED,
    SPECS,
    SUMMARY,
    RunFolder,
    abandon,
    create_run,
    open_run,
    resume_run,
)
from dlc.runtime.training.storage import DISK, Disk
from dlc.runtime.training.together import judge, train_together
from dlc.runtime.training.validation import measured


def start_ensemble(
    compilation: Compilation,
    folder: Path,
    *,
    spec: tuple[str, str],
    load: Load,
    progress: Progress,
    device: str = "auto",
    sets: Iterable[str] = (),
    disk: Disk = DISK,
) -> session.Outcome:
    """Trains every member of the spec's `ensemble`. Arguments are those of `session.start`.
    Raises `Failure`."""
    ensemble = compilation.settings.ensemble
    assert ensemble is not None
    one = compile_member(compilation, 0)
    first = plan_of(one, generate(one))
    run = create_run(folder, disk=disk)
    try:
        count = _count(compilation, first)
        members = [compile_member(compilation, member) for member in range(count)]
        verdict = _judged(ensemble, members, load, device)
        run.commit(
            {
                "spec" + Path(spec[0]).suffix: spec[1].encode(),
                RESOLVED: compilation.canonical.encode(),
                MODULE: first.source.encode(),
                **{f"{SPECS}/{k}.yaml": one.canonical.encode() for k, one in enumerate(members)},
            },
            {
                "dlc": VERSION,
                "spec": "spec" + Path(spec[0]).suffix,
                "name": first.name,
                "digest": compilation.digest,
                "graph_digest": compilation.graph_digest,
                "root": Path(os.path.relpath(first.root.resolve(), folder.resolve())).as_posix(),
                "arguments": {"spec": spec[0], "set": list(sets), "device": device},
                "ensemble": {
                    "members": count,
                    "vary": "spec" if ensemble.specs else ensemble.vary,
                    "combine": ensemble.combine,
                    "best": ensemble.best,
                    "settings": [list(member_settings(compilation, k)) for k in range(count)],
                    "specs": [spec[0], *ensemble.specs] if ensemble.specs else [],
                    "together": asdict(verdict),
                },
                "versions": session.versions(),
            },
        )
    except BaseException:
        abandon(run)
        raise
    return _train(run, load, progress, device, disk)


def resume_ensemble(
    folder: Path,
    *,
    load: Load,
    progress: Progress,
    device: str | None = None,
    disk: Disk = DISK,
) -> session.Outcome:
    """Goes on where the members of a folder stopped: those that ended are left as they are."""
    run = resume_run(folder, disk=disk)
    return _train(run, load, progress, device or run.record["arguments"]["device"], disk)


def is_ensemble(folder: Path) -> bool:
    """Whether a run folder is that of an ensemble. Raises `Failure` E0610 for none at all."""
    return "ensemble" in open_run(folder).record


def _judged(ensemble: Ensemble, members: Sequence[Compilation], load: Load, device: str) -> Verdict:
    """Whether members are trained side by side. Raises `Failure` E0633 where they must be and
    cannot."""
    if ensemble.together is False or ensemble.specs or ensemble.vary == "fold":
        return Verdict(together=False)
    plans = [plan_of(member, generate(member)) for member in members]
    verdict = judge(plans, load, device, measure=ensemble.together == "auto")
    if ensemble.together is True and not verdict.together:
        raise failure(
            "E0633",
            f"the members cannot be trained side by side: {verdict.why}",
            help="leave `ensemble.together` out: they are then trained one after another",
        )
    return verdict


def _count(compilation: Compilation, first: Plan) -> int:
    ensemble = compilation.settings.ensemble
    assert ensemble is not None
    if ensemble.specs:
        return len(ensemble.specs) + 1
    if ensemble.vary == "seed":
        return ensemble.seeds
    folds = count_folds(first.data, first.root, columns_of(first))
    count = ensemble.members or folds
    if max(count, ensemble.best or 0) > folds:
        raise failure(
            "E0302",
            f"{max(count, ensemble.best or 0)} members want a fold each, and there are {folds}",
            help="leave `members` and `best` out: there is one for each fold",
        )
    return count


# ── training ─────────────────────────────────────────────────────────────────


def _train(
    run: RunFolder, load: Load, progress: Progress, device: str, disk: Disk
) -> session.Outcome:
    try:
        members = _members(run, load, progress, device, disk)
        outcomes = _outcomes(members)
        stopped = stop_of(outcomes)
        summaries = [outcome.summary for outcome in outcomes if outcome is not stopped]
        if stopped is not None:
            summary = _summary(run, summaries, ended="stopped")
            return replace(stopped, folder=run.path, summary=summary)
        summary = _concluded(members, summaries)
        run.write_json(SUMMARY, summary)
        return session.Outcome(folder=run.path, summary=summary)
    finally:
        run.close()


def _outcomes(members: Members) -> list[session.Outcome]:
    verdict = Verdict(**members.run.record["ensemble"].get("together", {"together": False}))
    if not verdict.together:
        if verdict.why:
            members.progress.say(f"one member after another: {verdict.why}")
        return members.train()
    if verdict.gain is not None:
        members.progress.say(
            f"members side by side: a step of all is {verdict.gain:.2g} times as fast as one "
            "after another"
        )
    outcomes = train_together(members)
    if outcomes is not None:
        return outcomes
    members.progress.say("the members have no checkpoint of the same step: one after another")
    return members.train()


def _members(run: RunFolder, load: Load, progress: Progress, device: str, disk: Disk) -> Members:
    record, given = run.record["ensemble"], run.record["arguments"]

    def plan(member: int) -> Plan:
        compilation = compile_resolved(run, member=member)
        return plan_of(compilation, generate(compilation))

    def spec(member: int) -> tuple[str, str]:
        if record["specs"] and member > 0:
            return record["specs"][member], run.member_spec(member)
        return given["spec"], run.spec()

    def told(member: int) -> str:
        what = f" ({record['specs'][member]})" if record["specs"] else ""
        return f"member {member}, of {record['members']}{what}"

    return Members(
        run=run,
        count=record["members"],
        plan=plan,
        spec=spec,
        sets=lambda member: (*given["set"], *record["settings"][member]),
        told=told,
        load=load,
        progress=progress,
        device=device,
        disk=disk,
        one_preprocessing=True,
    )


# ── what they say together ───────────────────────────────────────────────────


def _concluded(members: Members, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The summary, with each member and the ensemble measured on the same rows."""
    run, first = members.run, open_run(members.folder(0))
    plan = plan_of_run(first)
    device = choose_device(members.device)
    data = session.prepare_for(plan, first.preprocessing())
    samples = samples_for(plan, data, device)
    size = plan.data.batch_size
    batch = len(data) if size == "all" else size

    def figures(network: nn.Module, rows: Rows) -> dict[str, float | None]:
        if not len(rows):
            return {}
        labels = data.preprocessing.labels
        return plain(measured(network.to(device), plan, samples, rows, batch, labels).results())

    # Of folds, each row but the test part's was seen by some member.
    common = run.record["ensemble"]["vary"] != "fold"
    validation, test = data.division.validation, data.division.test
    alone = []
    for member, ended in enumerate(summaries):
        network = of_run(members.folder(member)).module
        found = _validated(figures(network, validation)) if common else ended.get("metrics", {})
        alone.append({"metrics": found, "test": figures(network, test)})
    chosen = _chosen(run, plan, [one["metrics"] for one in alone])
    network = of_members(run, chosen).module
    summary = _summary(run, summaries, ended="finished")
    summary["chosen"] = chosen
    summary["metrics"] = _validated(figures(network, validation)) if common else {}
    summary["test"] = figures(network, test)
    for entry, found in zip(summary["members"], alone, strict=True):
        entry |= found
    return summary


def _validated(figures: Mapping[str, float | None]) -> dict[str, float | None]:
    return {f"val_{name}": value for name, value in figures.items()}


def _chosen(run: RunFolder, plan: Plan, figures: Sequence[Mapping[str, float | None]]) -> list[int]:
    """The members that the ensemble is made of, in their order."""
    best = run.record["ensemble"]["best"]
    if best is None:
        return list(range(len(figures)))
    monitor = average_monitor(plan)
    sign = -1.0 if figure_names(plan)[monitor] else 1.0
    values = [found.get(monitor) for found in figures]
    if any(value is None for value in values):
        raise failure(
            "E0309",
            f"`ensemble.best` looks at `{monitor}`, and there is no validation part",
            help="give it a share: `data.split: {train: 0.8, validation: 0.2}`",
        )
    ranked = sorted(range(len(values)), key=lambda k: (sign * (values[k] or 0.0), k))
    return sorted(ranked[:best])


def _summary(
    run: RunFolder, summaries: Sequence[Mapping[str, Any]], *, ended: str
) -> dict[str, Any]:
    record = run.record["ensemble"]
    seconds = [summary["seconds"] for summary in summaries]
    # Of members side by side, each has taken the time of all.
    side_by_side = record.get("together", {}).get("together", False)
    spent = max(seconds, default=0.0) if side_by_side else sum(seconds)
    return {
        "name": run.record["name"],
        "ended": ended,
        "ensemble": {key: record[key] for key in ("members", "vary", "combine")},
        "steps": sum(summary["steps"] for summary in summaries),
        "seconds": round(spent, 3),
        "members": [
            {"run": f"{MEMBERS}/{member}", "steps": s["steps"], "weights": s.get("weights")}
            for member, s in enumerate(summaries)
        ],
    }


def table(folder: Path, summary: Mapping[str, Any]) -> str:
    """The figures of the members, a line each, and those of the ensemble below."""
    members, of = summary["members"], summary["ensemble"]
    lines = [f"{shown(folder)}: {summary['name']}, {len(members)} of {of['members']} members"]
    if "chosen" not in summary:
        return lines[0]
    names = [*members[0]["metrics"]]
    tests = [*summary["test"]]
    rows = [["member", *names, *(f"test_{name}" for name in tests)]]
    chosen = summary["chosen"]
    word = f"{of['combine']} of {'all' if len(chosen) == len(members) else len(chosen)}"
    for member, found in enumerate(members):
        left_out = "" if member in chosen else " (left out)"
        rows.append([f"{member}{left_out}", *_cells(found, names, tests)])
    rows.append([word, *_cells(summary, names, tests)])
    return "\n".join([*lines, *aligned(rows)])


def _cells(found: Mapping[str, Any], names: Sequence[str], tests: Sequence[str]) -> list[str]:
    values = [found["metrics"].get(name) for name in names]
    return [number(value) for value in (*values, *(found["test"].get(name) for name in tests))]
