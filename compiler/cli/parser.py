"""The argument parser of every command: the help begins with an example."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from dlc.compiler.diagnostics.suggest import closest

_WIDTH: Final = 79


def _filled(text: str) -> str:
    """The paragraphs of prose in lines of one width; examples stay as they are written."""
    return "\n\n".join(
        part if part.startswith("Example:") or "\n " in part else textwrap.fill(part, _WIDTH)
        for part in text.split("\n\n")
    )


class CommandParser(argparse.ArgumentParser):
    """Prints `description`, which begins with an example, before the usage.

    A mistake in the arguments is two lines and status 2, with the nearest option where
    there is one.
    """

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(
            prog=prog,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=24, width=_WIDTH
            ),
            allow_abbrev=False,  # an abbreviation breaks when another option is added
            add_help=False,
            **settings,
        )
        self.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)

    def format_help(self) -> str:
        formatter = self._get_formatter()
        formatter.add_text(_filled(self.description or ""))
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        # What is given by place and what by name are one list: a screen has 24 lines.
        wanted, options, *groups = self._action_groups
        for title, actions in (
            ("arguments", [*wanted._group_actions, *options._group_actions]),
            *((group.title, group._group_actions) for group in groups),
        ):
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Like `parse_args`, with a suggestion for an unknown option. Exits with 2."""
        self.usage = self._short_usage()
        found, unknown = self.parse_known_intermixed_args(arguments)
        if unknown:
            word, _, _ = unknown[0].partition("=")
            message = f"`{self.prog}` takes no `{unknown[0]}`"
            if word.startswith("-"):
                message = f"`{self.prog}` has no option `{word}`"
                near = closest(word, self._option_string_actions)
                if near:
                    message += f"; there is an option with a similar name: `{near}`"
            self.error(message)
        return found

    def _short_usage(self) -> str:
        """The options are listed below it; to name them twice costs three lines of the screen."""
        formatter = self._get_formatter()
        wanted = [
            formatter._format_args(action, str(action.metavar or action.dest))
            for action in self._get_positional_actions()
        ]
        return " ".join(["%(prog)s", "[OPTION ...]", *wanted])

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"error: {message}\ntry `{self.prog} --help`\n")
        sys.exit(2)
