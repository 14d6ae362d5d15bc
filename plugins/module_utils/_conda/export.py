# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment written down, for people, for conda's own programs and for conda-lock.

Sources: conda's documentation of environment files and of explicit specification files; conda-lock's of its lock file.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.match_spec import BadSpec, parse
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_.+=<>!~|,*\[\]'/@%:; -]*")
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# What YAML 1.1 takes for something else than text.
_NO_TEXT = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|none|inf|nan)|[0-9_.+:eExXoO-]+")


def environment_yaml(
    name: str,
    channels: t.Iterable[str],
    dependencies: t.Iterable[str],
    pip: t.Iterable[str] = (),
    prefix: str = "",
    variables: t.Mapping[str, str] | None = None,
) -> str:
    """An environment.yml: of a desired state as it was written, of what was asked for, or of exact packages."""
    lines = [f"name: {_scalar(name)}"] if name else []
    lines += _block("channels", [_scalar(channel) for channel in channels])
    listed = [_scalar(spec) for spec in dependencies]
    pip_lines = [f"      - {_scalar(line)}" for line in pip]
    lines += _block("dependencies", listed) if listed or not pip_lines else ["dependencies:"]
    if pip_lines:
        lines += ["  - pip:", *pip_lines]
    if prefix:
        lines.append(f"prefix: {_scalar(prefix)}")
    if variables:
        lines += ["variables:", *(f"  {_scalar(key)}: {_scalar(variables[key])}" for key in sorted(variables))]
    return "".join(f"{line}\n" for line in lines)


def exact(packages: t.Iterable[Package], *, builds: bool = True) -> list[str]:
    """Packages as dependencies of an environment.yml: C(NAME=VERSION=BUILD), sorted by name."""
    ordered = sorted(packages, key=lambda item: item.name)
    return [f"{item.name}={item.version}={item.build}" if builds else f"{item.name}={item.version}" for item in ordered]


def from_history(requested: t.Mapping[str, str]) -> list[str]:
    """What was asked for, as dependencies of an environment.yml, sorted by name."""
    found = []
    for name in sorted(requested):
        try:
            found.append(str(parse(requested[name])))
        except BadSpec:
            found.append(name)
    return found


def channels_of(packages: t.Iterable[Package]) -> list[str]:
    """The channels that packages came from, the one with the most first."""
    count: dict[str, int] = {}
    for package in packages:
        if package.channel:
            channel = package_url.public(package.channel)
            count[channel] = count.get(channel, 0) + 1
    return sorted(count, key=lambda channel: (-count[channel], channel))


def explicit(packages: t.Iterable[Package], platform: str, *, hashes: str = "sha256") -> str:
    """An @EXPLICIT file, in an order in which each package comes after those it needs.

    ``hashes`` is C(sha256), or C(md5) for conda before 24.1; a package has the other one where it lacks this one.
    """
    lines = [
        "# This file may be used to create an environment using:",
        "# $ conda create --name <env> --file <this file>",
    ]
    lines += [f"# platform: {platform}", "@EXPLICIT"]
    for package in in_order(packages):
        lines.append(f"{_url(package)}{_hash(package, hashes)}")
    return "".join(f"{line}\n" for line in lines)


def _hash(package: Package, preferred: str) -> str:
    sha256 = f"#sha256:{package.sha256}" if package.sha256 else ""
    md5 = f"#{package.md5}" if package.md5 else ""
    return (md5 or sha256) if preferred == "md5" else (sha256 or md5)


def conda_lock(
    packages: t.Iterable[Package], platform: str, channels: t.Iterable[str], pip: t.Iterable[t.Mapping[str, str]] = ()
) -> str:
    """A conda-lock.yml of version 1 with one platform.

    ``pip`` are mappings of name, version, url and sha256. The content hash is of the packages themselves: there is no
    source file whose hash it could be.
    """
    ordered = list(in_order(packages))
    digest = hashlib.sha256("".join(f"{_url(item)}\n" for item in ordered).encode()).hexdigest()
    lines = ["version: 1", "metadata:", "  content_hash:", f"    {platform}: {digest}"]
    listed = [_scalar(channel) for channel in channels]
    lines.append("  channels:" if listed else "  channels: []")
    for channel in listed:
        lines += [f"  - url: {channel}", "    used_env_vars: []"]
    lines += ["  platforms:", f"  - {platform}", "  sources: []"]
    pip = list(pip)
    lines.append("package:" if ordered or pip else "package: []")
    for package in ordered:
        lines += _locked(package, platform)
    for item in pip:
        lines += _locked_pip(item, platform)
    return "".join(f"{line}\n" for line in lines)


def _locked(package: Package, platform: str) -> list[str]:
    needs = {}
    for text in package.depends:
        name, _blank, rest = text.strip().partition(" ")
        needs[name] = rest
    hashes = {"md5": package.md5, "sha256": package.sha256}
    return [
        *_head(package.name, package.version, "conda", platform),
        *_mapping("dependencies", needs),
        f"  url: {_scalar(_url(package))}",
        *_mapping("hash", {key: value for key, value in hashes.items() if value}),
        "  category: main",
        "  optional: false",
    ]


def _locked_pip(item: t.Mapping[str, str], platform: str) -> list[str]:
    return [
        *_head(item["name"], item["version"], "pip", platform),
        "  dependencies: {}",
        f"  url: {_scalar(item['url'])}",
        *_mapping("hash", {"sha256": item["sha256"]}),
        "  category: main",
        "  optional: false",
    ]


def _head(name: str, version: str, manager: str, platform: str) -> list[str]:
    return [
        f"- name: {_scalar(name)}",
        f"  version: {json.dumps(version)}",
        f"  manager: {manager}",
        f"  platform: {platform}",
    ]


def _mapping(key: str, values: t.Mapping[str, str]) -> list[str]:
    if not values:
        return [f"  {key}: {{}}"]
    return [f"  {key}:", *(f"    {_scalar(name)}: {json.dumps(value)}" for name, value in values.items())]


def in_order(packages: t.Iterable[Package]) -> t.Iterator[Package]:
    """Packages so that each comes after those it needs, where their needs allow it; else by name."""
    waiting = {package.name: package for package in sorted(packages, key=lambda item: item.name)}
    needs = {name: {text.split()[0] for text in item.depends if text.split()} for name, item in waiting.items()}
    while waiting:
        ready = [name for name in waiting if not (needs[name] - {name}) & waiting.keys()]
        for name in ready or list(waiting)[:1]:  # a circle, such as python and pip, begins by name
            yield waiting.pop(name)


def _url(package: Package) -> str:
    """The package's address without credentials: an export is for others to read."""
    return package_url.public(package.url or f"{package.channel}/{package.subdir}/{package.stem}.conda")


def _block(key: str, values: t.Sequence[str]) -> list[str]:
    return [f"{key}:", *(f"  - {value}" for value in values)] if values else [f"{key}: []"]


def _scalar(text: str) -> str:
    """A text as YAML: as it is where that means the same, else in double quotes, which YAML shares with JSON."""
    plain = _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text)
    if plain and ": " not in text and " #" not in text and text == text.strip() and not text.endswith(":"):
        return text
    quoted = json.dumps(text, ensure_ascii=False)  # JSON's pairs of escapes beyond U+FFFF would be two letters to YAML
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", quoted)
