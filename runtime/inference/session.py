"""Opening a model file, on the provider that really runs.

onnxruntime's own account cannot be trusted: `get_available_providers()` lists CUDA on a
machine without a GPU, and a session that was asked for CUDA falls back to the CPU with
no more than a line on standard error. So we look for the driver before we ask, and
compare what the session runs on with what was asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.runtime.bundle.manifest import sha256_of
from dlc.runtime.bundle.opening import processors, settings_beside
from dlc.runtime.bundle.settings import PROVIDERS as PROVIDERS
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.inference.model_files import check_model_file, external_tensors, first_line
from dlc.runtime.inference.providers import registry
from dlc.runtime.inference.providers.assignment import CONFIG, assignment, operators_on
from dlc.runtime.inference.providers.base import CPU, Provider, Request
from dlc.runtime.inference.providers.captured import CapturedSession
from dlc.runtime.inference.providers.facts import GraphFacts, Range, facts_of
from dlc.runtime.inference.providers.openvino import OpenVino

if TYPE_CHECKING:
    from onnx import ModelProto

Array: TypeAlias = npt.NDArray[Any]

# Nothing: every error is raised, and told by us in one line.
_QUIET = 4


@dataclass(frozen=True, kw_only=True)
class ModelSession:
    """A model that answers. `provider` is what really runs, `note` says so in one line, and
    `nodes` how many nodes each provider runs, where that is known."""

    path: Path
    session: Any
    provider: str
    note: str
    metadata: Mapping[str, str]
    nodes: Mapping[str, int] = field(default_factory=dict)

    @property
    def inputs(self) -> Mapping[str, tuple[str, tuple[int | str, ...]]]:
        """Element type as onnxruntime spells it (`tensor(uint8)`) and dims, by name."""
        return {i.name: (i.type, tuple(i.shape)) for i in self.session.get_inputs()}

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.session.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name. Raises `Failure` E0610 where the model refuses its input."""
        try:
            results = self.session.run(None, dict(feeds))
        except Exception as error:
            raise failure(
                "E0610",
                f"`{shown(self.path)}` failed to run: {first_line(error)}",
                help="export the model again; `dlc export` proves that it runs",
            ) from None
        return dict(zip(self.outputs, (np.asarray(r) for r in results), strict=True))


def open_model(
    path: Path,
    provider: str = "auto",
    *,
    changed: bytes | None = None,
    strict: bool = False,
    settings: SessionSettings | None = None,
) -> ModelSession:
    """Checks the file and opens it, or `changed`, which was made of it.

    `provider` is one of `PROVIDERS`; `auto` is what the settings say, else CUDA where it really
    works, else the CPU. `strict` lets no node run anywhere else. `settings` are those of the
    bundle that the file is in, where they are not given. Raises `Failure`: E0611 for a file
    that cannot be read, E0610 for one that is no sound model, E0612 where what was asked for
    does not run, E0914 where `strict` and it runs in part.
    """
    model = check_model_file(path)
    settings = settings_beside(path) if settings is None else settings
    chosen, told = _choose(provider, settings)
    opening = _Opening(path, model, settings, changed, strict)
    wrong = chosen.refuses(opening.facts)
    if wrong and provider != "auto":
        raise _not_here(chosen, wrong)
    if wrong:
        chosen, told = registry.automatic(), f"{chosen.title} is not used: {wrong}"
    found = opening.through(chosen)
    if found is None:
        reason = f"onnxruntime could not load its {chosen.title} libraries"
        if provider != "auto":
            raise _not_here(chosen, reason)
        what = "a GPU is there" if chosen.name == "cuda" else f"{chosen.title} was chosen"
        told = f"{what}, but {chosen.title} did not load"
        chosen = registry.BY_NAME["cpu"]
        found = opening.through(chosen)
        assert found is not None
    nodes = assignment(found) if chosen.name != "cpu" else {}
    return ModelSession(
        path=path,
        session=found,
        provider=found.get_providers()[0],
        note=_note(chosen, found.get_providers()[0], nodes, told),
        metadata=dict(found.get_modelmeta().custom_metadata_map),
        nodes=nodes,
    )


def cpu_session(model: bytes | Path) -> Any:
    """A plain CPU session of a model that we made ourselves."""
    runtime = registry.onnxruntime()
    source = model if isinstance(model, bytes) else str(model)
    return runtime.InferenceSession(source, _options(runtime, SessionSettings()), providers=[CPU])


