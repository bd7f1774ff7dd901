"""Sections: defaults, what belongs together, and what this version leaves undone."""

from __future__ import annotations

import pytest

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import Mismatch
from dlc.compiler.components.augmentations.horizontal_flip import HorizontalFlip
from dlc.compiler.components.availability import not_run_yet
from dlc.compiler.components.averages.ema import Ema
from dlc.compiler.components.base import Component, ComponentError, arguments
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.components.distributions.choice import Choice
from dlc.compiler.components.distributions.integer import Integer
from dlc.compiler.components.distributions.log_uniform import LogUniform
from dlc.compiler.components.distributions.uniform import Uniform
from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.objectives.skip_gram import SkipGram
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.schedules.reduce_on_plateau import ReduceOnPlateau
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.sections.checkpoint import Checkpoint
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.early_stopping import EarlyStopping
from dlc.compiler.components.sections.ensemble import Ensemble
from dlc.compiler.components.sections.export import Export
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sections.regularization import Regularization
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.components.sections.search import Search
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sections.train import Train
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.components.settings import Settings
from dlc.compiler.components.sources.base import for_path
from dlc.compiler.components.sources.parallel_text import ParallelText


@pytest.mark.parametrize(
    ("split", "shares"),
    [
        (Split(), (0.8, 0.1, 0.1)),
        (Split(train=0.99, validation=0.01), (0.99, 0.01, 0.0)),
        (Split(train=0.9), (0.9, 0.1, 0.0)),
        (Split(test=0.2), (0.8, 0.0, 0.2)),
        (Split(train=0.8, test=0.2), (0.8, 0.0, 0.2)),
        (Split(train=0.8, test=0.1), (0.8, 0.1, 0.1)),
        (Split(train=0.7, validation=0.2, test=0.1), (0.7, 0.2, 0.1)),
        (Split(train=1.0), (1.0, 0.0, 0.0)),
    ],
    ids=str,
)
def test_a_share_that_is_left_out_takes_what_the_others_leave(
    split: Split, shares: tuple[float, float, float]
) -> None:
    split.validate()
    assert split.shares == pytest.approx(shares)
    assert sum(split.shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("component", "code", "blame"),
    [
        (Split(train=0.8, validation=0.2, test=0.1), "E0311", "test"),
        (Split(train=0.8, validation=0.1, test=0.01), "E0311", "train"),
        (Split(validation=0.5, test=0.5), "E0311", "validation"),
        (Split(train=0.0), "E0311", "train"),
        (Split(folds=5, train=0.8), "E0311", "train"),
        (Split(folds=5, time="day"), "E0311", "time"),
        (Split(group="patient", stratify="label"), "E0311", "stratify"),
        (Split(folds="groups"), "E0311", "folds"),
        (Split(fold=2), "E0311", "fold"),
        (Split(folds=2, fold=2), "E0302", "fold"),
        (
            Data(source=Files(train="a", validation="b"), split=Split(validation=0.1)),
            "E0311",
            "split",
        ),
        (Data(source=Files(train="a", test="b"), split=Split(test=0.1)), "E0311", "split"),
        (ParallelText(path=".", texts={"a": "a.txt"}), "E0302", "texts"),
        (Train(epochs=1, steps=1), "E0311", "steps"),
        (
            Search(minimize="a", maximize="b", space={"p": Uniform(low=0, high=1)}),
            "E0311",
            "maximize",
        ),
        (Search(space={}), "E0303", "space"),
        (Uniform(low=1.0, high=1.0), "E0310", "high"),
        (LogUniform(low=1.0, high=0.1), "E0310", "high"),
        (Integer(low=5, high=5), "E0310", "high"),
        (Choice(values=(1,)), "E0303", "values"),
    ],
    ids=repr,
)
def test_settings_that_do_not_fit_together_are_refused(
    component: Component, code: str, blame: str
) -> None:
    with pytest.raises(ComponentError) as caught:
        component.validate()
    assert (caught.value.code, caught.value.blame) == (code, blame)
    assert caught.value.help


def test_a_key_that_python_reserves_is_a_field_with_an_underscore() -> None:
    assert arguments(Rename)["from"].field == "from_"
    assert arguments(Rename)["from"].doc
    assert Rename(from_=("q", "k"), concat=0).from_ == ("q", "k")


def test_how_long_training_lasts() -> None:
    assert Train().duration == Epochs(n=10)
    assert Train(epochs=3).duration.in_steps(100) == 300
    assert Train(steps=3).duration == Steps(n=3)
    assert Steps(n=3).in_steps(100) == 3


