# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of pip check, in process; tests/integration/test_pip_check.py holds it against the real one."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import check, distributions

LINUX = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.7",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1.0",
    "platform_system": "Linux",
    "platform_version": "#1",
    "python_full_version": "3.11.7",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def distribution(name, version, *requires):
    return distributions.Distribution(name.lower(), name, version, requires, None, (), None, False, None, "/x")


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ((), []),
        (("B",), []),
        (("b<2",), []),
        (("b (>=1.0,<2)",), []),
        (("b>=2",), [("b", "b>=2", "1.5")]),
        (("b[x]>=2 ; python_version >= '3.8'",), [("b", "b>=2", "1.5")]),
        (("b>=2 ; python_version < '3.8'",), []),
        (("b>=2 ; extra == 'dev'",), []),
        (("gone ; extra == 'dev'",), []),
        (("gone",), [("gone", "gone", None)]),
        (("gone>=1", "b>=2"), [("gone", "gone>=1", None), ("b", "b>=2", "1.5")]),
        (("gone @ https://h.example/gone.zip",), [("gone", "gone", None)]),
        (("c>=3.0.dev0",), []),
        (("c>=2",), []),  # a pre-release that is installed counts
        (("c==3.0a1",), []),
        (("d==2.0.1",), []),  # a local build meets the plain version
        (("d==2.0.1+cpu",), [("d", "d==2.0.1+cpu", "2.0.1+cu118")]),
    ],
)
def test_conflicts(requires, expected):
    others = [distribution("B", "1.5"), distribution("c", "3.0a1"), distribution("d", "2.0.1+cu118")]
    verdict = check.check([distribution("A", "1.0", *requires), *others], LINUX)
    assert [(item.wanted_name, item.wanted, item.found) for item in verdict.conflicts] == expected
    assert verdict.unreadable == ()


def test_a_conflict_says_package_wanted_and_found():
    verdict = check.check([distribution("A", "1.0", "b<2", "c"), distribution("b", "2.1")], LINUX)
    assert [str(item) for item in verdict.conflicts] == [
        "A 1.0 needs b<2, and version 2.1 is installed",
        "A 1.0 needs c, and it is not installed",
    ]


def test_a_dependency_that_cannot_be_read_is_named_and_the_rest_judged():
    verdict = check.check([distribution("A", "1.0", "b >>> 1", "gone")], LINUX)
    assert len(verdict.unreadable) == 1 and "A: b >>> 1" in verdict.unreadable[0]
    assert [item.wanted for item in verdict.conflicts] == ["gone"]
