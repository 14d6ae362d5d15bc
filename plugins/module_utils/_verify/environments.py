# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments: do they lead home, hold together, and do what they are for."""

from __future__ import annotations

import os
import random
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import info, names, record
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.arguments import SOURCES_SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import confined, libraries, probing, scripts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    Check,
    Selection,
    timed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.probes import IMPORTS

IDS = (
    *("environment", "environment_metadata", "environment_requirements", "environment_versions", "environment_lock"),
    *("environment_files", "environment_scripts", "environment_imports", "environment_libraries"),
)
# Options of python_env_info that matter where nothing is resolved, downloaded or compared with an index.
_LOOK: t.Mapping[str, t.Any] = {
    **{name: option.get("default") for name, option in SOURCES_SPEC.items()},
    "tree": False,
    "outdated": False,
    "cache": False,
    "requirement_files": None,
    "no_cache": True,
    "offline": True,
    "remote_src": True,
    "verify_files": False,
    "names": [],
}
_REBUILD = "build it anew by the role that made it"


@dataclass(frozen=True)
class Asked:
    """Environments by their paths. ``imports`` are tried in each, beside those of its record; ``locks`` are files of
    the host, by path. ``files`` is none, sample or all, a sample that of ``sample`` packages."""

    paths: tuple[str, ...]
    imports: tuple[str, ...]
    locks: t.Mapping[str, str]
    files: str
    sample: int
    limits: confined.Limits


def checks(asked: Asked, selected: Selection, context: Context) -> list[Check]:
    found = []
    for path in asked.paths:
        found += timed(lambda path=path: _contents(path, asked, context))  # type: ignore[misc] # bound by default
        if not os.path.exists(os.path.join(path, "bin", "python")):
            reason = "there is no environment to ask"
            found += [Check(id_, path, UNKNOWN, reason) for id_ in IDS[5:]]
            continue
        for id_, look in _LOOKS.items():
            if selected.has(id_):
                found += timed(lambda path=path, look=look: look(path, asked, context))  # type: ignore[misc] # as above
    return found


def _contents(path: str, asked: Asked, context: Context) -> t.Iterator[Check]:
    """What names and metadata tell; no program of the environment runs."""
    if not os.path.exists(os.path.join(path, "bin", "python")):
        yield Check("environment", path, FAILED, "no Python is there, or it leads to no program", _REBUILD)
        for id_ in IDS[1:5]:
            yield Check(id_, path, UNKNOWN, "there is no environment to look at")
        return
    if os.path.isdir(os.path.join(path, "conda-meta")):
        yield Check("environment", path, PASSED, "a conda environment is there")
        for id_ in IDS[1:5]:
            yield Check(id_, path, SKIPPED, "it is conda's: conda_env_info compares it with what conda wrote down")
        return
    look = info.PythonInfo()
    root, name = os.path.split(os.path.normpath(path))
    managed = os.path.isdir(os.path.join(root, ".generations", name))
    locks = {(name if managed else path): asked.locks[path]} if path in asked.locks else {}
    named = {"root": root, "names": [name], "paths": []} if managed else {"root": "", "paths": [path]}
    try:
        (question,) = look.all_desired({**_LOOK, **named, "locks": locks}, context)
        told = look.observe(question, context)
    except MlstackError as exc:
        for id_ in IDS[:5]:
            yield Check(id_, path, UNKNOWN, exc.found, exc.to_fix)
        return
    if "packages" not in told:
        yield Check("environment", path, FAILED, f"it is no environment ({told['standing']})", _REBUILD)
        return
    yield Check("environment", path, PASSED, f"Python {told['python']['version']}, {len(told['packages'])} packages")
    yield _list("environment_metadata", path, told["broken"], "all metadata are whole")
    fitting = "pin versions that fit each other"
    yield _list("environment_requirements", path, told["conflicts"], "all requirements are met", fitting)
    if "generation" in told:
        yield _list("environment_versions", path, told["drift"], "it holds what was built")
    else:
        yield Check("environment_versions", path, SKIPPED, "nobody wrote down what it held: it is not of ours")
    if "lock_differences" in told:
        lines = [
            f"{item['name']}: {item['locked'] or 'nothing'} is locked, {item['installed'] or 'nothing'} is here"
            for item in told["lock_differences"]
        ]
        yield _list("environment_lock", path, lines, "it is as locked")
    else:
        yield Check("environment_lock", path, SKIPPED, "no lock is named for it")


def _list(id_: str, path: str, wrong: t.Sequence[str], right: str, to_fix: str = _REBUILD) -> Check:
    if not wrong:
        return Check(id_, path, PASSED, right)
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return Check(id_, path, FAILED, "; ".join(wrong[:5]) + more, to_fix, details={"all": list(wrong[:100])})


def prefix_of(path: str) -> str:
    """Where an environment really lies: behind its path there may be a generation, and in that its shim."""
    real = os.path.realpath(path)
    inner = os.path.join(real, "prefix")
    return inner if os.path.isdir(os.path.join(inner, "bin")) else real


def sites(path: str) -> list[str]:
    """The site-packages folders of an environment."""
    real = prefix_of(path)
    found = []
    for library in ("lib", "lib64"):
        folder = os.path.join(real, library)
        if os.path.isdir(folder) and not os.path.islink(folder):
            sites = (os.path.join(folder, n, "site-packages") for n in os.listdir(folder) if n.startswith("python3"))
            found += [site for site in sites if os.path.isdir(site) and not os.path.islink(os.path.dirname(site))]
    return found


