# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/audit.yml and patch.yml over real environments: finding a flaw on hosts, and ending it."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_fleet import LocalFleet

AUDIT, PATCH = "gpufleet.mlstack.audit", "gpufleet.mlstack.patch"
HOSTS = ("one", "two")


def advisory(identifier, package, fixed):
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "id": identifier,
        "modified": "2026-11-20T10:00:00Z",
        "published": "2026-11-19T10:00:00Z",
        "summary": f"{package} does what it should not",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


@pytest.fixture
def fleet(tmp_path, site):
    """Two hosts with alpha 1.0 and the beta 1.0 that it needs; an advisory against beta below 1.1."""
    made = LocalFleet(tmp_path / "fleet", site, HOSTS)
    for host in HOSTS:
        made.build(host, "alpha==1.0", "beta==1.0")
    records = made.folder / "advisories"
    records.mkdir()
    (records / "TEST-1.json").write_text(json.dumps(advisory("TEST-1", "beta", "1.1")))
    return made


def variables(fleet, **more):
    return {
        "dep_audit_advisories": [str(fleet.folder / "advisories")],
        "dep_audit_cache_dir": str(fleet.folder / "cache"),
        **more,
    }


def audit(fleet, *words, **more):
    return fleet.play(AUDIT, *words, **variables(fleet, **more))  # of environments it knows by python_envs_root


def patch(fleet, *words, **more):
    given = {
        "patch_name": "ml",
        "patch_lock": str(fleet.folder / "ml.lock"),
        "python_envs_index_url": fleet.site.index.url,
        "python_envs_executable": fleet.site.options["executable"],
        **variables(fleet, **more),
    }
    return fleet.play(PATCH, *words, **given)


def installed(fleet, host):
    """What the record of the generation in use has, by name."""
    record = json.loads((fleet.root(host) / "ml" / "mlstack.json").read_text())
    return record["installed"]


def links(fleet):
    return {host: os.readlink(fleet.root(host) / "ml") for host in HOSTS}


def shown(done):
    return done.stdout + done.stderr


def test_an_audit_reports_all_hosts_and_then_fails_by_policy(fleet):
    before = links(fleet)
    done = audit(fleet, dep_audit_policy={"fail_on": "high"}, dep_audit_report_formats=["html", "json", "sarif"])
    assert done.returncode == 2, shown(done)
    data = json.loads((fleet.folder / "audit" / "audit.json").read_text())
    assert sorted(data["hosts"]) == ["one", "two"] and len(data["reasons"]) == 2
    [environment] = data["hosts"]["one"]["environments"]
    [finding] = environment["findings"]
    assert (finding["package"], finding["flaw"]["id"], finding["flaw"]["severity"]) == ("beta", "TEST-1", "critical")
    assert "TEST-1" in (fleet.folder / "audit" / "audit.html").read_text()
    assert (fleet.folder / "audit" / "audit.sarif").exists()
    assert done.stdout.count("failed=1") == 2 and "TEST-1" in done.stdout
    assert "changed=1" not in done.stdout and links(fleet) == before


def test_without_a_policy_and_for_a_sound_fleet_it_passes(fleet):
    done = audit(fleet, "--tags", "dep_audit")
    assert done.returncode == 0, shown(done)
    assert (fleet.folder / "audit" / "audit.html").exists()
    (fleet.folder / "advisories" / "TEST-1.json").write_text(json.dumps(advisory("TEST-1", "other", "1.1")))
    done = audit(fleet, dep_audit_policy={"fail_on": "low"}, dep_audit_cache_dir=str(fleet.folder / "cache2"))
    assert done.returncode == 0, shown(done)


def test_the_site_audits_hosts_that_desired_state_for_it(fleet):
    site = "gpufleet.mlstack.site"
    done = fleet.play(site, **variables(fleet), dep_audit_report_folder="reports")
    assert done.returncode == 0 and not (fleet.folder / "reports").exists(), shown(done)
    desired = {
        "dep_audit_list": ["auto"],
        "dep_audit_policy": {"fail_on": "high"},
        "dep_audit_report_folder": "reports",
    }
    done = fleet.play(site, "--tags", "dep_audit", **variables(fleet, **desired))
    assert done.returncode == 2 and "TEST-1" in done.stdout and "changed=1" not in done.stdout, shown(done)
    assert (fleet.folder / "reports" / "audit.html").exists()


def test_advisories_that_cannot_be_had_fail_after_the_reports(fleet):
    done = audit(fleet, dep_audit_advisories=[str(fleet.folder / "nowhere")])
    assert done.returncode == 2 and "nowhere" in done.stdout, shown(done)
    data = json.loads((fleet.folder / "audit" / "audit.json").read_text())
    assert all("nowhere" in host["failed"] for host in data["hosts"].values())


