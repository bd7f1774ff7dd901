"""`dlc check` of LeNet-5 as a whole cold process, against importing its two parsers."""

from __future__ import annotations

from tests.benchmarks.measure import interleaved, process

ROUNDS = 21


def run() -> list[tuple[str, str]]:
    yardstick = process(["-c", "import yaml, lark"])
    rows = []
    for surface in ("yaml", "dlc"):
        ours = process(["-m", "dlc.compiler.cli.main", "check", f"specs/lenet5.{surface}"])
        ratio = interleaved(ours, yardstick, ROUNDS)
        rows.append(
            (
                f"`dlc check lenet5.{surface}`, whole process, over `import yaml, lark`",
                f"{ratio.text} ({ratio.ours * 1e3:.0f} ms over {ratio.yardstick * 1e3:.0f} ms)",
            )
        )
    return rows
