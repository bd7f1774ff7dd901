"""Each finding of the audit: found where it was planted, silent where it was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from dlc.compiler import Compilation, Source, check
from dlc.compiler.data_lints import data_lints
from dlc.runtime.data.audit.cells import TextCodes, lists_in, numbers_in
from dlc.runtime.data.audit.diagnose import diagnostics
from dlc.runtime.data.audit.examine import examine
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings import Finding, checks, find
from dlc.runtime.data.audit.findings.drift_between_parts import chi2_chance, ks_chance, ks_distance
from dlc.runtime.data.audit.profile import Moments
from dlc.runtime.data.audit.reading import Scan
from dlc.runtime.data.dataset import prepare
from dlc.runtime.data.splits import PARTS
from dlc.runtime.failures import Failure

Columns = dict[str, Any]

ROWS = 600
SPEC = """\
dlc: 1
inputs:
  x: float[N, 4]
layers:
  - linear: 2
    output: y
targets:
  t: int[N]
data:
  source: rows.parquet
  columns: {x: "f_*", t: label}
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: t}
preprocess: {x: standardize}
loss: cross_entropy(y, t)
optimizer: sgd(lr=0.1)
"""


def rows(count: int = ROWS) -> Columns:
    """Two clouds far from each other, in four columns of six digits."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2
    columns: Columns = {
        f"f_{i}": np.round(rng.standard_normal(count) + 8 * label, 6) for i in range(4)
    }
    return columns | {"label": np.array(["no", "yes"], object)[label]}


def compiled(folder: Path, spec: str) -> Compilation:
    place = folder / "spec.yaml"
    place.write_text(spec)
    result = check(Source("spec.yaml", spec), path=place)
    assert result.compilation is not None, result.diagnostics
    return result.compilation


def facts_of(folder: Path, columns: Columns, spec: str = SPEC) -> Facts:
    table = pa.table(columns)
    parquet.write_table(table, folder / "rows.parquet")
    csv.write_csv(table, folder / "rows.csv")
    return examine(compiled(folder, spec))


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    def run(columns: Columns, spec: str = SPEC) -> dict[str, Finding]:
        return {f.code.number: f for f in find(facts_of(tmp_path, columns, spec))}

    return run


Found = Callable[..., dict[str, Finding]]


def test_there_is_nothing_to_say_of_data_without_fault(found: Found) -> None:
    assert found(rows()) == {}


def test_checks_are_in_the_order_of_their_codes() -> None:
    numbers = [check.CODE.number for check in checks()]
    assert numbers == sorted(numbers)
    numbers += [lint.CODE.number for lint in data_lints()]
    assert {n for n in numbers if n.startswith("W")} == {f"W02{i:02}" for i in range(1, 15)}


def test_values_that_are_no_numbers_are_errors_with_the_first_of_them(found: Found) -> None:
    columns = rows()
    texts = [str(value) for value in columns["f_1"]]
    texts[7] = texts[40] = "n.a."
    (finding,) = found(columns | {"f_1": texts}).values()
    assert finding.code.number == "E0606"
    assert finding.message == "2 values of column `f_1` (0.33 %) are no finite number"
    assert finding.notes == ("the first is `n.a.`, in row 8",)


def test_infinite_numbers_are_none(found: Found) -> None:
    columns = rows()
    columns["f_1"][3] = np.inf
    assert found(columns)["E0606"].rows == (4,)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_values_are_found_unless_a_step_fills_them(found: Found, missing: Any) -> None:
    columns = rows()
    values = list(columns["f_2"])
    for row in (10, 11, 12):
        values[row] = missing
    columns["f_2"] = values
    finding = found(columns)["W0201"]
    assert finding.message == "3 values of column `f_2` are missing (0.5 %)"
    assert finding.rows == (11,)
    filled = SPEC.replace("{x: standardize}", "{x: [impute, standardize]}")
    assert "W0201" not in found(columns, filled)


