# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that packages come from where they shall. Pure: data in, data out."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    KeyFile,
    ModuleStream,
    Sources,
    SourcesObservation,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

# In this order: a repository must not be there before its key, and streams are read from repositories.
VERBS = ("trust", "distrust", "replace", "write", "delete", "reset_stream", "enable_stream")

_DEFINITIONS = ("/etc/apt/sources.list", "/etc/yum.repos.d/")


@dataclass(frozen=True)
class SourcesChange:
    """What differs. ``rivals`` are files of others that go, since ours takes their place."""

    keys: tuple[KeyFile, ...] = ()
    rivals: tuple[str, ...] = ()
    files: tuple[ManagedFile, ...] = ()
    streams: tuple[ModuleStream, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.rivals or self.files or self.streams)


@dataclass(frozen=True)
class SourcesOrder:
    """What the steps of a plan are together: all of them or none. ``before`` and ``after`` are the lines of a diff."""

    change: SourcesChange
    before: tuple[str, ...]
    after: tuple[str, ...]


def change(desired: Sources, observed: SourcesObservation) -> SourcesChange:
    """The difference between desired state and observation. Raises MlstackError for a definition that is not ours
    alone.
    """
    if observed.mixed:
        raise MlstackError(
            "repository_defined_twice",
            wanted=f"configure {', '.join(r.name for r in desired.repositories)}",
            found=f"{', '.join(observed.mixed)} names the same address beside others",
            to_fix="take the lines of that repository out of it; this task then writes a file of its own",
            files=list(observed.mixed),
        )
    return SourcesChange(
        keys=tuple(key for key in observed.keys if not _as_desired(key, observed)),
        rivals=tuple(observed.rivals),
        files=tuple(managed.differing(observed.files, observed.texts)),
        streams=tuple(stream for stream in desired.streams if observed.streams.get(stream.module, "") != stream.stream),
    )


def changes_lists(found: SourcesChange, *, streams_foreseen: bool = False) -> bool:
    """Whether the package lists will be others. Pins and upgrade blocks choose from those that are there, and so do
    streams, which hide a part of them."""
    if found.keys or found.rivals or (found.streams and not streams_foreseen):
        return True
    return any(file.path.startswith(_DEFINITIONS) for file in found.files)


def plan(desired: Sources, observed: SourcesObservation) -> Plan:
    """The steps, in the order in which they are taken."""
    found = change(desired, observed)
    steps: list[Action] = []
    before: list[str] = []
    after: list[str] = []
    for key in found.keys:
        present = observed.trusted.get(key.path, ())
        verb = "trust" if key.wanted else "distrust"
        told = f"the signing key {', '.join(key.wanted or present)} for {key.repository.name}"
        steps.append(Action(verb, key.repository.name, f"{verb} {told}", {"path": key.path}))
        before += [f"{key.path}: key {fingerprint}" for fingerprint in present]
        after += [f"{key.path}: key {fingerprint}" for fingerprint in key.wanted]
    for path in found.rivals:
        steps.append(Action("replace", path, f"delete {path}, which defines the same repository"))
        before += [f"{path}: {line}" for line in observed.rivals[path].splitlines()]
    steps += managed.actions(found.files, observed.texts)
    before += managed.lines(found.files, observed.texts)
    after += managed.lines(found.files, managed.texts(found.files))
    for stream in found.streams:
        present_stream = observed.streams.get(stream.module, "")
        steps += _stream_steps(stream, present_stream)
        before += [f"stream {stream.module}:{present_stream}"] if present_stream else []
        after += [f"stream {stream.module}:{stream.stream}"] if stream.stream else []
    order = SourcesOrder(found, tuple(before), tuple(after))
    return Plan(tuple(replace(step, order=order) for step in steps), order.before, order.after)


def _stream_steps(stream: ModuleStream, present: str) -> t.Iterator[Action]:
    if present:
        yield Action("reset_stream", stream.module, f"reset the module stream {stream.module}:{present}")
    if stream.stream:
        yield Action("enable_stream", stream.module, f"enable the module stream {stream.module}:{stream.stream}")


def _as_desired(key: KeyFile, observed: SourcesObservation) -> bool:
    present = observed.trusted.get(key.path, ())
    if not key.wanted:
        return observed.texts.get(key.path) is None
    return bool(present) and set(present) <= set(key.wanted)
