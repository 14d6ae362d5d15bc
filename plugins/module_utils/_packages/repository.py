# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from: repositories, the keys they are signed with, what goes before what, module streams."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._one_line import CONTROL

PRESENT, ABSENT = "present", "absent"

_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_URL = re.compile(r"^(?:https?://[^\s@\x00-\x1f\x7f]+|file:/[^\s\x00-\x1f\x7f]*)\Z")
_FINGERPRINT = re.compile(r"^(?:[0-9A-F]{40}|[0-9A-F]{64}|sha256:[0-9a-f]{64})\Z")
_WORD = re.compile(r"^[A-Za-z0-9./][A-Za-z0-9._/~+-]*\Z")


@dataclass(frozen=True)
class Repository:
    """One signed repository.

    ``name`` is the stem of its file and, for dnf, its id. ``key`` is the text of the public key, or ``key_url`` where
    it lies; every primary key in it must be one of ``fingerprints``, or the file must have the digest that stands there
    as C(sha256:...). ``suite`` and ``components`` are apt's; a suite
    that ends in C(/) is a flat repository. ``priority`` is dnf's (the lowest number wins); apt has Pin for that.
    ``check_metadata`` lets dnf verify the index too, which not every publisher signs; apt always does.
    """

    name: str
    url: str = ""
    key: str = ""
    key_url: str = ""
    fingerprints: tuple[str, ...] = ()
    title: str = ""
    suite: str = "/"
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    priority: int | None = None
    check_metadata: bool = False
    state: str = PRESENT


@dataclass(frozen=True)
class Pin:
    """An entry of apt's preferences: these packages (patterns), from there, with that priority. Dnf has none.

    ``pin`` is C(release l=NVIDIA CUDA), C(version 550.*) or C(origin example.com), see apt_preferences(5).
    """

    name: str
    packages: tuple[str, ...] = ("*",)
    pin: str = ""
    priority: int = 600
    reason: str = ""
    state: str = PRESENT


@dataclass(frozen=True)
class UpgradeBlock:
    """Packages (regular expressions that match from the start of a name) that unattended-upgrades leaves alone.

    dnf-automatic heeds version locks, which holds are, and so needs no list of its own.
    """

    name: str
    patterns: tuple[str, ...] = ()
    state: str = PRESENT


@dataclass(frozen=True)
class ModuleStream:
    """The stream of a dnf module that shall be enabled; an empty stream means none, as after C(dnf module reset)."""

    module: str
    stream: str = ""


@dataclass(frozen=True)
class Sources:
    """Everything a task wants of the places that packages come from."""

    repositories: tuple[Repository, ...] = ()
    pins: tuple[Pin, ...] = ()
    upgrade_blocks: tuple[UpgradeBlock, ...] = ()
    streams: tuple[ModuleStream, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.repositories or self.pins or self.upgrade_blocks or self.streams)


@dataclass(frozen=True)
class KeyFile:
    """A public key where the package manager finds it."""

    path: str
    repository: Repository

    @property
    def wanted(self) -> tuple[str, ...]:
        return self.repository.fingerprints if self.repository.state == PRESENT else ()


@dataclass(frozen=True)
class SourcesObservation:
    """What was found. ``manager`` is C(apt) or C(dnf).

    - ``files`` and ``keys`` are the files that the desired state means, ``texts`` what they hold now.
    - ``trusted`` are the identities in each key file, ``streams`` the enabled stream of each module.
    - ``rivals`` are files of others that name the same address: two definitions of one repository confuse both package
      managers, and apt refuses to work when their keys differ. ``mixed`` are those that name other addresses too.
    """

    manager: str = ""
    files: tuple[ManagedFile, ...] = ()
    keys: tuple[KeyFile, ...] = ()
    texts: t.Mapping[str, str | None] = field(default_factory=dict)
    trusted: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    streams: t.Mapping[str, str] = field(default_factory=dict)
    rivals: t.Mapping[str, str] = field(default_factory=dict)
    mixed: tuple[str, ...] = ()


def require_valid(sources: Sources) -> None:
    """Refuse what would end up as something else in a configuration file. Raises InvalidArguments."""
    for repository in sources.repositories:
        _require(_NAME, repository.name, "a repository's name", "use letters, digits, '.', '_' and '-'")
        if repository.state == ABSENT:
            continue
        wanted = f"the repository {repository.name}"
        _require(
            _URL, repository.url, f"{wanted}: its url", "use an http, https or file URL; put credentials elsewhere"
        )
        if repository.key_url:
            _require(_URL, repository.key_url, f"{wanted}: its key_url", "use an http, https or file URL")
        if not repository.key and not repository.key_url:
            raise _invalid(wanted, "no key", "give key or key_url: unsigned repositories are not configured")
        if not repository.fingerprints:
            raise _invalid(wanted, "no fingerprint of its key", "give the fingerprint that the publisher announces")
        for fingerprint in repository.fingerprints:
            _require(
                _FINGERPRINT, fingerprint, f"{wanted}: the fingerprint", "give all 40 (or 64) hexadecimal digits of it"
            )
        for word in (repository.suite, *repository.components, *repository.architectures):
            _require(_WORD, word, f"{wanted}: suite, components or architectures", "use plain words")
        if CONTROL.search(repository.title):
            raise _invalid(wanted, "a title of several lines", "use one line")
    for pin in sources.pins:
        _require(_NAME, pin.name, "a pin's name", "use letters, digits, '.', '_' and '-'")
        if any(CONTROL.search(text) for text in (pin.pin, pin.reason, *pin.packages)):
            raise _invalid(f"the pin {pin.name}", "a line break", "use one line for each field")
    for block in sources.upgrade_blocks:
        _require(_NAME, block.name, "an upgrade block's name", "use letters, digits, '.', '_' and '-'")
        if any(set(pattern) & set('";') or CONTROL.search(pattern) for pattern in block.patterns):
            raise _invalid(f"the upgrade block {block.name}", "a quote, semicolon or line break", "leave it out")
    for stream in sources.streams:
        _require(_NAME, stream.module, "a module's name", "use the name that dnf module list shows")
        if stream.stream:
            _require(_NAME, stream.stream, f"the stream of {stream.module}", "use one that dnf module list shows")


def _require(pattern: re.Pattern[str], text: str, wanted: str, to_fix: str) -> None:
    if not pattern.match(text):
        raise _invalid(wanted, repr(text), to_fix)


def _invalid(wanted: str, found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("invalid_repository", wanted=wanted, found=found, to_fix=to_fix)
