# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to the requirements of locks, one for each set of hosts that hold the same."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.filter import audit_patch, audit_patch_loses, audit_patch_unended
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    Environment,
    Finding,
    Flaw,
    HostAudit,
    Package,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.patching import lost, patches, unended
from hypothesis import given
from hypothesis import strategies as st

OWN = "own @ https://example.com/own-1.whl"


def found(*lines, tops=("torch", "own"), python="3.11.2", **more):
    there = {"name": "ml", "standing": "link", "python": {"path": "/usr/bin/python3", "version": python}, **more}
    return {**there, "freeze": list(lines), "tree": [{"name": name} for name in tops]}


FOUND = found("Jinja2==3.1.2", "markupsafe==2.1.1", "torch==2.0.1", OWN)


def audit(*flawed, name="ml", in_use=True, ignored="", asked=()):
    """A result of dep_audit with packages (name, version, fix, ids that stay), each with the flaw X-1."""
    packages = tuple(
        Package(package, version, fix=fix, left=tuple(left), requested=package in asked)
        for package, version, fix, *left in flawed
    )
    findings = tuple(Finding(one.name, one.version, Flaw("X-1"), ignored=ignored) for one in packages if one.version)
    item = Environment(name, f"/envs/{name}", "venv", in_use=in_use, packages=packages, findings=findings)
    return HostAudit((item,)).plain()


def patch(audit_of_one, found_there=None, **more):
    [made] = patches({"h1": audit_of_one}, "ml", {"h1": found_there or FOUND}, "ml.lock", **more)
    return made


def test_what_was_asked_for_stays_and_what_is_flawed_goes_to_its_fix():
    made = patch(audit(("Jinja2", "3.1.2", "3.1.3")))
    assert (made.fixes, made.left) == ({"jinja2": "3.1.3"}, {})
    assert made.requirements == (OWN, "torch==2.0.1", "jinja2==3.1.3")
    assert made.seed == "Jinja2==3.1.2\nmarkupsafe==2.1.1\ntorch==2.0.1\n"


def test_hosts_that_hold_something_else_get_a_lock_of_their_own():
    # The audit's own case: h4 has jinja2 alone, h5 rich and idna as well.
    more = found("jinja2==3.1.2", "markupsafe==2.1.1", "idna==3.6", "rich==13.0.0", tops=("jinja2", "idna", "rich"))
    less = found("Jinja2==3.1.2", "MarkupSafe==2.1.1", tops=("jinja2",))
    flawed = audit(("jinja2", "3.1.2", "3.1.3"))
    audits = {"h4": flawed, "h5": audit(("jinja2", "3.1.2", "3.1.3"), ("idna", "3.6", "3.7")), "h6": flawed}
    first, second = patches(audits, "ml", {"h4": less, "h5": more, "h6": less}, "files/ml.lock")
    assert (first.hosts, first.lock, first.fixes) == (("h4", "h6"), "files/ml.lock", {"jinja2": "3.1.3"})
    assert (second.hosts, second.lock) == (("h5",), "files/ml-h5.lock")
    assert second.fixes == {"jinja2": "3.1.3", "idna": "3.7"} and "rich==13.0.0" in second.requirements


@pytest.mark.parametrize(
    ("other", "groups"),
    [
        (found("jinja2==3.1.2", "MarkupSafe==2.1.1", "Torch==2.0.1", OWN), 1),  # two spellings of the same
        (found("Jinja2==3.1.2", "markupsafe==2.1.2", "torch==2.0.1", OWN), 2),
        (found("Jinja2==3.1.2", "markupsafe==2.1.1", "torch==2.0.1", OWN.replace("-1", "-2")), 2),
        (found("Jinja2==3.1.2", "markupsafe==2.1.1", "torch==2.0.1", OWN, python="3.11.9"), 1),
        (found("Jinja2==3.1.2", "markupsafe==2.1.1", "torch==2.0.1", OWN, python="3.12.0"), 2),
        ({"name": "ml", "standing": "absent"}, 1),
        (None, 1),
    ],
)
def test_what_makes_a_group(other, groups):
    made = patches({}, "ml", {"h1": FOUND, "h2": other})
    assert len(made) == groups


CONTENTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1.0", "2.0"]), max_size=4)


@given(st.dictionaries(st.sampled_from(["h1", "h2", "h3", "h4", "h/4", "h-4"]), CONTENTS))
def test_each_host_is_in_one_group_with_those_of_its_contents_and_locks_are_never_shared(fleet):
    founds = {
        host: found(*(f"{name}=={version}" for name, version in held.items()), tops=held)
        for host, held in fleet.items()
    }
    made = patches({}, "ml", founds, "ml.lock")
    assert sorted(host for group in made for host in group.hosts) == sorted(fleet)
    for group in made:
        assert {json.dumps(fleet[host], sort_keys=True) for host in group.hosts} == {
            json.dumps(fleet[group.hosts[0]], sort_keys=True)
        }
    assert (
        len({group.lock for group in made}) == len(made) == len({json.dumps(x, sort_keys=True) for x in fleet.values()})
    )
    assert [len(group.hosts) for group in made] == sorted((len(group.hosts) for group in made), reverse=True)