def test_without_a_source_nothing_is_asked_and_the_ways_are_told(fleet):
    done = audit(fleet, dep_audit_advisories=[])
    assert done.returncode == 2 and "nothing is asked by itself" in done.stdout, shown(done)
    assert "gpufleet.mlstack.advisories" in done.stdout and "dep_audit_advisories" in done.stdout


def test_a_mirror_is_made_of_a_folder_and_audits_read_it(fleet):
    mirror = fleet.folder / "srv" / "pypi.zip"
    desired = {"advisories_location": str(fleet.folder / "advisories"), "advisories_dest": str(mirror)}
    done = fleet.play("gpufleet.mlstack.advisories", **variables(fleet, **desired))
    assert done.returncode == 0 and '"advisories": 1' in done.stdout and "changed=1" in done.stdout, shown(done)
    assert (mirror.parent / "pypi.zip.sha256").read_text().endswith("  pypi.zip\n")
    again = fleet.play("gpufleet.mlstack.advisories", **variables(fleet, **desired, advisories_max_age_days=30000))
    assert again.returncode == 0 and "changed=0" in again.stdout, shown(again)
    entry = {"id": "TEST-9", "reason": "mistyped", "expires": "2099-01-01"}
    policy = {"fail_on": "high", "ignore": [entry]}
    done = audit(fleet, dep_audit_advisories=[str(mirror)], dep_audit_policy=policy)
    assert done.returncode == 2 and "TEST-1" in done.stdout, shown(done)
    assert "The entry TEST-9 of the policy's 'ignore' covers nothing" in done.stdout
    done = fleet.play("gpufleet.mlstack.advisories", **variables(fleet, advisories_dest=str(mirror)))
    assert done.returncode == 2 and "-e advisories_location=" in done.stdout, shown(done)


def test_a_patch_is_foretold_then_built_on_every_host_and_then_there_is_nothing_left(fleet):
    before = links(fleet)
    foretold = patch(fleet, "--check", "--diff")
    assert foretold.returncode == 0, shown(foretold)
    assert '"beta": "1.1"' in foretold.stdout and "+beta==1.1" in foretold.stdout
    assert '"after": "1.1"' in foretold.stdout and '"before": "1.0"' in foretold.stdout
    assert links(fleet) == before and not (fleet.folder / "ml.lock").exists()
    done = patch(fleet)
    assert done.returncode == 0, shown(done)
    for host in HOSTS:
        assert installed(fleet, host) == {"alpha": "1.0", "beta": "1.1"}
    assert (fleet.folder / "ml.lock").read_text().count("==") == 2
    assert "--hash=sha256:" in (fleet.folder / "ml.lock").read_text()
    assert audit(fleet, dep_audit_policy={"fail_on": "low"}, dep_audit_generations="current").returncode == 0
    again = patch(fleet)
    assert again.returncode == 0 and "changed=1" not in again.stdout, shown(again)


def test_hosts_that_hold_something_else_keep_what_they_hold(tmp_path, site):
    hosts = ("one", "two", "odd")
    fleet = LocalFleet(tmp_path / "fleet", site, hosts)
    for host in hosts:
        own = ("delta==1.0", "Under_Score.Dot==1.0") if host == "odd" else ()
        fleet.build(host, "alpha==1.0", "beta==1.0", *own)
    records = fleet.folder / "advisories"
    records.mkdir()
    for identifier, package, fixed in (("TEST-1", "beta", "1.1"), ("TEST-2", "delta", "")):
        (records / f"{identifier}.json").write_text(json.dumps(advisory(identifier, package, fixed)))
    before = [os.readlink(fleet.root(host) / "ml") for host in hosts]
    foretold = patch(fleet, "--check", "--diff")
    assert foretold.returncode == 0, shown(foretold)
    assert f"(item={fleet.folder}/ml.lock)" in foretold.stdout
    assert f"(item={fleet.folder}/ml-odd.lock)" in foretold.stdout and "+under-score-dot==1.0" in foretold.stdout
    assert foretold.stdout.count("+beta==1.1") == 2 and '"TEST-2"' in foretold.stdout
    assert [os.readlink(fleet.root(host) / "ml") for host in hosts] == before
    done = patch(fleet)
    assert done.returncode == 0, shown(done)
    patched = {"alpha": "1.0", "beta": "1.1"}
    assert installed(fleet, "one") == installed(fleet, "two") == patched
    assert installed(fleet, "odd") == {**patched, "delta": "1.0", "under-score-dot": "1.0"}
    assert '"removed": {}' in done.stdout and '"added": {}' in done.stdout  # a name has one spelling
    order = [done.stdout.index(f"changed: [{host}]") for host in ("odd", "two")]
    assert order == sorted(order)  # the first of each group comes before the rest of any


