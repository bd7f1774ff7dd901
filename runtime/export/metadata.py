"""What a model file says about itself: written at export, read by prediction.

    dlc.version     the version that wrote the file
    dlc.name        the name of the model
    dlc.spec        the fully resolved spec, as YAML text
    dlc.digest      its SHA-256
    dlc.labels      class names by output, JSON
    dlc.preprocess  for each input its columns, the names of its steps, the host steps with
                    their arguments, and how its rows are padded, JSON
    dlc.tokenizer.X the `tokenizer.json` of the input X
    dlc.fitted      what the steps of inputs that are targets, too, were fitted to: the files of a
                    folder `preprocess`, that of tensors in base64, JSON
    dlc.metrics     the figures of the validation that the weights are from, JSON
    dlc.precision   the number format, where it is not float32, the figures that decided for it,
                    and the layers that stayed float32, JSON
    dlc.parity      how close the file came to PyTorch, JSON
    dlc.members     how many networks it holds, where it is more than one
    dlc.nodes       the inputs, layers and blocks of the spec in their order, each with its path,
                    the name of its value in the file, element type and sizes, JSON
    dlc.folded      layers and blocks whose value is not in the file, each with the path of the
                    one that does their work too: a convolution and its batch norm, JSON
    dlc.features    the path of what the last layer with weights takes, where there is one
    dlc.data        SHA-256 of the data, the rule of its split, class names by target, JSON

No path, date or name of a user is in it, so that equal runs give equal files.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from safetensors import SafetensorError

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import Mismatch
from dlc.compiler.components.base import arguments
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.version import VERSION
from dlc.runtime.data.preprocessing import DESCRIPTION, STATISTICS, Preprocessing
from dlc.runtime.data.ragged import Padding
from dlc.runtime.export.hints import Hint
from dlc.runtime.failures import failure

PREFIX = "dlc."
_TOKENIZER = "tokenizer."
_MAX_TEXT = 64 << 20


@dataclass(frozen=True, kw_only=True)
class InputColumns:
    """The columns that fill an input, in their order, and the steps that follow; no columns
    where a step of another input fills it. `host` are the steps that the graph does not do.
    `tokenizer` is the text of a `tokenizer.json`, whose rows `padding` makes into batches.
    `categories`, `missing` and `joins` say how the columns are read; `pictures` that they name
    or hold files of images. `hints` has what is known of each column, or nothing."""

    columns: tuple[str, ...]
    steps: tuple[str, ...] = ()
    host: tuple[Preprocess, ...] = ()
    categories: bool = False
    missing: bool = False
    joins: str | None = None
    pictures: bool = False
    tokenizer: str = ""
    padding: Padding | None = None
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data that a model was trained on. `classes` are the words of a target, in the
    order of their class numbers. `all_folds` says that each row but those of the test part
    trained some member of an ensemble."""

    sha256: str
    split: Mapping[str, Any]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    all_folds: bool = False


@dataclass(frozen=True, kw_only=True)
class NodeValue:
    """What a layer gives: its value in the file, and its type as the spec writes it."""

    value: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """All of it. A file that dlc did not write has an empty `version`. `fitted` has the inputs
    of which an objective makes targets: what the graph does with them is done to targets, too."""

    version: str = VERSION
    name: str = ""
    spec: str = ""
    digest: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: Mapping[str, InputColumns] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    precision: Mapping[str, Any] = field(default_factory=dict)
    data: DataRecord | None = None
    members: int = 1
    nodes: Mapping[str, NodeValue] = field(default_factory=dict)
    folded: Mapping[str, str] = field(default_factory=dict)
    features: str = ""
    fitted: Preprocessing | None = None

    def properties(self) -> dict[str, str]:
        """The metadata properties of the file."""
        inputs = {name: _input(found) for name, found in self.inputs.items()}
        found: dict[str, str] = {
            "version": self.version,
            "name": self.name,
            "spec": self.spec,
            "digest": self.digest,
            "labels": _json({name: list(words) for name, words in self.labels.items()}),
            "preprocess": _json(inputs),
            "metrics": _json(self.metrics),
            "parity": _json(self.parity),
        }
        if self.precision:
            found["precision"] = _json(self.precision)
        if self.data is not None:
            classes = {name: list(words) for name, words in self.data.classes.items()}
            record: dict[str, Any] = {"sha256": self.data.sha256, "split": self.data.split}
            record["classes"] = classes
            if self.data.all_folds:
                record["all_folds"] = True
            found["data"] = _json(record)
        if self.fitted is not None:
            found["fitted"] = _files(self.fitted)
        if self.members > 1:
            found["members"] = str(self.members)
        if self.nodes:
            found["nodes"] = _json(
                [[path, n.value, n.dtype, list(n.shape)] for path, n in self.nodes.items()]
            )
        if self.folded:
            found["folded"] = _json(self.folded)
        if self.features:
            found["features"] = self.features
        for name, given in self.inputs.items():
            if given.tokenizer:
                found[f"{_TOKENIZER}{name}"] = given.tokenizer
        return {f"{PREFIX}{key}": value for key, value in found.items()}

    @classmethod
    def read(cls, properties: Mapping[str, str], where: str) -> ModelInfo:
        """The reverse. Raises `Failure` E0610 where a property is not what we write; `where`
        names the file."""
        texts = {
            key.removeprefix(PREFIX): value
            for key, value in properties.items()
            if key.startswith(PREFIX)
        }
        if "version" not in texts:
            return cls(version="")
        try:
            return _parsed(texts)
        # `Mismatch` and `UnknownComponent` are what a later version may have written.
        except (
            *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
            *(Mismatch, registry.UnknownComponent, SafetensorError),
        ) as error:
            raise failure(
                "E0610",
                f"the metadata of `{where}` is damaged: {type(error).__name__}",
                help="export the model again with `dlc export`",
            ) from None


