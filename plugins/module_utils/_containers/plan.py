# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that containers reach the GPUs, or no longer do. Pure: data in, data out."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import cdi, daemon_json
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import (
    ALWAYS,
    DOCKER,
    NEVER,
    NOTE,
    PODMAN,
    REFRESH_ENV,
    REFRESHED,
    ConfigFile,
    Desired,
    Docker,
    Observed,
    Specification,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

BOOT_FILE, LASTING_FILE = "/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"
# Since when it has CDI, since when it is on by itself (docker/cli's and CDI's own pages differ: 28.2 or 28.3), and
# since when each reads a specification with groups (CDI 0.7).
DOCKER_CDI, DOCKER_CDI_ON, DOCKER_GROUPS, PODMAN_GROUPS, GROUPS_FLAG = "25.0", "28.3", "26.1", "5.1", "1.19.1"


def plan(desired: Desired, observed: Observed) -> Plan:
    """The steps, in the order in which they are taken. Raises MlstackError for what must not be done."""
    if desired.state == REFRESHED:
        return _refreshed(desired, observed)
    if not desired.present:
        return _removal(desired, observed)
    refuse(desired, observed)
    parts = [_docker(desired, observed), _refresh_settings(desired, observed), _specification(desired, observed)]
    return _joined(parts)


def _joined(parts: t.Sequence[Plan]) -> Plan:
    return Plan(
        tuple(action for part in parts for action in part.actions),
        tuple(line for part in parts for line in part.before),
        tuple(line for part in parts for line in part.after),
    )


def refuse(desired: Desired, observed: Observed) -> None:
    """Raise MlstackError where the engines or the toolkit that this is about are not there."""
    if observed.missing:
        raise MlstackError(
            "engine_missing",
            wanted=f"{', '.join(observed.missing)} with access to GPUs",
            found="this host does not have it",
            to_fix="install it (with system_packages for example), or leave it out: no engine comes along by itself",
        )
    if not observed.toolkit and not desired.toolkit_follows:
        raise MlstackError(
            "toolkit_missing",
            wanted="containers with access to GPUs",
            found="there is no nvidia-ctk on this host",
            to_fix="install nvidia-container-toolkit before; the role container_toolkit does both",
        )


# Docker


def _docker(desired: Desired, observed: Observed) -> Plan:
    if DOCKER not in observed.engines:
        return Plan()
    file = observed.daemon_json
    text = _merged(desired, observed)
    changes = text != file.text
    if changes:
        _refuse_flags(desired, observed)
    step = _step_configure(file.path, text, "the runtime nvidia")
    if needs_restart(desired, observed) and may_restart(desired, observed.docker):
        why = "it takes devices by CDI names only after a restart"
        steps = [step] if changes else []
        steps.append(Action("restart", DOCKER, f"restart docker ({why}; {_what_runs(observed.docker)})"))
    elif changes or docker_lacks(desired, observed):
        steps = _told(observed.docker, step, changes=changes)
    else:
        steps = []
    return Plan(tuple(steps), *_lines(file.path, file.text, text))


def _told(docker: Docker | None, step: Action, *, changes: bool) -> list[Action]:
    """The file's step, and how a running daemon learns of it. What the file shall no longer say must be said to the
    daemon once in words: a file for a moment."""
    if docker is None:
        return [step] if changes else []
    text = step.details["text"]
    data = daemon_json.parse(text)
    runtime = daemon_json.NAME in data.get("runtimes", {})
    gone = not runtime and daemon_json.NAME in (docker.runtimes or ())
    default = docker.default_runtime == daemon_json.NAME
    words = daemon_json.spelt_out(text, runtimes=gone, default=default)
    if words is None:
        wanted = {"runtime": runtime, "default": True if data.get("default-runtime") == daemon_json.NAME else None}
        reload = Action("reload", DOCKER, "let docker read its configuration again; containers go on", wanted)
        return [*([step] if changes else []), reload]
    summary = f"tell docker that the runtime nvidia is {'gone' if gone else 'not the default'}; containers go on"
    details = {"text": words, "runtime": runtime, "default": False if default else None}
    return [Action("tell", step.subject, summary, details), step]


def _merged(desired: Desired, observed: Observed) -> str | None:
    file = observed.daemon_json
    _require_readable(file)
    default = desired.default_runtime
    try:
        return daemon_json.merged(file.text, default=default, cdi=desired.cdi and _needs_cdi_switch(observed.docker))
    except daemon_json.NotMergeable as exc:
        raise _not_mergeable(exc, file, "docker with the runtime nvidia") from exc


def _needs_cdi_switch(docker: Docker | None) -> bool:
    """Whether this daemon has CDI and not by itself. Where its version is not known, nothing is switched."""
    version = docker.version if docker is not None else ""
    return cdi.older(version, DOCKER_CDI) is False and cdi.older(version, DOCKER_CDI_ON) is True


def docker_lacks(desired: Desired, observed: Observed) -> list[str]:
    """What the running daemon should have read and has not, in clauses. Of one that does not answer nothing is said."""
    docker = observed.docker
    if docker is None or docker.runtimes is None:
        return []
    found = []
    if (daemon_json.NAME in docker.runtimes) != desired.present:
        found.append(f"docker {'does not know' if desired.present else 'still knows'} the runtime nvidia")
    default = docker.default_runtime == daemon_json.NAME
    if desired.present and desired.default_runtime and not default:
        found.append(f"docker's default runtime is {docker.default_runtime or 'not known'}")
    if default and (not desired.present or desired.default_runtime is False):
        found.append("docker's default runtime is still nvidia")
    return found


def needs_restart(desired: Desired, observed: Observed) -> bool:
    """Whether CDI is to be on and is off: dockerd looks at that when it starts, and only then."""
    docker = observed.docker
    if docker is None or DOCKER not in observed.engines or not desired.cdi or docker.cdi is not False:
        return False
    if cdi.older(docker.version, DOCKER_CDI) is not False:
        return False
    try:
        return daemon_json.parse(observed.daemon_json.text).get("features", {}).get("cdi") is not False
    except daemon_json.NotMergeable:
        return False


def may_restart(desired: Desired, docker: Docker | None) -> bool:
    """Whether nobody's container goes down, or that was allowed. live-restore does not keep a swarm's services."""
    if desired.restart in (ALWAYS, NEVER):
        return desired.restart == ALWAYS
    return docker is not None and (docker.running == 0 or (docker.live_restore and not docker.swarm))


def _what_runs(docker: Docker | None) -> str:
    if docker is None or docker.running is None:
        return "what runs is not known"
    kept = ", which live-restore keeps" if docker.running and docker.live_restore and not docker.swarm else ""
    return f"containers that run: {docker.running}{kept}"


def _refuse_flags(desired: Desired, observed: Observed) -> None:
    """Raise MlstackError where dockerd was started with flags for the same: with --default-runtime in both it refuses
    to start (20.10, tried), and what it makes of runtimes in both was not looked into."""
    given = _flags(observed.dockerd)
    other = given.get("--config-file", "")
    if other and other != desired.docker_config:
        raise MlstackError(
            "docker_reads_another_file",
            wanted=f"the runtime nvidia in {desired.docker_config}",
            found=f"the running dockerd was started with --config-file {other}",
            to_fix=f"set docker_config to {other}",
        )
    flags = [flag for flag in ("--add-runtime", "--default-runtime") if flag in given]
    if flags and (flags[0] == "--add-runtime" or desired.default_runtime):
        raise MlstackError(
            "docker_flags",
            wanted=f"the runtime nvidia in {desired.docker_config}",
            found=f"the running dockerd was started with {', '.join(flags)}, beside which the file may not count",
            to_fix="move these flags from the unit of docker into that file",
        )


def _flags(words: t.Sequence[str]) -> dict[str, str]:
    """Long flags with their values, whether after a sign or as the next word."""
    found = {}
    for word, following in zip(words, [*words[1:], ""]):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            found[name] = value if equals else following
    return found


# CDI


def target(desired: Desired, observed: Observed) -> str:
    """Where the specification belongs: where the toolkit's own unit renews it at boot, that one's place."""
    return desired.cdi_file or (BOOT_FILE if observed.refresh_unit else LASTING_FILE)


def without_groups(observed: Observed) -> bool:
    """Whether an engine of this host refuses a specification with groups, as toolkit 1.19.1 and later write it."""
    podman = PODMAN in observed.engines and cdi.older(observed.podman, PODMAN_GROUPS) is True
    version = observed.docker.version if observed.docker is not None else ""
    docker = DOCKER in observed.engines and cdi.older(version, DOCKER_GROUPS) is True
    # Without a toolkit yet, the newest will come.
    return (podman or docker) and cdi.older(observed.toolkit, GROUPS_FLAG) is not True


def at_target(desired: Desired, observed: Observed) -> Specification | None:
    path = target(desired, observed)
    return next((found for found in observed.specifications if found.path == path), None)


def outdated(desired: Desired, observed: Observed) -> str:
    """Why the specification must be written (anew), empty if it is right or nothing can be said of it."""
    found = at_target(desired, observed)
    return "there is none" if found is None else _flaw(found, observed)


def _flaw(found: Specification, observed: Observed) -> str:
    if found.driver != observed.libraries:
        return f"it is for {found.driver or 'no driver that it tells'}, and the driver is {observed.libraries}"
    if found.groups and without_groups(observed):
        return "an engine here does not understand the groups in it"
    return "" if found.devices else "it names no device"


def can_generate(observed: Observed) -> bool:
    """Whether the driver would answer: nothing is written for one that does not run, or that waits for a reboot."""
    return bool(observed.loaded) and observed.loaded == observed.libraries


def _specification(desired: Desired, observed: Observed) -> Plan:
    if not desired.cdi:
        return Plan()
    path = target(desired, observed)
    why = outdated(desired, observed) if can_generate(observed) else ""
    parts = [_generated(path, why, at_target(desired, observed), observed)] if why else []
    for found in observed.specifications:
        if found.path != path and found.path in observed.note.made:
            step = Action("delete", found.path, f"delete {found.path}, which {path} replaces")
            parts.append(Plan((step,), (_shown(found),)))
    return _joined(parts)


def _generated(path: str, why: str, found: Specification | None, observed: Observed) -> Plan:
    flags = [cdi.NO_GROUPS] if without_groups(observed) else []
    summary = f"write {path} for driver {observed.libraries} ({why})"
    step = Action("generate", path, summary, {"driver": observed.libraries, "feature_flags": flags})
    before = (_shown(found),) if found is not None else ()
    return Plan((step,), before, (f"{path}: for driver {observed.libraries}",))


def _refreshed(desired: Desired, observed: Observed) -> Plan:
    """Those that are there, whoever made them; without a toolkit or a driver that runs nothing can be done."""
    if not observed.toolkit or not can_generate(observed):
        return Plan()
    places = {BOOT_FILE, LASTING_FILE, target(desired, observed)}
    found = [(one, _flaw(one, observed)) for one in observed.specifications if one.path in places]
    return _joined([_generated(one.path, why, one, observed) for one, why in found if why])


def _shown(found: Specification) -> str:
    return f"{found.path}: for driver {found.driver or 'unknown'}"


def _refresh_settings(desired: Desired, observed: Observed) -> Plan:
    """What the toolkit's unit writes at boot must be readable, too."""
    file = observed.refresh_env
    if not (desired.cdi and observed.refresh_unit and without_groups(observed)) or file.problem:
        return Plan()
    text = cdi.with_setting(file.text)
    if text == file.text:
        return Plan()
    step = _step_configure(file.path, text, f"{cdi.NO_GROUPS}, for an engine that does not understand groups")
    return Plan((step,), *_lines(file.path, file.text, text))


# Removal


def _removal(desired: Desired, observed: Observed) -> Plan:
    parts = [_docker_removal(desired, observed), _settings_removal(observed)]
    for found in observed.specifications:
        if found.path in observed.note.made:
            parts.append(Plan((Action("delete", found.path, f"delete {found.path}"),), (_shown(found),)))
    if observed.note.there:
        parts.append(Plan((Action("forget", NOTE, "forget what was changed here"),)))
    return _joined(parts)


def _docker_removal(desired: Desired, observed: Observed) -> Plan:
    file = observed.daemon_json
    _require_readable(file)
    known = file.path in observed.note.before
    try:
        text = daemon_json.without_ours(file.text, observed.note.before.get(file.path), known=known)
    except daemon_json.NotMergeable as exc:
        raise _not_mergeable(exc, file, "docker without the runtime nvidia") from exc
    changes = text != file.text
    steps: list[Action] = []
    if changes or (observed.note.there and docker_lacks(desired, observed)):
        steps = _told(observed.docker, _step_restore(file.path, text, "without the runtime nvidia"), changes=changes)
    return Plan(tuple(steps), *_lines(file.path, file.text, text))


def _settings_removal(observed: Observed) -> Plan:
    file = observed.refresh_env
    if REFRESH_ENV not in observed.note.before or file.problem:
        return Plan()
    text = cdi.without_setting(file.text, observed.note.before[REFRESH_ENV])
    # The file came with the packages, and may have gone with them.
    if text == file.text or file.text is None:
        return Plan()
    return Plan((_step_restore(file.path, text, "without our setting"),), *_lines(file.path, file.text, text))


# Files


def _require_readable(file: ConfigFile) -> None:
    if file.problem:
        raise MlstackError(
            "file_unreadable",
            wanted=f"{file.path} changed in what concerns NVIDIA's runtime",
            found=f"it is not read: {file.problem}",
            to_fix="let a regular file of root's stand there, or name another one",
        )


def _not_mergeable(exc: daemon_json.NotMergeable, file: ConfigFile, wanted: str) -> MlstackError:
    return MlstackError(exc.code, wanted=wanted, found=f"{file.path}: {exc.found}", to_fix=exc.to_fix, path=file.path)


def _step_configure(path: str, text: str | None, what: str) -> Action:
    return Action("configure", path, f"put into {path}: {what}", {"text": text})


def _step_restore(path: str, text: str | None, what: str) -> Action:
    summary = f"delete {path}, which was not there before" if text is None else f"write {path} {what}"
    return Action("restore", path, summary, {"text": text})


def _lines(path: str, before: str | None, after: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if before == after:
        return (), ()
    old = tuple(f"{path}: {line}" for line in (before or "").splitlines())
    return old, tuple(f"{path}: {line}" for line in (after or "").splitlines())
