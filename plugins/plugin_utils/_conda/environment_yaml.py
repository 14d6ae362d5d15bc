# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an environment.yml, for one platform.

Sources: conda's documentation of environment files, conda-lock's of its additions (C(platforms), C(category), selectors
in comments) and mamba's of C(sel(...)).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, PipLine, SpecLine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem, refusal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import selectors, yaml_lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.yaml_lines import Mapping, Node, Scalar, Sequence

_KNOWN = ("name", "prefix", "channels", "dependencies", "variables", "platforms", "category")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")
_NAME_OF_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENTRY = "write a specification such as python=3.11, or a pip: list"


def read_environment_yaml(
    text: bytes | str, source: str, platform: str, *, environ: t.Mapping[str, str] | None = None
) -> EnvironmentFile:
    """Read an environment.yml as it counts on ``platform`` (C(linux-64), ...).

    ``environ`` are the variables that channels may name (C($TOKEN), as conda expands them); without it they stay as
    written. Raises InvalidArguments with file, line and reason of everything that cannot be accepted.
    """
    document, lines = yaml_lines.load(text, source)
    return _Reader(document, lines, source, platform, environ).read()


class _Reader:
    def __init__(
        self,
        document: Mapping,
        lines: list[str],
        source: str,
        platform: str,
        environ: t.Mapping[str, str] | None,
    ) -> None:
        self._document = document
        self._lines = lines
        self._source = source
        self._platform = platform
        self._environ = environ
        self._problems: list[Problem] = []
        self._warnings: list[str] = []
        self._specs: dict[str, SpecLine] = {}  # by text
        self._pip: list[PipLine] = []
        self._pip_line = 0

    def read(self) -> EnvironmentFile:
        document = self._document
        if not {"dependencies", "channels"} & set(document.items):
            self._refuse(document.line, "", "it has no dependencies", "name the packages below 'dependencies:'")
        channels, nodefaults = self._channels()
        platforms = tuple(item.text for item in self._texts("platforms"))
        self._dependencies(self._list("dependencies"))
        found = EnvironmentFile(
            source=self._source,
            name=self._text("name"),
            prefix=self._text("prefix"),
            channels=channels,
            nodefaults=nodefaults,
            specs=tuple(self._specs.values()),
            pip=tuple(self._pip),
            pip_listed=self._pip_line > 0,
            platforms=platforms,
            category=self._text("category") or "main",
            variables=self._variables(),
            warnings=tuple(self._told(platforms)),
        )
        if self._problems:
            raise refusal(sorted(self._problems, key=lambda item: item.line), f"an environment from {self._source}")
        return found

    def _told(self, platforms: tuple[str, ...]) -> list[str]:
        for key in self._document.items:
            if key not in _KNOWN:
                self._warn(self._document.line_of(key), f"{key!r} means nothing in an environment.yml and is left out")
        if platforms and self._platform not in platforms:
            line = self._document.line_of("platforms")
            self._warn(line, f"it is for {', '.join(platforms)}, and the host is {self._platform}")
        return self._warnings

    # --- values --------------------------------------------------------------------------------------------------

    def _text(self, key: str) -> str:
        node = self._document.get(key)
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self._refuse(node.line, key, f"{key!r} is no text", f"write {key}: and one word")
            return ""
        return node.text.strip()

    def _list(self, key: str) -> list[Node]:
        node = self._document.get(key)
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self._refuse(node.line, key, f"{key!r} is no list", f"write each entry of {key} behind a '- '")
            return []
        return node.items

    def _texts(self, key: str) -> list[Scalar]:
        found = []
        for item in self._list(key):
            if isinstance(item, Scalar) and not item.is_null and item.text.strip():
                found.append(item)
            else:
                self._refuse(item.line, key, f"an entry of {key!r} is no text", f"write one word per entry of {key}")
        return found

    def _variables(self) -> tuple[tuple[str, str], ...]:
        node = self._document.get("variables")
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self._refuse(node.line, "variables", "'variables' is no mapping", "write NAME: value")
            return ()
        found = []
        for name, value in node.items.items():
            if not _NAME_OF_VARIABLE.fullmatch(name) or not isinstance(value, Scalar):
                self._refuse(node.line_of(name), name, "it is no variable with a text", "write NAME: value")
            elif value.is_null:
                self._warn(node.line_of(name), f"the variable {name} has no value and is left out: '' is an empty one")
            else:
                found.append((name, value.text))
        return tuple(found)

    # --- channels ------------------------------------------------------------------------------------------------

    def _channels(self) -> tuple[tuple[str, ...], bool]:
        found: dict[str, None] = {}
        nodefaults = False
        for item in self._texts("channels"):
            channel = self._expanded(item).strip().rstrip("/")
            if channel == "nodefaults":
                nodefaults = True
            elif channel.startswith("-") or any(blank in channel for blank in " \t\n"):
                self._refuse(item.line, item.text, "it is no channel", "write its name or URL")
            elif channel:
                found[channel] = None
        if nodefaults and "defaults" in found:
            line = self._document.line_of("channels")
            self._refuse(line, "nodefaults", "it wants 'defaults' and 'nodefaults'", "take one of the two out")
        return tuple(found), nodefaults

    def _expanded(self, item: Scalar) -> str:
        if self._environ is None:
            return item.text
        environ = self._environ

        def value(match: re.Match[str]) -> str:
            name = match.group("braced") or match.group("plain")
            if name not in environ:
                self._refuse(item.line, item.text, f"the variable {name} is not set", f"set {name}, or write the URL")
            return environ.get(name, "")

        return _VARIABLE.sub(value, item.text)

    # --- dependencies --------------------------------------------------------------------------------------------

    def _dependencies(self, items: t.Iterable[Node]) -> None:
        for item in items:
            if isinstance(item, Mapping):
                self._section(item)
            elif isinstance(item, Sequence):
                self._refuse(item.line, "[...]", "a list stands where a package belongs", _ENTRY)
            elif item.is_null or not item.text.strip():
                self._refuse(item.line, item.text, "an entry is empty", _ENTRY)
            elif self._selected(item):
                self._spec(item)

    def _spec(self, item: Scalar) -> None:
        try:
            text = str(match_spec.parse(item.text))
        except match_spec.BadSpec as exc:
            self._refuse(item.line, item.text, str(exc), _ENTRY)
            return
        except Exception as exc:  # whatever a reader trips over is an entry that cannot be read
            self._refuse(item.line, item.text, f"it cannot be read ({type(exc).__name__}: {exc})", _ENTRY)
            return
        self._specs.setdefault(text, SpecLine(text, item.line))

    def _section(self, section: Mapping) -> None:
        for key, value in section.items.items():
            selector = selectors.in_key(key)
            if selector:
                self._reserved(selector, value, section.line_of(key), key)
            elif key != "pip":
                reason = f"{key!r} is no section of dependencies; 'pip' is"
                self._refuse(section.line_of(key), key, reason, "quote the whole entry if it has a ': '")
            elif self._selected(section.keys[key]):
                self._pip_section(value, section.line_of(key))

    def _reserved(self, selector: str, value: Node, line: int, key: str) -> None:
        try:
            wanted = selectors.holds(selector, self._platform)
        except selectors.UnknownSelector:
            self._refuse(line, key, f"{selector!r} is no platform", "write sel(linux), sel(osx), sel(unix) or sel(win)")
            return
        if wanted:
            self._dependencies(value.items if isinstance(value, Sequence) else [value])

    def _pip_section(self, value: Node, line: int) -> None:
        if self._pip_line:
            reason = f"a second pip section begins, the first is in line {self._pip_line}"
            self._refuse(line, "pip", reason, "put both into one")
            return
        self._pip_line = line
        if isinstance(value, Scalar) and value.is_null:
            return
        if not isinstance(value, Sequence):
            self._refuse(value.line, "pip", "the pip section is no list", "write each requirement behind a '- '")
            return
        for item in value.items:
            if not isinstance(item, Scalar) or item.is_null or not item.text.strip():
                self._refuse(item.line, "pip", "an entry of the pip section is no text", "quote the whole requirement")
            elif self._selected(item):
                self._pip.append(PipLine(" ".join(item.text.split()), item.line))

    # --- selectors, problems -------------------------------------------------------------------------------------

    def _selected(self, item: Scalar) -> bool:
        line = self._lines[item.line - 1] if item.line <= len(self._lines) else ""
        selector = selectors.in_comment(line, item.end)
        if not selector:
            return True
        try:
            return selectors.holds(selector, self._platform)
        except selectors.UnknownSelector:
            self._warn(item.line, f"[{selector}] does not speak of a platform and is taken for a comment")
            return True

    def _warn(self, line: int, text: str) -> None:
        self._warnings.append(f"{self._source}:{line}: {text}")

    def _refuse(self, line: int, text: str, reason: str, to_fix: str) -> None:
        self._problems.append(Problem("conda_bad_environment", self._source, line, text, reason, to_fix))