def test_a_missing_class_is_found(found: Found) -> None:
    columns = rows()
    columns["label"][5] = None
    finding = found(columns)["W0201"]
    assert finding.about == "t"
    assert finding.help == "leave such rows out: `where: label != null`"
    assert "W0201" not in found(columns, SPEC.replace("  split", "  where: label != null\n  split"))


def test_a_constant_column_is_found(found: Found) -> None:
    (finding,) = found(rows() | {"f_3": np.full(ROWS, 2.5)}).values()
    assert finding.code.number == "W0202"
    assert finding.message == "column `f_3` is `2.5` in every row"


def test_a_constant_target_is_found(found: Found) -> None:
    finding = found(rows() | {"label": ["yes"] * ROWS})["W0202"]
    assert finding.message == "the target `t` is `yes` in every row"


def test_equal_columns_are_found(found: Found) -> None:
    columns = rows()
    (finding,) = found(columns | {"f_3": columns["f_0"]}).values()
    assert finding.code.number == "W0203"
    assert finding.message == "columns `f_0` and `f_3` are equal in every row"


def test_columns_that_hold_the_same_numbers_in_another_order_are_not_equal(found: Found) -> None:
    columns = rows()
    halves = columns["label"] == "no"
    swapped = columns["f_0"].copy()
    swapped[halves] = swapped[halves][::-1]
    assert found(columns | {"f_3": swapped}) == {}


def test_the_answer_among_the_inputs_is_found(found: Found) -> None:
    label = np.arange(ROWS) % 2
    finding = found(rows() | {"f_3": label.astype(np.float64), "label": label})["W0203"]
    assert finding.message == "column `f_3` of `x` is the target `t`"


def test_copies_of_rows_are_found_and_told_apart_by_part(found: Found) -> None:
    columns = {name: np.concatenate([values, values[:30]]) for name, values in rows().items()}
    findings = found(columns)
    assert set(findings) == {"W0204", "W0205"}
    assert findings["W0204"].message == "30 rows are copies of others (4.8 %)"
    assert findings["W0204"].notes == ("rows 1 and 601 are equal",)
    counts = findings["W0205"].numbers["rows_in"]
    assert counts["validation"] > 0
    assert counts["test"] > 0


def test_copies_in_one_part_do_not_leak(found: Found) -> None:
    columns = {name: np.concatenate([values, values[:30]]) for name, values in rows().items()}
    columns["who"] = np.concatenate([np.arange(ROWS), np.arange(30)])
    grouped = SPEC.replace("stratify: t", "group: who")
    assert set(found(columns, grouped)) == {"W0204"}


def test_rows_that_agree_by_chance_are_no_copies(found: Found) -> None:
    columns = rows()
    coarse = {name: np.round(values) for name, values in columns.items() if name != "label"}
    assert found(columns | coarse) == {}


def test_equal_inputs_with_different_classes_are_found(found: Found) -> None:
    columns = {name: np.concatenate([values, values[:12]]) for name, values in rows().items()}
    columns["label"][ROWS:] = np.where(columns["label"][:12] == "no", "yes", "no")
    findings = found(columns)
    assert findings["W0206"].message == "24 rows (3.9 %) have equal inputs and different `t`"
    assert findings["W0206"].notes == (
        "equal inputs in rows 1 and 601: row 1 is `no`, row 601 is `yes`",
    )
    assert "W0204" not in findings


def test_a_class_that_no_neighbour_has_is_found(found: Found) -> None:
    columns = rows()
    columns["label"][[100, 201]] = ["yes", "no"]
    (finding,) = found(columns).values()
    assert finding.code.number == "W0207"
    assert finding.rows == (101, 202)
    assert finding.notes == ("row 101 is `yes`, and all 10 rows most like it are `no`",)


def test_classes_that_no_neighbour_tells_are_not_wrong(found: Found) -> None:
    rng = np.random.default_rng(1)
    assert found(rows() | {"label": rng.permutation(rows()["label"])}) == {}


