# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's bulletins: the table of this release, its CSAF documents, and what both say of a version."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import nvidia_bulletins, nvidia_matches, policy
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.auditor import Auditor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import HostAudit

from .conftest import record, write_zip

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def csaf(bulletin: str, date: str, *fixes: tuple[str, str, str], cve: str = "CVE-2026-9999") -> dict[str, t.Any]:
    """As NVIDIA writes them: ``fixes`` are platform, product and version."""
    branches = []
    fixed = []
    for number, (platform, product, version) in enumerate(fixes):
        for told, kind in ((version, "fixed"), (f"All versions prior to {version}", "affected")):
            named = {"name": told, "product_id": f"{kind}{number}"}
            item = {"category": "product_version", "name": product, "product": named}
            branches.append({"category": "architecture", "name": platform, "branches": [item]})
        fixed.append(f"fixed{number}")
    return {
        "document": {
            "csaf_version": "2.0",
            "tracking": {"id": bulletin, "current_release_date": f"{date}T00:00:00.000Z"},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "NVIDIA", "branches": branches}]},
        "vulnerabilities": [
            {
                "cve": cve,
                "product_status": {"fixed": fixed, "known_affected": ["affected0"]},
                "scores": [{"cvss_v3": {"baseScore": 7.8}, "products": ["affected0"]}],
            }
        ],
    }


def audited(tmp_path: Path, *products: tuple[str, str], mirrors: t.Sequence[Path] = (), **option: t.Any) -> HostAudit:
    told = {
        "name": "operating system",
        "path": "/",
        "kind": "os",
        "system": {"id": "debian", "version": "12", "name": "Debian 12"},
        "owned": [],
        "products": [{"product": product, "version": version} for product, version in products],
    }
    arguments = {
        "advisories": [str(write_zip(tmp_path / "pypi.zip", record("A-1")))],
        "system_advisories": [str(path) for path in mirrors],
        "cache_dir": str(tmp_path / "cache"),
        "index": None,
    }
    return Auditor(arguments, NOW).audit([told], policy.read(option), ())


def found(audit: HostAudit) -> dict[str, tuple[str, ...]]:
    return {finding.flaw.id: finding.fixed for finding in audit.environments[0].findings}


@pytest.mark.parametrize(
    ("version", "bulletin", "fixed"),
    [
        ("535.309.01", "NVIDIA-5821", None),
        ("535.288.01", "NVIDIA-5821", "535.309.01"),
        ("535.54.03", "NVIDIA-5468", None),
        ("535.43.02", "NVIDIA-5468", "535.54.03"),
        ("580.95.05", "NVIDIA-5747", "580.126.09"),
        ("580.159.03", "NVIDIA-5747", None),
    ],
)
def test_a_driver_is_judged_by_its_branch(tmp_path: Path, version: str, bulletin: str, fixed: str | None) -> None:
    audit = audited(tmp_path, ("driver", version))
    hits = [one.fixed for one in audit.environments[0].findings if bulletin in one.flaw.aliases]
    assert set(hits) == ({(fixed,)} if fixed else set())
    assert all(one.flaw.id.startswith("CVE-") for one in audit.environments[0].findings)


def test_each_branch_has_the_flaws_that_the_bulletin_says(tmp_path: Path) -> None:
    # 5821 has a flaw that R580 has and R595 has not.
    assert "CVE-2026-24193" in found(audited(tmp_path, ("driver", "580.126.09")))
    assert "CVE-2026-24193" not in found(audited(tmp_path, ("driver", "595.45.04")))


def test_an_old_branch_of_which_newer_bulletins_say_nothing_is_undecided(tmp_path: Path) -> None:
    audit = audited(tmp_path, ("driver", "550.163.01"), fail_on_unknown=True)
    (problem,) = audit.environments[0].problems
    assert problem.kind == "undecided" and "NVIDIA-5821" in problem.text and "550.163.01" in problem.text
    assert audit.verdict.reasons
    assert audited(tmp_path, ("driver", "610.43.02")).environments[0].problems == ()


