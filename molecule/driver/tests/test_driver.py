# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After upgrades, switches, removal and another installation: one driver, loaded, held, and every GPU answers."""

from __future__ import annotations

import typing as t

VERSION = "550.54.15"
# libnvidia-egl-wayland1 comes with the driver, from a source and in versions of its own.
PACKAGES = (
    "(dpkg-query -W -f '${Package} ${Version}\\n' 2>/dev/null || rpm -qa --qf '%{NAME} %{VERSION}\\n')"
    " | grep -E '^(cuda-drivers|nvidia|libnvidia|kmod-nvidia)' | grep -v '^libnvidia-egl-'"
)


def test_every_gpu_answers_with_the_wished_driver(host: t.Any) -> None:
    answer = host.check_output("nvidia-smi --query-gpu=driver_version --format=csv,noheader")
    assert answer.split() == [VERSION] * 8
    assert VERSION in host.file("/proc/driver/nvidia/version").content_string


def test_all_packages_have_that_version_and_are_held(host: t.Any) -> None:
    packages = dict(line.split() for line in host.check_output(PACKAGES).splitlines())
    assert packages and all(version.startswith(VERSION) for version in packages.values())
    holds = host.check_output(
        "if command -v apt-mark >/dev/null; then apt-mark showhold; else dnf -q -C versionlock list; fi"
    )
    assert all(name in holds for name in packages)


def test_the_services_of_such_a_host_start_at_boot(host: t.Any) -> None:
    for name in ("nvidia-persistenced", "nvidia-fabricmanager"):
        assert host.service(name).is_enabled and host.service(name).is_running