def _parsed(texts: Mapping[str, str]) -> ModelInfo:
    if any(len(text) > _MAX_TEXT for text in texts.values()):
        raise ValueError("too large")
    data = json.loads(texts["data"]) if "data" in texts else None
    return ModelInfo(
        version=texts["version"],
        name=texts.get("name", ""),
        spec=texts.get("spec", ""),
        digest=texts.get("digest", ""),
        labels=_words(json.loads(texts.get("labels", "{}"))),
        inputs={
            str(name): _read_input(found, texts.get(f"{_TOKENIZER}{name}", ""))
            for name, found in json.loads(texts.get("preprocess", "{}")).items()
        },
        metrics={str(k): float(v) for k, v in json.loads(texts.get("metrics", "{}")).items()},
        parity=dict(json.loads(texts.get("parity", "{}"))),
        precision=dict(json.loads(texts.get("precision", "{}"))),
        data=None
        if data is None
        else DataRecord(
            sha256=str(data["sha256"]),
            split=dict(data["split"]),
            classes=_words(data["classes"]),
            all_folds=bool(data.get("all_folds", False)),
        ),
        members=int(texts.get("members", "1")),
        nodes={str(p): _read_node(*n) for p, *n in json.loads(texts.get("nodes", "[]"))},
        folded={str(k): str(v) for k, v in json.loads(texts.get("folded", "{}")).items()},
        features=texts.get("features", ""),
        fitted=_fitted(json.loads(texts["fitted"])) if "fitted" in texts else None,
    )


def _files(fitted: Preprocessing) -> str:
    files = fitted.files()
    tensors = b64encode(files[STATISTICS]).decode("ascii")
    return _json({DESCRIPTION: json.loads(files[DESCRIPTION]), STATISTICS: tensors})


def _fitted(files: Mapping[str, Any]) -> Preprocessing:
    description = json.dumps(files[DESCRIPTION]).encode()
    tensors = b64decode(files[STATISTICS], validate=True)
    return Preprocessing.from_files({DESCRIPTION: description, STATISTICS: tensors})


def _input(given: InputColumns) -> dict[str, Any]:
    found: dict[str, Any] = {"columns": list(given.columns), "steps": list(given.steps)}
    if given.host:
        found["host"] = [{step.name: _arguments(step)} for step in given.host]
    if given.categories:
        found["categories"] = True
    if given.missing:
        found["missing"] = True
    if given.joins is not None:
        found["joins"] = given.joins
    if given.pictures:
        found["pictures"] = True
    if given.padding is not None:
        found["padding"] = asdict(given.padding)
    if given.hints:
        found["hints"] = [hint.record() for hint in given.hints]
    return found


def _arguments(step: Preprocess) -> dict[str, Any]:
    """The arguments of a step that are not their defaults."""
    values = {name: getattr(step, spec.field) for name, spec in arguments(type(step)).items()}
    defaults = {name: spec.default for name, spec in arguments(type(step)).items()}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _read_node(value: object, dtype: object, shape: Iterable[object]) -> NodeValue:
    sizes = tuple(size if isinstance(size, int) else str(size) for size in shape)
    return NodeValue(value=str(value), dtype=str(dtype), shape=sizes)


def _read_input(given: Mapping[str, Any], tokenizer: str) -> InputColumns:
    padding = given.get("padding")
    host = [_step(*entry) for part in given.get("host", ()) for entry in part.items()]
    return InputColumns(
        columns=tuple(map(str, given["columns"])),
        steps=tuple(map(str, given["steps"])),
        host=tuple(host),
        categories=bool(given.get("categories", False)),
        missing=bool(given.get("missing", False)),
        joins=None if given.get("joins") is None else str(given["joins"]),
        pictures=bool(given.get("pictures", False)),
        tokenizer=tokenizer,
        padding=None if padding is None else _padding(padding),
        hints=tuple(Hint.read(hint) for hint in given.get("hints", ())),
    )


def _step(name: str, given: Mapping[str, Any]) -> Preprocess:
    cls = registry.load("preprocess", name)
    known = arguments(cls)
    checked = {}
    for key, value in given.items():
        value = tuple(value) if isinstance(value, list) else value
        checked[known[key].field] = known[key].type.check(value)
    step = cls(**checked)
    step.validate()
    if not isinstance(step, Preprocess):
        raise ValueError(name)
    return step


def _padding(given: Mapping[str, Any]) -> Padding:
    names = {key: given[key] for key in ("lengths", "mask", "segments")}
    if not all(name is None or isinstance(name, str) for name in names.values()):
        raise ValueError("padding")
    return Padding(
        dim=str(given["dim"]), least=int(given["least"]), value=int(given["value"]), **names
    )


def _words(value: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, words)) for name, words in value.items()}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