def _files(path: str, asked: Asked, context: Context) -> t.Iterator[Check]:
    """Files as their packages recorded them: all, or those of some packages, other ones each time."""
    entries = [(s, entry) for s in sites(path) for entry in sorted(os.listdir(s)) if entry.endswith(".dist-info")]
    if asked.files == "none":
        yield Check("environment_files", path, SKIPPED, "no files are to be read")
        return
    if not entries:
        yield Check("environment_files", path, SKIPPED, "it holds no packages")
        return
    chosen = entries
    if asked.files == "sample" and len(entries) > asked.sample:
        chosen = random.sample(entries, asked.sample)
    wrong, blind = [], []
    for site, entry in chosen:
        compared = record.compare(site, entry, within=prefix_of(path))
        if compared is None:
            blind.append(entry)
            continue
        wrong += [f"{file} is missing" for file in compared.missing]
        wrong += [f"{file} was changed" for file in compared.changed]
    if blind and not wrong:
        reason = f"{len(blind)} packages have no readable RECORD: {', '.join(blind[:3])}"
        yield Check("environment_files", path, UNKNOWN, reason)
        return
    yield _list("environment_files", path, wrong, f"{len(chosen)} of {len(entries)} packages are as recorded")


def _imports(path: str, asked: Asked, context: Context) -> t.Iterator[Check]:
    """Whether Python is at home, and what the packages that were asked for say when they are imported."""
    wanted = list(dict.fromkeys([*asked.imports, *_asked_for(path)]))
    try:
        answer = probing.ask(path, IMPORTS, wanted, asked.limits, context)
    except probing.NotRun as exc:
        yield Check("environment_imports", path, UNKNOWN, str(exc), "see who may write there")
        return
    home = answer.first("prefix")
    if home and os.path.realpath(home) not in (os.path.realpath(path), prefix_of(path)):
        yield Check("environment_imports", path, FAILED, f"its Python is at home in {home}: it was moved", _REBUILD)
        return
    failed = [f"{line['done']}: {line['failure']}" for line in answer.of("done") if line["failure"]]
    done = {line["done"] for line in answer.of("done")}
    if answer.broken:
        begun = [line["begun"] for line in answer.of("begun") if line["begun"] not in done]
        failed.append(f"{begun[0]}: {answer.broken}" if begun else answer.broken)
    to_fix = "install the package or the system's library that is missing"
    yield _list("environment_imports", path, failed, f"{len(done)} imports work", to_fix)


def _asked_for(path: str) -> list[str]:
    """The packages that somebody asked for, where a folder of theirs has their own name: that one can be imported."""
    found = []
    for site in sites(path):
        here = set(os.listdir(site))
        for entry in sorted(here):
            parts = names.metadata_folder_parts(entry) if entry.endswith(".dist-info") else None
            if parts is None or not os.path.exists(os.path.join(site, entry, "REQUESTED")):
                continue
            name = names.normalize(parts[0]).replace("-", "_")
            if name in here and os.path.exists(os.path.join(site, name, "__init__.py")):
                found.append(name)
    return found


def _libraries(path: str, asked: Asked, context: Context) -> t.Iterator[Check]:
    try:
        answer = probing.ask(path, libraries.LIBRARIES, [prefix_of(path)], asked.limits, context)
    except probing.NotRun as exc:
        yield Check("environment_libraries", path, UNKNOWN, str(exc), "see who may write there")
        return
    trouble = answer.broken or answer.first("error")
    missing = {line["missing"]: line["by"] for line in answer.of("missing")}
    if trouble:
        yield Check("environment_libraries", path, UNKNOWN, f"its modules could not be read: {trouble}")
    elif not answer.first("system"):
        yield Check("environment_libraries", path, UNKNOWN, "ldconfig does not tell the system's libraries")
    elif missing:
        family = context.host.distribution().family
        packages = sorted(filter(None, (libraries.package_of(name, family) for name in missing)))
        to_fix = f"install {', '.join(packages)}" if packages else "find the package that has them"
        lines = [f"{name} is not here, and {by} needs it" for name, by in sorted(missing.items())]
        yield _list("environment_libraries", path, lines, "", to_fix)
    elif answer.of("unread"):
        unread = answer.of("unread")
        reason = f"{len(unread)} files cannot be read as ELF: {unread[0]['unread']}"
        yield Check("environment_libraries", path, UNKNOWN, reason)
    else:
        yield Check("environment_libraries", path, PASSED, f"{answer.first('modules')} modules find their libraries")


def _scripts(path: str, asked: Asked, context: Context) -> t.Iterator[Check]:
    wrong, count = scripts.leading_astray(prefix_of(path))
    if count:
        yield _list("environment_scripts", path, wrong, f"{count} scripts lead to its own Python")
    else:
        yield Check("environment_scripts", path, SKIPPED, "it has no scripts of Python")


_LOOKS: t.Mapping[str, t.Callable[[str, Asked, Context], t.Iterable[Check]]] = {
    "environment_files": _files,
    "environment_scripts": _scripts,
    "environment_imports": _imports,
    "environment_libraries": _libraries,
}
