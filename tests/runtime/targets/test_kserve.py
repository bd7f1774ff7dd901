"""A manifest of KServe, held against the fields that its documentation names."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from dlc.compiler.cli.main import main
from tests.runtime.every_kind import EveryKind

QUANTITY = {"type": "string", "pattern": r"^\d+(m|Mi|Gi)?$"}
RESOURCES = {
    "type": "object",
    "properties": {"cpu": QUANTITY, "memory": QUANTITY, "nvidia.com/gpu": QUANTITY},
    "required": ["cpu", "memory"],
    "additionalProperties": False,
}
#: Of `serving.kserve.io/v1beta1` what a predictor of one model has.
SCHEMA = {
    "type": "object",
    "properties": {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {
            "type": "object",
            "properties": {"name": {"type": "string", "pattern": r"^[a-z]([-a-z0-9]*[a-z0-9])?$"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "spec": {
            "type": "object",
            "properties": {
                "predictor": {
                    "type": "object",
                    "properties": {
                        "model": {
                            "type": "object",
                            "properties": {
                                "modelFormat": {
                                    "type": "object",
                                    "properties": {"name": {"const": "onnx"}},
                                    "required": ["name"],
                                    "additionalProperties": False,
                                },
                                "protocolVersion": {"enum": ["v2", "grpc-v2"]},
                                "runtime": {"const": "kserve-tritonserver"},
                                "storageUri": {"type": "string"},
                                "resources": {
                                    "type": "object",
                                    "properties": {"requests": RESOURCES, "limits": RESOURCES},
                                    "required": ["requests", "limits"],
                                    "additionalProperties": False,
                                },
                            },
                            "required": ["modelFormat", "storageUri"],
                            "additionalProperties": False,
                        }
                    },
                    "required": ["model"],
                    "additionalProperties": False,
                }
            },
            "required": ["predictor"],
            "additionalProperties": False,
        },
    },
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("accelerator", ["cpu", "tensorrt"])
def test_a_manifest_has_the_documented_fields(
    every: EveryKind, tmp_path: Path, accelerator: str
) -> None:
    out = tmp_path / "out"
    given = ["export", str(every.model), "--target", "kserve", "-o", str(out)]
    uri = "s3://bucket/some models/of-us"
    assert (
        main([*given, "--storage-uri", uri.replace(" ", "%20"), "--accelerator", accelerator]) == 0
    )
    found = yaml.safe_load((out / "inferenceservice.yaml").read_text())
    jsonschema.validate(found, SCHEMA)
    model = found["spec"]["predictor"]["model"]
    assert model["storageUri"] == "s3://bucket/some%20models/of-us"
    assert found["metadata"]["name"] == "everykind"
    assert ("nvidia.com/gpu" in model["resources"]["limits"]) == (accelerator == "tensorrt")
    # What is fetched is a repository of Triton.
    assert (out / "everykind" / "config.pbtxt").is_file()
    assert (out / "everykind" / "1" / "model.onnx").is_file()


@pytest.mark.parametrize("uri", [None, "bucket", "s3://", "file:///x", "s3://a b"])
def test_a_place_that_is_none_is_refused(
    every: EveryKind, tmp_path: Path, uri: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ["export", str(every.model), "--target", "kserve", "-o", str(out)]
    assert main(given if uri is None else [*given, "--storage-uri", uri]) == 2
    assert re.search(r"E0311.*KServe", capsys.readouterr().err)
    assert not out.exists()
