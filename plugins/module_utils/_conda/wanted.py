# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What a desired state says: specs, files and pip sections read into one set of contents."""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet

# Options that bear on what an environment holds; to be raised when the same words come to mean something else.
_READING = 3
_CONTENT = frozenset({"packages", "channels", "file", "categories", "environment", "exact", "pip_packages"})
_CONTENT |= {"pip_requirements", "pip_require_hashes", "pip_may_replace", "virtual_packages", "verify_imports"}
_CONTENT |= {"link_scripts", "compile_bytecode"}


@dataclass(frozen=True)
class Wanted:
    """The contents that an environment should have.

    ``locked`` are the packages of a lock or of the environment that is cloned, else None and ``specs`` are solved.
    ``welcome`` are packages that come along where the channels have them.
    ``requirements`` and ``constraints`` are for pip, as requirement file texts. ``digest`` is the same for desired
    states that mean the same, ``asked`` for those that say the same. ``variables`` are set when the environment is
    activated.
    """

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    digest: str
    locked: tuple[Package, ...] | None = None
    requirements: str = ""
    constraints: str = ""
    pip_set: RequirementSet | None = None
    asked: str = ""
    warnings: tuple[str, ...] = ()
    variables: t.Mapping[str, str] = field(default_factory=dict)
    more: t.Mapping[str, t.Any] = field(default_factory=dict)
    welcome: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        count = len(self.locked) if self.locked is not None else len(self.specs)
        noun = "locked package" if self.locked is not None else "spec"
        pip = len(self.requirements.splitlines())
        further = f" and {pip} for pip" if pip else ""
        return f"{count} {noun}{'' if count == 1 else 's'}{further}"

    @property
    def pins(self) -> dict[str, str]:
        found = {item.name: f"{item.version} {item.build}" for item in self.locked or ()}
        return {**found, **self.pip_pins}

    @property
    def pip_pins(self) -> dict[str, str]:
        """Name to version of what pip is to bring, where a version is named."""
        listed = self.pip_set.requirements if self.pip_set else ()
        return {f"{item.name} (pip)": item.version for item in listed if item.name and item.version}


def asked(desired: DesiredCondaEnvironment) -> str:
    """A digest of a desired state's words; empty where a variable or a file on the host may have a say."""
    if desired.options["remote_src"] or any(b"$" in content for content in desired.files.values()):
        return ""
    words = {name: desired.options[name] for name in sorted(_CONTENT)}
    said = [_READING, words, list(desired.arguments["channels"]), sorted(_used(desired).items())]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _used(desired: DesiredCondaEnvironment) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in desired.files.items()}


def wanted(desired: DesiredCondaEnvironment, current: Generation | None, variables: t.Mapping[str, str]) -> Wanted:
    """Read a desired state; ``current`` matters where it only adds to what is there. Raises InvalidArguments."""
    options = desired.options
    described = desired.described()
    specs = [_spec(desired, text) for text in options["packages"]]
    channels = [*options["channels"], *desired.arguments["channels"]]
    locked: tuple[Package, ...] | None = None
    activated: dict[str, str] = {}
    if isinstance(described, LockFile):
        locked = tuple(sorted((item.package() for item in described.packages), key=lambda item: item.name))
        if specs:
            raise InvalidArguments(
                "environment_invalid",
                wanted=f"environment {desired.name} from the lock {described.source}",
                found=f"packages are given besides: {', '.join(specs)}",
                to_fix="lock them with the others, or leave packages out",
            )
    elif isinstance(described, EnvironmentFile):
        specs = _merged([item.text for item in described.specs], specs)
        channels = [*options["channels"], *described.channels, *desired.arguments["channels"]]
        activated = dict(described.variables)
    pip = _pip(desired, described, variables)
    texts = requirement_text.render(pip) if pip is not None else requirement_text.Texts("", "")
    if not options["exact"] and current is not None and locked is None:
        specs = _merged(current.record.get("specs", []), specs)
        channels = [*channels, *current.record.get("channels", [])]
        texts = requirement_text.Texts(_added(current.record.get("pip", ""), texts.requirements), texts.constraints)
        activated = {**current.record.get("variables", {}), **activated}
    channels = list(dict.fromkeys(channels))
    if specs and not channels:
        raise InvalidArguments(
            "channels_missing",
            wanted=f"environment {desired.name} with {', '.join(specs[:3])}",
            found="no channel is named, neither here nor in a file",
            to_fix="set channels, for example [conda-forge]",
        )
    welcome = ("pip",) if _brings_pip(described, specs) else ()
    found = Wanted(
        tuple(specs), tuple(channels), "", locked, *texts, pip, asked(desired), variables=activated, welcome=welcome
    )
    return _with_digest(found, desired, described.warnings if described is not None else ())


