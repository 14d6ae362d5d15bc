# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that a new generation passes before it is switched to, and what was found in it."""

from __future__ import annotations

import glob
import json
import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    check,
    names,
    probe,
    record,
    versions,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution, inventory
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import PROBE
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement

# Imports one module per line of argv and goes on after a failure; prints {module: reason}.
_IMPORT = r"""
import importlib, json, os, sys
failed = {}
out = os.dup(1)
os.dup2(2, 1)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as exc:
        failed[name] = "%s: %s" % (type(exc).__name__, str(exc).strip().splitlines()[-1] if str(exc).strip() else "")
os.write(out, json.dumps(failed).encode())
os._exit(0)
"""


@dataclass(frozen=True)
class Found:
    """What a new environment holds. ``folders`` are its site-packages, relative to the prefix."""

    folders: list[str]
    installed: dict[str, str]
    freeze: list[str]
    checks: dict[str, t.Any]
    excused: list[str] = field(default_factory=list)


def verify(
    title: str,
    requirements: RequirementSet | None,
    imports: t.Sequence[str],
    prefix: str,
    commands: Commands,
    scratch: str,
    installed_from: t.Sequence[Requirement] = (),
    judged: t.Collection[str] | None = None,
    excused: t.Callable[[check.Conflict], bool] = lambda conflict: False,
) -> Found:
    """Check a freshly built prefix: metadata, versions as desired, dependencies, imports. Raises MlstackError.

    ``installed_from`` are the requirements that it was built from. ``judged`` are the distributions whose
    dependencies must fit, by name, where others are another package manager's to judge. What is ``excused``
    does not fit by intent.
    """
    python = os.path.join(prefix, "bin", "python")
    probed = commands.run([python, "-I", "-c", PROBE], purpose=f"start the new Python of {title}", timeout=60)
    facts = probe.described(probed.out, python)
    folders = list(dict.fromkeys(os.path.realpath(path) for path in (facts["purelib"], facts["platlib"])))
    found = inventory(*folders)
    problems = [f"{item.folder}: {item.reason}" for item in found.broken]
    problems += _wrong_versions(requirements, found.distributions, facts["environment"])
    if problems:
        raise _failed(title, "not_as_desired", "; ".join(problems), "find out what the index serves under these names")
    _check_extras(title, installed_from, found.distributions, facts["environment"])
    verdict = check.check(found.distributions, facts["environment"])
    every = [item for item in verdict.conflicts if judged is None or _concerns(item, judged)]
    conflicts = [item for item in every if not excused(item)]
    if conflicts:
        raise _failed(
            title,
            "broken_requirements",
            "; ".join(map(str, conflicts)),
            "pin versions that fit together (pip check says the same); where a pin must stay, pin its dependents too",
            conflicts=[item._asdict() for item in conflicts],
        )
    _check_imports(title, imports, python, commands, scratch)
    return Found(
        folders=[os.path.relpath(folder, os.path.realpath(prefix)) for folder in folders],
        installed={item.name: item.version for item in found.distributions},
        freeze=sorted((frozen(item, url_hashes(installed_from)) for item in found.distributions), key=str.lower),
        excused=[str(item) for item in every if excused(item)],
        checks={"imports": list(imports), "requirements": len(found.distributions)},
    )


def _concerns(conflict: check.Conflict, judged: t.Collection[str]) -> bool:
    return names.normalize(conflict.package) in judged or conflict.wanted_name in judged


def damaged(prefix: str) -> dict[str, list[str]]:
    """The files of a fresh prefix that are not what their packages say they are, by package."""
    found: dict[str, list[str]] = {}
    places = glob.glob(os.path.join(glob.escape(prefix), "lib*", "python3*", "site-packages"))
    for folder in sorted(set(map(os.path.realpath, places))):  # lib64 is a link to lib
        for entry in os.listdir(folder):
            parts = names.metadata_folder_parts(entry) if entry.endswith(".dist-info") else None
            compared = record.compare(folder, entry) if parts else None
            if parts and compared and compared.changed:
                found.setdefault(names.normalize(parts[0]), []).extend(compared.changed)
    return found


