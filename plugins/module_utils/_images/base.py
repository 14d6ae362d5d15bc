# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base image: which one exactly, and what it has that environments are built on."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import failures, spelling
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.builder import Builder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Base, ImageFacts

_MARK = "mlstack-probe"
# Nothing of it is believed but what has the form that is asked for.
_PROBE = f"""
say() {{ echo "{_MARK} $1=$2"; }}
for name in python3 python; do
  path=$(command -v $name) && $path -c 'import sys; sys.exit(sys.version_info < (3, 9))' && break
  path=
done
say python "$path"
[ -z "$path" ] || say version "$($path -c 'import platform; print(platform.python_version())')"
[ -z "$path" ] || say venv "$($path -c 'import ensurepip, venv; print(1)' 2>/dev/null)"
say machine "$(uname -m)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 1)"
while IFS= read -r line; do say release "$line"; done < /etc/os-release
"""
_VALUE = re.compile(rf"{_MARK} ([a-z]+)=(.*)")
_TIMEOUT_S = 300.0


def locate(asked: str, builder: Builder, *, fetch: bool, timeout: float) -> ImageFacts | None:
    """The base on this host, fetched where it is not there and that is allowed; else None. Raises MlstackError."""
    found = builder.images([asked]).get(asked)
    if found is None and fetch:
        builder.pull(asked, timeout)
        found = builder.images([asked]).get(asked)
        if found is None:
            raise MlstackError(
                "base_unreachable",
                wanted=f"the base image {asked}",
                found=f"{builder.name} fetched it and does not have it",
                to_fix="see whether something removes images on this host",
            )
    return found


def exact(asked: str, found: ImageFacts) -> tuple[str, str]:
    """How FROM names the base, and its digest: the asked one, or what the name leads to today.

    A base that never was in a registry has no digest there: then its ID counts, and FROM has the name, since BuildKit
    takes no ID.
    """
    parts = spelling.reference(asked, "base")
    if parts["digest"]:
        return asked, parts["digest"]
    for known in found.repo_digests:
        repository, at, digest = known.partition("@")
        if at and (repository == parts["repository"] or repository.endswith(f"/{parts['repository']}")):
            return f"{asked}@{digest}", digest
    return asked, found.id


def look(asked: str, found: ImageFacts, builder: Builder, folder: str) -> Base:
    """Look into a base. Raises MlstackError where environments cannot be built on it."""
    result = builder.run(found.id, _PROBE, folder, _TIMEOUT_S)
    told: dict[str, list[str]] = {}
    for line in f"{result.out}\n{result.err}".splitlines():
        match = _VALUE.search(line)
        if match:
            told.setdefault(match[1], []).append(match[2].strip())
    if not result.ok or "machine" not in told:
        error = builder.commands.failure(result)
        text = failures.last_line(f"{result.out}\n{result.err}")
        raise MlstackError(
            "base_does_not_run",
            wanted=f"a look into the base image {asked}",
            found=f"a shell in it ended with status {result.rc}: {text}",
            to_fix="choose a base with a shell, for the processor of this host",
            **error.details,
        )
    reference, digest = exact(asked, found)
    libc, version = _libc(_one(told, "libc"))
    return Base(
        reference=reference,
        digest=digest,
        python=_matching(r"/[A-Za-z0-9._/+-]+", _one(told, "python")),
        python_version=_matching(r"3\.\d+\.\d+[a-z0-9+]*", _one(told, "version")),
        machine=_matching(r"[a-z0-9_]+", _one(told, "machine")),
        libc=libc,
        libc_version=version,
        has_venv=_one(told, "venv") == "1",
        os_release="\n".join(told.get("release", ())),
    )


def _one(told: t.Mapping[str, list[str]], name: str) -> str:
    return told.get(name, [""])[0]


def _matching(pattern: str, text: str) -> str:
    return text if re.fullmatch(pattern, text) else ""


def _libc(text: str) -> tuple[str, str]:
    if "musl" in text:
        return "musl", ""
    version = re.search(r"(\d+\.\d+)", text)
    return ("glibc", version[1]) if version else ("", "")