def test_a_patch_that_comes_out_badly_stops_at_the_first_host_and_goes_back(fleet):
    before = links(fleet)
    fleet.write("smoke.yml", "- ansible.builtin.fail: {msg: the smoke test found smoke}\n")
    done = patch(fleet, patch_verify_tasks=str(fleet.folder / "smoke.yml"))
    assert done.returncode == 2 and "the smoke test found smoke" in done.stdout, shown(done)
    assert "no further host is touched" in done.stdout
    assert links(fleet) == before
    finished = [path.parent for path in fleet.folder.rglob("mlstack.json")]
    assert {path.parents[2].name for path in finished if path.name not in map(os.path.basename, before.values())} == {
        "one"
    }


def test_a_new_generation_that_does_not_pass_its_checks_is_never_switched_to(fleet):
    before = links(fleet)
    done = patch(fleet, patch_verify_imports=["no_such_module"])
    assert done.returncode == 2 and "no_such_module" in done.stdout, shown(done)
    assert links(fleet) == before


def test_a_fix_that_does_not_fit_and_a_flaw_without_a_fix_are_said(fleet):
    (fleet.folder / "advisories" / "TEST-1.json").write_text(json.dumps(advisory("TEST-1", "beta", "2.0")))
    before = links(fleet)
    done = patch(fleet)
    assert done.returncode == 2 and "conflict" in shown(done) and "beta" in done.stdout, shown(done)
    assert links(fleet) == before and not (fleet.folder / "ml.lock").exists()
    (fleet.folder / "advisories" / "TEST-1.json").write_text(json.dumps(advisory("TEST-1", "beta", "")))
    done = patch(fleet, dep_audit_cache_dir=str(fleet.folder / "cache2"))
    assert done.returncode == 0 and "beta" in done.stdout.partition("no fix known")[2], shown(done)
    assert links(fleet) == before


def test_a_fix_that_does_not_fit_holds_up_no_other(fleet):
    for identifier, package in (("TEST-1", "beta"), ("TEST-2", "alpha")):
        (fleet.folder / "advisories" / f"{identifier}.json").write_text(
            json.dumps(advisory(identifier, package, "2.0"))
        )
    done = patch(fleet)
    assert done.returncode == 0 and "beta" in done.stdout.partition("does not fit")[2], shown(done)
    assert [installed(fleet, host) for host in HOSTS] == [{"alpha": "2.0", "beta": "1.0"}] * 2


def test_a_fix_that_the_index_does_not_have_holds_up_no_other(fleet):
    for identifier, package, fix in (("TEST-1", "beta", "1.0.5"), ("TEST-2", "alpha", "2.0")):
        (fleet.folder / "advisories" / f"{identifier}.json").write_text(json.dumps(advisory(identifier, package, fix)))
    done = patch(fleet)
    assert done.returncode == 0 and "beta" in done.stdout.partition("does not fit")[2], shown(done)
    assert [installed(fleet, host) for host in HOSTS] == [{"alpha": "2.0", "beta": "1.0"}] * 2


def test_a_fix_that_never_came_out_is_passed_over_where_an_index_is_named(fleet):
    (fleet.folder / "advisories" / "TEST-1.json").write_text(json.dumps(advisory("TEST-1", "beta", "1.0.5")))
    done = patch(fleet, dep_audit_index=fleet.site.index.url)
    assert done.returncode == 0, shown(done)
    assert [installed(fleet, host)["beta"] for host in HOSTS] == ["1.1", "1.1"]


def test_a_policy_that_cannot_be_meant_is_refused_before_reports_are_replaced(fleet):
    done = audit(fleet, dep_audit_policy={"fail_on": "hihg"})
    assert done.returncode == 2 and "hihg" in done.stdout, shown(done)
    assert not (fleet.folder / "audit").exists()


def test_a_host_without_environments_is_said_to_have_none(fleet):
    done = audit(fleet, python_envs_root=str(fleet.folder / "elsewhere"))
    assert done.returncode == 0, shown(done)
    assert f"there is no environment below {fleet.folder}/elsewhere" in done.stdout


def test_what_to_patch_must_be_said(fleet):
    done = patch(fleet, patch_lock="")
    assert done.returncode == 2 and "-e patch_lock=" in done.stdout, shown(done)


def test_an_environment_that_no_host_has_is_said(fleet):
    done = patch(fleet, patch_name="other")
    assert done.returncode == 2 and "No host has an environment other" in done.stdout, shown(done)