def _choose(asked: str, settings: SessionSettings) -> tuple[Provider, str]:
    """The provider to try, and what is to be said of one that was wanted and is not here."""
    if asked != "auto":
        reason = registry.why_not(asked)
        if reason:
            raise _not_here(registry.BY_NAME[asked], reason)
        return registry.BY_NAME[asked], ""
    if settings.provider == "auto":
        return registry.automatic(), ""
    wanted = registry.BY_NAME[settings.provider]
    reason = registry.why_not(settings.provider)
    if not reason:
        return wanted, ""
    return registry.automatic(), f"{wanted.title}, which the bundle asks for, is not here"


class _Opening:
    """A model on its way to a session."""

    def __init__(
        self,
        path: Path,
        model: ModelProto,
        settings: SessionSettings,
        changed: bytes | None,
        strict: bool,
    ) -> None:
        self.path = path
        self.settings = settings
        self.changed = changed
        self.strict = strict
        self.runtime = registry.onnxruntime()
        self.model = model
        if changed is not None:
            self.model = type(model)()
            self.model.ParseFromString(changed)
        self.facts = facts_of(self.model)

    def through(self, provider: Provider) -> Any:
        """A session on a provider; None where its libraries do not load. Raises `Failure`."""
        facts = self._facts(provider)
        if isinstance(provider, OpenVino) and not provider.within(self.runtime):
            return self._openvino(facts)
        for request in provider.requests(facts, self.settings):
            session = self._session(provider, request)
            if session is not None and session.get_providers()[0] == provider.execution:
                return CapturedSession(self.runtime, session) if request.captured else session
        return None

    def _session(self, provider: Provider, request: Request) -> Any:
        entries, config = list(request.entries), dict(request.config)
        if provider.name != "cpu":
            config |= CONFIG
        if self.strict and provider.name != "cpu":
            # With the CPU in the list the setting contradicts itself, and is refused.
            entries = entries[:1]
            config["session.disable_cpu_ep_fallback"] = "1"
        try:
            return self._create(entries, config)
        except Exception as error:
            if request.captured:
                return None
            if self.strict and provider.name != "cpu":
                raise self._partial(provider, request, error) from None
            raise self._unloadable(error) from None

    def _create(self, entries: list[tuple[str, dict[str, str]]], config: dict[str, str]) -> Any:
        options = _options(self.runtime, self.settings)
        for key, value in config.items():
            options.add_session_config_entry(key, value)
        source: str | bytes = str(self.path)
        if self.changed is not None:
            # Outside weights are found beside the file; a model in memory has no folder.
            folder = str(self.path.parent.resolve())
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", folder
            )
            source = self.changed
        if all(not given for _, given in entries):
            providers: list[Any] = [name for name, _ in entries]
        else:
            providers = entries
        return self.runtime.InferenceSession(source, options, providers=providers)

    def _openvino(self, facts: GraphFacts) -> Any:
        from dlc.runtime.inference.providers.openvino_session import OpenVinoSession

        if self.changed is not None and any(external_tensors(self.model)):
            raise failure(
                "E0612",
                f"`--provider openvino` runs no part of `{shown(self.path)}`: it has outside "
                "weights",
                help="leave `--provider` out to take what works",
            )
        source = self.path if self.changed is None else self.changed
        try:
            return OpenVinoSession(source, self.model, self.settings, half=facts.half)
        except Exception as error:
            raise failure(
                "E0612",
                f"`--provider openvino` does not run `{shown(self.path)}`: {_openvino_says(error)}",
                help="leave `--provider` out to take what works, or run the network alone: the "
                "`core.onnx` of a bundle",
            ) from None

    def _facts(self, provider: Provider) -> GraphFacts:
        if provider.name != "tensorrt":
            return self.facts
        return facts_of(self.model, ranges=_ranges(self.model), digest=self._digest())

    def _digest(self) -> str:
        """SHA-256 of the model with its outside weights."""
        digest = hashlib.sha256(self.changed if self.changed is not None else b"")
        if self.changed is None:
            digest.update(sha256_of(self.path).encode())
        places = {
            entry.value
            for tensor in external_tensors(self.model)
            for entry in tensor.external_data
            if entry.key == "location"
        }
        for place in sorted(places):
            digest.update(sha256_of(self.path.parent / place).encode())
        return digest.hexdigest()

    def _partial(self, provider: Provider, request: Request, error: Exception) -> Failure:
        """Why `--strict` refuses: which operators would run elsewhere."""
        try:
            session = self._create(list(request.entries), {**request.config, **CONFIG})
        except Exception:
            return self._unloadable(error)
        if session.get_providers()[0] != provider.execution:
            return _not_here(provider, f"onnxruntime could not load its {provider.title} libraries")
        nodes = assignment(session)
        others = sum(count for name, count in nodes.items() if name != provider.execution)
        operators = operators_on(session, CPU)
        which = f" ({', '.join(operators[:6])})" if operators else ""
        return failure(
            "E0914",
            f"{others or 'some'} of the nodes of `{shown(self.path)}` would not run on "
            f"{provider.title}{which}",
            notes=(first_line(error),),
            help="leave `--strict` out, or run the network alone: the `core.onnx` of a bundle",
        )

    def _unloadable(self, error: Exception) -> Failure:
        version = self.runtime.__version__
        # A number format that the provider does not compute in: bf16 on a CPU.
        lacking = "NOT_IMPLEMENTED" in str(error)
        return failure(
            "E0610",
            f"onnxruntime {version} does not load `{shown(self.path)}`: {first_line(error)}",
            help="run it where its number format has kernels (bf16: CUDA), or export another: "
            "`dlc export RUN --precision fp16`"
            if lacking
            else "export the model with `dlc export`, or update onnxruntime",
        )