@pytest.mark.parametrize(
    ("product", "version", "flaws"),
    [
        ("container-toolkit", "1.19.1", 0),
        ("container-toolkit", "1.19.0", 1),
        ("container-toolkit", "1.17.7", 3),
        ("cuda-toolkit", "13.1.0", 0),
        ("cuda-toolkit", "13.0.2", 4),
        ("dcgm", "4.5.3", 0),
        ("dcgm", "4.5.2", 1),
    ],
)
def test_toolkits_are_judged(tmp_path: Path, product: str, version: str, flaws: int) -> None:
    assert len(found(audited(tmp_path, (product, version)))) == flaws


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("CUDA Toolkit 12.9 Update 1", "12.9.1"),
        ("CUDA Toolkit v12.4U1", "12.4.1"),
        ("All driver versions prior to 595.71.05", "595.71.05"),
        ("v1.17", "1.17"),
        ("2.3.4 and 2.3.5 (latest)", "2.3.4"),
        ("none", ""),
    ],
)
def test_versions_are_read_out_of_their_words(text: str, number: str) -> None:
    assert nvidia_bulletins.number(text) == number


def test_a_mirror_of_csaf_brings_what_the_table_does_not_know(tmp_path: Path) -> None:
    folder = tmp_path / "nvidia"
    folder.mkdir()
    driver, guest = ("Linux(R580)", "Tesla", "580.200.01"), ("Linux(R580 vGPU 19)", "Guest driver", "580.300.01")
    windows = ("Windows", "NVIDIA CUDA Toolkit", "99.0")
    both = ("Windows, Linux", "NVIDIA CUDA Toolkit", "CUDA Toolkit 13.9 Update 1")
    (folder / "6000.json").write_text(json.dumps(csaf("6000", "2026-11-20", driver, guest, windows, both)))
    (folder / "5850.json").write_text(
        json.dumps(csaf("5850", "2026-11-01", ("Linux", "NVIDIA Container Toolkit", "1.19.2"), cve="CVE-2026-24260"))
    )
    (folder / "CVE-1.json").write_text(json.dumps({"dataType": "CVE_RECORD", "cveMetadata": {}}))
    audit = audited(
        tmp_path,
        ("driver", "580.159.03"),
        ("cuda-toolkit", "13.9.0"),
        ("container-toolkit", "1.19.1"),
        mirrors=[folder],
        max_age_days=7,
    )
    ends = {(one.package, one.flaw.id): one.fixed for one in audit.environments[0].findings}
    assert ends == {
        ("nvidia-driver", "CVE-2026-9999"): ("580.200.01",),
        ("cuda-toolkit", "CVE-2026-9999"): ("13.9.1",),
        ("nvidia-container-toolkit", "CVE-2026-24260"): ("1.19.2",),
    }
    assert [item.kind for item in audit.databases] == ["osv", "osv_system"] and audit.databases[1].skipped == 0
    # The older of the two sources is too old only where it is the one that is used.
    assert not any("bulletins" in reason for reason in audit.verdict.reasons)
    alone = audited(tmp_path, ("driver", "580.159.03"), max_age_days=7)
    assert any(nvidia_bulletins.SOURCE in reason for reason in alone.verdict.reasons)


@pytest.mark.parametrize("broken", [{"document": {}}, {"document": {"tracking": {"id": 1}}}, {"document": []}])
def test_documents_that_cannot_be_read_are_no_advisories(broken: dict[str, t.Any]) -> None:
    if isinstance(broken["document"], dict):
        with pytest.raises(BadAdvisory):
            nvidia_bulletins.read(broken)
    else:
        assert not nvidia_bulletins.is_csaf(broken)


def test_the_table_is_whole() -> None:
    advisories = nvidia_bulletins.table()
    products = {item.package for advisory in advisories for item in advisory.affected}
    assert {
        "NVIDIA:driver/R535",
        "NVIDIA:cuda-toolkit/all",
        "NVIDIA:container-toolkit/all",
        "NVIDIA:dcgm/all",
    } <= products
    assert all(item.covers and item.ranges for advisory in advisories for item in advisory.affected)
    assert nvidia_matches.info(NOW).date == max(advisory.modified for advisory in advisories)
