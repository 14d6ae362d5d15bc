# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""audit_report in a play: the results of many hosts become one set of files on the controller."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_fleet import LocalFleet
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.plugin_utils._audit.outputs import fleets

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - gpufleet.mlstack.audit_report:
        folder: "{{ folder }}"
        formats: "{{ formats }}"
      run_once: true
      register: report
    - ansible.builtin.copy:
        content: "{{ report | to_json }}"
        dest: "{{ out }}"
        mode: "0600"
      delegate_to: localhost
      run_once: true
      check_mode: false
"""
EVERYTHING = ["html", "json", "sarif", "junit", "markdown", "openvex", "cyclonedx"]


@pytest.fixture
def fleet(tmp_path, site):
    made = LocalFleet(tmp_path / "fleet", site, ())
    made.write("report.yml", PLAY)
    return made


def hold(fleet, audited):
    """An inventory in which each host has its result already; a host that failed has none."""
    hosts = {}
    for host in audited.hosts:
        hosts[host.name] = {} if host.failed else {"dep_audit_result": {"changed": False, **host.audit.plain()}}
    fleet.write("inventory.json", json.dumps({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}))


def report(fleet, *words, formats=tuple(EVERYTHING)):
    out = fleet.folder / "report.json"
    done = fleet.play("report.yml", *words, folder="reports", formats=list(formats), out=str(out))
    told = json.loads(out.read_text()) if out.exists() else {}
    return done, told


def test_the_files_of_a_fleet(fleet):
    hold(fleet, fleets.small())
    done, told = report(fleet)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = fleet.folder / "reports"
    lying = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {path for path in lying if "/" not in path} == {
        "audit-history.json",
        "audit.html",
        "audit.json",
        "audit.sarif",
        "audit.junit.xml",
        "audit.md",
        "audit.openvex.json",
    }
    bills = sorted(path for path in lying if "/" in path)
    assert [path.rpartition("-")[0] for path in bills] == ["sbom/gpu-1--dev", "sbom/gpu-1--ml", "sbom/gpu-2--ml"]
    assert {os.path.join(folder, path) for path in lying} == set(told["files"])
    assert told["changed"] is False and told["policy_met"] is False
    assert told["reasons"] == ["gpu-1: PYSEC-2023-175 in pillow 10.0.0 is critical, from high on the policy fails"]
    assert [one["what"] for one in told["unheard"]] == ["gpu-3", "gpu-2: /opt/mlstack/envs/old"]
    assert told["summary"] == {
        "critical": 1,
        "high": 0,
        "medium": 1,
        "unknown": 1,
        "low": 0,
        "hosts": 3,
        "hosts_with_flaws": 1,
        "problems": 1,
        "unheard": 2,
    }
    data = json.loads((folder / "audit.json").read_text())
    assert data["hosts"]["gpu-1"]["summary"]["critical"] == 1
    assert data["hosts"]["gpu-3"] == {"failed": "it was not asked, or did not answer"}


def test_names_from_hosts_cannot_leave_the_folder(fleet):
    hold(fleet, fleets.hostile())
    before = {path for path in fleet.folder.parent.rglob("*") if path.is_file()}
    done, told = report(fleet)
    assert done.returncode == 0, done.stdout + done.stderr
    [bill] = [path for path in told["files"] if path.endswith(".cdx.json")]
    assert os.path.dirname(bill) == str(fleet.folder / "reports" / "sbom")
    new = {path for path in fleet.folder.parent.rglob("*") if path.is_file()} - before
    assert {path for path in new if fleet.folder / "reports" not in path.parents} <= {
        fleet.folder / "report.json",
        fleet.folder / "variables.json",
    }


def test_check_mode_writes_nothing_and_says_what_it_would(fleet):
    hold(fleet, fleets.small())
    done, told = report(fleet, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(told["files"]) == 10 and not (fleet.folder / "reports").exists()


def test_a_folder_that_cannot_be_written_is_named(fleet):
    hold(fleet, fleets.small())
    fleet.write("reports", "a file is in the way")
    done, _told = report(fleet, formats=["json"])
    assert done.returncode != 0
    assert "report_not_written" in done.stdout and "reports/audit.json" in done.stdout
    assert (fleet.folder / "reports").read_text() == "a file is in the way"


def test_an_unknown_format_is_refused(fleet):
    hold(fleet, fleets.small())
    done, _told = report(fleet, formats=["html", "pdf"])
    assert done.returncode != 0 and "pdf" in done.stdout + done.stderr
    assert not (fleet.folder / "reports").exists()