def skewed() -> Columns:
    columns = rows()
    kept = np.flatnonzero((columns["label"] == "no") | (np.arange(ROWS) < 60))
    return {name: values[kept] for name, values in columns.items()}


def test_classes_of_unlike_sizes_are_found_with_the_weights_that_undo_it(found: Found) -> None:
    (finding,) = found(skewed()).values()
    assert finding.code.number == "W0208"
    assert finding.numbers["weights"] == {"no": 0.55, "yes": 5.5}
    assert finding.help is not None
    assert finding.help.startswith("`weight=balanced`")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss: cross_entropy(y, t)", 'loss: "cross_entropy(y, t, weight=[0.55, 5.5])"'),
        ("loss: cross_entropy(y, t)", "loss: cross_entropy(y, t, weight=balanced)"),
        ("  split", "  balance: t\n  split"),
    ],
)
def test_classes_that_are_weighed_or_balanced_are_no_finding(
    found: Found, old: str, new: str
) -> None:
    assert found(skewed(), SPEC.replace(old, new)) == {}


def test_a_number_far_out_is_found(found: Found) -> None:
    columns = rows()
    columns["f_1"][77] = -4000.0
    (finding,) = found(columns).values()
    assert finding.code.number == "W0209"
    assert finding.rows == (78,)
    assert finding.message == "1 number lies far from all others in column `f_1`"
    clipped = SPEC.replace("{x: standardize}", '{x: ["clip(-10, 20)", standardize]}')
    assert found(columns, clipped) == {}


def test_a_number_that_stands_for_missing_is_told(found: Found) -> None:
    columns = rows()
    columns["f_1"][:24] = -999.0
    assert "-999 is there 24 times: a code for missing?" in found(columns)["W0209"].notes[0]


def test_a_long_tail_is_no_outlier(found: Found) -> None:
    columns = rows()
    tail = np.random.default_rng(2).lognormal(0, 1.5, ROWS)
    assert found(columns | {"f_1": tail + 100 * (columns["label"] == "yes")}) == {}


def test_scales_a_hundredfold_apart_are_found_unless_a_step_undoes_them(found: Found) -> None:
    columns = rows()
    columns["f_3"] = columns["f_3"] * 1e4
    plain = SPEC.replace("preprocess: {x: standardize}\n", "")
    (finding,) = found(columns, plain).values()
    assert finding.code.number == "W0210"
    assert finding.message.startswith("`f_3` varies ")
    assert found(columns) == {}
    assert found(columns, plain.replace("  - linear: 2", "  - batch_norm1d\n  - linear: 2")) == {}


def test_parts_that_differ_are_found(found: Found) -> None:
    columns = rows()
    columns["f_0"] = columns["f_0"] + np.linspace(0, 20, ROWS)
    columns["when"] = np.arange(ROWS)
    in_time = SPEC.replace("stratify: t", "time: when")
    (finding,) = found(columns, in_time).values()
    assert finding.code.number == "W0211"
    assert (
        finding.message == "column `f_0` of `x` differs between `train` and `validation` and `test`"
    )
    assert found(columns) == {}


def test_categories_that_differ_between_parts_are_found(found: Found) -> None:
    columns = rows()
    columns["city"] = np.where(np.arange(ROWS) < 400, "Oslo", "Rome").astype(object)
    columns["when"] = np.arange(ROWS)
    spec = SPEC.replace("x: float[N, 4]", "x: float[N, 4]\n  c: int[N]")
    spec = spec.replace(
        "  - linear: 2",
        "  - from: c\n    embedding: {num_embeddings: 3, embedding_dim: 2}\n    name: v\n"
        "  - from: [x, v]\n    concat: {dim: 1}\n  - linear: 2",
    )
    spec = spec.replace("t: label", "c: city, t: label").replace(
        "x: standardize", "x: standardize, c: vocabulary"
    )
    findings = found(columns, spec.replace("stratify: t", "time: when"))
    assert set(findings) == {"W0211"}
    assert "city" in findings["W0211"].notes[0]
    assert found(columns, spec) == {}


