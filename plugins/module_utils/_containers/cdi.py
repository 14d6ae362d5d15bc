# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CDI specifications: what a file says, and the settings of the toolkit's unit that writes one at boot. Pure.

The form is the Container Device Interface's (SPEC.md of cncf-tags/container-device-interface), written by nvidia-ctk
in two layouts over the years (lists indented or not, the name of a device first or last in it). Python has no reader of
YAML, so lines are read.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import Specification

# The flag of toolkit 1.19.1 and later, for readers that know CDI up to 0.6 (issue 1860 of nvidia-container-toolkit).
NO_GROUPS = "no-additional-gids-for-device-nodes"
_SETTING = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS"
_GROUPS = "additionalGids"
_DRIVER = re.compile(r"/lib(?:nvidia-ml|cuda)\.so\.(\d{3,}(?:\.\d+){1,2})\b")
_KEY = re.compile(r"^(?P<key>[A-Za-z]+):(?P<value>.*)")
_ITEM = re.compile(r"^(?P<indent> *)- ")


def read(path: str, text: str, *, everybody: bool = True) -> Specification | None:
    """What a file says of NVIDIA's devices; None where it is of others' or no specification."""
    version, kind, names = _json(text) if path.endswith(".json") else _yaml(text)
    if not kind.startswith("nvidia.com/"):
        return None
    match = _DRIVER.search(text)
    return Specification(
        path=path,
        driver=match.group(1) if match else "",
        version=version,
        devices=tuple(f"{kind}={name}" for name in names),
        groups=_GROUPS in text,
        everybody=everybody,
    )


def _json(text: str) -> tuple[str, str, list[str]]:
    try:
        data = json.loads(text)
        names = [str(device["name"]) for device in data["devices"]]
        return str(data["cdiVersion"]), str(data["kind"]), names
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", "", []


def _yaml(text: str) -> tuple[str, str, list[str]]:
    section = indent = None
    values: dict[str, str] = {}
    names = []
    for line in text.splitlines():
        key = _KEY.match(line)
        if key:
            section, indent = key.group("key"), None
            values[section] = _plain(key.group("value"))
        if section != "devices":
            continue
        item = _ITEM.match(line)
        # The first item tells how far those of this list are indented; deeper ones belong to a device.
        indent = item.group("indent") if item and indent is None else indent
        for start in (f"{indent}- name: ", f"{indent}  name: "):
            if line.startswith(start):
                names.append(_plain(line[len(start) :]))
    return values.get("cdiVersion", ""), values.get("kind", ""), names


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def with_setting(text: str | None) -> str | None:
    """The settings of the refreshing unit with the flag; the same text where it has it, or has others of its own."""
    lines = (text or "").splitlines()
    if any(_is_setting(line) for line in lines):
        return text
    return "\n".join([*lines, f"{_SETTING}={NO_GROUPS}"]) + "\n"


def has_setting(text: str | None) -> bool:
    """Whether the unit leaves the groups out."""
    return any(_is_setting(line) and NO_GROUPS in line for line in (text or "").splitlines())


def without_setting(text: str | None, before: str | None) -> str | None:
    """The settings without our line, or as they were before where nothing else has changed."""
    if text is None or text == with_setting(before):
        return before
    kept = [line for line in text.splitlines() if line.strip() != f"{_SETTING}={NO_GROUPS}"]
    return "".join(f"{line}\n" for line in kept)


def _is_setting(line: str) -> bool:
    return line.strip().startswith(f"{_SETTING}=")


def versions(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with, to be compared; empty for what is none."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def older(version: str, than: str) -> t.Literal[True, False, None]:
    """Whether a version is older; None where it is not known."""
    found = versions(version)
    return found < versions(than) if found else None
