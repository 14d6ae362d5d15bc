# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed by hand: by names, and by every file."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import drift, meta
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import site_packages
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda import prefixes
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda.prefixes import SITE


def built(prefix):
    """A small environment, and what a generation's record would say of it."""
    prefixes.python(prefix)
    prefixes.module(prefix, "six")
    prefixes.module(prefix, "idna")
    prefixes.pip_installed(prefix, "einops")
    return {
        "conda": list(meta.names(str(prefix)).stems),
        "installed": site_packages.scan(str(prefix / SITE)).versions,
        "site_packages": [SITE],
    }


def files_of(prefix):
    return drift.of_files(str(prefix), meta.read(str(prefix), entries=True))


def test_an_untouched_environment_has_none(tmp_path):
    record = built(tmp_path)
    assert record["installed"] == {"six": "1.0", "idna": "1.0", "einops": "1.0"}
    assert drift.of_record(str(tmp_path), record, files=True) == ()
    assert files_of(tmp_path).clean


def test_packages_that_came_went_and_changed(tmp_path):
    record = built(tmp_path)
    os.unlink(tmp_path / "conda-meta" / "idna-1.0-py_0.json")
    os.unlink(tmp_path / "conda-meta" / "six-1.0-py_0.json")
    prefixes.record(tmp_path, "six", "2.0", "py_0")
    prefixes.record(tmp_path, "zlib", "1.3", "h0_0")
    assert drift.of_record(str(tmp_path), record) == (
        "idna 1.0 py_0 was removed by hand",
        "six 1.0 py_0 was changed to 2.0 py_0 by hand",
        "zlib 1.3 h0_0 was added by hand",
    )


def test_what_pip_did(tmp_path):
    record = built(tmp_path)
    (tmp_path / SITE / "einops-1.0.dist-info").rename(tmp_path / SITE / "einops-2.0.dist-info")
    prefixes.pip_installed(tmp_path, "requests")
    (tmp_path / SITE / "~ld-1.0.dist-info").mkdir()
    assert drift.of_record(str(tmp_path), record) == (
        "einops 1.0 was changed to 2.0 by hand",
        "requests 1.0 was added by hand",
        "~ld-1.0.dist-info was left by an editable install or an interrupted removal",
    )


def test_a_package_that_pip_replaced_is_there_twice(tmp_path):
    record = built(tmp_path)
    prefixes.pip_installed(tmp_path, "six", "1.5")
    assert drift.of_record(str(tmp_path), record) == (
        "six 1.0 was changed to 1.5 by hand",
        "six is there in versions 1.0 and 1.5",
    )


def test_a_killed_update_and_a_strange_record(tmp_path):
    record = built(tmp_path)
    prefixes.record(tmp_path, "six", "2.0", "py_0")
    (tmp_path / "conda-meta" / "x.json").write_text("")
    assert drift.of_record(str(tmp_path), record) == (
        "six 1.0 py_0 was changed to 2.0 py_0 by hand",
        "six has two records in conda-meta",
        "conda-meta/x.json is no record",
    )


def test_files(tmp_path):
    record = built(tmp_path)
    (tmp_path / SITE / "six.py").write_text("import os\n")
    (tmp_path / SITE / "einops.py").write_text("import os\n")
    (tmp_path / SITE / "idna.py").unlink()
    (tmp_path / SITE / "mine.py").write_text("")
    (tmp_path / SITE / "__pycache__").mkdir()
    (tmp_path / SITE / "__pycache__" / "six.cpython-311.pyc").write_text("")
    (tmp_path / "bin" / "tool").write_text("")
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "data").write_text("anybody's")
    assert files_of(tmp_path) == drift.Findings(
        missing=(f"{SITE}/idna.py",),
        changed=(f"{SITE}/einops.py", f"{SITE}/six.py"),
        unowned=("bin/tool", f"{SITE}/mine.py"),
    )
    assert drift.of_record(str(tmp_path), record) == ()
    assert drift.of_record(str(tmp_path), record, files=True) == (
        f"the file {SITE}/idna.py is missing",
        f"the file {SITE}/einops.py was changed",
        f"the file {SITE}/six.py was changed",
        "the file bin/tool belongs to no package",
        f"the file {SITE}/mine.py belongs to no package",
    )


def test_the_same_size_does_not_hide_a_change(tmp_path):
    built(tmp_path)
    content = (tmp_path / SITE / "six.py").read_text()
    (tmp_path / SITE / "six.py").write_text(content.upper())
    assert files_of(tmp_path).changed == (f"{SITE}/six.py",)


def test_links_and_folders_count_by_being_there(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libz.so").symlink_to("libz.so.1")
    (tmp_path / "lib" / "libx.so").write_text("no link")
    paths = [
        {"_path": "lib/libz.so", "path_type": "softlink", "sha256_in_prefix": "0" * 64, "size_in_bytes": 9},
        {"_path": "lib/libx.so", "path_type": "softlink"},
        {"_path": "lib/liby.so", "path_type": "softlink"},
        {"_path": "etc", "path_type": "directory"},
    ]
    prefixes.record(tmp_path, "zlib", paths_data={"paths": paths})
    assert files_of(tmp_path) == drift.Findings(("etc", "lib/liby.so"), ("lib/libx.so",), ())


def test_a_file_whose_hash_nobody_knows_counts_by_being_there(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "x").write_text("replaced")
    paths = [{"_path": "bin/x", "path_type": "hardlink", "sha256": "0" * 64, "prefix_placeholder": "/opt/x"}]
    prefixes.record(tmp_path, "x", paths_data={"paths": paths})
    assert files_of(tmp_path).clean


def test_a_file_that_became_a_folder_was_changed(tmp_path):
    built(tmp_path)
    (tmp_path / SITE / "six.py").unlink()
    (tmp_path / SITE / "six.py").mkdir()
    assert files_of(tmp_path).changed == (f"{SITE}/six.py",)
