"""What a model takes and gives, as the protocol says it.

An input has one or two forms: that of the file, and, where its metadata says that texts or
pictures go through steps on the host, a raw one of BYTES, whose steps the server does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.texts import takes_texts
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.serving.datatypes import BYTES, NAMES
from dlc.runtime.serving.limits import Limits
from dlc.runtime.serving.refusals import bad, quoted

#: A size that requests decide.
ANY = -1
#: The symbol of the first size of every input. No spec can declare it.
ROWS = "(rows)"


@dataclass(frozen=True, kw_only=True)
class TensorForm:
    """A tensor by name: a datatype of the protocol and its sizes, the batch included. `symbols`
    name those that are open, so that equal names mean equal sizes."""

    name: str
    datatype: str
    dims: tuple[int, ...]
    symbols: tuple[str, ...] = ()

    def metadata(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.dims)}


@dataclass(frozen=True, kw_only=True)
class InputForm:
    """An input. `raw` is the form of BYTES, if there is one: `what` says of what, "texts" or
    "pictures". `filled` are inputs that its steps fill."""

    tensor: TensorForm
    raw: TensorForm | None = None
    what: str = ""
    columns: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.tensor.name

    @property
    def described(self) -> TensorForm:
        """The form that metadata show: texts raw, as tokens mean nothing to a client; pictures
        as pixels, which a client can make without knowing a format of files."""
        return self.raw if self.raw is not None and self.what == "texts" else self.tensor


@dataclass(frozen=True, kw_only=True)
class Forms:
    """All inputs and outputs of a model, in the order of the file."""

    inputs: Mapping[str, InputForm]
    outputs: Mapping[str, TensorForm]

    @property
    def filled(self) -> frozenset[str]:
        """The inputs that a raw one fills."""
        return frozenset(name for form in self.inputs.values() for name in form.filled)

    def described(self) -> list[TensorForm]:
        """The inputs that metadata show: those that cannot be left out."""
        filled = self.filled
        return [form.described for name, form in self.inputs.items() if name not in filled]


def forms_of(predictor: Predictor) -> Forms:
    """The forms of a model file. Raises `Failure` E0610 for an output that no datatype names."""
    inputs = {}
    for name, type_ in predictor.types.items():
        inputs[name] = _input(predictor, name, type_)
    outputs = {}
    for output in predictor.session.session.get_outputs():
        outputs[output.name] = TensorForm(
            name=output.name,
            datatype=_datatype(output.type),
            dims=tuple(dim if isinstance(dim, int) else ANY for dim in output.shape),
            symbols=tuple("" if isinstance(dim, int) else str(dim) for dim in output.shape),
        )
    return Forms(inputs=inputs, outputs=outputs)


def _input(predictor: Predictor, name: str, type_: TensorType) -> InputForm:
    feeding = predictor.feeding
    tensor = _form(name, type_)
    given = predictor.info.inputs.get(name)
    if given is None or feeding.fills(name):
        return InputForm(tensor=tensor)
    padding = feeding.paddings.get(name)
    filled = padding.filled if padding is not None else ()
    if given.pictures:
        raw = TensorForm(name=name, datatype=BYTES, dims=(ANY,), symbols=(ROWS,))
        return InputForm(tensor=tensor, raw=raw, what="pictures", columns=given.columns)
    declared = feeding.declared(name, type_)
    texts = takes_texts(given.host) or (bool(given.host) and declared.dtype is DType.STRING)
    if not texts and not given.tokenizer:
        return InputForm(tensor=tensor, columns=given.columns)
    sizes = declared.shape[1:]
    if not sizes and len(given.columns) > 1:
        sizes = (len(given.columns),)
    dims = tuple(size if isinstance(size, int) else ANY for size in sizes)
    raw = TensorForm(name=name, datatype=BYTES, dims=(ANY, *dims), symbols=(ROWS,))
    return InputForm(tensor=tensor, raw=raw, what="texts", columns=given.columns, filled=filled)


def _form(name: str, type_: TensorType) -> TensorForm:
    dims = tuple(dim if isinstance(dim, int) else ANY for dim in type_.shape)
    symbols = tuple("" if isinstance(dim, int) else str(dim) for dim in type_.shape)
    # The first size is that of the batch, even where the file has a fixed one: a batch of
    # another size is run in pieces.
    return TensorForm(
        name=name, datatype=NAMES[type_.dtype], dims=(ANY, *dims[1:]), symbols=(ROWS, *symbols[1:])
    )


_ONNX = {"float": DType.FLOAT32, "double": DType.FLOAT64}


def _datatype(element: str) -> str:
    from dlc.runtime.failures import failure

    word = element.removeprefix("tensor(").removesuffix(")")
    try:
        return NAMES[_ONNX.get(word) or DType(word)]
    except (KeyError, ValueError):
        raise failure(
            "E0610",
            f"an output is `{element}`, which the Open Inference Protocol has no name for",
            help="export the model with outputs of numbers, flags or texts",
        ) from None


# ── what a request gives ─────────────────────────────────────────────────────


def refuse_shape(form: TensorForm, shape: tuple[int, ...], limits: Limits) -> None:
    """Raises `Refusal` 400 for sizes that the form does not have."""
    fits = len(shape) == len(form.dims) and all(
        wanted in (ANY, size) for size, wanted in zip(shape, form.dims, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if dim == ANY else str(dim) for dim in form.dims)
        raise bad(f"input {quoted(form.name)}: a shape of {list(shape)[:8]}, not [{wanted}]")
    if shape and shape[0] > limits.rows:
        raise bad(f"input {quoted(form.name)}: {shape[0]} rows, and a request has {limits.rows}")
    for size, dim in zip(shape[1:], form.dims[1:], strict=True):
        if dim == ANY and size > limits.dim:
            raise bad(f"input {quoted(form.name)}: a size of {size}, and {limits.dim} are taken")
    if 0 in shape:
        raise bad(f"input {quoted(form.name)}: a shape of {list(shape)[:8]} holds nothing")


def refuse_different(given: Mapping[str, tuple[TensorForm, tuple[int, ...]]]) -> int:
    """The rows of a request. Raises `Refusal` 400 where inputs differ in a size that is one."""
    sizes: dict[str, tuple[int, str]] = {}
    for name, (form, shape) in given.items():
        for symbol, size in zip(form.symbols, shape, strict=False):
            if not symbol or symbol == "None":
                continue
            other, first = sizes.setdefault(symbol, (size, name))
            if other != size:
                raise bad(
                    f"inputs {quoted(first)} and {quoted(name)} differ: {other} and {size} where "
                    "both have one size"
                )
    return sizes[ROWS][0]
