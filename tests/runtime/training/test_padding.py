"""Batches of rows that differ in length: equal to padding by hand, in an order that repeats."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dlc.runtime.data.ragged import Padding, Ragged, fill  # noqa: E402
from dlc.runtime.training import samples as samples_module  # noqa: E402
from dlc.runtime.training.padding import bucketed  # noqa: E402
from dlc.runtime.training.samples import Epochs, Samples  # noqa: E402

COUNT = 500
PADDING = {
    "tokens": Padding(dim="T", lengths="lengths", mask="padding", segments="segments"),
    "word": Padding(dim="T", value=-100),
}


def drawn(seed: int = 0, count: int = COUNT) -> Ragged:
    draw = np.random.default_rng(seed)
    return Ragged.from_rows([draw.integers(1, 90, n).tolist() for n in draw.integers(0, 40, count)])


def samples(**more: Ragged) -> tuple[Samples, dict[str, Ragged]]:
    columns = {"tokens": drawn(), **more}
    names = ["tokens", "lengths", "padding", "segments"]
    found = Samples(
        {**columns, "label": np.arange(COUNT)},
        inputs=names,
        targets=["label", *more],
        device=torch.device("cpu"),
        padding=PADDING,
    )
    return found, columns


@pytest.mark.parametrize("resident", [True, False])
def test_a_batch_is_what_padding_by_hand_gives(resident: bool) -> None:
    made, columns = samples(word=drawn(1))
    made.resident = resident
    rows = np.random.default_rng(3).permutation(COUNT)
    take = made.in_order(rows)
    for start in (0, 64, 448):
        places = rows[start : start + 64]
        inputs, targets = take(start, start + 64)
        expected = fill({n: column.take(places) for n, column in columns.items()}, PADDING)
        assert list(inputs) == ["tokens", "lengths", "padding", "segments"]
        assert inputs["tokens"].shape == targets["word"].shape
        for name, value in expected.items():
            found = (inputs | targets)[name]
            assert found.numpy().dtype == value.dtype, name
            np.testing.assert_array_equal(found.numpy(), value, name)
        np.testing.assert_array_equal(targets["label"].numpy(), places)


def test_a_large_data_set_is_gathered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = samples()
    rows = np.arange(COUNT)[::-1].copy()
    whole = made.in_order(rows)(10, 20)
    monkeypatch.setattr(samples_module, "_REORDERED_BYTES", 0)
    parts = made.in_order(rows)(10, 20)
    for given, wanted in zip(whole, parts, strict=True):
        for name in given:
            assert torch.equal(given[name], wanted[name])


def padded_share(order: np.ndarray, lengths: np.ndarray, size: int) -> float:
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    places = sum(len(batch) * max(int(lengths[batch].max()), 1) for batch in batches)
    return 1 - lengths[order].sum() / places


def test_batches_are_alike_in_length_and_every_row_comes_once() -> None:
    lengths = drawn(count=5000).lengths
    epochs = Epochs(np.arange(5000), batch_size=32, seed=7, shuffle=True, lengths=lengths)
    plain = Epochs(np.arange(5000), batch_size=32, seed=7, shuffle=True)
    order = epochs.order(0)
    assert sorted(order.tolist()) == list(range(5000))
    assert padded_share(order, lengths, 32) < 0.05
    assert padded_share(plain.order(0), lengths, 32) > 0.4


def test_batches_do_not_come_in_the_order_of_their_lengths() -> None:
    lengths = drawn(count=3200).lengths
    order = Epochs(np.arange(3200), batch_size=32, seed=1, shuffle=True, lengths=lengths).order(0)
    means = lengths[order].reshape(-1, 32).mean(axis=1)
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = drawn().lengths

    def order(seed: int, epoch: int) -> list[int]:
        epochs = Epochs(np.arange(COUNT), batch_size=16, seed=seed, shuffle=True, lengths=lengths)
        return list(epochs.order(epoch).tolist())

    assert order(3, 2) == order(3, 2)
    assert order(3, 2) != order(3, 1)
    assert order(3, 2) != order(4, 2)


def test_the_rows_of_a_batch_change_from_epoch_to_epoch() -> None:
    lengths = drawn(count=3200).lengths
    epochs = Epochs(np.arange(3200), batch_size=32, seed=1, shuffle=True, lengths=lengths)
    first, second = (
        {frozenset(batch) for batch in epochs.order(epoch).reshape(-1, 32).tolist()}
        for epoch in (0, 1)
    )
    assert not first & second


@pytest.mark.parametrize("count", [1, 15, 16, 17, 500])
def test_a_batch_that_is_not_full_stays_last(count: int) -> None:
    rows = np.arange(count)[::-1].copy()
    found = bucketed(rows, drawn(count=count).lengths[rows], 16, seed=2, epoch=0)
    assert sorted(found.tolist()) == list(range(count))
    full = count - count % 16
    np.testing.assert_array_equal(found[full:], rows[full:])


def test_without_shuffling_rows_stay_where_they_are() -> None:
    lengths = drawn().lengths
    epochs = Epochs(np.arange(COUNT), batch_size=16, seed=1, shuffle=False, lengths=lengths)
    np.testing.assert_array_equal(epochs.order(3), np.arange(COUNT))


def test_validation_goes_by_length() -> None:
    made, columns = samples()
    rows = np.arange(100, 300)
    by_length = made.by_length(rows)
    assert sorted(by_length.tolist()) == rows.tolist()
    assert (np.diff(columns["tokens"].lengths[by_length]) >= 0).all()


LENGTHS = """\
dlc: 1
name: Net
blocks:
  Reader:
    inputs: {x: "float[N, T, 4]", many: "int[N]"}
    layers:
      - from: x
        gru: {hidden_size: 3, lengths: many}
inputs: {tokens: "int[N, T]", a: "int[N]", b: "int[N]"}
layers:
  - from: tokens
    embedding: {num_embeddings: 9, embedding_dim: 4}
  - Reader: {many: a}
  - lstm: {hidden_size: 3, lengths: b, return_sequences: false}
    name: read
  - from: b
    embedding: {num_embeddings: 9, embedding_dim: 3}
    name: more
  - from: read + more
    linear: 2
    output: logits
"""


def test_lengths_that_only_recurrent_layers_take_stay_on_the_host() -> None:
    from dlc.compiler import Source, check
    from dlc.runtime.training.host_lengths import host_lengths

    result = check(Source("net.yaml", LENGTHS, "yaml"))
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    assert host_lengths(result.compilation.program) == {"a"}


def test_lengths_on_the_host_are_the_same_lengths() -> None:
    made = Samples(
        {"tokens": drawn()},
        inputs=["tokens", "lengths"],
        targets=[],
        device=torch.device("meta"),
        padding={"tokens": Padding(lengths="lengths")},
        on_host=["lengths"],
    )
    inputs, _ = made.in_order(np.arange(COUNT))(0, 50)
    assert inputs["tokens"].device.type == "meta"
    assert inputs["lengths"].device.type == "cpu"
    np.testing.assert_array_equal(inputs["lengths"], np.maximum(drawn().lengths[:50], 1))