# ── where findings stand ─────────────────────────────────────────────────────


def test_a_finding_stands_at_the_entry_of_the_spec_and_a_comment_silences_it(
    tmp_path: Path,
) -> None:
    facts = facts_of(tmp_path, rows() | {"f_3": np.ones(ROWS)})
    ((_, diagnostic),) = diagnostics(find(facts), facts.compilation)
    assert diagnostic.primary is not None
    assert str(diagnostic.primary.span) == "spec.yaml:11:13"
    allowed = SPEC.replace("t: label}", "t: label}  # dlc: allow[constant-column]")
    quiet = compiled(tmp_path, allowed)
    assert diagnostics(find(examine(quiet)), quiet) == ()


# ── the pass itself ──────────────────────────────────────────────────────────


def test_the_facts_do_not_depend_on_the_chunks_nor_on_the_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = rows()
    whole = facts_of(tmp_path, columns).record()
    of_text = facts_of(tmp_path, columns, SPEC.replace(".parquet", ".csv")).record()
    monkeypatch.setattr(Scan, "chunk_rows", staticmethod(lambda columns: 7))
    pieces = facts_of(tmp_path, columns).record()
    for other in (of_text, pieces):
        for column, same in zip(whole["columns"], other["columns"], strict=True):
            assert column.keys() == same.keys()
            for key in ("missing", "low", "high", "quartiles", "values", "distinct"):
                assert column.get(key) == same.get(key), key
            np.testing.assert_allclose(column.get("mean", 0), same.get("mean", 0), rtol=1e-12)
        assert other["parts"] == whole["parts"]


def test_a_sample_is_the_same_whatever_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlc.runtime.data.audit.reading._MOST_SAMPLED", 300)
    whole = facts_of(tmp_path, rows()).sample
    monkeypatch.setattr(Scan, "chunk_rows", staticmethod(lambda columns: 64))
    pieces = facts_of(tmp_path, rows()).sample
    assert len(whole) == 300
    np.testing.assert_array_equal(whole.places, pieces.places)
    np.testing.assert_array_equal(whole.numbers["f_0"], pieces.numbers["f_0"])


def test_parts_are_those_of_training(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, rows())
    compilation = facts.compilation
    graph = compilation.program.graph
    assert compilation.settings.data is not None
    data = prepare(
        compilation.settings.data,
        inputs={name: graph.values[name] for name in graph.inputs},
        targets=dict(compilation.program.targets),
        root=tmp_path,
    )
    for index, part in enumerate(PARTS):
        np.testing.assert_array_equal(
            np.flatnonzero(facts.part_of == index), data.division.part(part)
        )


def test_rows_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    columns = rows()
    columns["f_1"][500] = -1e6
    spec = SPEC.replace("  split", "  where: f_0 > 4\n  split")
    facts = facts_of(tmp_path, columns, spec)
    (column,) = (c for c in facts.columns if c.name == "f_1")
    assert column.spread is None or column.spread.low_row != 501
    spec = SPEC.replace("  split", "  where: f_0 < 4\n  split")
    (column,) = (c for c in facts_of(tmp_path, columns, spec).columns if c.name == "f_1")
    assert column.spread is not None
    assert (column.spread.low, column.spread.low_row) == (-1e6, 501)


def test_a_missing_column_and_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="matches no column"):
        facts_of(tmp_path, {"a": [1.0]})
    with pytest.raises(Failure, match="has no rows"):
        facts_of(tmp_path, rows(), SPEC.replace("  split", "  where: f_0 > 1e9\n  split"))


# ── cells and measures ───────────────────────────────────────────────────────


def test_lists_differ_by_order_and_by_length() -> None:
    lists = pa.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.0, 0.0], None])
    prints = lists_in(lists).prints().tolist()
    assert prints[0] == prints[2]
    assert len(set(prints)) == 4
    fixed = pa.array([[1, 2], [2, 1], [1, 2]], pa.list_(pa.int8(), 2))
    assert len(set(lists_in(fixed).prints().tolist())) == 2


