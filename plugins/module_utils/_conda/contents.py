# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents that a desired conda environment asks for, with what its files say."""

from __future__ import annotations

import contextlib
import hashlib
import json
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.match_spec import MatchSpec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement


@dataclass(frozen=True)
class Contents:
    """The contents that an environment should have.

    ``locked`` are the packages of a lock or of the environment that is cloned, else None and ``specs`` are solved.
    ``welcome`` are packages that come along where the channels have them. ``requirements`` and ``constraints`` are for
    pip, without their dependencies where ``pip_no_deps``. ``digest`` is the same for desired states that mean the same,
    ``note`` for those that say the same. ``variables`` are set when the environment is activated.
    """

    specs: tuple[MatchSpec, ...]
    channels: tuple[str, ...]
    locked: tuple[Package, ...] | None = None
    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    pip_no_deps: bool = False
    variables: t.Mapping[str, str] = field(default_factory=dict)
    welcome: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""
    note: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def size(self) -> str:
        count = len(self.locked) if self.locked is not None else len(self.specs)
        noun = "locked package" if self.locked is not None else "spec"
        further = f" and {len(set(self.requirements))} for pip" if self.requirements else ""
        return f"{count} {noun}{'' if count == 1 else 's'}{further}"

    @property
    def pins(self) -> dict[str, str]:
        found = {item.name: f"{item.version} {item.build}" for item in self.locked or ()}
        return {**found, **self.pip_pins}

    @property
    def pip_pins(self) -> dict[str, str]:
        """Name to version of what pip is to bring, where a version is named."""
        return {f"{item.name} (pip)": item.version for item in self.requirements if item.name and item.version}


def read(desired: DesiredCondaEnvironment, record: t.Mapping[str, t.Any], variables: t.Mapping[str, str]) -> Contents:
    """Read a desired state; the ``record`` of the generation in use matters where it only adds to what is there.

    Raises InvalidArguments."""
    described = desired.described()
    used = {desired.key: desired.files[desired.key]} if described is not None else {}
    specs = tuple(_spec(desired, text) for text in desired.packages)
    channels = list(desired.all_channels)
    locked: tuple[Package, ...] | None = None
    activated: dict[str, str] = {}
    if isinstance(described, LockFile):
        locked = tuple(sorted((item.package() for item in described.packages), key=lambda item: item.name))
        if specs:
            raise InvalidArguments(
                "environment_invalid",
                wanted=f"environment {desired.name} from the lock {described.source}",
                found=f"packages are given besides: {', '.join(map(str, specs))}",
                to_fix="lock them with the others, or leave packages out",
            )
    elif isinstance(described, EnvironmentFile):
        specs = _merged(map(match_spec.parse, (item.text for item in described.specs)), specs)
        channels = [*desired.channels, *described.channels, *desired.more_channels]
        activated = dict(described.variables)
    pip = _pip(desired, described, variables, used)
    requirements, constraints = (requirement_text.pinned(pip), pip.constraints) if pip is not None else ((), ())
    if not desired.exact and record and locked is None:
        specs = _merged(map(match_spec.parse, record.get("specs", [])), specs)
        channels = [*channels, *record.get("channels", [])]
        requirements = _added(record.get("pip", ""), requirements)
        activated = {**record.get("variables", {}), **activated}
    channels = list(dict.fromkeys(channels))
    if specs and not channels:
        raise InvalidArguments(
            "channels_missing",
            wanted=f"environment {desired.name} with {', '.join(map(str, specs[:3]))}",
            found="no channel is named, neither here nor in a file",
            to_fix="set channels, for example [conda-forge]",
        )
    found = Contents(
        specs,
        tuple(channels),
        locked,
        requirements,
        constraints,
        variables=activated,
        welcome=("pip",) if _brings_pip(described, specs) else (),
        warnings=tuple(described.warnings) if described is not None else (),
        note=note.of(desired, used),
    )
    return replace(found, digest=_digest(desired, found))


