# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the history, read back by our own reader, which is held to those of conda and mamba."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history, history_entry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import InstallRequest, Package, Sources

SIX = Package("six", "1.16.0", "pyhd_0", "noarch", "conda-forge")
SPECS = ("python >=3.11,<3.12", "pytorch=2.4=cuda*", "six")


def request(prefix, *packages, specs=SPECS):
    return InstallRequest(str(prefix), packages, Sources(), "linux-64", specs)


def test_an_entry_says_what_came_what_went_and_what_was_asked(tmp_path):
    text = history_entry.render(request(tmp_path, SIX), [SIX.stem], ["six-1.15.0-pyhd_0"], "2026-01-02 03:04:05")
    assert text.splitlines()[0] == "==> 2026-01-02 03:04:05 <=="
    assert "+conda-forge/noarch::six-1.16.0-pyhd_0\n" in text
    (revision,) = history.parse(text)
    assert list(revision.asked) == list(SPECS)
    assert list(revision.unlinked) == ["six-1.15.0-pyhd_0"]


def test_entries_are_added_and_nothing_is_nothing(tmp_path):
    (tmp_path / "conda-meta").mkdir()
    wanted = request(tmp_path, SIX)
    history_entry.write(wanted, [SIX.stem], [])
    history_entry.write(wanted, [], [])
    history_entry.write(request(tmp_path, specs=("numpy",)), [], [SIX.stem])
    revisions = history.read(str(tmp_path))
    assert [len(revision.linked) for revision in revisions] == [1, 0]
    assert list(history.requested(revisions, {"numpy", "python"})) == ["python", "numpy"]
