# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a conda package is asked for: C(numpy), C(python=3.11), C(conda-forge::pytorch>=2.7=cuda12*), ...

Source: conda's documentation of package match specifications. All spellings are read; str() gives one that conda, mamba
and rattler read alike.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_url, versions

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HEAD = re.compile(r"(?P<name>[^\s=<>!~|,]*)(?P<rest>.*)", re.DOTALL)
_BRACKETS = re.compile(r"(?P<before>[^\[\]]*)\[(?P<inside>[^\[\]]*)\](?P<after>[^\[\]]*)")
_KEY = re.compile(
    r"\s*(?P<key>[A-Za-z0-9_]+)\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s,'\"]*))\s*"
)
_AROUND_OPERATORS = re.compile(r"(?:(?<!\s)\s+)?([=<>!~|,]+)\s*")
_BUILD = re.compile(r"[A-Za-z0-9_.+*]+|\^.*\$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_KEYS = frozenset({"version", "build", "build_number", "channel", "subdir", "md5", "sha256", "url", "fn", "license"})
_KEYS_OF_FORMS = frozenset({"version", "build", "channel", "subdir"})


class BadSpec(ValueError):
    """A text that is no match specification; says why."""


class MatchSpec(t.NamedTuple):
    """A specification, taken apart. ``name`` is lower case, as all names of packages are; empty fields ask nothing."""

    name: str
    version: versions.Range | None = None
    build: str = ""  # may have *
    channel: str = ""
    subdir: str = ""
    keys: tuple[tuple[str, str], ...] = ()  # md5, sha256, url, ... by name

    def __str__(self) -> str:
        channel = f"{self.channel}/{self.subdir}" if self.channel and self.subdir else self.channel
        start = f"{channel}::{self.name}" if channel else self.name
        exact = self.version.exact if self.version is not None else None
        keys = dict(self.keys)
        text = start
        if exact is not None and self.build and "*" not in self.build:
            text += f"={exact}={self.build}"
        elif exact is not None and not self.build:
            text += f"=={exact}"
        elif self.version is not None and not self.build and _begins_with(self.version):
            text += f"={_begins_with(self.version)}"
        elif self.version is not None and not self.build and _is_plain(self.version):
            text += str(self.version)
        else:
            keys = {**({"version": str(self.version)} if self.version else {}), **keys}
            keys = {**keys, **({"build": self.build} if self.build else {})}
        if self.subdir and not self.channel:
            keys["subdir"] = self.subdir
        return text + (f"[{','.join(f'{key}={value!r}' for key, value in keys.items())}]" if keys else "")

    def allows(self, *, name: str, version: str, build: str = "") -> bool:
        """Whether a package is one of those asked for, as far as name, version and build tell."""
        if name.lower() != self.name:
            return False
        if self.build and not build_matches(self.build, build):
            return False
        try:
            return self.version is None or self.version.allows(version)
        except versions.BadVersion:
            return False


def build_matches(pattern: str, build: str) -> bool:
    if pattern.startswith("^") and pattern.endswith("$"):
        return re.fullmatch(pattern, build) is not None
    return fnmatch.fnmatchcase(build, pattern)


def parse(text: str) -> MatchSpec:
    """Read one specification. Raises BadSpec."""
    if _UNPRINTABLE.search(text.replace("\t", " ")):
        raise BadSpec("it has control characters")
    text = text.strip()
    if not text:
        raise BadSpec("it is empty")
    if text.startswith("-"):
        raise BadSpec("it begins with '-', which programs would take for an option")
    if package_url.is_archive(text.partition("#")[0]):
        return _of_archive(text)
    text = re.sub(r"\s#.*", "", text)
    before, keys = _keys(text)
    channel, subdir, rest = _channel(before)
    match = _HEAD.fullmatch(rest)
    name, condition = (match.group("name"), match.group("rest")) if match else ("", "")
    check_name(name)
    version, build = _version_and_build(condition)
    version = _version(keys["version"], bare="==") if "version" in keys else version
    if "channel" in keys:
        channel, subdir = _with_subdir(keys["channel"])
    return MatchSpec(
        name=name.lower(),
        version=version,
        build=_checked_build(keys.get("build", build)),
        channel=channel,
        subdir=keys.get("subdir", subdir),
        keys=tuple((key, value) for key, value in sorted(keys.items()) if key not in _KEYS_OF_FORMS),
    )


def check_name(name: str) -> None:
    """Raises BadSpec where a package cannot be called so."""
    if not name:
        raise BadSpec("it names no package")
    if "*" in name:
        raise BadSpec(f"{name!r} could be many packages: name one")
    if not _NAME.fullmatch(name):
        raise BadSpec(f"{name!r} is no name of a package")


def _of_archive(text: str) -> MatchSpec:
    try:
        found = package_url.parse(text)
    except package_url.BadPackageUrl as exc:
        raise BadSpec(str(exc)) from None
    keys = {"url": found.url, "md5": found.md5, "sha256": found.sha256}
    return MatchSpec(
        name=found.name,
        version=versions.parse_range(found.version),
        build=found.build,
        keys=tuple((key, value) for key, value in sorted(keys.items()) if value),
    )


def _keys(text: str) -> tuple[str, dict[str, str]]:
    """The text without brackets, and what stands in them."""
    if "[" not in text and "]" not in text:
        return text, {}
    match = _BRACKETS.fullmatch(text)
    if match is None or match.group("after").strip():
        raise BadSpec("its brackets are not one pair at the end")
    inside, found, position = match.group("inside"), {}, 0
    while position < len(inside):
        item = _KEY.match(inside, position)
        if item is None:
            raise BadSpec(f"[{inside}] is not key=value: extras such as name[extra] are pip's, not conda's")
        position = item.end()
        if position < len(inside) and inside[position] != ",":
            raise BadSpec(f"[{inside}] has a value that needs quotes")
        position += 1
        key = item.group("key").lower()
        if key not in _KEYS:
            raise BadSpec(f"it has the key {key!r}; known are {', '.join(sorted(_KEYS))}")
        found[key] = next(value for value in item.group("double", "single", "bare") if value is not None).strip()
    return match.group("before"), found


def _channel(text: str) -> tuple[str, str, str]:
    parts = text.rsplit(":", 2)
    if len(parts) == 1:
        return "", "", text
    if len(parts) == 2:
        raise BadSpec("it has one ':'; a channel is divided from the name by '::'")
    channel, namespace, rest = parts
    if namespace.strip():
        raise BadSpec(f"it has the namespace {namespace!r}, which no engine reads")
    return (*_with_subdir(channel.strip()), rest.strip())


def _with_subdir(channel: str) -> tuple[str, str]:
    if not channel:
        raise BadSpec("it has an empty channel")
    if channel.startswith("-") or any(blank in channel for blank in " \t"):
        raise BadSpec(f"{channel!r} is no channel")
    stem, slash, last = channel.rstrip("/").rpartition("/")
    if slash and package_url.is_subdir(last):
        return stem, last
    return channel.rstrip("/"), ""


def _version_and_build(text: str) -> tuple[versions.Range | None, str]:
    text = _AROUND_OPERATORS.sub(r"\1", text.strip())
    if not text:
        return None, ""
    words = text.split()
    if len(words) > 2:
        raise BadSpec(f"{text!r} is more than a version and a build")
    if len(words) == 2:
        version, build = words
    else:
        version, build = _divided(text)
    if version.startswith("=") and not version.startswith("==") and build and not set(version[1:]) & set("=,|*"):
        version = "=" + version  # beside a build one '=' is exact, too
    return _version(version), build


def _divided(text: str) -> tuple[str, str]:
    """C(VERSION=BUILD): the last '=' that is no part of an operator."""
    version, equals, build = text.rpartition("=")
    if equals and version and version[-1] not in "=!|,<>~" and not set(build) & set("=!|,<>~"):
        return version, build
    return text, ""


def _version(text: str, bare: str = "==") -> versions.Range:
    try:
        return versions.parse_range(text, bare=bare)
    except versions.BadVersion as exc:
        raise BadSpec(str(exc)) from None


def _checked_build(build: str) -> str:
    if build == "*":
        return ""
    if build and not _BUILD.fullmatch(build):
        raise BadSpec(f"{build!r} is no build")
    return build


def _begins_with(version: versions.Range) -> str:
    if len(version.alternatives) == 1 and len(version.alternatives[0]) == 1:
        only = version.alternatives[0][0]
        return only.version if only.operator == "=" else ""
    return ""


def _is_plain(version: versions.Range) -> bool:
    """A range that can stand behind a name as it is: C(>=1.2,<2)."""
    conditions = version.alternatives[0]
    return len(version.alternatives) == 1 and all(str(item)[0] in "<>!~" for item in conditions)