def test_what_was_asked_for_and_is_needed_by_others_too_is_named_without_a_version():
    made = patch(audit(("torch", "2.0.1", "2.1"), ("markupsafe", "", ""), asked=("markupsafe",)))
    assert made.requirements == ("markupsafe", OWN, "torch==2.1")


def test_the_largest_fix_of_a_group_counts_by_version_and_not_by_text():
    audits = {"h1": audit(("jinja2", "3.1.2", "3.1.9")), "h2": audit(("jinja2", "3.1.2", "3.1.10"))}
    [made] = patches(audits, "ml", {"h1": FOUND, "h2": FOUND})
    assert made.fixes == {"jinja2": "3.1.10"}


@pytest.mark.parametrize(
    "passed_over",
    [
        None,
        {},
        {"failed": True, "msg": "no"},
        audit(("jinja2", "3.1.2", "3.1.3"), name="dev"),
        audit(("jinja2", "3.1.2", "3.1.3"), in_use=False),
        audit(("jinja2", "3.1.2", "3.1.3"), ignored="not in use here"),
    ],
)
def test_what_is_passed_over(passed_over):
    made = patch(passed_over)
    assert (made.fixes, made.unfixable, made.left) == ({}, (), {})


def test_a_flaw_without_a_fix_is_named():
    made = patch(audit(("jinja2", "3.1.2", "")))
    assert (made.unfixable, made.left, made.fixes) == (("jinja2",), {"jinja2": ("X-1",)}, {})


def test_a_partial_fix_is_made_and_what_stays_is_named():
    made = patch(audit(("jinja2", "3.1.2", "3.1.3", "X-2")))
    assert (made.fixes, made.left, made.unfixable) == ({"jinja2": "3.1.3"}, {"jinja2": ("X-2",)}, ())


def test_what_came_from_a_url_is_not_replaced_by_a_release():
    made = patch(audit(("own", "1", "2")))
    assert (made.fixes, made.foreign, made.unfixable) == ({}, ("own",), ()) and OWN in made.requirements


def test_a_fix_that_does_not_fit_is_left_out():
    flawed = audit(("jinja2", "3.1.2", "3.1.3"), ("torch", "2.0.1", "2.1"))
    made = patch(flawed, leave=["Torch"])
    assert (made.fixes, made.leave, made.left) == ({"jinja2": "3.1.3"}, ("torch",), {"torch": ("X-1",)})
    assert "torch==2.0.1" in made.requirements


def test_the_guard_names_what_a_lock_would_take_that_somebody_asked_for():
    host = found("Jinja2==3.1.2", "MarkupSafe==2.1.1", "rich==13.0.0", tops=("jinja2", "rich"))
    lock = "jinja2==3.1.3 \\\n    --hash=sha256:00\n    # via rich==13.0.0\n"
    assert lost(lock, "ml", audit(), host) == ["rich"]  # markupsafe only others needed
    assert lost(lock + "Rich==13.0.0 --hash=sha256:11\n", "ml", audit(), host) == []
    asked = audit(("MarkupSafe", "", ""), asked=("MarkupSafe",))
    assert lost(lock, "ml", asked, host) == ["markupsafe", "rich"]
    own = found(OWN, tops=("own",))
    assert lost(f"{OWN} --hash=sha256:00\n", "ml", audit(), own) == [] and lost(lock, "ml", audit(), own) == ["own"]


def test_what_a_patch_did_not_end():
    group = {"fixes": {"jinja2": "3.1.3"}, "left": {"jinja2": ["X-1"]}}
    assert unended(audit(("Jinja2", "3.1.3", "")), "ml", group) == []
    assert unended(audit(("Jinja2", "3.1.3", "")), "ml", {**group, "left": {}}) == ["jinja2 3.1.3 still has X-1"]
    assert unended(audit(("Jinja2", "3.1.3", ""), ignored="fine"), "ml", {**group, "left": {}}) == []
    assert unended(audit(), "ml", group) == ["jinja2 is gone"]  # and with it its findings
    assert unended({"failed": True}, "ml", group) == ["ml could not be audited"]


def test_the_filters_give_data_and_refuse_what_nobody_can_read():
    flawed = audit(("jinja2", "3.1.2", "3.1.3", "X-2"))
    [made] = audit_patch.FilterModule().filters()["audit_patch"]({"h1": flawed}, "ml", {"h1": FOUND})
    assert made["fixes"] == {"jinja2": "3.1.3"} and made["left"] == {"jinja2": ["X-2"]}
    assert json.loads(json.dumps(made)) == made
    for wrong in ({"h1": {"standing": "link", "freeze": []}}, None, "text"):
        with pytest.raises(AnsibleFilterError, match="audit_patch: "):
            audit_patch.audit_patch({}, "ml", wrong)
    assert audit_patch_loses.FilterModule().filters()["audit_patch_loses"]("", "ml", {}, FOUND) == ["own", "torch"]
    with pytest.raises(AnsibleFilterError, match="audit_patch_loses: "):
        audit_patch_loses.audit_patch_loses("", "ml", {}, {"standing": "link", "freeze": []})
    told = audit_patch_unended.FilterModule().filters()["audit_patch_unended"]
    assert told(flawed, "ml", made) == ["jinja2 3.1.2 still has X-1"]
    with pytest.raises(AnsibleFilterError, match="audit_patch_unended: "):
        told(flawed, "ml", {})
