# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU host of the bed on which nvidia_driver runs, and the questions that tests ask of it."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.bed import deb, images, rpm
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import driver_runfile, hosts
from ansible_collections.gpufleet.mlstack.tests.bed.package_specs import Package
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host

_LIST = {
    "apt": "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' | sed -n 's/ installed$//p'",
    "dnf": "rpm -qa --qf '%{NAME} %{EVR}\\n'",
}
_CONCERNS = r"grep -E 'nvidia|^(lib)?(cuda|nvsdm|nvcuvid|nvoptix)'"
# Not the driver's, though it needs them: they are of other makers, and have versions of their own.
_OF_OTHERS = "grep -v -e '^libnvidia-egl-' -e '^nvidia-driver-local-repo-'"


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

    def change(self, *, foreseen: bool = True, **options: Any) -> dict[str, Any]:
        """Let check mode foretell a change, make it, compare them and what became of the packages, and ask again.

        ``foreseen`` False is for repositories that the host does not know before.
        """
        foretold = self.succeed(check=True, **options)
        before = self.packages()
        done = self.succeed(**options)
        assert foretold["changed"] == done["changed"]
        assert not foreseen or summaries(foretold) == summaries(done)
        told = {step["subject"]: step["details"]["to"] for step in done["plan"] if step.get("details", {}).get("to")}
        after = self.packages()
        changed = {name: version for name, version in after.items() if before.get(name) != version}
        assert changed == {name: version for name, version in told.items() if name in after}
        again = self.succeed(**options)
        assert not again["changed"] and again["commands_run"] <= self.questions
        assert again["reboot_required"] == done["reboot_required"] == foretold["reboot_required"]
        return done

    @property
    def questions(self) -> int:
        """How many programs a converged host may start: dpkg's database is a file, rpm has to be asked."""
        return {"apt": 0, "dnf": 1}[self.manager]

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
        listing = self.container.run(f"({_LIST[self.manager]}) | {_CONCERNS} | {_OF_OTHERS}").out
        return dict(line.split(" ", 1) for line in listing.splitlines())

    def drivers(self) -> set[str]:
        """The driver versions that these packages have."""
        return {version.partition("-")[0].rpartition(":")[2] for version in self.packages().values()}

    def files(self) -> list[str]:
        """A driver's own files, whoever brought them, and the installer that is kept."""
        return self.container.run(
            "ls -d /usr/bin/nvidia-uninstall /usr/bin/nvidia-smi /var/lib/dkms/nvidia/[0-9]*"
            " /lib/modules/*/updates/dkms/nvidia.ko /usr/lib*/libnvidia-ml.so.* /usr/lib/x86_64-linux-gnu/libnvidia-ml*"
            " /var/lib/gpufleet-mlstack/nvidia-installer/* 2>/dev/null"
        ).out.split()

    def installed(self, name: str) -> bool:
        return self.container.run({"apt": f"dpkg -s {name}", "dnf": f"rpm -q {name}"}[self.manager]).rc == 0

    def sources(self) -> str:
        """Where packages come from, and which are let in."""
        return self.sh(
            "cat /etc/apt/sources.list.d/* /etc/apt/preferences.d/* /etc/apt/apt.conf.d/52* /etc/yum.repos.d/*"
            " /etc/dnf/modules.d/nvidia* 2>/dev/null || true"
        )

    def install_dependent(self, name: str, relation: str) -> None:
        """Install a package of somebody else's that needs one of the driver's; `{}` is the version of that."""
        needed = relation.partition(" ")[0]
        self._install(Package(name, "1", requires=(relation.format(self.packages()[needed]),)))

    def install_other(self, name: str) -> None:
        """Install a package that needs nothing."""
        self._install(Package(name, "1.0"))

    def _install(self, package: Package) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if self.manager == "apt":
                deb.build_flat_repository([package], folder, images.keys(), BED, "bed")
            else:
                rpm.build_repository([package], folder, images.keys(), BED)
            (file,) = (file for file in folder.rglob("*") if file.suffix in (".deb", ".rpm"))
            self.container.copy_in(file, f"/tmp/{file.name}")
        install = {"apt": "dpkg -i", "dnf": "rpm -i --nosignature"}[self.manager]
        self.sh(f"{install} /tmp/{file.name} && rm /tmp/{file.name}")

    def let_fail(self, version: str) -> None:
        """Let the packages of a version fail in the middle of a transaction; "" ends that.

        With apt by a script of theirs. Rpm does not mind that, but a folder where a file shall be.
        """
        if self.manager == "dnf":
            obstacle = f"mkdir -p /usr/src/nvidia-{version}/dkms.conf/obstacle"
            self.sh(
                obstacle if version else "find /usr/src -name obstacle | xargs dirname | xargs dirname | xargs rm -r"
            )
        elif version:
            text = f'#!/bin/sh\ncase "$*" in *{version}*) exit 1 ;; esac\nexec /usr/bin/base64 "$@"\n'
            self.container.write("/usr/sbin/base64", text, "0755")
        else:
            self.sh("rm /usr/sbin/base64")

    def start_work(self) -> int:
        """Let a process work on a GPU, as far as a stand-in can be worked on, and return its pid."""
        pid = int(self.sh("sh -c 'exec 3</dev/nvidia0; exec sleep 300' >/dev/null 2>&1 & echo $!"))
        self.sh(f'until [ "$(cat /proc/{pid}/comm)" = sleep ]; do sleep 0.1; done')
        return pid

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
            f"({_LIST[self.manager]}) | {_CONCERNS} | {_OF_OTHERS};"
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


def summaries(result: Mapping[str, Any]) -> list[str]:
    """The sentences of a plan. Where the lists are old, a forecast says that it goes by them."""
    return [step["summary"].replace(", going by the present package lists", "") for step in result["plan"]]


def steps(result: Mapping[str, Any]) -> list[str]:
    return [step["action"] for step in result["plan"]]


def desired_runfile(version: str) -> dict[str, str]:
    """The desired state of a driver of the stand-in installer, which is not NVIDIA's: no table has its digest."""
    digest = hashlib.sha256(driver_runfile.installer(version).encode()).hexdigest()
    return {"source": "runfile", "version": version, "runfile_sha256": digest}


@contextlib.contextmanager
def driver_host(manager: str, **options: Any) -> Iterator[DriverHost]:
    """A host that boots, with the headers of its kernel. Options are those of nvidia_host()."""
    with nvidia_host.nvidia_host(manager, **{"gpus": "a100", "headers": True, **options}) as made:
        yield DriverHost(made, manager)
