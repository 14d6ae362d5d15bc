# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks are written only where they differ, and differences are told by version."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import lockfile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import ObservedLock
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._python.environments import desired
from hypothesis import given
from hypothesis import strategies as st

LOCK = """\
alpha==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via the requirements
beta==1.1 ; python_version < '3.11' \\
    --hash=sha256:22
beta==2.0 ; python_version >= '3.11' \\
    --hash=sha256:33
delta[more]==3.0+cu118 --hash=sha256:44
"""
DESIRED = desired(state="locked", packages=["alpha"], lock_to="/repository/prod.lock")
pins = st.dictionaries(st.sampled_from(["alpha", "beta", "delta"]), st.sampled_from(["1.0", "2.0"]))


def text_of(versions):
    return "".join(f"{name}=={version} \\\n    --hash=sha256:00\n" for name, version in sorted(versions.items()))


def test_the_versions_in_a_lock():
    found = lockfile.versions_in(LOCK)
    assert found["alpha"] == "1.0" and found["beta"] == "2.0"
    assert found["delta"] == "3.0+cu118"


def test_a_name_in_two_spellings_is_neither_removed_nor_added():
    before = "Jinja2==3.1.2\nMarkupSafe==2.1.1\nPillow==9.0\nown @ https://example.com/own-1.whl\n"
    after = "jinja2==3.1.3\nmarkupsafe==2.1.1\npillow==9.0\nown @ https://example.com/own-1.whl --hash=sha256:00\n"
    details = lockfile.plan_lock(DESIRED, ObservedLock(before, after)).details
    assert details["replaced"] == {"jinja2": {"before": "3.1.2", "after": "3.1.3"}}
    assert (details["added"], details["removed"]) == ({}, {})


@given(pins, pins)
def test_a_plan_is_empty_only_where_the_text_stays(before, after):
    plan = lockfile.plan_lock(DESIRED, ObservedLock(text_of(before), text_of(after)))
    assert plan.changed == (before != after)
    if plan.changed:
        assert set(plan.details["added"]) == set(after) - set(before)
        assert plan.after == tuple(f"{name} {version}" for name, version in sorted(after.items()))
        assert "/repository/prod.lock" in plan.actions[0].summary


def test_a_change_of_hashes_alone_is_a_change():
    before = "alpha==1.0 --hash=sha256:00\n"
    plan = lockfile.plan_lock(DESIRED, ObservedLock(before, before.replace("00", "11")))
    assert plan.changed and plan.before == plan.after


def test_our_temporary_files_are_named_nowhere_in_a_lock():
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import _without_paths

    text = "a==1\n    # via -r /tmp/x/requirements.txt\nb==1\n    # via\n    #   -c tmp/x/constraints.txt\n    #   a\n"
    assert _without_paths(text, "/tmp/x") == (
        "a==1\n    # via the requirements\nb==1\n    # via\n    #   the constraints\n    #   a\n"
    )