def test_what_a_search_looks_at() -> None:
    space: dict[str, Distribution] = {"p": Uniform(low=0.0, high=1.0)}
    assert Search(space=space).monitor == "val_loss"
    assert Search(space=space, maximize="val_accuracy").monitor == "val_accuracy"


def test_defaults_ask_for_nothing_that_is_not_run() -> None:
    assert not_run_yet(Settings()) == ()
    for name in registry.names("section"):
        section = registry.load("section", name)
        assert issubclass(section, Section)
        assert set(section.unavailable) <= set(arguments(section))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (Settings(data=Data(source="a.csv", where="x < 1")), []),
        (Settings(data=Data(source="a.csv", balance="y")), []),
        (Settings(data=Data(source="a.csv", split=Split(folds=5))), []),
        (Settings(data=Data(source="pictures")), []),
        (Settings(data=Data(source=Files(train="a.csv"))), []),
        (Settings(data=Data(source="a.csv", augment=(HorizontalFlip(),))), []),
        (Settings(data=Data(source="a.csv", objective=SkipGram(context="c", label="l"))), []),
        (Settings(preprocess={"x": (Lowercase(), Byte())}), []),
        (Settings(schedule=ReduceOnPlateau()), []),
        (Settings(train=Train(average=Ema(), memory=1e9)), []),
        (Settings(train=Train(precision="fp16", compile=True)), []),
        (Settings(train=Train(precision="bf16", compile=False, accumulate=2)), []),
        (Settings(regularization=Regularization(l2=1e-4)), []),
        (Settings(train=Train(on_nan="rollback")), []),
        (Settings(train=Train(on_nan="skip")), []),
        (Settings(ensemble=Ensemble()), []),
        (Settings(transfer=Transfer(weights="w", rename=({"a": "b"},))), []),
        (Settings(transfer=Transfer(weights="w", freeze=("stem",))), []),
        (Settings(export=Export(precision="fp16")), []),
        (Settings(search=Search(space={"p": Uniform(low=0.0, high=1.0)})), []),
    ],
    ids=str,
)
def test_what_is_declared_and_not_run_is_told(settings: Settings, found: list[str]) -> None:
    missing = not_run_yet(settings)
    assert [item.path for item in missing] == found
    assert all(item.name and item.note for item in missing)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        (Data, "batch_size", "some"),
        (Data, "batch_size", 0),
        (Train, "precision", "float16"),
        (Train, "compile", "no"),
        (Train, "validate_every", 3),
        (Train, "checkpoint", EarlyStopping()),
        (EarlyStopping, "patience", 0),
        (Export, "opset", 19),
        (Split, "train", 1.5),
    ],
)
def test_values_that_a_key_does_not_take(section: type[Section], key: str, value: object) -> None:
    with pytest.raises(Mismatch):
        arguments(section)[key].type.check(value)


def test_values_that_a_key_takes() -> None:
    taken = arguments(Train)["checkpoint"].type.check(Checkpoint(keep=1))
    assert taken == Checkpoint(every=Epochs(n=1), keep=1)
    assert arguments(Data)["batch_size"].type.check("all") == "all"
    assert arguments(Data)["augment"].type.check(HorizontalFlip()) == (HorizontalFlip(),)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("data/mnist10k.parquet", "parquet"),
        ("A.CSV", "csv"),
        ("a.b.tsv", "tsv"),
        ("data/wiki.txt", "text_lines"),
        ("data/imagenet", "image_folder"),
        ("data.v2/images/", "image_folder"),
        ("train-images-idx3-ubyte", "idx"),
        ("events.jsonl", "json_lines"),
        ("a.feather", "arrow"),
        ("a.npz", "npz"),
        ("data/part-*.csv.gz", "csv"),
        ("a.tsv.zst", "tsv"),
        ("wiki.txt.gz", "text_lines"),
        ("train-images-idx3-ubyte.gz", "idx"),
        ("a.xlsx", None),
    ],
)
def test_a_path_is_read_by_its_suffix(path: str, source: str | None) -> None:
    found = for_path(path)
    assert (found.name if found else None) == source
    assert found is None or found.path == path


def test_every_source_has_a_suffix_of_its_own() -> None:
    suffixes: list[str] = []
    for name in registry.names("source"):
        suffixes += getattr(registry.load("source", name), "suffixes")  # noqa: B009
    assert len(suffixes) == len(set(suffixes))


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n"])
def test_what_cannot_separate_values(delimiter: str) -> None:
    csv = registry.load("source", "csv")
    with pytest.raises(ComponentError) as caught:
        csv(path="a.csv", delimiter=delimiter).validate()  # type: ignore[call-arg]
    assert caught.value.blame == "delimiter"
