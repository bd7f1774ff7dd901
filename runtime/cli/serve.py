"""`dlc serve`: model files behind HTTP and gRPC."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlc.compiler.cli.output import add_common
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.runtime.serving.catalogue import Catalogue
    from dlc.runtime.serving.server import Address

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc serve runs/digits
         dlc serve digits=runs/digits/model.onnx spam=bundle --port 8000

The Open Inference Protocol v2: REST, and gRPC beside it, for the clients of Triton and
KServe; `/` is a page to try the models. Texts and pictures go through the steps that the
model was trained with. What waits runs together. SIGTERM answers what is there and ends."""
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="+",
        help="a model file, a run or a bundle; `name=MODEL` gives it a name",
    )
    place = parser.add_argument_group("where")
    place.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="default: this machine alone"
    )
    place.add_argument(
        "--port", type=_port, default=8000, metavar="N", help="default: 8000; 0 takes a free one"
    )
    place.add_argument(
        "--grpc-port",
        type=_port_or_none,
        default=8001,
        metavar="N",
        help="default: 8001; 0 takes a free one, none offers no gRPC",
    )
    place.add_argument(
        "--token-file",
        metavar="FILE",
        help="ask for the token in FILE; or set DLC_SERVE_TOKEN. Needed for other hosts",
    )
    place.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which clients without a token may call the server",
    )
    bounds = parser.add_argument_group("bounds")
    for flag, field, what in (
        ("--max-batch", "batch", "rows that run together"),
        ("--max-rows", "rows", "rows of one request"),
        ("--max-dim", "dim", "a size that requests decide"),
        ("--queue", "queue", "requests that wait for a model; more get 503"),
        ("--max-body", "body", "bytes of a request"),
        ("--connections", "connections", "open connections"),
    ):
        default = _default(field)
        bounds.add_argument(
            flag,
            dest=field,
            type=_positive,
            default=default,
            metavar="N",
            help=f"{what} (default: {default:,})",
        )
    for flag, field, what in (
        ("--timeout", "timeout", "seconds until a request gets 504"),
        ("--drain", "drain_seconds", "seconds to answer what is left at the end"),
    ):
        default = _default(field)
        bounds.add_argument(
            flag,
            dest=field,
            type=_seconds,
            default=default,
            metavar="S",
            help=f"{what} (default: {default:g})",
        )
    add_provider(parser)
    add_common(parser, formats=("text", "json"), lints=False)


def _default(field: str) -> Any:
    from dlc.runtime.serving.limits import Limits

    return getattr(Limits(), field)


def _port(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) < 6 else 65536
    if value > 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is no port, which is 0 to 65535")
    return value


def _port_or_none(text: str) -> int | None:
    return None if text == "none" else _port(text)


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) < 13 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above 0")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds above 0")
    return value


def run(arguments: argparse.Namespace) -> int:
    from dlc.runtime.serving.catalogue import Catalogue
    from dlc.runtime.serving.guard import VARIABLE, Guard, read_token, refuse_open
    from dlc.runtime.serving.limits import Limits
    from dlc.runtime.serving.server import Server, bound

    file = None if arguments.token_file is None else Path(arguments.token_file)
    guard = Guard(read_token(file, os.environ.get(VARIABLE)))
    refuse_open(arguments.host, guard)
    fields = ("batch", "rows", "dim", "queue", "body", "connections", "timeout", "drain_seconds")
    limits = Limits(**{field: getattr(arguments, field) for field in fields})
    models = named(arguments.models)
    with bound(arguments.host, arguments.port) as listener:
        catalogue = Catalogue.open(models, limits, arguments.provider, strict=arguments.strict)
        server = Server(
            catalogue,
            guard,
            listener,
            host=arguments.host,
            grpc_port=arguments.grpc_port,
            hosts=tuple(arguments.allow_host),
        )
        server.run(lambda address: _announce(arguments, catalogue, address))
    if arguments.format == "text":
        print("ended: nothing was left to answer")
    return 0


def named(given: list[str]) -> dict[str, Path]:
    """The model files by name. Raises `Failure` E0923 for a name that is none, or given twice."""
    found: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        own = not equals or Path(text).exists()
        path = text if own else path
        file = find_model(Path(path))
        name = _own_name(file) if own else name
        if not _NAME.match(name):
            raise failure(
                "E0923",
                f"`{name}` is no name of a model",
                help="give one of letters, digits, `_`, `.` and `-`: `name=MODEL`",
                exit_code=2,
            )
        if name in found or name == "stats":
            what = "stands for the counts of all models" if name == "stats" else "is given twice"
            raise failure(
                "E0923",
                f"the name `{name}` {what}",
                help=f"give another: `other={shown(path)}`",
                exit_code=2,
            )
        found[name] = file
    return found


def _own_name(file: Path) -> str:
    """What a model is called that got no name: as its file, or its folder."""
    if file.stem != "model":
        return file.stem
    return file.resolve().parent.name


def _announce(arguments: argparse.Namespace, catalogue: Catalogue, address: Address) -> None:
    models = {name: model.predictor.session.provider for name, model in catalogue.models.items()}
    if arguments.format == "json":
        record = {
            "command": "serve",
            "ok": True,
            "url": address.url,
            "grpc": None if address.grpc is None else f"{address.host}:{address.grpc}",
            "models": models,
        }
        print(json.dumps(record), flush=True)
        return
    for name, model in catalogue.models.items():
        print(f"{name}: {model.predictor.session.note}")
    print(f"serves at {address.url}")
    if address.grpc is not None:
        print(f"     gRPC at {address.host}:{address.grpc}")
    print("Ctrl+C ends it", flush=True)
    sys.stdout.flush()
