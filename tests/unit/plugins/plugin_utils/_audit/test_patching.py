# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to the requirements of a lock."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.filter.audit_patch import FilterModule
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    Environment,
    Finding,
    Flaw,
    HostAudit,
    Package,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.patching import patch

FOUND = {
    "freeze": ["Jinja2==3.1.2", "markupsafe==2.1.1", "torch==2.0.1", "own @ https://example.com/own-1.whl"],
    "tree": [{"name": "torch"}, {"name": "own"}],
}


def audit(*flawed, name="ml", in_use=True, ignored=""):
    """A result of dep_audit with packages (name, version, fix), each with a flaw."""
    packages = tuple(Package(package, version, fix=fix) for package, version, fix in flawed)
    findings = tuple(Finding(one.name, one.version, Flaw("X-1"), ignored=ignored) for one in packages)
    item = Environment(name, f"/envs/{name}", "venv", in_use=in_use, packages=packages, findings=findings)
    return HostAudit((item,)).plain()


def test_what_was_asked_for_stays_and_what_is_flawed_goes_to_its_fix():
    made = patch([audit(("Jinja2", "3.1.2", "3.1.3"))], "ml", FOUND)
    assert made.fixes == {"jinja2": "3.1.3"}
    assert made.requirements == ("own @ https://example.com/own-1.whl", "torch==2.0.1", "jinja2==3.1.3")
    assert made.seed == "Jinja2==3.1.2\nmarkupsafe==2.1.1\ntorch==2.0.1\n"


def test_the_largest_fix_of_all_hosts_counts_by_version_and_not_by_text():
    audits = [
        audit(("jinja2", "3.1.2", "3.1.10")),
        audit(("jinja2", "3.1.0", "3.1.9")),
        audit(("torch", "2.0.1", "2.1")),
    ]
    assert patch(audits, "ml", FOUND).fixes == {"jinja2": "3.1.10", "torch": "2.1"}


@pytest.mark.parametrize(
    "passed_over",
    [
        None,
        {},
        {"failed": True, "msg": "no"},
        audit(("jinja2", "3.1.2", "3.1.3"), name="dev"),
        audit(("jinja2", "3.1.2", "3.1.3"), in_use=False),
        audit(("jinja2", "3.1.2", "3.1.3"), ignored="not in use here"),
        audit(("numpy", "1.0", "2.0")),  # not in the environment of the host on which the lock is made
    ],
)
def test_what_is_passed_over(passed_over):
    made = patch([passed_over], "ml", FOUND)
    assert (made.fixes, made.unfixable) == ({}, ())


def test_a_flaw_without_a_fix_is_named():
    assert patch([audit(("jinja2", "3.1.2", ""))], "ml", FOUND).unfixable == ("jinja2",)


def test_the_filter_gives_data_and_refuses_what_is_no_environment():
    filtered = FilterModule().filters()["audit_patch"]
    assert filtered([audit(("jinja2", "3.1.2", "3.1.3"))], "ml", FOUND)["fixes"] == {"jinja2": "3.1.3"}
    for wrong in ({"standing": "absent"}, None, "text"):
        with pytest.raises(AnsibleFilterError, match="ml is no environment on the host"):
            filtered([], "ml", wrong)