def _brings_pip(described: EnvironmentFile | LockFile | None, specs: t.Iterable[str]) -> bool:
    """A pip section wants pip, as conda sees it, also where nobody names it."""
    listed = isinstance(described, EnvironmentFile) and described.pip_listed
    return listed and all(match_spec.parse(text).name != "pip" for text in specs)


def _with_digest(found: Wanted, desired: DesiredCondaEnvironment, warnings: t.Iterable[str]) -> Wanted:
    options = desired.options
    locked = None if found.locked is None else [[item.url, item.sha256 or item.md5] for item in found.locked]
    # Where a lock's packages come from is no reason to build anew, but their names and hashes are.
    said: list[t.Any] = [
        sorted(found.specs),
        list(found.channels) if found.locked is None else [],
        locked,
        found.requirements,
        found.constraints,
        options["pip_require_hashes"],
        sorted(options["pip_may_replace"]),
        sorted((options["virtual_packages"] or {}).items()),
        sorted(options["verify_imports"]),
        options["link_scripts"],
        options["compile_bytecode"],
        sorted(found.variables.items()),
    ]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    fields = {name: getattr(found, name) for name in ("specs", "channels", "locked", "requirements", "constraints")}
    fields.update(pip_set=found.pip_set, asked=found.asked, variables=found.variables, welcome=found.welcome)
    return Wanted(**fields, digest=digest, warnings=tuple(warnings))


def of_clone(
    record: t.Mapping[str, t.Any], packages: t.Sequence[Package], pip: t.Sequence[str], variables: t.Mapping[str, str]
) -> Wanted:
    """What a clone holds: the packages of its source, what pip installed there, and its variables."""
    stems = sorted(item.stem for item in packages)
    requirements = "".join(f"{line}\n" for line in pip)
    digest = hashlib.sha256(json.dumps(["clone", stems, requirements, sorted(variables.items())]).encode()).hexdigest()
    specs = tuple(record.get("specs", ()))
    channels = tuple(record.get("channels", ()))
    more = {"no_deps": True}
    return Wanted(specs, channels, digest, tuple(packages), requirements, variables=variables, more=more)


def _spec(desired: DesiredCondaEnvironment, text: str) -> str:
    try:
        return str(match_spec.parse(text))
    except match_spec.BadSpec as exc:
        raise InvalidArguments(
            "conda_bad_spec",
            wanted=f"{text!r} in environment {desired.name}",
            found=str(exc),
            to_fix="write a name with a version, such as numpy=1.26, python>=3.10,<3.12 or pytorch=2.*=cuda*",
        ) from None


def _merged(first: t.Iterable[str], second: t.Iterable[str]) -> list[str]:
    """Both lists; the second one in place of the first where it speaks of the same package. Two specs of one name in
    one list are both meant."""
    second = list(second)
    named = {match_spec.parse(text).name for text in second}
    return list(dict.fromkeys([*(text for text in first if match_spec.parse(text).name not in named), *second]))


def _added(before: str, now: str) -> str:
    named = {line.partition("==")[0].strip() for line in now.splitlines()}
    kept = [line for line in before.splitlines() if line.partition("==")[0].strip() not in named]
    return "".join(f"{line}\n" for line in sorted({*kept, *now.splitlines()}))


def _pip(
    desired: DesiredCondaEnvironment, described: EnvironmentFile | LockFile | None, variables: t.Mapping[str, str]
) -> RequirementSet | None:
    options = desired.options
    section = described.pip_text() if described is not None else ""
    if not (section.strip() or options["pip_packages"] or options["pip_requirements"]):
        return None
    source = described.source if described is not None else ""

    def load(path: str) -> bytes:
        return section.encode() if section.strip() and path == source else desired.load(path)

    files = [*([source] if section.strip() else []), *options["pip_requirements"]]
    return requirement_files.read(files, load=load, packages=options["pip_packages"], variables=variables)
