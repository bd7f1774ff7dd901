"""Every network of `specs/`: what was published of it, and how to make it small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SPECS = Path(__file__).resolve().parents[2] / "specs"


@dataclass(frozen=True, kw_only=True)
class Network:
    """One spec.

    `parameters` is the total at full size and `published` where it stands; by hand, where
    nobody has published one. `small` are settings under which it trains in a second, and
    `below` the bounds of its integer inputs and targets then; `lengths` of a sequence are
    drawn between 1 and its size. `sizes` are the symbols' values where 3 samples of length
    5 do not fit. `learning_rate` is one at which eight steps on one batch make the loss fall.
    `dims` are the sizes without an end of their own at which its work is counted.
    `packed` networks need their lengths on the CPU, or lay their weights out for cuDNN, which a
    fake GPU cannot give.
    """

    parameters: int
    published: str
    small: tuple[str, ...] = ()
    below: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    learning_rate: float = 1e-2
    packed: bool = False
    dims: Mapping[str, int] = field(default_factory=dict)


ZOO: dict[str, Network] = {
    "lenet5": Network(
        parameters=61_718,
        published="LeCun et al., 1998, by hand: every map of the third layer sees all six",
        below={"label": 10},
        learning_rate=1e-3,
    ),
    "alexnet": Network(
        parameters=61_100_840,
        published="torchvision",
        small=("classes=7", "side=96", "hidden=16", "p=0"),
        below={"label": 7},
        learning_rate=1e-2,
    ),
    "alexnet_original": Network(
        parameters=60_965_224,
        published="Caffe's bvlc_alexnet; the paper says 60 million",
        small=("classes=7", "hidden=16", "p=0"),
        below={"label": 7},
        learning_rate=1e-3,
    ),
    "vgg16": Network(
        parameters=138_357_544,
        published="torchvision, the paper's 138 million",
        small=("classes=7", "side=32", "width=4", "hidden=16", "p=0"),
        below={"label": 7},
    ),
    "resnet50": Network(
        parameters=25_557_032,
        published="torchvision",
        small=("classes=7", "width=4"),
        below={"label": 7},
        learning_rate=1e-3,
    ),
    "resnet18": Network(
        parameters=11_689_512,
        published="torchvision",
        small=("classes=7",),
        below={"label": 7},
        learning_rate=1e-3,
    ),
    "bilstm": Network(
        parameters=2_631_498,
        published="by hand",
        small=("vocab=50", "hidden=8"),
        below={"tokens": 50, "label": 2},
        packed=True,
        dims={"T": 128},
    ),
    "bert_base": Network(
        parameters=109_514_298,
        published="transformers, BertForMaskedLM with tied weights",
        small=("vocab=50", "dim=24", "heads=4", "depth=2", "max_len=16"),
        below={"tokens": 50, "segments": 2, "label": 50},
    ),
    "multitask": Network(
        parameters=429_064,
        published="by hand",
        small=("width=4",),
        below={"emotion_label": 7},
    ),
    "skipgram": Network(
        parameters=20_000_000,
        published="Mikolov et al., 2013, by hand: two tables",
        small=("vocab=50", "dim=8"),
        below={"center": 50, "context": 50},
    ),
    "vit_b_16": Network(
        parameters=86_567_656,
        published="torchvision",
        small=("classes=7", "side=32", "dim=24", "heads=4", "depth=2", "hidden=48"),
        below={"label": 7},
    ),
    "gpt2": Network(
        parameters=124_439_808,
        published="transformers, GPT2LMHeadModel with tied weights",
        small=("vocab=50", "context=16", "dim=24", "heads=4", "depth=2"),
        below={"tokens": 50, "label": 50},
    ),
    "unet": Network(
        parameters=31_030_658,
        published="Ronneberger et al., 2015, by hand from Figure 1, with biases",
        small=("width=2", "side=188", "p=0"),
        below={"mask": 2},
        learning_rate=1e-3,
    ),
    "convolutional_autoencoder": Network(
        parameters=111_521, published="by hand", learning_rate=1e-3
    ),
    "dense_autoencoder": Network(
        parameters=2_837_314,
        published="Hinton and Salakhutdinov, 2006, by hand",
        learning_rate=1e-3,
    ),
    "cbow": Network(
        parameters=20_000_000,
        published="Mikolov et al., 2013, by hand: two tables",
        small=("vocab=50", "dim=8"),
        below={"center": 50, "context": 50},
    ),
    "logistic_regression": Network(parameters=31, published="by hand: 30 weights, a bias"),
    "perceptron": Network(parameters=513, published="by hand: 31 x 16 + 17"),
    "mlp": Network(parameters=15_089, published="by hand"),
    "iris": Network(parameters=131, published="by hand: 5 x 16 + 17 x 3", below={"species": 3}),
    "wine": Network(parameters=547, published="by hand: 14 x 32 + 33 x 3", below={"cultivar": 3}),
    "diabetes": Network(parameters=641, published="by hand: 9 x 64 + 65"),
    "digits": Network(
        parameters=6_138,
        published="by hand: 9 x 16, 9 x 16 x 32, their norms' 2 x 48, 129 x 10",
        below={"label": 10},
    ),
    "transformer_block": Network(
        parameters=1_478_530,
        published="by hand: tokens, 4 x 128 x 129, 2 x 256, 65,536 x 2 + 640, a head",
        small=("vocab=50", "dim=16", "hidden=32"),
        below={"tokens": 50, "label": 2},
    ),
    "sunspots": Network(
        parameters=1_233,
        published="by hand: 4 x 16 x (1 + 16 + 2) of the LSTM, 17 of the head",
        learning_rate=1e-3,
        packed=True,
    ),
    "seq2seq": Network(
        parameters=13_401_872,
        published="by hand: two tables, two GRUs, the attention's 512 x 512 and 1024 x 512, a head",
        small=("source_vocab=50", "target_vocab=50", "dim=8", "hidden=16"),
        below={"source": 50, "previous": 50, "word": 50},
        packed=True,
    ),
}
