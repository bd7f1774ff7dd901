"""What the files of a bundle are called.

    manifest.json         SHA-256 and size of every other file; makes the folder a bundle
    model.onnx            raw input to label
    core.onnx             the network alone: prepared tensors to logits
    *.data                weights of either that one ONNX file cannot hold
    resolved.yaml         the spec, fully resolved
    labels.json           class names by output
    host.json             what is done to each input before the file takes it
    X.tokenizer.json      the tokenizer of the input X
    session.json          how the model is run: provider, threads, and so on
    golden.json           inputs with the outputs that they must give: texts, tolerance
    golden.safetensors    the same: numbers
    README.md             the model card

All names are flat. No file holds a path of the machine, a date, a host or a user, so that
equal runs give equal bundles, byte for byte.
"""

from __future__ import annotations

from dlc.runtime.data.preprocessing import TOKENIZER_FILE

#: Of the manifest. Readers refuse a number that they do not know.
FORMAT = "dlc-bundle/1"

MANIFEST = "manifest.json"
MODEL = "model.onnx"
CORE = "core.onnx"
SPEC = "resolved.yaml"
LABELS = "labels.json"
HOST = "host.json"
SESSION = "session.json"
GOLDEN = "golden.json"
GOLDEN_TENSORS = "golden.safetensors"
CARD = "README.md"
OUTSIDE = ".data"


def tokenizer_name(input: str) -> str:
    """The file of an input's tokenizer, which other programs read, too."""
    return f"{input}{TOKENIZER_FILE}"
