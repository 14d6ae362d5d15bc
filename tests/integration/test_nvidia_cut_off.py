# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers and toolkits whose packages build for long and talk all the time, and runs that are cut off meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost, driver_host, steps
from ansible_collections.gpufleet.mlstack.tests.integration.test_cuda_toolkit import BUILD_ESSENTIAL

DRIVER = {"version": "580.65.06"}
TOOLKIT = {"toolkits": ["12.4"], "driver": "ignore"}
# In the place of a program that the scripts of these packages use: it talks until the test lets it go on.
TALKATIVE = (
    '#!/bin/sh\ncase "$*" in */usr/src/nvidia*|*--install*cuda*) ;; *) exec {} "$@" ;; esac\ntouch /run/build.began\n'
    "while [ ! -e /run/build.go ]; do echo compiling >&2; sleep 0.05; done\n"
    'exec {} "$@"\n'
)
BUILDERS = {
    "nvidia_driver": {"apt": "base64", "dnf": "base64"},
    "cuda_toolkit": {"apt": "update-alternatives", "dnf": "alternatives"},
}


@pytest.fixture(scope="module", params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[DriverHost]:
    with driver_host(request.param, tmpfs={"/boot": "size=48m"}) as made:
        if made.manager == "apt":  # nothing else is fetched
            made.sh("find /etc/apt/sources.list.d -name '*debian*' -delete; rm -f /etc/apt/sources.list")
            made.container.write("/tmp/c/DEBIAN/control", BUILD_ESSENTIAL)
            made.sh("dpkg-deb --build /tmp/c /tmp/c.deb && dpkg --install /tmp/c.deb && rm -r /tmp/c /tmp/c.deb")
        yield made


def start(container: Container, module: str, options: Mapping[str, Any]) -> None:
    """Begin a run of a module and leave it."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"repository_fingerprints": nvidia_host.fingerprints(), **options}})
    program = f"ansible_collections.gpufleet.mlstack.plugins.modules.{module}"
    container.write("/root/arguments.json", arguments)
    container.check(
        f"(python3 -W ignore -m {program} </root/arguments.json >/root/result.json 2>&1 &)", env=nvidia_host.ENVIRONMENT
    )


def wait_for(condition: Callable[[], bool], what: str) -> None:
    for _try in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"never seen: {what}")


def let_talk(host: DriverHost, module: str) -> str:
    """Put the talkative program in its place, and return where that is."""
    program = BUILDERS[module][host.manager]
    real = host.sh(f"command -v {program}").strip()
    host.sh(f"rm -f /run/build.*; mv {real} {real}.real")
    host.container.write(real, TALKATIVE.format(f"{real}.real", f"{real}.real"), "0755")
    return real


def cut_off(host: DriverHost, module: str, options: Mapping[str, Any], signal: str) -> None:
    start(host.container, module, options)
    wait_for(lambda: host.container.run("test -e /run/build.began").rc == 0, "the build")
    host.sh(f"pkill -{signal} -f '[m]odules.{module}'")


def kill_what_goes_on(host: DriverHost) -> None:
    host.sh("pkill -9 -x apt-get; pkill -9 -x dpkg; pkill -9 -x dnf; pkill -9 -f '[b]ase64'; true")


def test_a_build_that_a_kill_has_ended_is_made_anew(host: DriverHost) -> None:
    real = let_talk(host, "nvidia_driver")
    arguments = {"version": "550.54.15", "repository_fingerprints": nvidia_host.fingerprints()}
    try:
        cut_off(host, "nvidia_driver", {"version": "550.54.15"}, "KILL")
        kill_what_goes_on(host)
    finally:
        host.sh(f"touch /run/build.go; mv {real}.real {real}")
    foretold = nvidia_host.run_module(host.container, "nvidia_driver", arguments, check=True)
    assert foretold["changed"] and "repair" in [step["action"] for step in foretold["plan"]], foretold
    done = nvidia_host.run_module(host.container, "nvidia_driver", arguments)
    assert not done.get("failed"), done["msg"]
    assert done["driver"]["on_disk"] == "550.54.15"
    host.sh("grep -qa 550.54.15 /lib/modules/*/updates/dkms/nvidia.ko")
    assert host.manager == "dnf" or host.sh("dpkg --audit") == ""
    again = nvidia_host.run_module(host.container, "nvidia_driver", arguments)
    assert not again["changed"]


@pytest.mark.parametrize(
    ("cut", "wanted"),
    [
        (DRIVER, DRIVER),
        ({"version": "550.54.15", "flavour": "open"}, {"version": "550.54.15", "flavour": "open"}),
        (DRIVER, {"version": "550.54.15"}),
    ],
    ids=["finished", "flavour", "taken back"],
)
def test_a_change_that_a_kill_has_ended_converges(
    host: DriverHost, cut: dict[str, Any], wanted: dict[str, Any]
) -> None:
    host.succeed(version="550.54.15", flavour="proprietary")
    real = let_talk(host, "nvidia_driver")
    try:
        cut_off(host, "nvidia_driver", cut, "KILL")
        kill_what_goes_on(host)
    finally:
        host.sh(f"touch /run/build.go; mv {real}.real {real}")
    # With dnf, two versions of some packages are here now, and the module stream of the new one is enabled.
    foretold = host.succeed(check=True, **wanted)
    assert "repair" in steps(foretold), foretold
    done = host.succeed(**wanted)
    assert done["driver"]["on_disk"] == wanted["version"] and host.drivers() == {wanted["version"]}
    assert host.manager == "apt" or host.container.run("dnf check --duplicates").rc == 0
    assert host.manager == "dnf" or host.sh("dpkg --audit") == ""
    again = host.succeed(**wanted)
    assert not again["changed"] and again["driver"] == done["driver"]
    assert host.held() >= set(host.packages())


@pytest.mark.parametrize(
    ("module", "options", "signal"), [("nvidia_driver", DRIVER, "HUP"), ("cuda_toolkit", TOOLKIT, "KILL")]
)
def test_a_build_goes_on_when_the_connection_is_lost(
    host: DriverHost, module: str, options: dict[str, Any], signal: str
) -> None:
    arguments = {"repository_fingerprints": nvidia_host.fingerprints(), **options}
    real = let_talk(host, module)
    try:
        cut_off(host, module, options, signal)
        # It is in a scope of its own, which no login session takes along when it ends.
        assert "running" in host.sh("systemctl list-units --no-legend --plain 'gpufleet-mlstack-*.scope'")
        refused = nvidia_host.run_module(host.container, module, {**arguments, "lock_timeout": 1})
        assert refused["code"] == "package_lock_timeout" and "an earlier run began" in refused["msg"], refused
        host.sh("touch /run/build.go")
        result = nvidia_host.run_module(host.container, module, arguments)
    finally:
        host.sh(f"touch /run/build.go; mv {real}.real {real}")
    assert not result.get("failed"), result["msg"]
    assert "it ended well" in str(result["warnings"])
    unfinished = {"apt": "dpkg --audit", "dnf": "rpm --verify --all --nofiles --nodigest --nosignature | grep -v '^ '"}
    assert host.container.run(unfinished[host.manager]).out == ""
    again = nvidia_host.run_module(host.container, module, arguments)
    assert not again["changed"] and "warnings" not in again