def test_texts_have_the_same_codes_whatever_the_chunks() -> None:
    texts = pa.array(["b", None, "a", "b", "c", "a"])
    whole, pieces = TextCodes(), TextCodes()
    codes, prints = whole.add(texts)
    parts = [pieces.add(texts.slice(start, 2)) for start in (0, 2, 4)]
    np.testing.assert_array_equal(codes, np.concatenate([code for code, _ in parts]))
    np.testing.assert_array_equal(prints, np.concatenate([p for _, p in parts]))
    assert pieces.counts == {"b": 2, "a": 2, "c": 1}


def test_numbers_keep_what_is_missing_and_what_cannot_be_read_apart() -> None:
    cells = numbers_in(pa.array(["1", None, "x", "inf", "2.5"]))
    assert cells.missing.tolist() == [False, True, False, False, False]
    assert cells.unreadable.tolist() == [False, False, True, True, False]
    assert cells.numbers[[0, 4]].tolist() == [1.0, 2.5]


def test_moments_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    values = 1e6 + rng.standard_normal((1000, 3))
    values[rng.random((1000, 3)) < 0.2] = np.nan
    moments = Moments(3)
    for start in range(0, 1000, 170):
        moments.add(values[start : start + 170], np.arange(start, min(start + 170, 1000)))
    np.testing.assert_allclose(moments.mean, np.nanmean(values, axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.std, np.nanstd(values, axis=0), rtol=1e-9)
    np.testing.assert_array_equal(moments.low_row, np.nanargmin(values, axis=0))


def test_chances_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal(400), rng.standard_normal(300) + 0.15
    known = stats.ks_2samp(a, b, method="asymp")
    assert ks_distance(a, b) == pytest.approx(known.statistic)
    assert ks_chance(known.statistic, 400, 300) == pytest.approx(known.pvalue, rel=0.15)
    counts = np.array([[90, 60, 50], [70, 80, 50]])
    exact = stats.chi2_contingency(counts, correction=False).pvalue
    assert chi2_chance(counts[0], counts[1]) == pytest.approx(exact, rel=0.05)


# ── real data: what is said of it is true, and little ─────────────────────────


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iris", {"W0204", "W0205"}),  # rows 102 and 143 are the same flower
        ("wine", set()),
        ("breast_cancer", {"W0207"}),
        ("diabetes", set()),
    ],
)
def test_little_is_said_of_data_that_is_known(
    tmp_path: Path, name: str, expected: set[str]
) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    data = getattr(datasets, f"load_{name}")()
    columns: Columns = {f"f_{i}": values for i, values in enumerate(data.data.T)}
    columns["label"] = data.target
    width, classes = data.data.shape[1], len(set(data.target.tolist()))
    spec = SPEC.replace("float[N, 4]", f"float[N, {width}]")
    if name == "diabetes":
        spec = spec.replace("int[N]", "float[N, 1]").replace("cross_entropy", "mse_loss")
        spec = spec.replace("linear: 2", "linear: 1").replace(", stratify: t", "")
    else:
        spec = spec.replace("linear: 2", f"linear: {classes}")
    found = list(find(facts_of(tmp_path, columns, spec)))
    assert {finding.code.number for finding in found} == expected
    assert all(len(finding.rows) <= 4 for finding in found)


def test_data_by_name_of_column_has_its_findings_at_the_source(tmp_path: Path) -> None:
    columns = rows()
    columns = {"x": columns["f_0"], "t": columns["label"]}
    columns["x"][3] = 1e7
    spec = SPEC.replace("float[N, 4]", "float[N, 1]").replace(
        '  columns: {x: "f_*", t: label}\n', ""
    )
    facts = facts_of(tmp_path, columns, spec)
    ((_, diagnostic),) = diagnostics(find(facts), facts.compilation)
    assert diagnostic.primary is not None
    assert diagnostic.primary.span.text == "rows.parquet"
