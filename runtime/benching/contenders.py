"""Who takes part: PyTorch, and model files on each provider with each choice of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlc.runtime.benching.feeds import Feeds, of_size
from dlc.runtime.bundle.opening import processors
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.failures import Failure
from dlc.runtime.inference.providers import registry
from dlc.runtime.inference.session import Array, open_model

if TYPE_CHECKING:
    from dlc.runtime.export.exporter import Network

#: The outputs of a batch of so many rows.
Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to run a model. `settings` are those of a file's session, None for PyTorch;
    `threads` are those that it takes. `run` answers for a batch of a size, `check` gives all of
    its outputs."""

    name: str
    where: str
    threads: int
    file: Path | None
    settings: SessionSettings | None
    run: Callable[[int], object]
    check: Callable[[int], Outputs]

    @property
    def spins(self) -> bool:
        return self.settings is not None and self.settings.allow_spinning

    @property
    def title(self) -> str:
        """In one line: `model.onnx, CPU, 2 threads`."""
        unit = "thread" if self.threads == 1 else "threads"
        return f"{self.name}, {self.where}, {self.threads} {unit}" + (
            ", spinning" if self.spins else ""
        )


@dataclass(kw_only=True)
class Field:
    """All contenders, and those that could not take part with the reason."""

    contenders: list[Contender] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)


def add_files(
    taking: Field,
    files: Sequence[tuple[str, Path]],
    feeds: Feeds,
    threads: Sequence[int],
    providers: Sequence[str],
) -> None:
    """Model files by name, the first of which is the one that settings are sought for: it also
    runs with threads that spin. Raises what opening the first raises."""
    batches = _Batches(feeds)
    for index, (name, path) in enumerate(files):
        for provider in providers:
            for settings in _settings(provider, threads, spinning=index == 0):
                try:
                    taking.contenders.append(_of_file(name, path, settings, batches))
                except Failure as error:
                    if index == 0 and provider == providers[0]:
                        raise
                    title = registry.BY_NAME[provider].title.removeprefix("the ")
                    taking.absent.append((f"{name}, {title}", error.diagnostic.message))
                    break


def _settings(
    provider: str, threads: Sequence[int], *, spinning: bool
) -> Iterator[SessionSettings]:
    if provider not in ("cpu", "openvino"):
        # The threads of the host have no part in it.
        yield SessionSettings(provider=provider)
        return
    for count in threads:
        # onnxruntime's own number serves on a machine of another size, too.
        own = 0 if count == processors() else count
        yield SessionSettings(provider=provider, intra_op_threads=own)
        if spinning and provider == "cpu" and count > 1:
            yield SessionSettings(provider=provider, intra_op_threads=own, allow_spinning=True)


def _of_file(name: str, path: Path, settings: SessionSettings, batches: _Batches) -> Contender:
    session = open_model(path, settings.provider, strict=False, settings=settings)
    run = session.session.run

    def check(size: int) -> Outputs:
        return session.run(batches[size])

    # Loading is no proof: some types have no kernels until something runs.
    check(1)
    return Contender(
        name=name,
        where=registry.BY_NAME[settings.provider].title.removeprefix("the "),
        threads=settings.intra_op_threads or processors(),
        file=path,
        settings=settings,
        run=lambda size: run(None, batches[size]),
        check=check,
    )


def add_torch(
    taking: Field, network: Network, feeds: Feeds, threads: Sequence[int], *, compiled: bool
) -> None:
    """The network of a run as PyTorch runs it, on inputs that are preprocessed already; as it
    is for each number of threads, compiled for the greatest."""
    import torch

    from dlc.runtime.export.reference import prepared

    compilation = network.compilation
    program, settings = compilation.program, compilation.settings
    module = network.module.eval().cpu()
    ready = {
        name: prepared(name, np.asarray(feeds[name]), program, settings, network.preprocessing)
        for name in program.graph.inputs
    }
    batches = _Batches(ready, torch.from_numpy)

    def contender(name: str, run: Any, count: int) -> Contender:
        def answer(size: int) -> Any:
            if torch.get_num_threads() != count:
                torch.set_num_threads(count)
            with torch.inference_mode():
                return run(*batches[size].values())

        def check(size: int) -> Outputs:
            return {name: value.numpy() for name, value in answer(size).items()}

        return Contender(
            name=name,
            where="CPU",
            threads=count,
            file=None,
            settings=None,
            run=answer,
            check=check,
        )

    found = [contender("PyTorch", module, count) for count in threads]
    found[0].check(1)
    taking.contenders += found
    if not compiled:
        return
    try:
        fast = contender("torch.compile", torch.compile(module, dynamic=True), max(threads))
        # Compiled here, once, so that no round has it in it; one row is a graph of its own.
        fast.check(1)
        fast.check(3)
        taking.contenders.append(fast)
    except Exception as error:  # whatever a compiler of another package raises
        said = str(error).strip().partition("\n")[0][:120]
        taking.absent.append(("torch.compile", said or type(error).__name__))


class _Batches:
    """Batches by size, made once."""

    def __init__(self, feeds: Feeds, convert: Callable[[Any], Any] = lambda values: values) -> None:
        self._feeds, self._convert = feeds, convert
        self._made: dict[int, dict[str, Any]] = {}

    def __getitem__(self, size: int) -> dict[str, Any]:
        if size not in self._made:
            made = of_size(self._feeds, size)
            self._made[size] = {name: self._convert(values) for name, values in made.items()}
        return self._made[size]
