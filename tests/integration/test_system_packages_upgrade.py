# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of a whole host come to their newest versions, all or what mends security, on a real apt and dnf."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_packages import LocalPackage, publish
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host

OLD = [LocalPackage(name) for name in ("u-plain", "u-held", "u-lib", "u-weak")]
NEW = [
    LocalPackage("u-plain", "2.0-1", requires=("u-extra",)),
    LocalPackage("u-held", "2.0-1"),
    LocalPackage("u-lib", "2.0-1"),
    LocalPackage("u-weak", "2.0-1"),
    LocalPackage("u-extra", "2.0-1"),
]
ADVISORY = """<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="bed" status="final" type="security" version="1"><id>BED-1</id><title>u-weak</title>
<severity>Important</severity><issued date="2026-01-01 00:00:00"/><pkglist><collection short="bed"><name>bed</name>
<package name="u-weak" epoch="0" version="2.0" release="1" arch="noarch"><filename>u-weak.rpm</filename></package>
</collection></pkglist></update></updates>
"""


@pytest.fixture(params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    with package_host(request.param) as made:
        publish(made, OLD)
        made.succeed(["u-plain", {"name": "u-held", "hold": True}, "u-weak"])
        # As what came along, which nobody asked for.
        install = {"apt": "apt-get -yqq install u-lib && apt-mark auto u-lib", "dnf": "dnf -yq install u-lib"}
        made.sh(install[made.manager])
        if made.manager == "dnf":
            made.sh("dnf -yq mark remove u-lib")
        yield made


def versions(host: PackageHost) -> dict[str, str]:
    return {package.name: host.version(package.name) for package in NEW}


def asked_for(host: PackageHost, name: str) -> bool:
    command = {
        "apt": f"apt-mark showmanual {name}",
        "dnf": f"dnf -q -C repoquery --userinstalled --qf '%{{name}}' {name}",
    }
    return name in host.sh(command[host.manager]).split()


def foretold_and_done(host: PackageHost, **options: str) -> list[tuple[str, str]]:
    """Let check mode foretell, make it so, ask again, and say what became of which package."""
    before = host.state()
    foretold = host.succeed([], check=True, **options)
    assert host.state() == before
    done = host.succeed([], **options)
    for key in ("changed", "changes", "plan", "diff"):
        assert foretold[key] == done[key], key
    again = host.succeed([], **options)
    assert not again["changed"] and again["plan"] == []
    return sorted((change["action"], change["name"]) for change in done["changes"] if change["name"].startswith("u-"))


def test_all_packages_come_to_their_newest_versions_but_for_held_ones(host: PackageHost) -> None:
    publish(host, NEW, folder="/opt/newer")
    done = foretold_and_done(host, upgrade="all")
    assert done == [("install", "u-extra"), ("upgrade", "u-lib"), ("upgrade", "u-plain"), ("upgrade", "u-weak")]
    new = dict.fromkeys(("u-plain", "u-lib", "u-weak", "u-extra"), "2.0-1")
    assert versions(host) == {**new, "u-held": "1.0-1"} and host.held() == {"u-held"}
    assert not asked_for(host, "u-lib") and asked_for(host, "u-plain")


def test_what_mends_security_comes_alone(host: PackageHost) -> None:
    host.refuse([], "no_advisories", upgrade="security")
    if host.manager == "dnf":
        publish(host, NEW, folder="/opt/newer")
        host.container.write("/tmp/updateinfo.xml", ADVISORY)
        add_advisories(host)
    else:
        publish(host, [package for package in NEW if package.name != "u-weak"], folder="/opt/newer")
        publish_security(host, [LocalPackage("u-weak", "1.5-1"), LocalPackage("u-lib", "1.5-1")])
    done = foretold_and_done(host, upgrade="security")
    mended = [("upgrade", "u-weak")] if host.manager == "dnf" else [("upgrade", "u-lib"), ("upgrade", "u-weak")]
    assert done == mended
    assert (host.version("u-plain"), host.version("u-held")) == ("1.0-1", "1.0-1")
    assert not asked_for(host, "u-lib") and asked_for(host, "u-weak")


def test_what_the_list_wants_at_a_version_is_held_or_the_upgrade_refused(host: PackageHost) -> None:
    publish(host, NEW, folder="/opt/newer")
    wanted = {"name": "u-plain", "version": "1.0"}
    for check in (True, False):
        refused = host.refuse([wanted], "invalid_packages", upgrade="all", check=check)
        assert "beside an upgrade of the whole host" in refused["msg"]
    assert host.version("u-lib") == "1.0-1"
    host.succeed([{**wanted, "hold": True}], upgrade="all")
    assert (host.version("u-plain"), host.version("u-lib"), host.version("u-extra")) == ("1.0-1", "2.0-1", "")
    assert host.held() == {"u-held", "u-plain"}


def add_advisories(host: PackageHost) -> None:
    """Name them in the repository's index, as modifyrepo does, which the host does not have."""
    host.sh(
        "cd /opt/newer/repodata && gzip -c /tmp/updateinfo.xml >updateinfo.xml.gz && python3 - <<'EOF'\n"
        "import hashlib\n"
        "content = open('updateinfo.xml.gz', 'rb').read()\n"
        "digest = hashlib.sha256(content).hexdigest()\n"
        'entry = f\'<data type="updateinfo"><checksum type="sha256">{digest}</checksum>\'\n'
        "entry += '<location href=\"repodata/updateinfo.xml.gz\"/><timestamp>1</timestamp>'\n"
        "entry += f'<size>{len(content)}</size></data></repomd>'\n"
        "text = open('repomd.xml').read().replace('</repomd>', entry)\n"
        "open('repomd.xml', 'w').write(text)\nEOF"
    )
    host.sh("dnf -q makecache --refresh")


def publish_security(host: PackageHost, packages: list[LocalPackage]) -> None:
    """Offer packages as a security archive does: by the name of its suite."""
    publish(host, packages, folder="/opt/mending")
    host.sh(
        "rm /etc/apt/sources.list.d/mending.list; cd /opt/mending; mkdir -p dists/bed-security/main/binary-amd64;"
        " sed 's#^Filename: ./#Filename: #' Packages >dists/bed-security/main/binary-amd64/Packages;"
        " cd dists/bed-security; { echo 'Suite: bed-security'; echo 'Codename: bed-security';"
        " echo 'Components: main'; echo 'Architectures: amd64'; echo 'Date: Thu, 01 Jan 2026 00:00:00 UTC';"
        " echo SHA256:; for f in main/binary-amd64/Packages; do"
        " echo \" $(sha256sum $f | cut -d' ' -f1) $(stat -c %s $f) $f\"; done; } >Release"
    )
    source = "deb [trusted=yes] file:/opt/mending bed-security main\n"
    host.container.write("/etc/apt/sources.list.d/mending.list", source)
    host.refresh()


def test_an_upgrade_that_fails_says_what_stays_and_takes_back_what_is_new(host: PackageHost) -> None:
    if host.manager == "dnf":
        pytest.skip("with rpm a script that fails does not stop a transaction")
    broken = LocalPackage("u-plain", "2.0-1", requires=("u-extra",), scripts={"postinst": "exit 3"})
    publish(host, [broken, LocalPackage("u-extra", "2.0-1")], folder="/opt/newer")
    refused = host.refuse([], "package_script_failed", upgrade="all")
    assert refused["changed"] and "u-plain" in str(refused["differs"])
    assert host.succeed([], module="system_packages_info")["interrupted"]
