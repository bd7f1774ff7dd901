"""The messages of the protocol as classes of protobuf, made from `inference.proto`.

They are made when they are first asked for, rather than by protoc beforehand: what protoc
writes works with one major version of protobuf only, and registers its names for the whole
process, in which a client of the same protocol may live.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FILE = Path(__file__).with_name("inference.proto")
_TOKEN = re.compile(r'//[^\n]*|"[^"]*"|[A-Za-z_][\w.]*|\d+|[{}()<>=;,]')
_SCALARS = {
    "double": 1,
    "float": 2,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "bool": 8,
    "string": 9,
    "bytes": 12,
    "uint32": 13,
}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of the service: the names of its messages, and whether both are streams."""

    name: str
    request: str
    response: str
    streams: bool


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """`service` is the full name of the service, `messages` are classes by name."""

    service: str
    methods: tuple[Method, ...]
    messages: dict[str, Any]


@cache
def protocol() -> Protocol:
    """All that the file says."""
    reader = _Reader(_FILE.read_text(encoding="utf-8"))
    file = reader.file()
    # Not the default pool, which other packages share.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{file.package}.{message.name}")
        )
        for message in file.message_type
    }
    return Protocol(
        service=f"{file.package}.{reader.service}", methods=tuple(reader.methods), messages=found
    )


class _Reader:
    """Reads the part of proto3 that the file uses: messages, `repeated`, `oneof`, `map`, `rpc`."""

    def __init__(self, text: str) -> None:
        words = (match[0] for match in _TOKEN.finditer(text))
        self._words: Iterator[str] = (word for word in words if not word.startswith("//"))
        self.service = ""
        self.methods: list[Method] = []

    def file(self) -> Any:
        file = descriptor_pb2.FileDescriptorProto(name="dlc/inference.proto", syntax="proto3")
        for word in self._words:
            match word:
                case "syntax":
                    self._expect("=", '"proto3"', ";")
                case "package":
                    file.package = next(self._words)
                    self._expect(";")
                case "service":
                    self._read_service()
                case "message":
                    self._message(file.message_type.add(), file.package, {})
                case _:
                    raise ValueError(word)
        return file

    def _expect(self, *wanted: str) -> None:
        for word in wanted:
            found = next(self._words)
            if found != word:
                raise ValueError(f"{found} in place of {word}")

    def _read_service(self) -> None:
        self.service = next(self._words)
        self._expect("{")
        while next(self._words) == "rpc":
            name = next(self._words)
            request, streams = self._type()
            self._expect("returns")
            response, _ = self._type()
            self._expect("{", "}")
            self.methods.append(
                Method(name=name, request=request, response=response, streams=streams)
            )

    def _type(self) -> tuple[str, bool]:
        self._expect("(")
        word = next(self._words)
        streams = word == "stream"
        if streams:
            word = next(self._words)
        self._expect(")")
        return word, streams

    def _message(self, message: Any, scope: str, known: dict[str, str]) -> None:
        message.name = next(self._words)
        scope = f"{scope}.{message.name}"
        # Messages within this one, by the name that fields give them.
        inner = dict(known)
        self._expect("{")
        for word in self._words:
            if word == "}":
                return
            if word == "message":
                nested = message.nested_type.add()
                self._message(nested, scope, inner)
                inner[nested.name] = f"{scope}.{nested.name}"
            elif word == "oneof":
                message.oneof_decl.add(name=next(self._words))
                self._expect("{")
                while (kind := next(self._words)) != "}":
                    field = self._field(message, kind, _OPTIONAL, scope, inner)
                    field.oneof_index = len(message.oneof_decl) - 1
            elif word == "map":
                self._map(message, scope, inner)
            elif word == "repeated":
                self._field(message, next(self._words), _REPEATED, scope, inner)
            else:
                self._field(message, word, _OPTIONAL, scope, inner)

    def _field(self, message: Any, kind: str, label: int, scope: str, inner: dict[str, str]) -> Any:
        name = next(self._words)
        self._expect("=")
        field = message.field.add(name=name, number=int(next(self._words)), label=label)
        self._expect(";")
        self._fill(field, kind, scope, inner)
        return field

    def _map(self, message: Any, scope: str, inner: dict[str, str]) -> None:
        """A map is a repeated message of a key and a value."""
        self._expect("<", "string", ",")
        kind = next(self._words)
        self._expect(">")
        entry = message.nested_type.add()
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_OPTIONAL, type=_SCALARS["string"])
        self._fill(entry.field.add(name="value", number=2, label=_OPTIONAL), kind, scope, inner)
        field = self._field(message, "string", _REPEATED, scope, inner)
        entry.name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
        field.type = _MESSAGE
        field.type_name = f".{scope}.{entry.name}"

    def _fill(self, field: Any, kind: str, scope: str, inner: dict[str, str]) -> None:
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
            return
        package = scope.partition(".")[0]
        field.type = _MESSAGE
        field.type_name = "." + inner.get(kind, f"{package}.{kind}")
