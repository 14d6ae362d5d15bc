# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the bed on which modules change packages, and the questions that tests ask of it.

The modules run there as files with the host's own Python, as Ansible runs them, and drive the host's own apt or dnf.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, container, require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.documented import promised

CHECKOUT = Path(__file__).resolve().parents[2]
IMAGE_OF = {"apt": "debian12", "dnf": "rocky9"}
_ENVIRONMENT = {"PYTHONPATH": "/mlstack", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class PackageHost:
    """A container with the bed's repositories and nothing else to install from."""

    container: Container
    manager: str

    def start(
        self,
        packages: list[Any],
        *,
        check: bool = False,
        module: str = "system_packages",
        user: str = "root",
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a module and leave it running."""
        arguments = {"packages": packages, **options, "_ansible_check_mode": check, "_ansible_diff": True}
        process = self.container.popen(
            ["python3", "-W", "ignore", "-m", f"ansible_collections.gpufleet.mlstack.plugins.modules.{module}"],
            env=_ENVIRONMENT,
            user=user,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, packages: list[Any], **options: Any) -> dict[str, Any]:
        """Run a module to its end and return its result, failed or not."""
        return promised(options.get("module", "system_packages"), finish(self.start(packages, **options)))

    def succeed(self, packages: list[Any], **options: Any) -> dict[str, Any]:
        result = self.run(packages, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, packages: list[Any], code: str, **options: Any) -> dict[str, Any]:
        """Run a module that must fail with this code."""
        result = self.run(packages, **options)
        assert result.get("failed") and result.get("code") == code, result
        return result

    def sh(self, command: str) -> str:
        return self.container.check(command)

    def version(self, name: str) -> str:
        """The installed version by the package manager's word, "" if there is none."""
        queries = {
            "apt": f"dpkg-query -W -f '${{db:Status-Status}} ${{Version}}' {name}",
            "dnf": f"rpm -q --qf 'installed %{{EVR}}' {name}",
        }
        answer = self.container.run(queries[self.manager]).out.split()
        return answer[1] if answer[:1] == ["installed"] else ""

    def marker(self, name: str) -> str:
        """The version by the package's own file, "" if there is none: no package manager's word needs believing."""
        return self.container.run(["cat", f"/usr/share/bed/{name}"]).out.strip()

    def held(self) -> set[str]:
        """The held packages by the package manager's word."""
        if self.manager == "apt":
            return set(self.sh("apt-mark showhold").split())
        lines = self.container.run("dnf -q -C versionlock list").out.splitlines()
        return {line.rsplit("-", 2)[0] for line in lines if ".*" in line}

    def upgrade_everything(self) -> None:
        """What an administrator or a timer does behind our back."""
        self.sh({"apt": "apt-get -yqq upgrade", "dnf": "dnf -yq upgrade"}[self.manager])

    def refresh(self) -> None:
        self.sh({"apt": "apt-get -qq update", "dnf": "dnf -q makecache; dnf -q history >/dev/null"}[self.manager])

    def state(self) -> str:
        """A fingerprint of everything that a package manager keeps, its lists and caches included."""
        return self.sh(
            "find /var/lib/dpkg /var/lib/apt /var/cache/apt /var/lib/rpm /var/lib/dnf /var/cache/dnf /etc/apt /etc/dnf "
            "/etc/yum.repos.d /usr/share/bed /var/lib/gpufleet-mlstack -type f "
            # Opening rpm's or apt's database even to read it touches these.
            "! -name '*.lock' ! -name lock ! -name 'lock-frontend' ! -name '__db*' ! -name '*.bin' ! -name '*-shm' "
            "! -name expired_repos.json ! -name .gpgkeyschecked.yum ! -name '*-wal' ! -name '*.solv*' "
            "-exec sha256sum {} + 2>/dev/null | sort -k2 || true"
        )

    def add_repository(self, name: str, *, url: str = "") -> None:
        """Configure another of the bed's repositories, signed or not, with the bed's key."""
        url = url or f"file:///opt/bed/repositories/{self.manager}/{name}"
        if self.manager == "apt":
            source = (
                f"Types: deb\nURIs: {url}\nSuites: stable\nComponents: main\nSigned-By: /etc/apt/keyrings/bed.asc\n"
            )
            self.container.write(f"/etc/apt/sources.list.d/{name}.sources", source)
        else:
            source = f"[{name}]\nname={name}\nbaseurl={url}\nenabled=1\ngpgcheck=1\n"
            source += "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-bed\n"
            self.container.write(f"/etc/yum.repos.d/{name}.repo", source)


def finish(process: subprocess.Popen[str], timeout_s: float = 300) -> dict[str, Any]:
    """Wait for a module and read its result; empty for one that was killed."""
    out, err = process.communicate(timeout=timeout_s)
    try:
        return json.loads(out) if out.strip() else {}
    except ValueError as exc:
        raise AssertionError(f"the module printed no result:\n{out}\n{err}") from exc


@contextlib.contextmanager
def package_host(
    manager: str, *, image: str = "", tmpfs: Mapping[str, str] | None = None, network: str = "none"
) -> Iterator[PackageHost]:
    """A host without a network, which apt's and dnf's bed repositories on it do not need."""
    require_bed()
    volumes = (
        f"{CHECKOUT / 'plugins'}:/mlstack/ansible_collections/gpufleet/mlstack/plugins:ro",
        f"{os.path.dirname(ansible.__file__)}:/mlstack/ansible:ro",
    )
    key = image or IMAGE_OF[manager]
    with container(key, network=network, tmpfs=tmpfs, volumes=volumes, booted=False) as made:
        if network == "none":
            made.check("find /etc/apt/sources.list.d -name '*debian*' -delete 2>/dev/null || true")
        yield PackageHost(made, manager)
