# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records and files outside their formats, of which a reader can make 'no flaw': none of them meets a strict policy."""

from __future__ import annotations

import json
import typing as t
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import files, policy
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.auditor import Auditor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import HostAudit

from .conftest import record

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
STRICT = {"fail_on": "low", "fail_on_unknown": True}
DEMO = {"name": "demo", "version": "1.5"}
YAML = "id: A-1\naffected:\n- package: {name: demo, ecosystem: PyPI}\n  versions:\n  - 1.5\n"


def audited(tmp_path: Path, told: dict[str, t.Any], name: str, text: str, option: t.Any = None) -> HostAudit:
    mirror = tmp_path / "all.zip"
    with zipfile.ZipFile(mirror, "w") as archive:
        archive.writestr(name, text)
        archive.writestr("O-1.json", json.dumps(record("O-1", "other")))
    arguments = {"advisories": [str(mirror)], "cache_dir": str(tmp_path / "cache"), "index": None}
    return Auditor(arguments, NOW).audit([told], policy.read(option or STRICT), ())


def environment(*packages: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"name": "ml", "path": "/ml", "kind": "venv", "packages": list(packages)}


def affecting(**more: t.Any) -> str:
    item = record("A-1")
    item["affected"][0].update(more)
    return json.dumps(item)


def ranged(*events: dict[str, t.Any], kind: str | None = "ECOSYSTEM") -> str:
    return affecting(ranges=[{"events": list(events), **({"type": kind} if kind else {})}])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(record("A-1")).replace("PyPI", "pypi"),
        json.dumps(record("A-1")).replace("PyPI", "PyPI "),
        json.dumps(record("A-1")).replace("PyPI", "PYPI:mirror"),
        json.dumps(record("A-1", withdrawn="null")),
        json.dumps(record("A-1", withdrawn="no")),
        json.dumps(record("A-1", withdrawn=True)),
        ranged({"fixed": "2.0"}),
        ranged({"last_affected": "1.9"}),
        ranged({"introduced": ""}),
        ranged({"introduced": "x-1"}, {"fixed": "2.0"}),
        ranged({"introduced": "0"}, kind=None),
        ranged({"introduced": "0"}, kind="ecosystem"),
        ranged({"introduced": "0"}, kind="PEP440"),
        affecting(ranges=[], versions=[1.5]),
    ],
)
def test_what_a_record_means_is_found(tmp_path: Path, text: str) -> None:
    audit = audited(tmp_path, environment(DEMO), "A-1.json", text)
    assert [finding.flaw.id for finding in audit.environments[0].findings] == ["A-1"]


@pytest.mark.parametrize("more", ["", "withdrawn: null\n", "withdrawn: ~\n", "withdrawn:\n", "aliases: null\n"])
def test_nothing_is_nothing_in_yaml_too(tmp_path: Path, more: str) -> None:
    audit = audited(tmp_path, environment(DEMO), "A-1.yaml", YAML + more)
    assert [finding.flaw.id for finding in audit.environments[0].findings] == ["A-1"] and audit.notes == ()


def test_what_was_taken_back_is_no_flaw(tmp_path: Path) -> None:
    text = json.dumps(record("A-1", withdrawn="2026-01-01T00:00:00Z"))
    assert audited(tmp_path, environment(DEMO), "A-1.json", text).verdict.reasons == ()


@pytest.mark.parametrize(
    "text",
    [ranged(), affecting(ranges=[]), ranged({"introduced": "0"}, kind="GIT"), ranged({"introduced": "0"}, kind="git")],
)
def test_a_record_that_names_no_version_decides_nothing(tmp_path: Path, text: str) -> None:
    audit = audited(tmp_path, environment(DEMO), "A-1.json", text)
    assert [problem.kind for problem in audit.environments[0].problems] == ["undecided"]
    assert "A-1" in audit.verdict.reasons[0]


@pytest.mark.parametrize("holder", ["database_specific", "ecosystem_specific"])
def test_a_severity_may_stand_with_the_package(tmp_path: Path, holder: str) -> None:
    text = affecting(**{holder: {"severity": "HIGH"}})
    assert audited(tmp_path, environment(DEMO), "A-1.json", text, {"fail_on": "high"}).verdict.reasons


@pytest.mark.parametrize(
    "package", [{"name": "demo", "version": "1.5-custom-x"}, {**DEMO, "kind": "conda"}], ids=["no PEP 440", "conda"]
)
def test_what_cannot_be_matched_is_not_clean(tmp_path: Path, package: dict[str, t.Any]) -> None:
    audit = audited(tmp_path, environment(package), "A-1.json", json.dumps(record("A-1")))
    assert len(audit.verdict.reasons) == 1 and "demo" in audit.verdict.reasons[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.txt", "demo>=1.0\n"),
        ("r.txt", "demo==1.*\n"),
        ("r.txt", "git+https://example.org/demo@main#egg=demo\n"),
        ("environment.yml", "name: x\ndependencies:\n- demo=1.5\n"),
        ("list.txt", f"@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/noarch/demo-1.5-py_0.conda#{'0' * 32}\n"),
    ],
)
def test_a_file_that_pins_nothing_which_can_be_matched_is_not_clean(tmp_path: Path, name: str, text: str) -> None:
    told = {"name": name, "path": name, "kind": "file", **files.read(name, lambda _path: text.encode())}
    audit = audited(tmp_path, told, "A-1.json", json.dumps(record("A-1")))
    assert any("demo" in reason for reason in audit.verdict.reasons)
