# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU host of the bed on which nvidia_driver runs, and the questions that tests ask of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import hosts
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host

_LIST = {
    "apt": "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' | sed -n 's/ installed$//p'",
    "dnf": "rpm -qa --qf '%{NAME} %{EVR}\\n'",
}
_CONCERNS = r"grep -E '^(lib)?(nvidia|cuda|kmod-nvidia|linux-modules-nvidia|nvsdm)'"


@dataclass(frozen=True)
class DriverHost:
    """A container and its package manager."""

    container: Container
    manager: str

    def run(self, *, check: bool = False, env: Mapping[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Run the module to its end and return its result, failed or not."""
        arguments = {"repository_fingerprints": nvidia_host.fingerprints(), **options}
        return nvidia_host.run_module(self.container, "nvidia_driver", arguments, check=check, env=env)

    def succeed(self, **options: Any) -> dict[str, Any]:
        result = self.run(**options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, code: str, **options: Any) -> dict[str, Any]:
        """Run the module, which must fail with this code."""
        result = self.run(**options)
        assert result.get("failed") and result.get("code") == code, result
        return result

    def sh(self, command: str) -> str:
        return self.container.check(command)

    def reboot(self) -> None:
        hosts.reboot(self.container)

    def packages(self) -> dict[str, str]:
        """The driver's packages by the package manager's word, with their versions."""
        listing = self.container.run(f"({_LIST[self.manager]}) | {_CONCERNS}").out
        return dict(line.split(" ", 1) for line in listing.splitlines())

    def drivers(self) -> set[str]:
        """The driver versions that these packages have."""
        return {version.partition("-")[0].rpartition(":")[2] for version in self.packages().values()}

    def held(self) -> set[str]:
        """The held packages by the package manager's word."""
        if self.manager == "apt":
            return set(self.sh("apt-mark showhold").split()) - {"base-files"}  # the stand-in's own
        lines = self.container.run("dnf -q -C versionlock list").out.splitlines()
        return {line.rsplit("-", 2)[0] for line in lines if ".*" in line}

    def upgrade_everything(self) -> None:
        """What an administrator or a timer does behind our back."""
        self.sh({"apt": "apt-get -qq update && apt-get -yqq dist-upgrade", "dnf": "dnf -yq upgrade"}[self.manager])

    def leftovers(self) -> str:
        """Every trace of a driver on the host."""
        return self.container.run(
            f"({_LIST[self.manager]}) | {_CONCERNS};"
            " (dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 2>/dev/null | grep -E 'nvidia.* config-files');"
            " apt-mark showhold 2>/dev/null | grep -v ^base-files$; grep -s nvidia /etc/dnf/plugins/versionlock.list;"
            " grep -rls 'stream=.*[0-9]' /etc/dnf/modules.d;"
            " ls -d /usr/bin/nvidia-* /usr/src/nvidia-*/* /var/lib/dkms/nvidia /lib/modules/*/updates/dkms/nvidia.ko"
            " /lib/modules/*/kernel/drivers/video/nvidia.ko /usr/lib*/libnvidia* /usr/lib/x86_64-linux-gnu/libnvidia*"
            " /etc/modprobe.d/*nvidia* /usr/lib/modprobe.d/*nvidia* /etc/apt/preferences.d/*nvidia*"
            " /etc/apt/apt.conf.d/*nvidia* /etc/apt/sources.list.d/*nvidia* /etc/yum.repos.d/*nvidia*"
            " /etc/apt/keyrings/*nvidia* /etc/pki/rpm-gpg/*nvidia* /var/lib/gpufleet-mlstack/*"
            " /etc/systemd/system/*/nvidia* /var/tmp/gpufleet* 2>/dev/null"
        ).out


@contextlib.contextmanager
def driver_host(manager: str, **options: Any) -> Iterator[DriverHost]:
    """A host that boots, with the headers of its kernel. Options are those of nvidia_host()."""
    with nvidia_host.nvidia_host(manager, **{"gpus": "a100", "headers": True, **options}) as made:
        yield DriverHost(made, manager)
