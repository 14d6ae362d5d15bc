# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of distributions: judged by their distribution, in its order, or not at all."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import distributions, policy, sources
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.auditor import Auditor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import HostAudit, from_plain

from .conftest import record, write_zip

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
DEBIAN = {"id": "debian", "version": "12", "name": "Debian GNU/Linux 12 (bookworm)"}
ROCKY = {"id": "rocky", "version": "9.4", "name": "Rocky Linux 9.4"}
STRICT = {"fail_on": "low", "fail_on_unknown": True}


def notice(identifier: str, ecosystem: str, package: str, *events: dict[str, str], **more: t.Any) -> dict[str, t.Any]:
    affected = {
        "package": {"ecosystem": ecosystem, "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {"id": identifier, "modified": "2026-11-20T08:00:00Z", "affected": [affected], **more}


def until(version: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"introduced": "0"}, {"fixed": version}


def python(name: str, version: str, owner: str, owned: str, source: str, **more: t.Any) -> dict[str, t.Any]:
    kind = "rpm" if ".el" in owned else "deb"
    told = {"kind": kind, "package": owner, "version": owned, "source": source, "source_version": owned, "vendor": ""}
    return {"name": name, "version": version, "owner": {**told, **more}}


def audited(
    tmp_path: Path, *packages: dict[str, t.Any], system: dict[str, str] | None = None, mirrors: t.Sequence[t.Any] = ()
) -> HostAudit:
    # What Python's index says of the release is in the way everywhere.
    names = {item["name"] for item in packages} | {"demo"}
    events = [{"introduced": "0"}, {"fixed": "9999"}]
    pypi = write_zip(tmp_path / "pypi.zip", *(record(f"PYSEC-{name}", name, events=events) for name in names))
    told = {"name": "usr", "path": "/usr", "kind": "system", "packages": packages, "system": system or DEBIAN}
    arguments = {
        "advisories": [str(pypi)],
        "system_advisories": [str(path) for path in mirrors],
        "cache_dir": str(tmp_path / "cache"),
        "index": None,
    }
    found = Auditor(arguments, NOW).audit([told], policy.read(STRICT), ())
    assert from_plain(found.plain()) == found
    return found


CRYPTOGRAPHY = python("cryptography", "38.0.4", "python3-cryptography", "38.0.4-3+deb12u1", "python-cryptography")


@pytest.mark.parametrize(
    ("bound", "ids"),
    [("38.0.4-3+deb12u1", []), ("38.0.4-3", []), ("38.0.4-3+deb12u2", ["CVE-2023-49083"]), ("1:1", ["CVE-2023-49083"])],
)
def test_backports_of_a_distribution_count(tmp_path: Path, bound: str, ids: list[str]) -> None:
    item = notice(
        "DEBIAN-CVE-2023-49083", "Debian:12", "python-cryptography", *until(bound), upstream=["CVE-2023-49083"]
    )
    found = audited(tmp_path, CRYPTOGRAPHY, mirrors=[write_zip(tmp_path / "debian.zip", item)])
    (environment,) = found.environments
    (package,) = environment.packages
    assert (package.name, package.version, package.kind) == ("python3-cryptography", "38.0.4-3+deb12u1", "deb")
    assert (package.provides, package.source, package.status) == (
        ("cryptography 38.0.4",),
        "python-cryptography",
        "matched",
    )
    assert [finding.flaw.id for finding in environment.findings] == ids
    assert [finding.fixed for finding in environment.findings] == [(bound,)] * len(ids)
    assert package.fix == (bound if ids else "")
    assert [item.kind for item in found.databases] == ["osv", "osv_system"]


@pytest.mark.parametrize(
    ("system", "why"),
    [
        (DEBIAN, "Debian:12, of which no mirror"),
        ({**DEBIAN, "version": "13"}, "Debian:13, of which no mirror"),
        ({"id": "debian", "version": "", "name": "Debian sid"}, "nobody publishes advisories of Debian sid"),
        ({"id": "gentoo", "version": "2", "name": "Gentoo"}, "nobody publishes advisories of Gentoo"),
    ],
)
def test_without_its_distributions_data_nothing_is_known(tmp_path: Path, system: dict[str, str], why: str) -> None:
    other = write_zip(tmp_path / "ubuntu.zip", notice("USN-1", "Ubuntu:24.04:LTS", "python-cryptography", *until("1")))
    found = audited(tmp_path, CRYPTOGRAPHY, system=system, mirrors=[other])
    (environment,) = found.environments
    assert environment.findings == () and environment.packages[0].status == "unknown"
    assert [problem.kind for problem in environment.problems] == ["no_advisories"]
    assert why in environment.problems[0].text and found.verdict.reasons
    assert [item.kind for item in found.databases] == ["osv"]


def test_a_mirror_that_cannot_be_read_is_told_and_says_nothing(tmp_path: Path) -> None:
    found = audited(tmp_path, CRYPTOGRAPHY, mirrors=[tmp_path / "nowhere.zip"])
    assert found.environments[0].packages[0].status == "unknown"
    assert any("nowhere.zip" in note and "Nothing is known" in note for note in found.notes)


def test_what_nobody_owns_is_judged_by_the_index(tmp_path: Path) -> None:
    item = notice("DEBIAN-1", "Debian:12", "python-cryptography", *until("1"))
    by_hand = {"name": "demo", "version": "1.0", "needs": ["cryptography"], "requested": True}
    found = audited(tmp_path, CRYPTOGRAPHY, by_hand, mirrors=[write_zip(tmp_path / "debian.zip", item)])
    assert [finding.flaw.id for finding in found.environments[0].findings] == ["PYSEC-demo"]
    assert found.environments[0].packages[0].needs == ("python3-cryptography",)


def test_rpms_are_known_by_source_and_by_name(tmp_path: Path) -> None:
    package = python(
        "urllib3", "1.26.5", "python3-urllib3", "1.26.5-3.el9", "python-urllib3", vendor="Rocky Enterprise Software"
    )
    mirror = write_zip(
        tmp_path / "rocky.zip",
        notice("RLSA-1", "Rocky Linux:9", "python-urllib3", *until("0:1.26.5-5.el9"), upstream=["CVE-1", "CVE-2"]),
        notice("RLSA-2", "Rocky Linux:9", "python3-urllib3", *until("0:1.26.5-3.el9_2.1"), upstream=["CVE-2"]),
        notice("RLSA-3", "Rocky Linux:9", "python-urllib3", *until("0:1.26.5-3.el9")),
        notice("RLSA-4", "Rocky Linux:8", "python-urllib3", *until("0:2-1.el8")),
        notice("RLSA-5", "Rocky Linux:9", "python-urllib3", *until("0:2-1.module+el9.1+1+a")),
    )
    found = audited(tmp_path, package, system=ROCKY, mirrors=[mirror])
    (environment,) = found.environments
    assert sorted(finding.flaw.id for finding in environment.findings) == ["CVE-1", "CVE-2"]
    assert "RLSA-1" in environment.findings[0].flaw.ids
    assert environment.packages[0].fix == "0:1.26.5-5.el9"
    epel = {**package, "owner": {**package["owner"], "vendor": "Fedora Project"}}
    (environment,) = audited(tmp_path, epel, system=ROCKY, mirrors=[mirror]).environments
    assert environment.findings == () and "Fedora Project made it" in environment.problems[0].text


def test_projects_of_one_package_are_one_package(tmp_path: Path) -> None:
    item = notice("DEBIAN-1", "Debian:12", "python-twisted", *until("99"))
    both = [python(name, "1.0", "python3-twisted", "1.0-1", "python-twisted") for name in ("twisted", "other")]
    both[0]["needs"] = ["other", "absent"]
    found = audited(tmp_path, *both, mirrors=[write_zip(tmp_path / "debian.zip", item)])
    (package,) = found.environments[0].packages
    assert package.provides == ("twisted 1.0", "other 1.0") and package.needs == ("absent",)
    assert len(found.environments[0].findings) == 1


@pytest.mark.parametrize(
    ("ecosystem", "release"),
    [
        ("Debian:12", "Debian:12"),
        ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
        ("Ubuntu:25.10", "Ubuntu:25.10"),
        ("Ubuntu:Pro:22.04:LTS", ""),
        ("Rocky Linux:9", "Rocky Linux:9"),
        ("AlmaLinux:10", "AlmaLinux:10"),
        ("Red Hat:enterprise_linux:9::baseos", "Red Hat:9"),
        ("Red Hat:enterprise_linux:10.0", "Red Hat:10"),
        ("Red Hat:rhel_eus:9.2::baseos", ""),
        ("PyPI", ""),
        ("Alpine:v3.18", ""),
    ],
)
def test_ecosystems_are_read_as_releases(ecosystem: str, release: str) -> None:
    assert distributions.release_of(ecosystem) == release


@pytest.mark.parametrize(
    ("identifier", "version", "release"),
    [
        ("debian", "12", "Debian:12"),
        ("ubuntu", "22.04", "Ubuntu:22.04"),
        ("ubuntu", "22", ""),
        ("rocky", "9.4", "Rocky Linux:9"),
        ("rhel", "10.1", "Red Hat:10"),
        ("linuxmint", "22.04", ""),
    ],
)
def test_hosts_are_read_as_releases(identifier: str, version: str, release: str) -> None:
    assert distributions.release_on({"id": identifier, "version": version}) == release


@pytest.mark.parametrize(
    "item", [{"kind": "osv_api", "location": "https://a.example"}, {"location": "/x", "canary": "a==1"}]
)
def test_only_mirrors_can_be_named(item: dict[str, str]) -> None:
    with pytest.raises(InvalidArguments):
        sources.systems([item])
