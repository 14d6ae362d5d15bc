# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda-meta: by names and by records, those that are damaged told by name."""

from __future__ import annotations

import os

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda import prefixes


def test_names_tell_packages_without_a_file_being_opened(tmp_path):
    prefixes.record(tmp_path, "six", "1.15.0", "pyhd_0")
    prefixes.record(tmp_path, "python-dateutil", "2.9", "0").chmod(0)
    (tmp_path / "conda-meta" / "history").write_text("")
    (tmp_path / "conda-meta" / "state").write_text("{}")
    found = meta.names(str(tmp_path))
    assert found.stems == ("python-dateutil-2.9-0", "six-1.15.0-pyhd_0")
    assert found.packages == {"python-dateutil": "2.9 0", "six": "1.15.0 pyhd_0"}
    assert (found.duplicates, found.unreadable) == ((), ())


def test_names_of_nothing(tmp_path):
    assert meta.names(str(tmp_path / "absent")) == meta.Names(())
    (tmp_path / "conda-meta").write_text("a file")
    assert meta.names(str(tmp_path)) == meta.Names(())
    assert not meta.is_prefix(str(tmp_path))


def test_a_killed_update_leaves_two_records(tmp_path):
    prefixes.record(tmp_path, "six", "1.15.0", "pyhd_0")
    prefixes.record(tmp_path, "six", "1.16.0", "pyhd_0")
    (tmp_path / "conda-meta" / "what.json").write_text("{}")
    found = meta.names(str(tmp_path))
    assert (found.duplicates, found.unreadable) == (("six",), ("what.json",))
    broken = dict(meta.read(str(tmp_path)).broken)
    assert broken["six-1.16.0-pyhd_0.json"] == "six has a second record, six-1.15.0-pyhd_0.json"


def test_a_prefix_is_known_by_its_history_or_a_record(tmp_path):
    (tmp_path / "conda-meta").mkdir()
    assert not meta.is_prefix(str(tmp_path))
    (tmp_path / "conda-meta" / "history").write_text("")
    assert meta.is_prefix(str(tmp_path))
    prefixes.record(tmp_path / "other", "six")
    assert meta.is_prefix(str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("https://conda.example/main", "https://conda.example/main"),  # rattler
        ("https://conda.example/main/noarch", "https://conda.example/main"),  # conda, mamba
        ("https://me:pw@conda.example/t/s3cret/main/noarch", "https://conda.example/main"),
        ("conda-forge", "conda-forge"),
        (None, ""),
    ],
)
def test_the_channel_is_told_without_subdir_and_credentials(tmp_path, channel, told):
    prefixes.record(
        tmp_path, "six", channel=channel, url="https://me:pw@conda.example/t/s3cret/main/noarch/six-1.0-0.conda"
    )
    (package,) = meta.read(str(tmp_path)).packages
    assert package.channel == told
    assert package.url == "https://conda.example/main/noarch/six-1.0-0.conda"


def test_what_asked_for_a_package_and_where_it_came_from(tmp_path):
    prefixes.record(tmp_path, "six", requested_specs=["six=1"], extracted_package_dir="/cache/six-1.0-0")
    prefixes.record(tmp_path, "old", requested_spec="old", link={"source": "/cache/old-1.0-0", "type": 1})
    prefixes.record(tmp_path, "none", requested_spec="None", link="?")
    found = {item.package.name: (item.requested, item.source) for item in meta.read(str(tmp_path)).installed}
    assert found == {"six": (("six=1",), "/cache/six-1.0-0"), "old": (("old",), "/cache/old-1.0-0"), "none": ((), "")}


DAMAGED = {
    "": "it is no JSON",
    "{'build': 0}": "it is no JSON",
    "[]": "it is no JSON object",
    '{"version": "1", "build": "0"}': "it has no name",
    '{"name": 5, "version": "1", "build": "0"}': "it has no name",
    '{"name": "x", "build": "0"}': "it has no version",
    '{"name": "x", "version": "1"}': "it has no build",
    '{"name": "other", "version": "1", "build": "0"}': "it is the record of other-1-0",
    "[" * 100_000: "it is no JSON",
}


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_is_told_by_name_and_the_others_are_read(tmp_path, text):
    prefixes.record(tmp_path, "six")
    (tmp_path / "conda-meta" / "x-1-0.json").write_text(text)
    found = meta.read(str(tmp_path))
    assert [package.name for package in found.packages] == ["six"]
    ((file, reason),) = found.broken
    assert file == "x-1-0.json"
    assert reason.startswith(DAMAGED[text])


def test_a_record_that_leads_nowhere_or_is_a_folder(tmp_path):
    prefixes.record(tmp_path, "six")
    os.symlink("/nowhere", tmp_path / "conda-meta" / "x-1-0.json")
    (tmp_path / "conda-meta" / "y-1-0.json").mkdir()
    assert [(file, reason.split(":")[0]) for file, reason in meta.read(str(tmp_path)).broken] == [
        ("x-1-0.json", "it cannot be read"),
        ("y-1-0.json", "it cannot be read"),
    ]


def test_a_package_whose_other_values_make_no_sense_is_still_told(tmp_path):
    changes = {
        "size": "big",
        "depends": "six",
        "md5": 7,
        "timestamp": None,
        "files": {},
        "paths_data": [1],
        "noarch": True,
    }
    prefixes.record(tmp_path, "six", **changes)
    (found,) = meta.read(str(tmp_path), entries=True).installed
    assert (found.package.size, found.package.depends, found.package.md5, found.entries) == (0, (), "", ())
    assert found.package.noarch == "generic"


def test_files_of_noarch_packages_are_told_where_they_lie(tmp_path):
    prefixes.python(tmp_path)
    paths = [
        {"_path": "site-packages/six.py", "path_type": "hardlink", "sha256": "a" * 64, "size_in_bytes": 5},
        {"_path": "python-scripts/six", "path_type": "hardlink", "sha256": "b" * 64, "prefix_placeholder": "/opt/x"},
        {"_path": "share/doc", "path_type": "softlink", "sha256": "c" * 64},
        {"_path": "../../etc/passwd", "path_type": "hardlink"},
        {"_path": "/etc/passwd", "path_type": "hardlink"},
        {"_path": 5},
        "share/x",
    ]
    files = ["lib/python3.11/site-packages/six.py", "lib/python3.11/site-packages/__pycache__/six.cpython-311.pyc"]
    prefixes.record(tmp_path, "six", noarch="python", paths_data={"paths": paths}, files=files)
    entries = next(
        item.entries for item in meta.read(str(tmp_path), entries=True).installed if item.package.name == "six"
    )
    assert entries == (
        meta.Entry("bin/six", "file"),  # what prefix replacement made of it, its record does not say
        meta.Entry("lib/python3.11/site-packages/__pycache__/six.cpython-311.pyc", "file"),
        meta.Entry("lib/python3.11/site-packages/six.py", "file", "a" * 64, 5),
        meta.Entry("share/doc", "link"),
    )


def test_the_free_threaded_python_has_a_folder_of_its_own():
    told = {"name": "python", "version": "3.13.1", "python_site_packages_path": "lib/python3.13t/site-packages"}
    assert meta.site_packages_of([told]) == "lib/python3.13t/site-packages"
    assert meta.site_packages_of([{"name": "python", "version": "3.9.18"}]) == "lib/python3.9/site-packages"
    assert meta.site_packages_of([{"name": "six", "version": "1"}]) == ""
