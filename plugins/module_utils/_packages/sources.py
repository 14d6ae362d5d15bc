# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuring where packages come from: the part that apt and dnf have in common."""

from __future__ import annotations

import abc
import contextlib
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import signing_key
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.plan_sources import SourcesChange
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    PRESENT,
    KeyFile,
    ModuleStream,
    Sources,
    SourcesObservation,
)

OURS = "# Written by gpufleet.mlstack: a change by hand is taken back.\n"


class SourcesOfHost(abc.ABC):
    """Where one host's packages come from. What is above the line only reads, and starts no program."""

    manager: str

    def __init__(self, host: Host, commands: Commands) -> None:
        self.host = host
        self.commands = commands

    def observe(self, desired: Sources) -> SourcesObservation:
        """What there is of the wanted things. A desired state that is written wrongly raises InvalidArguments."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import require_valid

        require_valid(desired)
        files = tuple(self._files(desired))
        keys = tuple(KeyFile(self._key_path(repository.name), repository) for repository in desired.repositories)
        texts = managed.observe(self.host, files)
        texts.update({key.path: self.host.read_text(key.path) for key in keys})
        rivals, mixed = self._rivals(desired, {file.path for file in files})
        return SourcesObservation(
            manager=self.manager,
            files=files,
            keys=keys,
            texts=texts,
            trusted={key.path: signing_key.identities((texts[key.path] or "").encode(), key.wanted) for key in keys},
            streams={stream.module: self._stream(stream.module) for stream in desired.streams},
            rivals=rivals,
            mixed=mixed,
        )

    # ---------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def changed(self, change: SourcesChange) -> t.Iterator[None]:
        """Carry a change out for the body. When that fails, everything is again as it was.

        Keys are fetched and verified before the first file changes. Streams are enabled last: see PackageManager.
        """
        keys = [(key, self._fetched(key) if key.wanted else None) for key in change.keys]
        paths = [key.path for key in change.keys] + [*change.rivals, *(file.path for file in change.files)]
        paths += [self.stream_path(stream.module) for stream in change.streams]
        with managed.restored_on_failure(self.host, paths):
            for key, text in keys:
                managed.write(self.host, ManagedFile(key.path, text))
            for path in change.rivals:
                managed.write(self.host, ManagedFile(path, None))
            for file in change.files:
                managed.write(self.host, file)
            for stream in change.streams:
                self._switch(stream)
            yield

    def _fetched(self, key: KeyFile) -> str:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils import _download

        repository = key.repository
        content, source = repository.key.encode(), "the key that was given"
        if not content:
            content = _download.fetch(repository.key_url, f"trust the key of {repository.name}")
            source = repository.key_url
        return signing_key.verified(content, repository.fingerprints, source)

    # ---------------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def _files(self, desired: Sources) -> t.Iterator[ManagedFile]:
        """The files that say it, or that must not be there to say it."""

    @abc.abstractmethod
    def _key_path(self, name: str) -> str:
        """Where the key of a repository lies."""

    @abc.abstractmethod
    def _addresses(self, path: str, text: str) -> list[str]:
        """The addresses of all enabled repositories that a file of the package manager defines."""

    @abc.abstractmethod
    def _definitions(self) -> list[str]:
        """All files in which repositories are defined."""

    def _stream(self, module: str) -> str:
        return ""

    def stream_path(self, module: str) -> str:
        """Where the state of a module lies."""
        raise NotImplementedError

    def _switch(self, stream: ModuleStream) -> None:
        raise NotImplementedError

    def _rivals(self, desired: Sources, own: t.Collection[str]) -> tuple[dict[str, str], tuple[str, ...]]:
        wanted = {_plain(repository.url) for repository in desired.repositories if repository.state == PRESENT}
        rivals: dict[str, str] = {}
        mixed = []
        for path in self._definitions() if wanted else ():
            text = self.host.read_text(path) or ""
            if path in own or not any(address in text for address in wanted):
                continue
            addresses = {_plain(address) for address in self._addresses(path, text)}
            if addresses and addresses <= wanted:
                rivals[path] = text
            elif addresses & wanted:
                mixed.append(path)
        return rivals, tuple(mixed)


def _plain(address: str) -> str:
    return address.rstrip("/")
