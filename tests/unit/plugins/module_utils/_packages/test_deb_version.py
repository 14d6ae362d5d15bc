# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import deb_version

# Oldest first.
LADDERS = [
    ("1.0~~", "1.0~~a", "1.0~", "1.0~rc1-1", "1.0", "1.0-0.1", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1"),
    ("38.0.4-3~deb12u1", "38.0.4-3", "38.0.4-3+deb12u1", "38.0.4-3+deb12u2", "38.0.4-10", "41.0.6-1", "1:0.1"),
    ("3.0.2-0ubuntu1.9", "3.0.2-0ubuntu1.10", "3.0.2-0ubuntu1.10+esm1", "3.0.2-0ubuntu1.11", "3.0.2-1"),
    ("0", "0.0", "0.0a", "0.00a.1", "0.0.0", "0.1", "1a", "1z", "1+", "1.0"),
    ("2:1.2-3-4", "2:1.2-3.1-4", "10:0"),
]


@pytest.mark.parametrize("ladder", LADDERS)
def test_versions_sort_as_debian_sorts_them(ladder: tuple[str, ...]) -> None:
    keys = [deb_version.key(version) for version in ladder]
    assert all(older < newer for older, newer in zip(keys, keys[1:]))


@pytest.mark.parametrize(("left", "right"), [("1.0", "0:1.0"), ("1.0-0", "1.0"), ("1.01", "1.1"), ("1.0-1", "1.0-01")])
def test_what_is_written_otherwise_is_the_same(left: str, right: str) -> None:
    assert deb_version.key(left) == deb_version.key(right)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg here to compare with")
@pytest.mark.parametrize("ladder", LADDERS)
def test_dpkg_says_the_same(ladder: tuple[str, ...]) -> None:
    for older, newer in zip(ladder, ladder[1:]):
        subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=True)


@pytest.mark.parametrize("text", ["", "-1", "a:1", ":1", "~1", "²:1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        deb_version.key(text)