def _brings_pip(described: EnvironmentFile | LockFile | None, specs: t.Iterable[MatchSpec]) -> bool:
    """A pip section wants pip, as conda sees it, also where nobody names it."""
    listed = isinstance(described, EnvironmentFile) and described.pip_listed
    return listed and all(spec.name != "pip" for spec in specs)


def _digest(desired: DesiredCondaEnvironment, found: Contents) -> str:
    locked = None if found.locked is None else [[item.url, item.sha256 or item.md5] for item in found.locked]
    # Where a lock's packages come from is no reason to build anew, but their names and hashes are.
    meant: list[t.Any] = [
        sorted(map(str, found.specs)),
        list(found.channels) if found.locked is None else [],
        locked,
        requirement_text.text(found.requirements),
        requirement_text.text(found.constraints),
        desired.pip_require_hashes,
        sorted(desired.pip_may_replace),
        sorted(desired.virtual_packages.items()),
        sorted(desired.verify_imports),
        desired.link_scripts,
        desired.compile_bytecode,
        sorted(found.variables.items()),
    ]
    return hashlib.sha256(json.dumps(meant).encode()).hexdigest()


def of_clone(
    record: t.Mapping[str, t.Any], packages: t.Sequence[Package], pip: t.Sequence[str], variables: t.Mapping[str, str]
) -> Contents:
    """What a clone holds: the packages of its source, what pip installed there, and its variables."""
    stems = sorted(item.stem for item in packages)
    requirements = "".join(f"{line}\n" for line in pip)
    digest = hashlib.sha256(json.dumps(["clone", stems, requirements, sorted(variables.items())]).encode()).hexdigest()
    specs = []
    for text in record.get("specs", ()):
        with contextlib.suppress(match_spec.BadSpec):  # the history of somebody else's environment may say anything
            specs.append(match_spec.parse(text))
    return Contents(
        tuple(specs),
        tuple(record.get("channels", ())),
        tuple(packages),
        requirement_files.of_lines(pip),
        pip_no_deps=True,
        variables=variables,
        digest=digest,
    )


def _spec(desired: DesiredCondaEnvironment, text: str) -> MatchSpec:
    try:
        return match_spec.parse(text)
    except match_spec.BadSpec as exc:
        raise InvalidArguments(
            "conda_bad_spec",
            wanted=f"{text!r} in environment {desired.name}",
            found=str(exc),
            to_fix="write a name with a version, such as numpy=1.26, python>=3.10,<3.12 or pytorch=2.*=cuda*",
        ) from None


def _merged(first: t.Iterable[MatchSpec], second: t.Iterable[MatchSpec]) -> tuple[MatchSpec, ...]:
    """Both lists; the second one in place of the first where it speaks of the same package. Two specs of one name in
    one list are both meant."""
    second = tuple(second)
    named = {spec.name for spec in second}
    return tuple(dict.fromkeys((*(spec for spec in first if spec.name not in named), *second)))


def _added(recorded: str, now: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    named = {item.name for item in now if item.name}
    kept = (item for item in requirement_files.of_lines(recorded.splitlines()) if item.name not in named)
    return (*kept, *now)


def _pip(
    desired: DesiredCondaEnvironment,
    described: EnvironmentFile | LockFile | None,
    variables: t.Mapping[str, str],
    used: dict[str, bytes],
) -> RequirementSet | None:
    """``used`` takes the contents of the files that were read."""
    section = described.pip_text() if described is not None else ""
    if not (section.strip() or desired.pip_packages or desired.pip_requirements):
        return None
    source = described.source if described is not None else ""

    def load(path: str) -> bytes:
        if section.strip() and path == source:
            return section.encode()
        used[path] = desired.load(path)
        return used[path]

    files = [*([source] if section.strip() else []), *desired.pip_requirements]
    return requirement_files.read(files, load=load, packages=desired.pip_packages, variables=variables)
