# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment markers: the conditions behind ``;`` in a requirement, read and judged against another interpreter.

Source: the dependency specifiers specification of packaging.python.org (PEP 508). Comparing two variables or two
literals is refused: no engine gives it a meaning.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, versions

VARIABLES = frozenset(
    {
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
        "extra",
    }
)
# Spellings from before PEP 508 that old files still have.
_OLD_SPELLINGS = {
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}
_VERSION_VARIABLES = frozenset({"implementation_version", "platform_release", "python_full_version", "python_version"})

_DEEPEST = 50

Environment = t.Mapping[str, str]


# Run as: PYTHON -I -c PROBE. An interpreter describes itself in one line of JSON: its marker variables under
# 'environment', what platform tags are made from, and where it installs. Runs under Python 3.6 and later, so that one
# too old to use is told so by its version and not by a traceback.
PROBE = r"""
import json, os, platform, sys, sysconfig
def spell(info):
    text = "%d.%d.%d" % tuple(info[:3])
    return text if info[3] == "final" else text + info[3][0] + str(info[4])
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION").split(None, 1)
except (AttributeError, OSError, ValueError):
    libc = list(platform.libc_ver())
paths = sysconfig.get_paths()
print(json.dumps({
    "environment": {
        "implementation_name": sys.implementation.name,
        "implementation_version": spell(sys.implementation.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
    "version_info": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "cache_tag": sys.implementation.cache_tag,
    "soabi": sysconfig.get_config_var("SOABI"),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "platform": sysconfig.get_platform(),
    "machine": platform.machine(),
    "bits": 64 if sys.maxsize > 2 ** 32 else 32,
    "libc_name": libc[0],
    "libc_version": libc[1],
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "purelib": paths["purelib"],
    "platlib": paths["platlib"],
    "scripts": paths["scripts"],
    "stdlib": paths["stdlib"],
    "externally_managed": os.path.exists(os.path.join(paths["stdlib"], "EXTERNALLY-MANAGED")),
}))
"""


class InvalidMarker(ValueError):
    """The text is no marker, or one whose comparison has no meaning."""


class UnknownVariable(KeyError):
    """The environment lacks a variable that the marker asks for."""


class Comparison(t.NamedTuple):
    """``variable operator 'value'``, or the other way round where ``literal_first``."""

    variable: str
    operator: str
    value: str
    literal_first: bool

    def holds(self, environment: Environment) -> bool:
        try:
            actual = environment[self.variable]
        except KeyError:
            raise UnknownVariable(self.variable) from None
        if self.variable == "extra":
            actual = names.normalize(actual)
        elif self.variable == "python_full_version" and actual.endswith("+"):
            actual += "local"  # a Python built from a checkout calls itself '3.13.0a1+'
        left, right = (self.value, actual) if self.literal_first else (actual, self.value)
        return _compare(left, self.operator, right, as_version=self.variable in _VERSION_VARIABLES)

    def __str__(self) -> str:
        quote = "'" if '"' in self.value else '"'
        value = f"{quote}{self.value}{quote}"
        sides = (value, self.variable) if self.literal_first else (self.variable, value)
        return f"{sides[0]} {self.operator} {sides[1]}"


class Junction(t.NamedTuple):
    """Terms joined by ``and`` or ``or``."""

    word: str
    terms: tuple[t.Any, ...]  # of Comparison and Junction

    def holds(self, environment: Environment) -> bool:
        # No short cut: a missing variable is named whatever stands before it.
        results = [term.holds(environment) for term in self.terms]
        return all(results) if self.word == "and" else any(results)

    def __str__(self) -> str:
        return f" {self.word} ".join(
            f"({term})" if isinstance(term, Junction) and self.word == "and" else str(term) for term in self.terms
        )


class Marker:
    """A parsed marker; its text is canonical, so equal markers spell alike."""

    __slots__ = ("_tree", "text")

    def __init__(self, tree: Comparison | Junction) -> None:
        self._tree = tree
        self.text = str(tree)

    def evaluate(self, environment: Environment, extras: t.Collection[str] = ()) -> bool:
        """Whether the condition holds there, for the distribution itself or for one of the asked extras.

        Raises UnknownVariable for a variable the environment lacks, InvalidMarker for a comparison that cannot be made.
        """
        return any(self._tree.holds({**environment, "extra": extra}) for extra in (extras or ("",)))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Marker {self.text}>"

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Marker) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)


