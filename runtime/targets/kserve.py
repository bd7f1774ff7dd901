"""A manifest by which KServe serves a Triton model repository.

Source: KServe's `serving.kserve.io/v1beta1` InferenceService and its runtime
`kserve-tritonserver`, which takes the Open Inference Protocol.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from dlc.runtime.failures import failure

MANIFEST = "inferenceservice.yaml"
_STORES = ("s3", "gs", "pvc", "https", "http", "hf", "hdfs", "oci", "abfs")
_MEMORY = 512
_TIMES = 4


@dataclass(frozen=True, kw_only=True)
class Service:
    """What is served where: `uri` is the folder that holds the model's folder, `bytes` the size
    of the model, `gpus` how many it takes."""

    name: str
    uri: str
    bytes: int
    gpus: int = 0


def refuse_uri(uri: str | None) -> str:
    """Raises `Failure` E0311 for what KServe does not fetch a model from."""
    if uri is None or not re.match(rf"(?:{'|'.join(_STORES)})://\S+$", uri):
        said = "names no place" if uri is None else f"cannot fetch a model from `{uri}`"
        raise failure(
            "E0311",
            f"a manifest of KServe {said}",
            help="say where you will put the folder: `--storage-uri s3://bucket/models`",
            exit_code=2,
        )
    return uri


def manifest(service: Service) -> str:
    """The text of the InferenceService."""
    memory = _MEMORY + _TIMES * (service.bytes >> 20)
    limits = {"cpu": "2", "memory": f"{2 * memory}Mi"}
    if service.gpus:
        limits["nvidia.com/gpu"] = str(service.gpus)
    lines = [
        "apiVersion: serving.kserve.io/v1beta1",
        "kind: InferenceService",
        "metadata:",
        f"  name: {_label(service.name)}",
        "spec:",
        "  predictor:",
        "    model:",
        "      modelFormat:",
        "        name: onnx",
        "      protocolVersion: v2",
        "      runtime: kserve-tritonserver",
        f"      storageUri: {json.dumps(service.uri)}",
        "      resources:",
        "        requests:",
        '          cpu: "1"',
        f"          memory: {memory}Mi",
        "        limits:",
        *(f"          {key}: {json.dumps(value)}" for key, value in limits.items()),
    ]
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    """A name as Kubernetes takes it: it begins with a letter, and has 63 characters at most."""
    found = name if name[:1].isalpha() else f"model-{name}"
    return found[:63].rstrip("-")
