# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose Python packages are, on hosts with a real dpkg and a real rpm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import deb, rpm
from ansible_collections.gpufleet.mlstack.tests.bed.package_specs import Package
from ansible_collections.gpufleet.mlstack.tests.bed.signing import Keys
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, finish, package_host

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def demo(manager: str, site: str) -> Package:
    return Package(
        "python3-demo",
        "1.0",
        release="3+deb12u1" if manager == "apt" else "3.el9",
        made_from="python-demo (1.0-3)" if manager == "apt" else "",
        vendor="" if manager == "apt" else "Rocky Enterprise Software Foundation",
        files={
            f"{site}/demo-1.0.dist-info/METADATA": METADATA.format("demo", "1.0"),
            f"{site}/demo-1.0.dist-info/INSTALLER": "rpm\n",
            f"{site}/extra-2.0.egg-info": METADATA.format("extra", "2.0"),
        },
    )


def inventory(host: PackageHost, **options: Any) -> list[dict[str, Any]]:
    process = host.container.popen(
        ["python3", "-W", "ignore", "-m", "ansible_collections.gpufleet.mlstack.plugins.modules.dep_audit"],
        env={"PYTHONPATH": "/mlstack", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    process.stdin.close()
    process.stdin = None
    result = finish(process)
    assert not result.get("failed"), result
    found: list[dict[str, Any]] = result["inventory"]
    assert {item["system"]["id"] for item in found} == {{"apt": "debian", "dnf": "rocky"}[host.manager]}
    return found


@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_packages_of_the_distribution_have_an_owner(manager: str, tmp_path: Path) -> None:
    with package_host(manager) as host:
        site = "/usr/lib/python3/dist-packages"  # of the stand-in for Rocky, too: its Python is Debian's
        package = demo(manager, site)
        builder = deb if manager == "apt" else rpm
        builder.build_repository([package], tmp_path / "built", Keys(tmp_path / "keys"), None)
        (file,) = (tmp_path / "built").rglob("*.deb" if manager == "apt" else "*.rpm")
        host.container.copy_in(file, f"/root/{file.name}")
        host.sh(f"dpkg -i /root/{file.name}" if manager == "apt" else f"rpm -i --nodeps /root/{file.name}")
        host.sh(f"mkdir -p {site}/byhand-3.0.dist-info")
        host.container.write(f"{site}/byhand-3.0.dist-info/METADATA", METADATA.format("byhand", "3.0"))
        (python, system) = inventory(host, paths=["/usr"], os_packages="all")
        (stack,) = inventory(host, paths=[], os_packages="stack")
        told = {item["name"]: item for item in python["packages"]}
    owned = {"apt": "1.0-3+deb12u1", "dnf": "1.0-3.el9"}[manager]
    assert "owner" not in told["byhand"]
    for name in ("demo", "extra"):
        assert (told[name]["owner"]["package"], told[name]["owner"]["version"]) == ("python3-demo", owned)
    source = {"apt": ("python-demo", "1.0-3"), "dnf": ("python3-demo", "1.0-3.el9")}[manager]
    assert (told["demo"]["owner"]["source"], told["demo"]["owner"]["source_version"]) == source
    assert told["demo"]["owner"]["vendor"].startswith("Rocky" if manager == "dnf" else "")
    names = {item["package"]: item for item in system["owned"]}
    assert names["python3-demo"]["version"] == owned and system["kind"] == "os" and not system["problems"]
    fewer = {item["package"] for item in stack["owned"]}
    assert "python3-demo" not in fewer and fewer < names.keys()
    assert ("libc6" in fewer) == (manager == "apt")
