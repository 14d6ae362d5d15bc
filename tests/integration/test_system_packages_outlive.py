# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package transaction goes on when the run that began it is gone, and the next run waits for it and tells its end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_packages import LocalPackage, publish
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, finish, package_host

RECORDS = "/var/lib/gpufleet-mlstack/transactions"
# Talks all the time, as a DKMS build does, until the test lets it go on: a pipe without a reader would end it.
TALKATIVE = (
    "touch /run/f-loud.began\n"
    "while [ ! -e /run/f-loud.go ]; do echo compiling; echo warning >&2; sleep 0.05; done\n"
    "echo built >/run/f-loud.done"
)
PACKAGES = [
    LocalPackage("f-loud", scripts={"postinst": TALKATIVE}, files={"/usr/share/f-loud": "1\n"}),
    LocalPackage("f-after", requires=("f-loud",), files={"/usr/share/f-after": "1\n"}),
    LocalPackage("f-other", files={"/usr/share/f-other": "1\n"}),
]


@pytest.fixture(scope="module", params=["apt", "dnf"])
def shared(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    with package_host(request.param) as made:
        publish(made, PACKAGES)
        yield made


@pytest.fixture
def host(shared: PackageHost) -> Iterator[PackageHost]:
    yield shared
    shared.sh("touch /run/f-loud.go")
    names = "f-after f-loud f-other"
    shared.sh({"apt": f"apt-get -qq purge {names}", "dnf": f"dnf -qy remove {names}"}[shared.manager])
    shared.sh("rm -f /run/f-loud.*")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    for _try in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never seen: {what}")


def exists(host: PackageHost, path: str) -> bool:
    return host.container.run(["test", "-e", path]).rc == 0


def cut_off(host: PackageHost, signal: str, packages: list[str]) -> None:
    """Begin a run, and end it while the script talks."""
    victim: subprocess.Popen[str] = host.start(packages)
    wait_for(lambda: exists(host, "/run/f-loud.began"), "the script of f-loud")
    host.sh(f"pkill -{signal} -f '[m]odules.system_packages'")
    assert finish(victim) == {}


@pytest.mark.parametrize("signal", ["KILL", "TERM", "HUP"])
def test_a_script_that_talks_lives_on_and_the_next_run_waits_for_it(host: PackageHost, signal: str) -> None:
    cut_off(host, signal, ["f-after"])
    if signal == "KILL":  # once is enough
        refused = host.refuse(["f-after"], "package_lock_timeout", lock_timeout=1)
        assert "an earlier run began" in refused["msg"] and "install" in refused["holder"]
        foretold = host.succeed(["f-after"], check=True)
        assert foretold["plan"][0]["action"] == "repair" and "still goes on" in foretold["plan"][0]["summary"]
    following = host.start(["f-after", "f-other"])
    time.sleep(0.5)
    assert following.poll() is None and not exists(host, "/run/f-loud.done")
    host.sh("touch /run/f-loud.go")
    result = finish(following)
    assert not result.get("failed"), result["msg"]
    # The first transaction did all its work, and only what it had not been asked for was left to do.
    assert host.sh("cat /run/f-loud.done") == "built\n"
    assert [change["name"] for change in result["changes"]] == ["f-other"]
    assert "it ended well" in str(result["warnings"])
    assert [bool(host.version(name)) for name in ("f-loud", "f-after", "f-other")] == [True] * 3
    assert not exists(host, RECORDS)
    again = host.succeed(["f-after", "f-other"])
    assert not again["changed"] and "warnings" not in again


def test_the_record_is_for_root_alone_and_how_a_run_ended_is_told_later(host: PackageHost) -> None:
    cut_off(host, "KILL", ["f-after"])
    assert host.sh(f"stat -c '%a %U' {RECORDS} {RECORDS}/*") == "700 root\n700 root\n"
    record = host.sh(f"cat {RECORDS}/*/record.json")
    assert "f-after" in record and '"begun"' in record
    if host.manager == "apt":  # dnf shows what a script prints when that has ended
        wait_for(lambda: "compiling" in host.sh(f"cat {RECORDS}/*/output"), "what the script prints")
    host.sh("touch /run/f-loud.go")
    wait_for(
        lambda: exists(host, f"{RECORDS}/.") and bool(host.container.run(f"cat {RECORDS}/*/status").out), "the end"
    )
    shown = host.succeed(["f-after"], check=True)
    assert not shown["changed"] and "it ended well" in str(shown["warnings"])
    told = host.succeed(["f-after"])
    assert not told["changed"] and "it ended well" in str(told["warnings"])
    assert "warnings" not in host.succeed(["f-after"])
