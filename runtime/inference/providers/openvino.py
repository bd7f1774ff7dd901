"""OpenVINO, as a provider of onnxruntime or by its own package."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, ClassVar

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers.base import CPU, Provider, Request
from dlc.runtime.inference.providers.facts import GraphFacts

EXECUTION = "OpenVINOExecutionProvider"


class OpenVino(Provider):
    """OpenVINO on the processor.

    `onnxruntime-openvino` brings it as a provider, and takes the place of any other
    onnxruntime; the package `openvino` stands beside it and runs the file itself.
    """

    name: ClassVar[str] = "openvino"
    title: ClassVar[str] = "OpenVINO"
    execution: ClassVar[str] = EXECUTION

    def why_not(self, runtime: Any) -> str:
        if self.within(runtime) or importlib.util.find_spec("openvino") is not None:
            return ""
        return "OpenVINO is not installed: pip install 'dlc[openvino]'"

    def within(self, runtime: Any) -> bool:
        """Whether onnxruntime itself has it."""
        return EXECUTION in runtime.get_available_providers()

    def refuses(self, facts: GraphFacts) -> str:
        # Measured with 2026.4 on a CPU: every row is taken to be as long as the longest, and
        # nothing is said. `test_openvino.py` tells when that ends.
        return "it ignores the lengths that a recurrent layer takes" if facts.lengths else ""

    def requests(self, facts: GraphFacts, settings: SessionSettings) -> Sequence[Request]:
        options = {"device_type": "CPU"}
        if not facts.half:
            # Where the processor has it, OpenVINO computes in bfloat16 unless told otherwise.
            options["precision"] = "ACCURACY"
        if settings.intra_op_threads:
            options["num_of_threads"] = str(settings.intra_op_threads)
        return (Request(entries=((EXECUTION, options), (CPU, {}))),)
