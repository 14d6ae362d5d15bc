# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned, in which order, and what is refused: by data alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import checks, daemon_json
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import (
    REFRESH_ENV,
    ConfigFile,
    Desired,
    Docker,
    Note,
    Observed,
    Specification,
    Surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

FILE = "/etc/docker/daemon.json"
DESIRED = Desired(engines=("docker", "podman"))
RIGHT = daemon_json.merged(None)
DOCKER = Docker(version="29.0.1", runtimes=("nvidia", "runc"), default_runtime="runc", running=2, cdi=True)
SPEC = Specification("/etc/cdi/nvidia.yaml", "580.65.06", "0.5.0", ("nvidia.com/gpu=0",))
CONVERGED = Observed(
    engines=("docker", "podman"),
    toolkit="1.20.0",
    daemon_json=ConfigFile(FILE, RIGHT),
    docker=DOCKER,
    specifications=(SPEC,),
    loaded="580.65.06",
    libraries="580.65.06",
    podman="5.4.0",
)


def seen(**changes: Any) -> Observed:
    return dataclasses.replace(CONVERGED, **changes)


def steps(observed: Observed, **desired: Any) -> list[tuple[str, str]]:
    plan = planner.plan(dataclasses.replace(DESIRED, **desired), observed)
    return [(action.verb, action.subject) for action in plan.actions]


def docker(**changes: Any) -> Docker:
    return dataclasses.replace(DOCKER, **changes)


def test_a_converged_host_has_nothing_to_do() -> None:
    assert steps(CONVERGED) == []
    assert steps(seen(docker=None)) == []  # stopped: it reads its file when it starts


def test_a_bare_host_gets_file_reload_and_specification() -> None:
    bare = seen(daemon_json=ConfigFile(FILE), docker=docker(runtimes=("runc",)), specifications=())
    assert steps(bare) == [("configure", FILE), ("reload", "docker"), ("generate", "/etc/cdi/nvidia.yaml")]
    plan = planner.plan(DESIRED, bare)
    assert f'{FILE}:         "nvidia": {{' in plan.after and plan.before == ()


def test_a_daemon_that_has_not_read_its_file_is_told_to() -> None:
    assert steps(seen(docker=docker(runtimes=("runc",)))) == [("reload", "docker")]
    assert steps(seen(docker=docker(runtimes=None))) == []  # it does not say


@pytest.mark.parametrize(
    ("changes", "restart", "last"),
    [
        ({"running": 0}, "when_safe", "restart"),
        ({"running": 3, "live_restore": True}, "when_safe", "restart"),
        ({"running": 3, "live_restore": True, "swarm": True}, "when_safe", "reload"),
        ({"running": 3}, "when_safe", "reload"),
        ({"running": None}, "when_safe", "reload"),
        ({"running": 3}, "always", "restart"),
        ({"running": 0}, "never", "reload"),
    ],
)
def test_a_restart_spares_running_containers(changes: dict[str, Any], restart: str, last: str) -> None:
    old = docker(version="27.5.1", cdi=False, **changes)
    new_file = seen(docker=old, daemon_json=ConfigFile(FILE), podman="5.4.0")
    assert steps(new_file, restart=restart) == [("configure", FILE), (last, "docker")]
    done = seen(docker=old, daemon_json=ConfigFile(FILE, daemon_json.merged(None, cdi=True)))
    assert steps(done, restart=restart) == ([("restart", "docker")] if last == "restart" else [])


@pytest.mark.parametrize(
    ("version", "switched"), [("20.10.24", False), ("25.0.0", True), ("28.2.2", True), ("28.3.0", False), ("", False)]
)
def test_cdi_is_switched_on_only_where_it_is_and_is_off(version: str, switched: bool) -> None:
    plan = planner.plan(DESIRED, seen(docker=docker(version=version), daemon_json=ConfigFile(FILE)))
    assert ('"cdi": true' in plan.actions[0].details["text"]) == switched


def test_cdi_that_the_user_switched_off_asks_for_no_restart() -> None:
    text = '{"features": {"cdi": false}, "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}'
    assert steps(seen(docker=docker(cdi=False, running=0), daemon_json=ConfigFile(FILE, text))) == []


def test_a_specification_follows_the_driver_once_it_runs() -> None:
    waiting = seen(libraries="590.44.01")
    assert steps(waiting) == []
    rebooted = seen(loaded="590.44.01", libraries="590.44.01")
    assert steps(rebooted) == [("generate", "/etc/cdi/nvidia.yaml")]
    assert steps(rebooted, cdi=False) == []
    assert steps(seen(loaded="", specifications=())) == []
    told = {check["code"]: check["ok"] for check in checks.checks(DESIRED, waiting)}
    assert told["cdi_driver"] is False


def test_refreshing_touches_only_what_is_there_and_for_another_driver() -> None:
    old = dataclasses.replace(SPEC, driver="550.54.15")
    others = dataclasses.replace(old, path="/etc/cdi/somebody.yaml")
    assert steps(seen(specifications=(old, others)), state="refreshed") == [("generate", "/etc/cdi/nvidia.yaml")]
    boot = dataclasses.replace(old, path="/run/cdi/nvidia.yaml")
    both = [("generate", "/run/cdi/nvidia.yaml"), ("generate", "/etc/cdi/nvidia.yaml")]
    assert steps(seen(specifications=(boot, old)), state="refreshed") == both
    bare = {"daemon_json": ConfigFile(FILE), "state": "refreshed"}
    assert steps(seen(daemon_json=bare.pop("daemon_json")), **bare) == []
    for nothing in ({"toolkit": ""}, {"loaded": ""}, {"loaded": "550.54.15"}):
        assert steps(seen(specifications=(old,), **nothing), state="refreshed") == []
    assert steps(seen(specifications=()), state="refreshed") == []


def test_where_the_toolkit_renews_it_at_boot_it_lies_there() -> None:
    plan = steps(seen(refresh_unit=True, note=Note(made=("/etc/cdi/nvidia.yaml",), there=True)))
    assert plan == [("generate", "/run/cdi/nvidia.yaml"), ("delete", "/etc/cdi/nvidia.yaml")]
    assert steps(seen(refresh_unit=True)) == [("generate", "/run/cdi/nvidia.yaml")]  # the other one is not ours
    assert steps(seen(refresh_unit=True), cdi_file="/etc/cdi/nvidia.yaml") == []


@pytest.mark.parametrize(("podman", "toolkit", "flagged"), [("4.9.3", "1.20.0", True), ("4.9.3", "1.18.2", False)])
def test_an_old_podman_gets_a_specification_that_it_reads(podman: str, toolkit: str, flagged: bool) -> None:
    groups = dataclasses.replace(SPEC, path="/run/cdi/nvidia.yaml", groups=True)
    old = seen(podman=podman, toolkit=toolkit, specifications=(groups,), refresh_unit=True)
    expected = [("configure", REFRESH_ENV), ("generate", "/run/cdi/nvidia.yaml")] if flagged else []
    assert steps(old) == expected
    assert steps(seen(specifications=(groups,), refresh_unit=True)) == []
    if flagged:
        assert planner.plan(DESIRED, old).actions[-1].details["feature_flags"] == [
            "no-additional-gids-for-device-nodes"
        ]


@pytest.mark.parametrize(
    ("observed", "code"),
    [
        (seen(missing=("crio",)), "engine_missing"),
        (seen(toolkit=""), "toolkit_missing"),
        (seen(daemon_json=ConfigFile(FILE, problem="a link stands there")), "file_unreadable"),
        (seen(daemon_json=ConfigFile(FILE, "{")), "daemon_json_invalid"),
        (seen(daemon_json=ConfigFile(FILE), dockerd=("--add-runtime", "x=/x")), "docker_flags"),
        (seen(daemon_json=ConfigFile(FILE), dockerd=("--config-file=/snap/d.json",)), "docker_reads_another_file"),
        (seen(daemon_json=ConfigFile(FILE), dockerd=("--config-file", "/snap/d.json")), "docker_reads_another_file"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(observed: Observed, code: str) -> None:
    with pytest.raises(MlstackError) as caught:
        planner.plan(DESIRED, observed)
    assert caught.value.code == code


def test_check_mode_goes_on_where_the_toolkit_would_come() -> None:
    assert steps(seen(toolkit=""), toolkit_follows=True) == []


def test_removal_gives_back_what_was_there() -> None:
    note = Note({FILE: None}, (SPEC.path,), there=True)
    plan = planner.plan(Desired(state="absent"), seen(note=note))
    assert [(action.verb, action.subject) for action in plan.actions] == [
        ("tell", FILE),
        ("restore", FILE),
        ("delete", SPEC.path),
        ("forget", "/var/lib/gpufleet-mlstack/container-toolkit.json"),
    ]
    assert json.loads(plan.actions[0].details["text"]) == {"runtimes": {}}
    assert plan.actions[1].details["text"] is None
    foreign = seen(note=Note(), daemon_json=ConfigFile(FILE, "{}"))
    assert planner.plan(Desired(state="absent"), foreign).actions == ()


def test_a_removal_that_was_cut_off_after_the_file_still_reloads() -> None:
    cut_off = seen(note=Note({FILE: None}, (), there=True), daemon_json=ConfigFile(FILE), specifications=())
    verbs = [action.verb for action in planner.plan(Desired(state="absent"), cut_off).actions]
    assert verbs == ["tell", "restore", "forget"]
    told = dataclasses.replace(
        cut_off, daemon_json=ConfigFile(FILE, '{"runtimes": {}}'), docker=docker(runtimes=("runc",))
    )
    plan = planner.plan(Desired(state="absent"), told)
    assert [action.verb for action in plan.actions] == ["restore", "reload", "forget"]
    assert plan.actions[0].details["text"] is None


def test_a_default_that_shall_go_is_said_in_words_before_the_file_leaves_it_out() -> None:
    text = daemon_json.merged(None, default=True)
    default = seen(daemon_json=ConfigFile(FILE, text), docker=docker(default_runtime="nvidia"))
    assert steps(default, default_runtime=False) == [("tell", FILE), ("configure", FILE)]
    first = planner.plan(dataclasses.replace(DESIRED, default_runtime=False), default).actions[0]
    assert json.loads(first.details["text"])["default-runtime"] == "runc"
    assert steps(seen(docker=docker(default_runtime="nvidia")), default_runtime=False) == [
        ("tell", FILE),
        ("configure", FILE),
    ]
    assert steps(seen(docker=docker(default_runtime="nvidia"))) == []  # a flag of the user's, about which nobody asked


@pytest.mark.parametrize(
    ("changes", "code", "ok"),
    [
        ({"toolkit": "1.17.7"}, "toolkit_version", False),
        ({"toolkit": ""}, "toolkit_version", None),
        ({"docker": None}, "docker_runtime", None),
        ({"docker": None}, "docker_cdi", None),
        ({"docker": docker(version="20.10.24")}, "docker_cdi", False),
        ({"docker": docker(runtimes=("runc",))}, "docker_runtime", False),
        ({"loaded": ""}, "cdi_driver", False),
        ({"libraries": ""}, "cdi_driver", None),
        ({}, "cdi_driver", True),
        ({"specifications": (SPEC, dataclasses.replace(SPEC, path="/etc/cdi/x.yaml", driver="1"))}, "cdi_stray", False),
        ({"specifications": (dataclasses.replace(SPEC, everybody=False),)}, "rootless_specification", False),
        ({}, "rootless_devices", False),
        ({"surroundings": Surroundings(uvm=True)}, "rootless_devices", True),
        ({"surroundings": Surroundings(old_hook="/x")}, "rootless_old_hook", False),
        ({"surroundings": Surroundings(no_cgroups=True)}, "no_cgroups", False),
        ({"podman": ""}, "podman_cdi", None),
        ({"podman": "3.4.4"}, "podman_cdi", False),
        ({}, "selinux", None),
        ({"surroundings": Surroundings(selinux="disabled")}, "selinux", True),
        ({"surroundings": Surroundings(selinux="enforcing")}, "selinux", None),
        ({"surroundings": Surroundings(selinux="enforcing", selinux_devices=False)}, "selinux", False),
        ({"surroundings": Surroundings(selinux="enforcing", selinux_devices=True)}, "selinux", True),
        ({}, "cgroups", None),
    ],
)
def test_checks_say_yes_no_or_that_it_is_not_known(changes: dict[str, Any], code: str, ok: bool | None) -> None:
    told = {check["code"]: check["ok"] for check in checks.checks(DESIRED, seen(**changes))}
    assert told[code] is ok


@pytest.mark.parametrize(
    ("toolkit", "mode", "cgroups", "driver", "ok"),
    [
        ("1.17.8", "auto", 2, "systemd", False),
        ("1.20.0", "legacy", 2, "systemd", False),
        ("1.20.0", "auto", 2, "systemd", True),
        ("1.17.8", "auto", 1, "cgroupfs", True),
    ],
)
def test_gpus_that_a_reload_of_systemd_takes_away(toolkit: str, mode: str, cgroups: int, driver: str, ok: bool) -> None:
    where = Surroundings(cgroups=cgroups, mode=mode)
    found = seen(toolkit=toolkit, surroundings=where, docker=docker(cgroup_driver=driver))
    assert {check["code"]: check["ok"] for check in checks.checks(DESIRED, found)}["cgroups"] is ok
