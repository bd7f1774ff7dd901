"""The queue of a model: nothing waits for company, what waits runs together, the late never."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.serving.batching import Batcher
from dlc.runtime.serving.refusals import Refusal


class Model:
    """Doubles x, and notes how many rows it ran on; each run waits for `gate`."""

    def __init__(self):
        self.sizes = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, columns, rows):
        self.sizes.append(rows)
        assert self.gate.wait(30)
        return {"y": columns["x"] * 2}


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def batcher(model):
    found = Batcher(model, most=8, room=20)
    yield found
    found.close()


def submit(batcher, value, rows=1, key="k", seconds=30.0):
    columns = {"x": np.full((rows, 2), value)}
    return batcher.submit(columns, rows, key, time.monotonic() + seconds)


async def answered(jobs):
    return [float(found["y"][0, 0]) for found in await asyncio.gather(*jobs)]


def test_an_idle_model_runs_what_comes_at_once(model, batcher):
    async def ask():
        return [await submit(batcher, value) for value in range(3)]

    assert [found["y"].shape for found in asyncio.run(ask())] == [(1, 2)] * 3
    assert model.sizes == [1, 1, 1]


def held_back(model, batcher, submits):
    """What comes back of jobs that were queued while the model was busy."""

    async def ask():
        model.gate.clear()
        first = submit(batcher, 100)
        while not model.sizes:
            await asyncio.sleep(0.001)
        jobs = submits()
        model.gate.set()
        assert (await first)["y"][0, 0] == 200
        return await answered(jobs)

    return asyncio.run(ask())


def test_what_waits_shares_batches_of_bounded_size(model, batcher):
    found = held_back(model, batcher, lambda: [submit(batcher, v) for v in range(12)])
    assert found == [2 * v for v in range(12)]
    assert model.sizes == [1, 8, 4]


def test_only_rows_of_one_shape_share_a_batch(model, batcher):
    found = held_back(model, batcher, lambda: [submit(batcher, v, key=v % 2) for v in range(6)])
    assert found == [2 * v for v in range(6)]
    assert model.sizes == [1, 3, 3]


def test_a_request_larger_than_a_batch_runs_by_itself(model, batcher):
    sizes = (3, 20, 3)
    held_back(model, batcher, lambda: [submit(batcher, 1, rows=rows) for rows in sizes])
    assert model.sizes == [1, 3, 20, 3]


def test_what_is_too_late_or_given_up_is_not_run(model, batcher):
    def submits():
        late = submit(batcher, 1, seconds=-1.0)
        gone = submit(batcher, 2)
        gone.cancel()
        kept.append(late)
        return [submit(batcher, 3)]

    kept = []
    assert held_back(model, batcher, submits) == [6]
    assert model.sizes == [1, 1]
    assert batcher.counts.expired == 2
    with pytest.raises(Refusal) as caught:
        kept[0].result()
    assert caught.value.status == 504


def test_a_full_queue_refuses(model, batcher):
    def submits():
        jobs = [submit(batcher, v) for v in range(20)]
        with pytest.raises(Refusal) as caught:
            submit(batcher, 1)
        assert caught.value.status == 503
        assert int(caught.value.headers["retry-after"]) >= 1
        return jobs

    assert len(held_back(model, batcher, submits)) == 20
    assert batcher.waiting == 0


def test_a_model_that_mixes_its_rows_runs_requests_one_by_one():
    sizes = []

    def total(columns, rows):
        sizes.append(rows)
        time.sleep(0.05)
        return {"y": np.array([[columns["x"].sum()]])}

    batcher = Batcher(total, most=8, room=20)

    async def ask():
        return await answered([submit(batcher, v) for v in (1, 2, 3, 4)])

    assert asyncio.run(ask()) == [2, 4, 6, 8]
    assert not batcher.together
    batcher.close()


def test_ragged_columns_are_joined():
    seen = []

    def lengths(columns, rows):
        seen.append(rows)
        time.sleep(0.05)
        return {"y": columns["x"].lengths[:, None]}

    batcher = Batcher(lengths, most=8, room=20)

    async def ask():
        jobs = [
            batcher.submit({"x": Ragged.from_rows([[1] * n])}, 1, "k", time.monotonic() + 30)
            for n in (3, 0, 5, 1)
        ]
        return await answered(jobs)

    assert asyncio.run(ask()) == [3, 0, 5, 1]
    assert len(seen) < 4
    batcher.close()
