# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python is found and chosen: real interpreters, and an engine that knows for which there are wheels."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import interpreters
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache, Engine, Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import DesiredPython, Interpreters

HERE = "{}.{}".format(*sys.version_info[:2])
REQUEST = Request("binary==1.0\n")


class WheelTable(Engine):
    """Stands in for an engine: it knows which packages lack a wheel for which Python, and builds nothing."""

    name = "table"
    version = "1"

    def __init__(self, missing: dict[str, list[str] | None]) -> None:
        super().__init__(Commands(), 1, Cache())
        self.missing = missing

    def wheels_missing(self, python, version, request, scratch):
        return self.missing.get(version, ["binary"])

    def create(self, prefix, python):
        raise NotImplementedError

    def install(self, prefix, request, scratch):
        raise NotImplementedError

    def forget(self, packages):
        raise NotImplementedError

    def preview(self, python, request, scratch):
        raise NotImplementedError

    def outdated(self, prefix, sources, scratch):
        raise NotImplementedError


@pytest.fixture
def machine(tmp_path):
    """Interpreters on a PATH of our own; more names for this one pretend nothing about its version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder, Interpreters(Host(environ={"PATH": str(folder)}), Commands(), (str(tmp_path / "managed"),))


def choose(machine, python="auto", missing=None, downloads=False):
    desired = DesiredPython(python, downloads, {})
    return interpreters.choose(desired, machine[1], WheelTable(missing or {}), REQUEST, "", "environment ml")


def test_auto_takes_the_hosts_own_python_where_nothing_is_missing(machine):
    default = machine[1].default()
    for missing in ([], None):  # all wheels are there; the engine does not know
        assert choose(machine, missing={default.minor: missing}) == default


def test_auto_stays_where_no_python_has_wheels_for_what_is_built_from_source(machine):
    default = machine[1].default()
    everywhere = {minor: ["source"] for minor in interpreters.MINORS}
    assert choose(machine, missing=everywhere) == default


def test_the_pythons_that_fit_are_named_before_anything_is_built(machine):
    default = machine[1].default()
    absent = "3.14" if default.minor != "3.14" else "3.13"
    missing = {minor: ["binary", "source"] for minor in interpreters.MINORS}
    missing[absent] = ["source"]
    with pytest.raises(MlstackError) as refused:
        choose(machine, missing=missing)
    assert refused.value.code == "python_needed"
    assert refused.value.details == {"pythons_that_fit": [absent], "without_wheel": ["binary"]}
    assert default.version in refused.value.found and f"python{absent}" in refused.value.to_fix


def test_a_version_is_found_on_the_path_and_shims_are_left_out(machine):
    folder, found = machine
    program = folder / f"python{HERE}"
    program.write_text("#!/bin/sh\nexit 127\n")
    program.chmod(0o755)
    assert str(program) not in found.on_host(HERE)
    program.unlink()
    program.symlink_to(os.path.realpath(sys.executable))
    assert str(program) in found.on_host(HERE)
    choice = found.named(HERE)
    assert choice.minor == HERE and choice.path == os.path.realpath(sys.executable) and choice.origin == "host"
    exact = ".".join(map(str, sys.version_info[:3]))
    assert found.named(exact).version == exact


def test_what_is_on_the_path_under_another_name_is_not_that_version(machine):
    folder, found = machine
    (folder / "python3.99").symlink_to(os.path.realpath(sys.executable))
    assert found.named("3.99") is None


@pytest.mark.parametrize("version", ["2.7", "3", "3.x", "latest", "python3.11", "-m", "3.11;rm"])
def test_what_is_no_version_is_refused(machine, version):
    with pytest.raises(MlstackError) as refused:
        choose(machine, version)
    assert refused.value.code == "python_invalid"


def test_a_version_that_yaml_cut_short(machine):
    with pytest.raises(MlstackError) as refused:
        choose(machine, "3.1")
    assert refused.value.code == "python_too_old" and "quotes" in refused.value.to_fix


def test_a_version_that_is_nowhere(machine):
    with pytest.raises(MlstackError) as refused:
        choose(machine, "3.99")
    assert refused.value.code == "python_missing" and "downloads are switched off" in refused.value.found


@pytest.mark.parametrize(
    ("program", "code"),
    [("/bin/true", "python_unusable"), ("/bin/false", "command_failed"), ("/no", "command_missing")],
)
def test_a_path_that_is_no_python(machine, program, code):
    with pytest.raises(MlstackError) as refused:
        choose(machine, program)
    assert refused.value.code == code


def test_the_systems_python_does_not_depend_on_the_path(tmp_path):
    (tmp_path / "usr/libexec").mkdir(parents=True)
    platform_python = tmp_path / "usr/libexec/platform-python"
    platform_python.symlink_to(os.path.realpath(sys.executable))
    assert interpreters.system_python(Host(str(tmp_path), {"PATH": ""})) == "/usr/libexec/platform-python"
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/python3").symlink_to(os.path.realpath(sys.executable))
    assert interpreters.system_python(Host(str(tmp_path), {"PATH": "/elsewhere"})) == "/usr/bin/python3"
    assert interpreters.system_python(Host(str(tmp_path / "empty"), {"PATH": ""})) == sys.executable
