# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on real hosts: the error is clear, and the host is as it was or on its way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, finish, package_host

HOLD_LOCK = {
    # A POSIX lock, as dpkg and apt take it.
    "apt": "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX)",
    "dnf": "import os, time; open('/var/lib/dnf/rpmdb_lock.pid', 'w').write(str(os.getpid()))",
}


@pytest.fixture(params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    with package_host(request.param) as made:
        made.refresh()
        yield made


@pytest.fixture
def debian() -> Iterator[PackageHost]:
    with package_host("apt") as made:
        made.refresh()
        yield made


def test_an_unknown_name_is_answered_with_one_that_looks_like_it(host: PackageHost) -> None:
    before = host.state()
    refused = host.refuse(["bed-leaf", "bed-tol"], "unknown_package", cache_valid_time=0)
    assert "bed-tool" in refused["similar"]["bed-tol"]
    assert host.version("bed-leaf") == ""
    if host.manager == "dnf":  # apt writes its lists anew in every refresh
        assert before.count("\n") <= host.state().count("\n")


def test_check_mode_refuses_an_unknown_name_as_the_run_does_and_says_where_it_cannot_know(host: PackageHost) -> None:
    host.refresh()
    before = host.state()
    for package in ("build-tool", {"name": "bed-tool", "version": "7*"}):
        foretold = host.refuse(["bed-leaf", package], "unknown_package", check=True)
        assert not foretold["changed"] and host.state() == before
        refused = host.refuse(["bed-leaf", package], "unknown_package")
        assert [refused[key] for key in ("unknown", "similar")] == [foretold[key] for key in ("unknown", "similar")]
        before = host.state()
    assert host.run(["build-tool"], check=True)["similar"]["build-tool"][0] == "build-tools"
    host.sh("sleep 1; touch /etc/apt/sources.list.d /etc/yum.repos.d 2>/dev/null || true")
    foretold = host.succeed(["build-tool"], check=True)
    assert foretold["changed"] and "do not offer build-tool (like build-tools" in str(foretold["warnings"])
    host.refuse(["build-tool"], "unknown_package")


def test_an_unknown_version_is_answered_with_those_there_are(host: PackageHost) -> None:
    refused = host.refuse([{"name": "bed-tool", "version": "7*"}], "unknown_package")
    assert refused["offered"]["bed-tool 7*"] == ["2.0-1", "1.1-2", "1.1-1", "1.0-1"]
    before = host.state()
    host.refuse([{"name": "bed-tool", "version": "7*"}], "unknown_package", update_cache=False)
    assert host.state() == before


def test_what_cannot_be_solved_is_said_before_anything_changes(host: PackageHost) -> None:
    before = host.state()
    for check in (True, False):
        refused = host.refuse(["bed-leaf", "bed-uninstallable"], "unsolvable", check=check)
        assert "bed-does-not-exist" in refused["msg"] and not refused["changed"]
    assert host.state() == before


def test_an_ordinary_user_may_look_but_not_change(host: PackageHost) -> None:
    host.succeed(["bed-leaf"])
    before = host.state()
    assert not host.succeed(["bed-leaf"], user="nobody")["changed"]
    assert host.succeed(["bed-provider"], user="nobody", check=True)["changed"]
    host.refuse(["bed-provider"], "not_root", user="nobody")
    assert host.state() == before


def test_a_lock_that_is_kept_is_reported_with_its_holder_and_one_that_ends_is_waited_for(host: PackageHost) -> None:
    seconds = 12
    holder = host.container.popen(["python3", "-c", f"{HOLD_LOCK[host.manager]}; time.sleep({seconds})"])
    time.sleep(1)
    refused = host.refuse(["bed-leaf"], "package_lock_timeout", lock_timeout=1)
    assert "python3" in refused["holder"] and "pid" in refused["msg"]
    assert host.version("bed-leaf") == ""
    assert host.succeed(["bed-leaf"], lock_timeout=60)["changed"]
    holder.communicate()


def test_two_runs_at_once_do_the_work_once(host: PackageHost) -> None:
    runs = [host.start(["bed-slow"]) for _run in range(2)]
    results = [finish(run) for run in runs]
    assert not any(result.get("failed") for result in results), results
    assert sorted(result["changed"] for result in results) == [False, True]


@pytest.mark.parametrize("name", ["unsigned", "wrong-key"])
def test_packages_that_nobody_vouches_for_are_not_installed(host: PackageHost, name: str) -> None:
    package = {"unsigned": "bed-unsigned", "wrong-key": "bed-signed-by-a-stranger"}[name]
    host.add_repository(name)
    code = {"apt": "repository_unusable", "dnf": "unsigned_package"}[host.manager]
    refused = host.refuse([package], code)
    assert ("sign" in refused["msg"] or "GPG" in refused["msg"]) and not refused["changed"]
    assert host.marker(package) == ""


def test_a_repository_that_does_not_answer_is_named(host: PackageHost) -> None:
    host.add_repository("gone", url="http://127.0.0.1:9/x")
    refused = host.refuse(["bed-leaf"], "repository_unusable")
    assert "127.0.0.1:9" in refused["msg"] or "'gone'" in refused["msg"]
    assert host.version("bed-leaf") == ""


@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_a_full_disk_leaves_the_host_as_it_was(manager: str) -> None:
    with package_host(manager, tmpfs={"/usr/share/bed": "size=16m"}) as host:
        host.refresh()
        host.succeed([{"name": "bed-tool", "version": "1.0", "hold": True}])
        desired = ["bed-leaf", {"name": "bed-tool", "version": "1.1-2"}, "bed-big"]
        refused = host.refuse(desired, "disk_full")
        assert "bed-big" in refused["msg"] or "space" in refused["msg"]
        assert (host.version("bed-leaf"), host.version("bed-big")) == ("", "")
        assert host.held() == {"bed-tool"}
        if manager == "dnf":
            assert host.version("bed-tool") == "1.0-1"
        # Nothing is in the way of the next run.
        assert host.succeed(desired[:2])["changed"] or host.version("bed-tool") == "1.1-2"


def test_a_script_that_fails_is_quoted_and_what_came_with_it_goes(debian: PackageHost) -> None:
    debian.succeed([{"name": "bed-tool", "version": "1.0", "hold": True}])
    desired = ["bed-leaf", "bed-script-fails", {"name": "bed-tool", "version": "1.1-2"}]
    refused = debian.refuse(desired, "package_script_failed")
    assert "no space for the index" in refused["msg"]
    assert (debian.version("bed-leaf"), debian.version("bed-script-fails")) == ("", "")
    assert debian.held() == {"bed-tool"}
    debian.sh("apt-get check")
    assert not debian.succeed(["bed-tool"])["plan"]


def test_a_script_that_fails_under_rpm_is_a_warning() -> None:
    with package_host("dnf") as host:
        host.refresh()
        done = host.succeed(["bed-script-fails"])
        assert "no space for the index" in str(done["warnings"])


@pytest.mark.parametrize("harm", ["unpacked", "journal"])
def test_an_interrupted_dpkg_is_finished_first(debian: PackageHost, harm: str) -> None:
    debian.sh("dpkg --unpack /opt/bed/repositories/apt/bed/pool/bed-leaf_1.0-1_amd64.deb")
    if harm == "journal":
        debian.sh("dpkg-query -s bed-leaf | sed '/^Conffiles/,$d' >/var/lib/dpkg/updates/0000")
    foretold = debian.succeed(["bed-provider"], check=True)
    assert [step["action"] for step in foretold["plan"]][:1] == ["repair"]
    assert debian.version("bed-leaf") == ""
    debian.succeed(["bed-provider"])
    assert (debian.version("bed-leaf"), debian.version("bed-provider")) == ("1.0-1", "1.0-1")
    debian.succeed(["bed-provider"])


def test_a_package_that_is_only_unpacked_does_not_count_as_installed(debian: PackageHost) -> None:
    debian.sh("dpkg --unpack /opt/bed/repositories/apt/bed/pool/bed-leaf_1.1-1_amd64.deb")
    assert debian.succeed(["bed-leaf"])["changed"]
    assert debian.version("bed-leaf") == "1.1-1"
    assert not debian.succeed(["bed-leaf"])["changed"]


def test_a_run_that_is_killed_half_way_is_finished_by_the_next(host: PackageHost) -> None:
    host.succeed([{"name": "bed-tool", "version": "1.0", "hold": True}])
    desired = ["bed-slow", {"name": "bed-tool", "version": "1.1-2"}]
    victim = host.start(desired)
    for _try in range(600):
        if host.container.run("pgrep -x sleep -a | grep -w 8").rc == 0:
            break
        time.sleep(0.1)
    host.sh("pkill -9 -f '[m]odules.system_packages'; pkill -9 -x apt-get; pkill -9 -x dnf; pkill -9 -x dpkg; true")
    victim.communicate()
    host.succeed(desired, allow_downgrade=True)
    assert (host.version("bed-slow"), host.version("bed-tool")) == ("1.0-1", "1.1-2")
    assert host.held() == {"bed-tool"}
    assert not host.succeed(desired)["changed"]
