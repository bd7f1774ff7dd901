"""The JSON Schema is fresh, accepts what the compiler accepts, and refuses what a schema can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from dlc.compiler import schema
from dlc.compiler.components import registry
from dlc.compiler.components.base import arguments
from dlc.compiler.semantics.resolve import SECTIONS
from dlc.compiler.source import Source

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
NETWORK = "dlc: 1\ninputs: {x: 'float[N, 8]'}\nlayers:\n  - linear: 4\n    output: y\n"


def _problems(text: str) -> list[tuple[str, str]]:
    found = schema.validate(Source("spec.yaml", text))
    assert all(d.primary is not None for d in found)
    return [(d.code.number, d.message) for d in found]


def test_the_shipped_file_is_what_the_components_give() -> None:
    assert schema.shipped() == schema.text(), "run `python -m dlc.compiler.reference`"


def test_it_is_a_schema() -> None:
    built = json.loads(schema.text())
    Draft7Validator.check_schema(built)
    assert set(SECTIONS) < set(built["properties"])


def test_it_holds_every_component_with_every_argument() -> None:
    definitions = json.loads(schema.shipped())["definitions"]
    for kind in registry.PACKAGES:
        for name in registry.names(kind):
            table = definitions[f"{kind}.{name}"]
            assert table["description"]
            assert set(arguments(registry.load(kind, name))) <= set(table["properties"])


def test_every_reference_has_a_definition() -> None:
    built = json.loads(schema.shipped())

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [r for item in value.values() for r in references(item)]
        if isinstance(value, list):
            return [r for item in value for r in references(item)]
        return []

    for reference in references(built):
        assert reference.removeprefix("#/definitions/") in built["definitions"]


def test_layers_are_never_a_choice_between_schemas() -> None:
    assert "oneOf" not in schema.shipped()
    layer = json.loads(schema.shipped())["definitions"]["layer"]
    assert "anyOf" not in layer


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_accepts_the_specs(path: Any) -> None:
    assert _problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "optimizer: adamw",
        "optimizer: adamw(lr=1e-3)",
        "optimizer: {adamw: {lr: 1e-3, betas: [0.9, 0.999]}}",
        "optimizer: {sgd: 0.1}",
        "optimizer: {sgd: [0.1, 0.9]}",
        "optimizer: {sgd: {lr: base / 2}}",
        "schedule: {cosine: }",
        "loss: 0.5 * cross_entropy(y, t) + mse_loss(y, u)",
        "loss: {cross_entropy: [y, t]}",
        "loss: {cross_entropy: {input: y, target: t, weight: [1, 2.5, w]}}",
        "metrics: accuracy(y, t)",
        "metrics: [accuracy(y, t), {accuracy: [y, t]}]",
        "metrics: {accuracy: [y, t]}",
        "init: {linear: normal(std=0.02), conv2d: {kaiming_normal: {mode: fan_out}}, bias: zeros}",
        "preprocess: {x: standardize}",
        "preprocess: {x: [scale: 1/16, standardize]}",
        "preprocess: {x: {standardize: {dim: -1}}}",
        "postprocess: {y: [softmax, {labels: {names: [a, 1, true]}}]}",
        "data: {source: a.csv, batch_size: all, columns: {x: 'a_*', y: 1}}",
        "data: {source: {csv: {path: a.txt, delimiter: ';'}}}",
        "data: {source: {csv: a.txt}}",
        "data: {source: csv(a.txt)}",
        "data: {source: {train: a.csv, test: {parquet: {path: b.parquet}}}}",
        "data: {source: a.csv, split: {train: 0.8, test: 0.2, stratify: 3}, where: a < 5}",
        "data: {source: a.csv, augment: horizontal_flip}",
        "data: {source: a.csv, augment: [horizontal_flip, {random_crop: 28}]}",
        "train: {epochs: 3, validate_every: epochs(1), compile: auto, early_stopping: null}",
        "train: {epochs: n * 2, checkpoint: {every: {steps: 100}, keep: 1}}",
        "train: {average: ema(0.99)}",
        "train:",
        "search: {space: {optimizer.lr: 'log_uniform(1e-4, 1e-1)', p: {choice: [0.1, 0.2]}}}",
        "search: {space: {p: {uniform: {low: 0, high: 1}}}}",
        "transfer: {weights: a.safetensors, rename: {a: b, c: {from: [q, k], concat: 0}}}",
        "transfer: {weights: a.safetensors, rename: torchvision/resnet18}",
        "transfer: {weights: a.safetensors, rename: [{fc: null}, maps/a.yaml]}",
        "transfer: {weights: a, rename: {a: {from: b, transpose: [1, 0], chunk: [0, 3]}}}",
        "transfer: {weights: a.safetensors, freeze: stem, lr_scale: {head.0: 10}}",
        "ensemble: {}",
        "export: {dynamic: N}",
        "export: {opset: 23, dynamic: [N, T], precision: float32}",
        "dims: {T: 1..512, H: 4 * h, W: 3}",
        "params: {a: 1, b: int, c: [1, 2], d: true, e: word}",
        "params:",
        "import: {blocks/conv.dlc: [ConvBnRelu], b.dlc: Other}",
        "targets: {t: 'int[N]'}",
        "blocks: {Block: {params: {w: int}, inputs: {x: 'float[N]'}, layers: [relu, {linear: w}]}}",
    ],
)
def test_it_accepts_every_form_of_a_section(text: str) -> None:
    assert _problems(f"{NETWORK}{text}\n") == []


@pytest.mark.parametrize(
    "layer",
    [
        "relu",
        "h = x -> linear(4) -> relu",
        "{linear: {out_features: width * 2, bias: false}}",
        "{linear: [4, true]}",
        "{linear: {out_features: 4, weight: tok.weight, init: {normal: {std: 0.1}}}}",
        "{relu: , name: h}",
        "{relu: {}, from: [a, b + 1]}",
        "{conv2d: {out_channels: 6, kernel_size: [3, 5], padding: p}}",
        "{Block: {width: 3, mask: m}, output: [a, b]}",
        "{Block: 3}",
        "{repeat: 3, as: i, layers: [relu]}",
        "{repeat: [2, n], as: [i, depth], layers: relu}",
        "{if: stride != 1, then: [relu], else: tanh}",
        "{if: true, then: relu}",
        "{residual: [relu], shortcut: [{if: a, then: [relu]}]}",
        "{from: a + h}",
        "{from: 2 * h, output: y}",
        "{from: right, reuse: enc}",
        "{from: right, reuse: {layer: enc, mask: there}}",
        "{enc: , from: right, name: again}",
        "{shape: [N, 2 * hidden]}",
        "{dropout: p}",
        "{einsum: 'nkd,nd->nk', from: [u, v]}",
        "{lstm: {hidden_size: 4, lengths: lengths}, name: [out, h, c]}",
    ],
)
def test_it_accepts_every_form_of_a_layer(layer: str) -> None:
    assert _problems(f"dlc: 1\nlayers:\n  - {layer}\n") == []


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("optimizer: {adamw: {lrr: 1e-3}}", "E0206", "`adamw` has no `lrr`"),
        ("optimizer: {adamx: {lr: 1e-3}}", "E0206", "`optimizer` has no `adamx`"),
        ("optimizer: {sgd: {lr: -1}}", "E0302", "`lr` must be above 0"),
        ("optimizer: {adam: {lr: 1e-3}, sgd: {lr: 1}}", "E0115", "`optimizer`"),
        ("optimizer: {sgd: [1, 2, 3, 4, 5, 6, 7]}", "E0305", "at most"),
        ("trian: {epochs: 3}", "E0206", "a spec has no `trian`"),
        ("train: {epoch: 3}", "E0206", "`train` has no `epoch`"),
        ("train: {early_stopping: {patients: 3}}", "E0206", "`early_stopping` has no `patients`"),
        ("train: [epochs]", "E0301", "`train` is a list"),
        ("train: {epochs: 0}", "E0302", "`epochs` must be at least 1"),
        ("train: {epochs: 1.5}", "E0301", "`epochs` is a number"),
        ("data: {columns: {x: a}}", "E0303", "`data` needs `source`"),
        ("data: {source: a.csv, shuffle: 1}", "E0301", "`shuffle` is a whole number"),
        ("init: {linearr: zeros}", "E0206", "`init` has no `linearr`"),
        ("preprocess: {x: [{scal: 2}]}", "E0206", "`scal`"),
        ("inputs: {x: 3}", "E0301", "`x` is a whole number"),
        ("blocks: {lower: {layers: [relu]}}", "E0206", "`blocks` has no `lower`"),
        ("blocks: {Upper: {layer: [relu]}}", "E0206", "`Upper` has no `layer`"),
        ("layers: [{conv2d: {out_channels: 6, kernal_size: 5}}]", "E0206", "no `kernal_size`"),
        ("layers: [{conv2dd: {out_channels: 6}}]", "E0301", "`conv2dd` is a mapping"),
        ("layers: [{conv2d: {kernel_size: 5}}]", "E0303", "`conv2d` needs `out_channels`"),
        ("layers: [{relu: 1}]", "E0301", "`relu` is a whole number"),
        ("layers: [{residual: [{linear: {out: 3}}]}]", "E0206", "`linear` has no `out`"),
    ],
)
def test_it_refuses_what_it_can_see(text: str, number: str, words: str) -> None:
    problems = _problems(f"dlc: 1\n{text}\n")
    assert any(n == number and words in message for n, message in problems), problems


def test_a_version_is_wanted() -> None:
    assert _problems("layers: [relu]\n") == [("E0303", "a spec needs `dlc`")]
    assert _problems("dlc: 2\n") == [("E0304", "`dlc` may be `1` only")]


def test_a_misspelt_key_is_underlined_with_the_word_meant() -> None:
    source = Source("spec.yaml", f"{NETWORK}train:\n  epoch: 3\n")
    (found,) = schema.validate(source)
    assert found.primary is not None
    assert found.primary.span.text == "epoch"
    assert found.help is not None
    assert "`epochs`" in found.help


def test_yaml_that_is_none_is_reported_by_the_reader() -> None:
    assert [n for n, _ in _problems("a: [1\n")] == ["E0103"]
    assert [n for n, _ in _problems("dlc: 1\ndlc: 1\n")] == ["E0108"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("5.", 5.0),
        (".5", 0.5),
        ("-3", -3),
        ("no", "no"),
        ("on", "on"),
        ("017", "017"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("2001-01-01", "2001-01-01"),
        ("true", True),
        ("null", None),
        ("'1'", "1"),
        ("9" * 65, "9" * 65),
    ],
)
def test_scalars_are_those_of_the_language(text: str, value: object) -> None:
    from dlc.compiler.diagnostics.model import Collector
    from dlc.compiler.syntax.yaml_nodes import NodeReader

    node = NodeReader(Source("spec.yaml", f"a: {text}\n"), Collector()).read()
    assert node is not None
    found = schema.plain(node)["a"]
    assert (found, type(found)) == (value, type(value))
