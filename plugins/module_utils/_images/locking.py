# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks for an image: what its environments ask for, resolved for the Python, processor and C library of the base.

What has no wheel for these is refused here, before anything is built, unless there is something to build it with.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _redact
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Base, DesiredImage, Lock
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    arguments,
    contents,
    requirement_checks,
    requirement_problems,
    requirement_text,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_provider import EngineProvider
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_uv import UvEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import versions_in
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment

# The second number of glibc's version, of those that uv knows wheels for.
_GLIBC = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_MACHINES = ("x86_64", "aarch64")


def read(desired: DesiredEnvironment, context: Context) -> contents.Contents:
    """What an environment asks for, all of it pinned. Raises InvalidArguments."""
    found = contents.read(desired, context.host)
    problems = requirement_checks.check_pinned(found.requirements)
    problems += requirement_checks.check_hashes(found.requirements, required=found.request.require_hashes)
    if problems:
        raise requirement_problems.refusal(
            problems, f"environment {desired.name} from requirements that are all pinned"
        )
    for item in found.request.requirements:
        if item.url and _redact.url_secrets(item.url):
            raise InvalidArguments(
                "credentials_in_requirement",
                wanted=f"environment {desired.name} in an image",
                found="a requirement has credentials in its URL, which everybody who has the image could read",
                to_fix="put the file on an index and name that with index_url, whose credentials stay outside",
            )
    return found


def platform(base: Base, title: str) -> str:
    """The platform of a base, as uv calls it. Raises MlstackError for one that no wheels are made for."""
    minor = int(base.libc_version.partition(".")[2] or 0) if base.libc == "glibc" else 0
    fitting = [number for number in _GLIBC if number <= minor]
    if base.machine in _MACHINES and base.libc == "musl":
        return f"{base.machine}-unknown-linux-musl"
    if base.machine in _MACHINES and fitting:
        return f"{base.machine}-manylinux_2_{fitting[-1]}"
    raise MlstackError(
        "base_without_wheels",
        wanted=title,
        found=f"the base {base.reference} is {base.machine or 'unknown'} with {base.libc or 'an unknown C library'} "
        f"{base.libc_version}",
        to_fix="choose a base for x86_64 or aarch64 with glibc 2.17 or later",
    )


def require_python(desired: DesiredImage, base: Base) -> None:
    """Raise MlstackError where the base's Python isn't what an environment asks for."""
    for environment in desired.environments:
        asked = environment.python
        fits = asked == "auto" or f"{base.python_version}.".startswith(f"{asked}.")
        if base.python and base.python_version and fits:
            continue
        has = f"Python {base.python_version}" if base.python else "no Python from 3.9 on"
        raise MlstackError(
            "base_without_python",
            wanted=f"environment {environment.name} of image {desired.name} on Python "
            + ("3.9 or later" if asked == "auto" else asked),
            found=f"the base {base.reference} has {has}",
            to_fix="choose a base that has it, such as docker.io/library/python:3.12-slim with its digest",
        )


class Locksmith:
    """Resolves for the images of one module call; the engine is chosen once."""

    def __init__(self, context: Context, params: t.Mapping[str, t.Any]) -> None:
        self._context = context
        self._provider = EngineProvider(context, arguments.engine_of(params))
        self._visiting: EngineProvider | None = None

    def lock(self, environment: DesiredEnvironment, base: Base, kept: str, scratch: str, *, builds: bool) -> Lock:
        """The lock of an environment. ``kept`` is the text of an earlier one: its versions stay where they fit.

        ``builds`` allows what has no wheel. Raises MlstackError.
        """
        found = read(environment, self._context)
        title = f"environment {environment.name} on Python {base.python_version} and {platform(base, 'an image')}"
        hashed = bool(found.requirements.requirements) and all(item.hashes for item in found.requirements.requirements)
        text = self._resolve(found, base, "" if hashed else kept, scratch, title, builds)
        if hashed:  # a lock already: other files than those that it names are not asked for
            text = requirement_text.text(found.request.requirements)
        return Lock(
            name=environment.name,
            text=text,
            pins=versions_in(text),
            imports=environment.verify_imports,
            compile_bytecode=found.request.compile_bytecode,
            no_binary=found.request.no_binary if builds else (),
        )

    def _resolve(self, found: contents.Contents, base: Base, kept: str, scratch: str, title: str, builds: bool) -> str:
        provider = self._provider
        if self._context.preview:
            self._visiting = provider = self._visiting or provider.visiting(scratch)
        engine = provider.engine()
        if not isinstance(engine, UvEngine):
            raise AssertionError("images are resolved with uv")
        folder = os.path.join(scratch, "lock")
        disk.delete(folder)
        disk.make_folder(folder)
        output = os.path.join(folder, "lock.txt")
        if kept:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import writing

            writing.write_whole(output, kept)
        options = ["--python-version", base.python_version, "--python-platform", platform(base, title), "--no-annotate"]
        options += [] if builds else ["--no-build"]
        try:
            engine.compile(found.request, output, provider.interpreters.default().path, folder, options)
        except MlstackError as exc:
            raise _explained(exc, title) from exc
        with open(output, encoding="utf-8") as stream:
            return _plain(stream.read())


def _explained(error: MlstackError, title: str) -> MlstackError:
    to_fix = error.to_fix
    if error.code == "no_wheel":
        to_fix = (
            "choose a version, or a base with another Python or C library, for which there is a wheel; or name in "
            "build_packages what is needed to build it (build-tools, and headers)"
        )
    return MlstackError(error.code, wanted=title, found=error.found, to_fix=to_fix, **error.details)


def _plain(text: str) -> str:
    """Without comments, which could name folders of ours."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
