# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After converge, an upgrade of everything, drift and repair: two toolkits, the default, the hold, and no driver."""

from __future__ import annotations

import typing as t

import pytest


@pytest.mark.parametrize("release", ["11.8", "12.4"])
def test_both_toolkits_are_there(host: t.Any, release: str) -> None:
    assert f"release {release}," in host.check_output(f"/usr/local/cuda-{release}/bin/nvcc --version")


@pytest.mark.parametrize("shell", ["bash -lc", "sh -c", "bash -c"])
def test_every_shell_finds_the_default(host: t.Any, shell: str) -> None:
    assert "release 12.4," in host.check_output(f"env -i {shell} 'nvcc --version'")


def test_the_loader_knows_the_libraries(host: t.Any) -> None:
    assert "/usr/local/cuda/lib64" in host.file("/etc/ld.so.conf.d/gpufleet-cuda.conf").content_string


def test_all_of_the_held_release_is_held(host: t.Any) -> None:
    holds = host.check_output(
        "if command -v apt-mark >/dev/null; then apt-mark showhold; else dnf -q versionlock list; fi"
    )
    assert all(name in holds for name in ("cuda-toolkit-12-4", "cuda-nvcc-12-4", "cuda-cudart-12-4"))
    assert "11-8" not in holds


def test_no_driver_came_along(host: t.Any) -> None:
    packages = host.check_output("dpkg-query -W -f '${Package} ' 2>/dev/null || rpm -qa")
    assert "cuda-toolkit" in packages and "nvidia-driver" not in packages and "cuda-drivers" not in packages
