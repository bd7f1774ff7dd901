"""What a spec may expand to: layers, steps, depth and sizes are bounded."""

from __future__ import annotations

import time

import pytest
from checking import check_dlc, check_net, check_yaml, codes, compiled, kinds, only

from dlc.compiler import Result
from dlc.compiler.components import registry
from dlc.compiler.components.arguments import IntType, UnionType
from dlc.compiler.components.base import arguments
from dlc.compiler.lowering import budget

HANG = 60.0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, a hundred times lower: what is tested is where they are held."""
    monkeypatch.setattr(budget, "MAX_LAYERS", 1_000)
    monkeypatch.setattr(budget, "MAX_STEPS", 10_000)


def nested(depth: int, inner: str, count: str = "100000") -> str:
    return f"repeat {count} {{ " * depth + inner + " }" * depth


def chain(length: int, calls: int = 1) -> str:
    """Blocks of which each calls the one before so many times."""
    blocks = ["block B0 { relu }"]
    for i in range(1, length):
        blocks.append(f"block B{i} {{\n" + f"B{i - 1}\n" * calls + "}")
    return "\n".join(blocks)


def refused(result: Result, code: str) -> None:
    assert only(result).code.number == code, only(result).message


@pytest.mark.parametrize(
    "body",
    [
        nested(2, "relu"),
        nested(50, "relu"),
        nested(2, "if 1 == 2 { relu }"),
        nested(3, ""),
        "a = relu; repeat 100 { " + "a + " * 100 + "a -> relu }",
        "repeat 100 as i { B(i) }",
    ],
    ids=["layers", "deep", "untaken", "empty", "flow", "blocks"],
)
@pytest.mark.usefixtures("small")
def test_expansion_stops_at_its_limit(body: str) -> None:
    head = "block B(i: int) { repeat 100 { relu } }"
    refused(check_net(f"{body}; output y = relu", head=head), "E0502")


def test_the_limit_is_a_hundred_thousand_layers() -> None:
    started = time.process_time()
    refused(check_net(nested(1, "relu") + "; output y = relu"), "E0502")
    assert time.process_time() - started < HANG


def test_layers_of_a_block_count_as_often_as_it_is_called() -> None:
    # Ten to the power of nineteen layers in twenty graphs.
    refused(check_net("B19; output y = relu", head=chain(20, calls=10)), "E0502")
    assert len(kinds(check_net("B3; output y = relu", head=chain(4, calls=10)))) == 1_001


@pytest.mark.parametrize("count", ["1000000000", "10**9", "2**53"])
def test_a_repeat_has_a_highest_count(count: str) -> None:
    refused(check_net(f"repeat {count} {{ relu }}; output y = relu"), "E0502")


@pytest.mark.parametrize("length", [100, 2_000])
def test_blocks_inside_blocks_have_a_highest_depth(length: int) -> None:
    result = check_net(f"B{length - 1}; output y = relu", head=chain(length))
    refused(result, "E0110")


def test_sixty_blocks_inside_each_other_work_from_deep_in_a_stack() -> None:
    expression = "8 + (" + "**".join(["1"] * 180) + ") * 0"
    head = chain(60).replace("relu", f"linear({expression})")

    def deeper(levels: int) -> Result:
        if levels:
            return deeper(levels - 1)
        return check_net("B59; output y = relu", head=head)

    compilation = compiled(deeper(150))
    assert compilation.program.parameter_count == 72
    assert compilation.digest


def test_control_steps_inside_each_other_have_a_highest_depth() -> None:
    body = "residual { " * 60 + "relu" + " }" * 60
    assert check_net(f"{body}; output y = relu").ok
    head = f"block B {{ {body} }}\nblock C {{ residual {{ residual {{ residual {{ B }} }} }} }}"
    assert codes(check_net("C; output y = relu", head=head)) == ["E0110"]


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        ("repeat 1000 { a = relu\n [a, a] -> concat(dim=1) }", "x: float[N, 8]"),
        (
            "repeat 1000 { a = relu\n b = max_pool1d(3, ceil_mode=true)\n[a, b] -> concat(dim=2) }",
            "x: float[N, 3, T]",
        ),
        ("flatten", "x: float[N, 9007199254740991, 9007199254740991]"),
    ],
    ids=["doubling", "halves", "product"],
)
def test_a_size_that_grows_without_end_is_refused_or_stays_small(body: str, inputs: str) -> None:
    started = time.process_time()
    result = check_net(f"{body}; output y = relu", inputs=inputs)
    assert time.process_time() - started < HANG
    assert len(result.diagnostics) <= 1
    assert set(codes(result)) <= {"E0110", "E0403"}


@pytest.mark.parametrize(
    "grow", ["4 * D{0}", "D{0} * D{0}", "D{0} + D{0} // 3"], ids=["coefficient", "degree", "parts"]
)
def test_derived_dims_cannot_grow_without_end(grow: str) -> None:
    dims = [f"dim D{i + 1} = {grow.format(i)}" for i in range(200)]
    result = check_net("output y = relu", head="; ".join(["dim D0 = 1..3", *dims]))
    assert codes(result) == ["E0307"]


def test_huge_arguments_are_refused_or_cost_nothing() -> None:
    shapes = ["float[N, 8]", "float[N, 3, 8]", "float[N, 3, 8, 8]", "float[N, 3, 8, 8, 8]"]
    shapes.append("int[N, T]")
    started = time.process_time()
    for name in registry.names("op"):
        table = arguments(registry.load("op", name))
        for key, spec in table.items():
            options = spec.type.options if isinstance(spec.type, UnionType) else (spec.type,)
            if not any(isinstance(option, IntType) for option in options):
                continue
            required = {k: "2" for k, s in table.items() if s.required}
            given = ", ".join(f"{k}={v}" for k, v in (required | {key: str(2**53 - 1)}).items())
            for shape in shapes:
                check_net(f"output y = {name}({given})", inputs=f"x: {shape}")
    assert time.process_time() - started < HANG


@pytest.mark.parametrize(
    "text",
    [
        "dlc 1\n" + "model N {\n input x: float[N, 8]\n" + "linear(0)\n" * 3_000 + "}\n",
        "dlc 1\n" + "model N {\n input x: float[N, 8]\n" + "linaer(3)\n" * 3_000 + "}\n",
        "dlc 1\n"
        + "model N {\n input x: float[N, 8]\n"
        + "".join(f"a{i} = relu\n" for i in range(1_000))
        + "".join(f"zz{i} -> relu\n" for i in range(1_000))
        + "}\n",
    ],
    ids=["values", "ops", "names"],
)
def test_a_file_full_of_mistakes_is_answered_and_counted(text: str) -> None:
    started = time.process_time()
    result = check_dlc(text)
    assert time.process_time() - started < HANG
    assert len(result.diagnostics) == 200
    assert result.dropped >= 799


def test_a_flat_spec_of_many_layers_is_no_deeper_than_a_short_one() -> None:
    text = 'dlc: 1\ninputs: {x: "float[N, 8]"}\nlayers:\n' + "  - relu\n" * 5_000
    assert codes(check_yaml(text)) == ["E0411"]
