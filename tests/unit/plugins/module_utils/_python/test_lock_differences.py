# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment beside its lock."""

from __future__ import annotations

import os

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import lock_differences, requirement_files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution

ENVIRONMENT = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"}


def installed(name, version, folder="/nowhere"):
    return Distribution(name, name, version, (), None, (), "uv", True, None, folder)


def compare(lock, *here):
    read = requirement_files.read(["lock"], load=lambda path: lock.encode())
    found = lock_differences.differences(read.requirements, here, ENVIRONMENT)
    return [(item.name, item.locked, item.installed) for item in found]


def test_nothing_differs_where_it_is_as_locked():
    assert compare("Six==1.16 --hash=sha256:" + "0" * 64, installed("six", "1.16.0")) == []


@pytest.mark.parametrize(
    ("lock", "here", "expected"),
    [
        ("six==1.16.0\n", [], [("six", "1.16.0", None)]),
        ("six==1.16.0\n", [installed("six", "1.15.0")], [("six", "1.16.0", "1.15.0")]),
        ("", [installed("six", "1.15.0")], [("six", None, "1.15.0")]),
        ("", [installed("pip", "24.0"), installed("setuptools", "70")], []),
        ("pip==24.1\n", [installed("pip", "24.0")], [("pip", "24.1", "24.0")]),
        ('six==1.16.0; python_version < "3.9"\n', [], []),
        ('six==1.16.0; python_version < "3.9"\n', [installed("six", "1.16.0")], [("six", None, "1.16.0")]),
        ("six @ https://example.com/six.tar.gz\n", [installed("six", "1")], []),
    ],
)
def test_what_differs(lock, here, expected):
    assert compare(lock, *here) == expected


def test_the_time_is_that_of_the_metadata_folder(tmp_path):
    folder = tmp_path / "six-1.15.0.dist-info"
    folder.mkdir()
    os.utime(folder, (1_700_000_000, 1_700_000_000))
    [found] = lock_differences.differences([], [installed("six", "1.15.0", str(folder))], ENVIRONMENT)
    assert found.since == "2023-11-14T22:13:20Z"
    assert lock_differences.installed_at(installed("six", "1", str(tmp_path / "gone"))) is None
