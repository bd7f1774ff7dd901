"""Members of an ensemble trained side by side, each as the run that it is alone.

Orders, optimizers, schedules, hooks, checkpoints and validations are each member's own; what is
one is the pass through the networks. Members are at the same step at all times, and save at the
same steps, so that a run of all goes on from the newest step that all of them have.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from dlc.runtime.device import choose_device, describe
from dlc.runtime.ensembles.stacked import Stacked
from dlc.runtime.ensembles.trial import TRIAL_STEPS, Verdict, try_together
from dlc.runtime.failures import Failure, shown
from dlc.runtime.training import random_state, session
from dlc.runtime.training.assembly import Load, build_model, epochs_for, samples_for
from dlc.runtime.training.balance import balanced
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.conclusion import conclude, summary_of
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.members import Members
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress, Silent
from dlc.runtime.training.run_folder import RUN, open_run
from dlc.runtime.training.samples import Samples
from dlc.runtime.training.session import Begun, Outcome
from dlc.runtime.training.signals import Stop, stop_on_signals
from dlc.runtime.training.step import evaluates_loss
from dlc.runtime.training.streamed import StreamedSamples
from dlc.runtime.training.trainer import Trainer

_KINDS = ("auto", "float32")


def judge(plans: Sequence[Plan], load: Load, device: str, *, measure: bool) -> Verdict:
    """Whether members that differ by their seeds are trained side by side. With `measure` only
    where that is faster. Raises `Failure` where the data cannot be read."""
    plan, where = plans[0], choose_device(device)
    train = plan.settings.train
    if train.precision not in _KINDS:
        return Verdict(together=False, why=f"it trains in {train.precision}")
    # What the spec states is done for each member; a pass of all would leave it out.
    if train.compile not in ("auto", False):
        return Verdict(together=False, why="its steps are compiled")
    if train.checkpointing is True:
        return Verdict(together=False, why="its blocks keep only their inputs")
    if train.memory is not None:
        return Verdict(together=False, why="the memory of each is bounded")
    if train.on_nan != "fail":
        return Verdict(together=False, why="a batch is left out of one member and not of another")
    data = session.prepare_for(plan)
    plan = balanced(plan, data)
    samples = samples_for(plan, data, where)
    if isinstance(samples, StreamedSamples):
        return Verdict(together=False, why="its data is streamed")
    if samples.lengths is not None:
        return Verdict(together=False, why="its rows differ in length")
    if plan.data.augment:
        return Verdict(together=False, why="its data is augmented for each member apart")
    module = load(plan.source)
    kept = random_state.capture(where)
    try:
        models, batches = [], []
        for one in plans:
            epochs = epochs_for(one, data, samples)
            total = train.duration.in_steps(epochs.steps)
            if measure and total < 10 * TRIAL_STEPS:
                return Verdict(together=False, why="the run is too short for a trial")
            models.append(build_model(module, one.settings.train.seed).to(where).train())
            take = samples.in_order(epochs.order(0), 0)
            batches.append(take(0, min(epochs.batch_size, epochs.usable)))
        if evaluates_loss(module.optimizer(models[0])):
            return Verdict(together=False, why="its optimizer evaluates the loss by itself")
        return try_together(models, batches, module.loss, module.optimizer, measure=measure)
    finally:
        random_state.restore(kept, where)


def train_together(members: Members) -> list[Outcome] | None:
    """Trains all members to their ends, or until a signal. None where they have no step in
    common to go on from: then they can go on one after another. Raises `Failure`."""
    folders = [members.folder(member) for member in range(members.count)]
    if all((folder / RUN).exists() and open_run(folder).summary() for folder in folders):
        return members.train()
    begun: list[Begun] = []
    try:
        for member in range(members.count):
            begun.append(_begun(members, member, begun))
        step = _common_step(begun)
        return None if step is None else _train(members, begun, step)
    finally:
        for one in begun:
            one.run.close()


def _begun(members: Members, member: int, others: Sequence[Begun]) -> Begun:
    folder, plan = members.folder(member), members.plan(member)
    if (folder / RUN).exists():
        return session.reopen(folder, lambda _: plan, device=members.device, disk=members.disk)
    return session.begin(
        plan,
        folder,
        spec=members.spec(member),
        say=members.progress.say if member == 0 else Silent().say,
        device=members.device,
        sets=members.sets(member),
        disk=members.disk,
        data=others[0].data if others else None,
    )


def _common_step(begun: Sequence[Begun]) -> int | None:
    """The newest step of which all members have a whole checkpoint, 0 for the start; None where
    they have checkpoints, and none of the same step. Members that have ended count at any."""
    going = [one.run.checkpoints for one in begun if not _ended(one)]
    steps = [set(store.steps()) for store in going]
    for step in sorted(set.intersection(*steps) if steps else {0}, reverse=True):
        if all(_is_whole(store, step) for store in going):
            return step
    return None if any(steps) else 0


def _ended(one: Begun) -> bool:
    newest = one.run.checkpoints.load_newest()
    return newest is not None and bool(newest.state["finished"])


def _is_whole(store: CheckpointStore, step: int) -> bool:
    try:
        store.load(step)
    except Failure as problem:
        if problem.diagnostic.code.number != "E0608":
            raise
        return False
    return True


# ── training ─────────────────────────────────────────────────────────────────


def _train(members: Members, begun: Sequence[Begun], step: int) -> list[Outcome]:
    with stop_on_signals() as stop:
        trainers = _trainers(members, begun, step, stop)
        first = trainers[0]
        members.progress.say(
            f"training {members.count} members of {first.plan.name} side by side on "
            f"{describe(begun[0].device)}: {first.epochs.count:,} samples, {first.total:,} steps"
            + (f", from step {step:,}" if step else "")
        )
        _run(trainers, stop)
        waiting = next((k for k, t in enumerate(trainers) if not t.finished), None)
        if waiting is not None:
            members.progress.say(
                f"stopped by {stop.name} after step {trainers[waiting].at.step:,}; go on with "
                f"`dlc train --resume {shown(members.run.path)}`"
            )
            summary = summary_of(trainers[waiting], begun[waiting].data, finished="")
            folder = members.folder(waiting)
            return [
                Outcome(folder=folder, summary=summary, exit_code=stop.exit_code, signal=stop.name)
            ]
        return [
            Outcome(
                folder=one.run.path,
                summary=conclude(trainer, one.run, one.data, trainer.progress),
            )
            for one, trainer in zip(begun, trainers, strict=True)
        ]


def _trainers(members: Members, begun: Sequence[Begun], step: int, stop: Stop) -> list[Trainer]:
    """The trainers at a step; those of members that have ended at their ends."""
    found: dict[int, Trainer] = {}
    shared: Samples | None = None
    # One module for all: theirs differ in the digests of their specs alone, in a comment.
    module = members.load(begun[0].plan.source)
    # Those that go on come last: what they restore of random state is what counts.
    order = sorted(range(len(begun)), key=lambda member: not _ended(begun[member]))
    for member in order:
        one = begun[member]
        # The course of one stands for that of all.
        progress: Progress = members.progress if member == 0 else Silent()
        trainer = one.trainer(lambda _: module, progress, stop, samples=shared, choices=Choices())
        if one.data.draws is None:
            shared = trainer.samples
        store = one.run.checkpoints
        checkpoint = store.load_newest() if _ended(one) else store.load(step) if step else None
        if checkpoint is not None:
            session.restore(trainer, one.run, checkpoint)
        else:
            session.initialize_run(trainer, one.data, one.run, progress)
        trainer.cut_metrics()
        found[member] = trainer
    return [found[member] for member in range(len(begun))]


def _run(trainers: Sequence[Trainer], stop: Stop) -> None:
    stacked = Stacked([trainer.model for trainer in trainers], trainers[0].step.loss)
    with ExitStack() as sessions:
        for trainer in trainers:
            if trainer.going:
                sessions.enter_context(trainer.session())
        while not stop.requested and any(trainer.going for trainer in trainers):
            _epoch(stacked, trainers, stop)


def _epoch(stacked: Stacked, trainers: Sequence[Trainer], stop: Stop) -> None:
    """The rest of the epoch under way for all that go on. The others keep their places in the
    stack, where their weights are moved by nothing, so that dropout draws as before."""
    active = [place for place, trainer in enumerate(trainers) if trainer.going]
    takes = {place: trainers[place].open_epoch() for place in active}
    while active and not stop.requested:
        one = trainers[active[0]]
        stacked.lender = one.model
        spans = {trainers[place].span() for place in active}
        assert len(spans) == 1, spans
        first, end = spans.pop()
        parts = []
        for start in range(first, end, one.epochs.batch_size):
            last = min(start + one.epochs.batch_size, end)
            batches = {place: takes[place](start, last) for place in active}
            lent = batches[active[0]]
            share = (last - start) / (end - first)
            parts.append((share, [batches.get(place, lent) for place in range(len(trainers))]))
        results = stacked.gradients(parts)
        going = []
        for place, trainer in enumerate(trainers):
            if place not in active:
                trainer.optimizer.zero_grad(set_to_none=True)
                continue
            trainer.step.update(results[place][0])
            if trainer.took(end, *results[place]):
                going.append(place)
        _save_alike([trainers[place] for place in active])
        active = going


def _save_alike(trainers: Sequence[Trainer]) -> None:
    """Where one member saved, all save: they go on from steps that all of them have."""
    if any(trainer.saved == trainer.at.step for trainer in trainers):
        for trainer in trainers:
            if trainer.saved != trainer.at.step:
                trainer.save()
