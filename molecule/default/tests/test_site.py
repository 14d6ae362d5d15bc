# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After converge, drift and repair the host is what the variables ask for; seen through the host's own tools."""

from __future__ import annotations

import typing as t

ENVIRONMENTS = "/opt/mlstack/envs"

# Canonical names in the distributions' words.
PACKAGES = {
    "debian": ("build-essential", "curl", "libssl-dev", "libffi-dev", "python3-dev"),
    "rocky": ("gcc", "gcc-c++", "make", "openssl-devel", "libffi-devel", "python3-devel", "pkgconf-pkg-config"),
}
PACKAGES["ubuntu"] = PACKAGES["debian"]


def test_build_tools_are_installed_and_build(host: t.Any) -> None:
    for package in (*PACKAGES[host.system_info.distribution], "cmake", "git", "wget"):
        assert host.package(package).is_installed, package
    program = "#include <openssl/ssl.h>\\n#include <ffi.h>\\nint main(void) { return 42; }\\n"
    host.check_output(f"printf '{program}' >/tmp/try.c && gcc /tmp/try.c -o /tmp/try")
    assert host.run("/tmp/try").rc == 42
    assert host.run("cmake --version && git --version && pkg-config --version && curl --version").rc == 0


def test_held_package_is_held(host: t.Any) -> None:
    holds = host.check_output(
        "if command -v apt-mark >/dev/null; then apt-mark showhold; else dnf -q versionlock list; fi"
    )
    assert "wget" in holds


def test_environments_hold_what_was_pinned(host: t.Any) -> None:
    script = (
        "from importlib.metadata import version; import numpy, requests; print(version('numpy'), version('requests'))"
    )
    assert host.check_output(f'{ENVIRONMENTS}/ml/bin/python -c "{script}"') == "1.26.4 2.32.3"
    script = "from importlib.metadata import version; print(version('packaging'))"
    assert host.check_output(f'{ENVIRONMENTS}/tools/bin/python -c "{script}"') == "24.1"


def test_environments_are_links_to_generations_with_a_record(host: t.Any) -> None:
    for name in ("ml", "tools"):
        link = host.file(f"{ENVIRONMENTS}/{name}")
        assert link.is_symlink
        assert link.linked_to.startswith(f"{ENVIRONMENTS}/.generations/{name}/")
        assert host.file(f"{ENVIRONMENTS}/{name}/mlstack.json").is_file


def test_drift_made_a_new_generation_and_left_the_old_one(host: t.Any) -> None:
    generations = host.check_output(f"ls {ENVIRONMENTS}/.generations/ml").split()
    assert len([name for name in generations if not name.startswith(".")]) >= 2