def _compare(left: str, operator: str, right: str, *, as_version: bool) -> bool:
    if as_version and operator not in ("in", "not in"):
        try:
            return versions.satisfies(left, operator + right)
        except versions.InvalidSpecifier:
            pass
    if operator == "in":
        return left in right
    if operator == "not in":
        return left not in right
    if operator in ("~=", "==="):
        raise InvalidMarker(f"{operator} cannot compare {left!r} with {right!r}")
    if operator == "!=":
        return left != right
    # Words have no order: the ordering comparisons hold for equal words at the most.
    return operator in ("==", "<=", ">=") and left == right


@functools.lru_cache(maxsize=1)
def _token_pattern() -> re.Pattern[str]:
    return re.compile(
        r"""\s*(?:(?P<string>'[^']*'|"[^"]*")
        |(?P<operator>===|==|~=|!=|<=|>=|<|>|not\s+in\b|in\b)
        |(?P<bracket>[()])|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))""",
        re.VERBOSE | re.ASCII,
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _token_pattern().match(text, position)
        if match is None:
            raise InvalidMarker(f"cannot read {text[position:].strip()!r} of the marker")
        tokens.append((t.cast(str, match.lastgroup), match.group(match.lastgroup or 0)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens: ``or`` binds weaker than ``and``."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0
        depth = 0
        for kind, token in self.tokens:
            depth += {"(": 1, ")": -1}.get(token, 0) if kind == "bracket" else 0
            if depth > _DEEPEST:
                raise InvalidMarker(f"its brackets nest deeper than {_DEEPEST} levels")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def junction(self, word: str) -> Comparison | Junction:
        def term() -> Comparison | Junction:
            return self.junction("and") if word == "or" else self.atom()

        terms = [term()]
        while self.peek() == ("word", word):
            self.take()
            terms.append(term())
        flat: list[t.Any] = []
        for item in terms:
            flat.extend(item.terms if isinstance(item, Junction) and item.word == word else (item,))
        return Junction(word, tuple(flat)) if len(flat) > 1 else flat[0]

    def atom(self) -> Comparison | Junction:
        if self.peek() == ("bracket", "("):
            self.take()
            inside = self.junction("or")
            if self.take() != ("bracket", ")"):
                raise InvalidMarker("a bracket of the marker is not closed")
            return inside
        left, operator, right = self.take(), self.take(), self.take()
        if operator[0] != "operator":
            raise InvalidMarker(f"expected a comparison after {left[1]!r}" if left[1] else "the marker ends too early")
        return _comparison(left, " ".join(operator[1].split()), right)


def _comparison(left: tuple[str, str], operator: str, right: tuple[str, str]) -> Comparison:
    if {left[0], right[0]} != {"string", "word"}:
        raise InvalidMarker("a marker compares one variable with one quoted text")
    literal_first = left[0] == "string"
    literal, word = (left[1], right[1]) if literal_first else (right[1], left[1])
    variable = _OLD_SPELLINGS.get(word, word)
    if variable not in VARIABLES:
        raise InvalidMarker(f"{word!r} is not a marker variable")
    value = literal[1:-1]
    if "\\" in value:
        raise InvalidMarker("a quoted text of a marker has no backslashes")
    if variable == "extra":
        value = names.normalize(value)
    if not literal_first:
        _compare("0", operator, value, as_version=variable in _VERSION_VARIABLES)  # refuses what no host can judge
    elif operator in ("==", "!=") and variable not in _VERSION_VARIABLES:
        literal_first = False  # the same either way round
    return Comparison(variable, operator, value, literal_first)


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Marker:
    """Read a marker; raises InvalidMarker with a clause that says why."""
    parser = _Parser(text)
    tree = parser.junction("or")
    if parser.peek()[0] != "end":
        raise InvalidMarker(f"unexpected {parser.peek()[1]!r} in the marker")
    return Marker(tree)
