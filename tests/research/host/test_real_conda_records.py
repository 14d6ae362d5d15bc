# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefixes that conda, mamba and rattler have written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history, meta

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "conda-records"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the samples are not beside the checkout: {SAMPLES}")


@needs_samples
def test_real_records(tmp_path):
    (tmp_path / "conda-meta").symlink_to(SAMPLES / "rattler-conda-meta")
    found = meta.read(str(tmp_path), entries=True)
    assert len(found.installed) == 41  # every file is read
    twice = {"libsqlite": "3.40.0-hcfcfb64_0", "tk": "8.6.12-h8ffe710_0", "xz": "5.2.6-h57fd34a_0"}  # of two platforms
    assert {reason for _file, reason in found.broken} == {
        f"{name} has a second record, {name}-{stem}.json" for name, stem in twice.items()
    }
    assert set(meta.names(str(tmp_path)).duplicates) == set(twice)
    numpy = next(item for item in found.installed if item.package.name == "numpy")
    written = json.loads((SAMPLES / "rattler-conda-meta" / numpy.file).read_text())
    assert numpy.package.url == written["url"]
    assert {entry.path for entry in numpy.entries} == set(written["files"])
    assert found.find("requests").noarch == "python"
    assert all("\\" not in entry.path for item in found.installed for entry in item.entries)


@needs_samples
@pytest.mark.parametrize(
    ("folder", "packages", "reason"),
    [("json", 0, "it is no JSON"), ("unicode", 0, "it is not UTF-8"), ("dot_underscore", 1, None)],
)
def test_real_corrupt_records(folder, packages, reason):
    found = meta.read(str(SAMPLES / "conda-corrupt" / folder))
    assert len(found.packages) == packages
    told = [(item.file, item.reason.partition(":")[0]) for item in found.broken]
    assert told == ([("corrupt-1.2.3-hashhash.json", reason)] if reason else [])


@needs_samples
def test_a_real_prefix_of_conda():
    prefix = str(SAMPLES / "conda-env_metadata" / "envpy37osx_whl")
    found = meta.read(prefix, entries=True)
    assert {package.name: package.version for package in found.packages} == {
        "certifi": "2018.8.13",
        "openssl": "1.0.2p",
        "pip": "10.0.1",
        "python": "3.7.0",
        "zlib": "1.2.11",
    }
    assert found.broken == ()
    certifi = next(item for item in found.installed if item.package.name == "certifi")
    assert "lib/python3.7/site-packages/certifi/cacert.pem" in {entry.path for entry in certifi.entries}


@needs_samples
def test_real_histories():
    mamba = history.read(str(SAMPLES / "mamba-history" / "parse"))
    assert [len(item.linked) for item in mamba] == [1, 8, 1, 1, 20, 1, 0, 2]
    installed = {"cpp-tabulate", "openssl", "wheel", "xtl", "nlohmann_json", "setuptools"}
    assert history.requested(mamba, installed) == {
        "cpp-tabulate": "cpp-tabulate",
        "openssl": "openssl=3.5.0",
        "xtl": "xtl=0.8.0",
        "wheel": "wheel=0.40.0",
    }
    (metadata,) = history.read(str(SAMPLES / "mamba-history" / "parse_metadata"))
    assert metadata.asked == ['pandas[version=">=0.25.2,<3"]']
    assert len(metadata.linked) == 40
    (conda,) = history.read(str(SAMPLES / "conda-env_metadata" / "envpy37osx_whl"))
    assert (conda.asked, conda.conda_version, len(conda.linked)) == (["python=3.7"], "4.6.0a2", 17)