def url_hashes(requirements: t.Iterable[Requirement]) -> dict[str, str]:
    """Name to sha256 of the direct URLs that have one."""
    one = [(item.name, item.hashes[0].partition(":")) for item in requirements if item.url and len(item.hashes) == 1]
    return {name: digest for name, (algorithm, _colon, digest) in one if name and algorithm == "sha256"}


def frozen(item: Distribution, hashes: t.Mapping[str, str] | None = None) -> str:
    """A distribution as a line of a requirement file, by its URL where it came from one (PEP 610).

    uv checks the hash of a URL and does not note it; ``hashes`` has those that were asked for.
    """
    url = item.direct_url or {}
    if not url.get("url"):
        return f"{item.written_name}=={item.version}"
    if "vcs_info" in url:
        vcs = url["vcs_info"]
        text = f"{vcs.get('vcs', 'git')}+{url['url']}@{vcs.get('commit_id', '')}"
        return f"{item.written_name} @ {text}" + (
            f"#subdirectory={url['subdirectory']}" if url.get("subdirectory") else ""
        )
    noted = (url.get("archive_info") or {}).get("hashes") or {}
    digest = noted.get("sha256") or (hashes or {}).get(item.name)
    fragment = f"#sha256={digest}" if digest else ""
    return f"{item.written_name} @ {url['url']}{fragment}"


def _wrong_versions(
    requirements: RequirementSet | None, found: t.Sequence[Distribution], environment: t.Mapping[str, str]
) -> list[str]:
    by_name = {item.name: item.version for item in found}
    problems = []
    for wanted in requirements.requirements if requirements else ():
        if not wanted.name or not wanted.applies(dict(environment)):
            continue
        version = by_name.get(wanted.name)
        if version is None:
            problems.append(f"{wanted.text} is wanted, and no {wanted.name} is installed")
        elif not _is_of(version, wanted):
            problems.append(f"{wanted.text} is wanted, and {names.normalize(wanted.name)} {version} is installed")
    return problems


def _is_of(version: str, wanted: Requirement) -> bool:
    if wanted.url is None:
        # A pin without a local version takes any build of that version (PEP 440): 2.0.1+cu118 is a 2.0.1.
        return versions.satisfies(version, wanted.specifiers)
    return wanted.version is None or versions.same(version, wanted.version)


def _check_extras(
    title: str,
    requirements: t.Iterable[Requirement],
    found: t.Sequence[Distribution],
    environment: t.Mapping[str, str],
) -> None:
    """An extra that a distribution does not have brings nothing: pip and uv say so in passing, and go on."""
    by_name = {item.name: item for item in found}
    problems, there = [], set()
    for wanted in requirements:
        item = by_name.get(wanted.name or "")
        unknown = sorted(set(wanted.extras) - set(item.extras)) if item and wanted.applies(dict(environment)) else []
        if item and unknown:
            problems.append(f"{item.written_name} {item.version} has no extra {', '.join(unknown)}")
            there.add(f"{item.written_name} has {', '.join(item.extras) or 'none'}")
    if problems:
        to_fix = f"correct the extras, or the version: {'; '.join(sorted(there))}"
        raise _failed(title, "unknown_extra", "; ".join(problems), to_fix)


def _check_imports(title: str, imports: t.Sequence[str], python: str, commands: Commands, scratch: str) -> None:
    if not imports:
        return
    # Libraries write caches into the home folder at their first import; verifying leaves nothing behind.
    home = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"), scratch)
    argv = [python, "-I", "-c", _IMPORT, *imports]
    result = commands.run(argv, env={**STRAY_VARIABLES, **home}, cwd="/", timeout=600, check=False)
    try:
        failed = json.loads(result.out)
    except ValueError:
        died = result.err.strip().splitlines()[-1:] or ["it printed nothing"]
        failed = {", ".join(imports): f"Python ended with status {result.rc}: {died[0]}"}
    if failed:
        raise _failed(
            title,
            "import_failed",
            "; ".join(f"{name} cannot be imported ({reason})" for name, reason in failed.items()),
            "install the package that has it, or the system library that is missing, or correct verify_imports",
            imports_failed=failed,
        )


def _failed(title: str, code: str, found: str, to_fix: str, **details: t.Any) -> MlstackError:
    return MlstackError(code, wanted=f"{title} verified before it is used", found=found, to_fix=to_fix, **details)