def _ranges(model: ModelProto) -> dict[str, Range]:
    """The range of each open size of a file that dlc wrote, from the spec in it."""
    from dlc.compiler import Source, check
    from dlc.compiler.ir.dims import INFINITY, symbols

    spec = next((p.value for p in model.metadata_props if p.key == "dlc.spec"), "")
    found: dict[str, Range] = {}
    compilation = check(Source("dlc.spec", spec, "yaml")).compilation if spec else None
    if compilation is None:
        return found
    main = compilation.program.graph
    for name in main.inputs:
        for size in main.values[name].shape:
            for known, symbol in symbols(size).items():
                high = None if symbol.high >= INFINITY else symbol.high
                found[known] = (max(symbol.low, 1), high)
    return found


def _options(runtime: Any, settings: SessionSettings) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = _QUIET
    # Threads that wait by spinning take the cores of other processes, and of themselves:
    # on two busy cores a batch is a fifth slower with it. Batches are too long to gain.
    spinning = "1" if settings.allow_spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # Settings may come from a larger machine.
    options.intra_op_num_threads = min(settings.intra_op_threads, processors())
    options.inter_op_num_threads = min(settings.inter_op_threads, processors())
    level = settings.graph_optimization
    if level != "all":
        names = {"disabled": "ORT_DISABLE_ALL", "layout": "ORT_ENABLE_LAYOUT"}
        name = names.get(level, f"ORT_ENABLE_{level.upper()}")
        options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, name)
    if settings.execution == "parallel":
        options.execution_mode = runtime.ExecutionMode.ORT_PARALLEL
    return options


def _note(provider: Provider, runs: str, nodes: Mapping[str, int], told: str) -> str:
    text = f"runs on {provider.title} ({runs})"
    others = {name: count for name, count in nodes.items() if name != provider.execution}
    if others:
        places = ", ".join(f"{count} on {_title(name)}" for name, count in sorted(others.items()))
        text += f", of its {sum(nodes.values())} nodes {places}"
    return f"{text}: {told}" if told else text


def _title(execution: str) -> str:
    return next((p.title for p in registry.ALL if p.execution == execution), execution)


def _openvino_says(error: Exception) -> str:
    """The line of an error of openvino that says something, which is not the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    unknown = [line.removeprefix("-- ") for line in lines if line.startswith("-- No conversion")]
    heads = ("Exception from", "Check '", "FrontEnd API failed")
    plain = [line for line in lines if not line.startswith(heads)]
    text = (unknown or plain or lines or [type(error).__name__])[0][:200].rstrip(".:")
    return text[:1].lower() + text[1:]


def _not_here(provider: Provider, reason: str) -> Failure:
    return failure(
        "E0612",
        f"`--provider {provider.name}` does not run here: {reason}",
        help="leave `--provider` out to take what works",
    )
