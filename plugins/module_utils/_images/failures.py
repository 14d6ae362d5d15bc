# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a builder prints when it fails, and what that means for a person."""

from __future__ import annotations

import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

# Pattern, code, what to do. The first that matches counts; {0} is what the pattern's group caught.
_OF_BUILDS: tuple[tuple[str, str, str], ...] = (
    (r"(?i)no space left on device|disk quota exceeded", "disk_full", "free space where the builder keeps its images"),
    (
        r"(?i)do not match the hashes|hash mismatch|digest mismatch|failed verification",
        "hash_mismatch",
        "the index serves other files than those of the lock: find out why before anything is built from it",
    ),
    (
        r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate|No match for argument: (\S+)",
        "no_such_system_package",
        "correct the name {0}, or choose a base whose repositories have it",
    ),
    (
        r"Version '([^']+)' for '[^']+' was not found",
        "no_such_system_version",
        "the repositories of the base no longer have {0}: choose another version, or a base of that time",
    ),
    (
        r"(?i)(?:could not|failed to) resolve|temporary failure|connection refused|network is unreachable|timed out"
        r"|error sending request|failed to fetch|connection reset",
        "network_unreachable",
        "see whether containers of this host reach it; the option network says in which network a build runs",
    ),
    (r"(?i)\b40[13] \w+|unauthorized|forbidden|User for ", "index_refused", "correct the credentials in index_url"),
    (
        r"(useradd|groupadd)\S* .*(?:not found|already exists|not unique)",
        "user_not_made",
        "choose another user and uid",
    ),
)
_OF_BASES: tuple[tuple[str, str, str], ...] = (
    (
        r"(?i)manifest unknown|manifest for \S+ not found|not found: manifest|reading manifest",
        "base_unknown",
        "correct name and digest: the registry has no such image",
    ),
    (
        r"(?i)denied|unauthorized|authentication required",
        "base_denied",
        "log in to that registry on this host, or correct the name of the base",
    ),
    (
        r"(?i)short-name|no registries",
        "base_name_short",
        "write the name with its registry, as docker.io/library/python:3.12-slim",
    ),
)


def of_build(error: MlstackError, result: CommandResult, title: str) -> MlstackError:
    """The error for a build that failed. Nothing was given a name."""
    text = f"{result.out}\n{result.err}"
    code, to_fix = _meaning(text, _OF_BUILDS) or (
        "build_failed",
        "read stdout and stderr in this result, mend the cause",
    )
    return MlstackError(
        code,
        wanted=f"image {title} built",
        found=f"the build failed: {last_line(text)}",
        to_fix=to_fix,
        **{**error.details, "stdout": _tail(result.out), "stderr": _tail(result.err)},
    )


def of_push(error: MlstackError, result: CommandResult, reference: str) -> MlstackError:
    """The error for an image that a registry did not take."""
    text = f"{result.out}\n{result.err}"
    denied = re.search(r"(?i)denied|unauthorized|authentication required|no basic auth", text)
    return MlstackError(
        "push_denied" if denied else "push_failed",
        wanted=f"{reference} in its registry",
        found=f"the push failed: {last_line(text)}",
        to_fix="give registry_username and registry_password of somebody who may write there"
        if denied
        else "see whether this host reaches the registry and whether it has room, then run the task again",
        **error.details,
    )


def full(error: MlstackError, store: str, free: int) -> MlstackError:
    """The error for a build that failed where next to nothing is free."""
    return MlstackError(
        "disk_full",
        wanted=error.wanted,
        found=f"{error.found}; {free} MB are free in {store}",
        to_fix="free space there, then run the task again",
        **error.details,
    )


def of_base(error: MlstackError, result: CommandResult, reference: str) -> MlstackError:
    """The error for a base that cannot be had."""
    code, to_fix = _meaning(f"{result.out}\n{result.err}", _OF_BASES) or (
        "base_unreachable",
        "see whether this host reaches that registry, or load the base by hand",
    )
    return MlstackError(
        code,
        wanted=f"the base image {reference}",
        found=f"it is not on this host and cannot be fetched: {last_line(result.err or result.out)}",
        to_fix=to_fix,
        **error.details,
    )


def unreachable(error: MlstackError, name: str) -> MlstackError:
    """The error for an engine that does not answer."""
    return MlstackError(
        "builder_unreachable",
        wanted=f"an answer of {name}",
        found=error.found,
        to_fix=f"start {name} on this host and run the task as a user who may use it, or name another builder",
        **error.details,
    )


def last_line(text: str) -> str:
    """The line that a person would quote: the last one that speaks of an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if re.search(r"(?i)\b(?:error|e:|fatal|failed)", line)]
    return (named or lines or ["it printed nothing"])[-1][:500]


def _meaning(text: str, patterns: tuple[tuple[str, str, str], ...]) -> tuple[str, str] | None:
    for pattern, code, to_fix in patterns:
        found = re.search(pattern, text)
        if found:
            caught = next((group for group in found.groups() if group), "")
            return code, to_fix.replace("{0}", caught)
    return None


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-60:])
