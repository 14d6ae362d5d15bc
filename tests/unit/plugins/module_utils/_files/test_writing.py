# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files come into a folder whole, and whatever stands there is never opened for writing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import writing, written_file

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_mode_is_as_asked_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        writing.write_whole(str(tmp_path / "file"), "text", 0o644)
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == 0o644 and (tmp_path / "file").read_text() == "text"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("secret")
    (tmp_path / "victim").chmod(0o600)
    (tmp_path / "file").symlink_to("victim")
    (tmp_path / "file.part").symlink_to("victim")
    writing.write_whole(str(tmp_path / "file"), "text")
    assert (tmp_path / "victim").read_text() == "secret" and mode(tmp_path / "victim") == 0o600
    assert not (tmp_path / "file").is_symlink() and (tmp_path / "file").read_text() == "text"


def test_a_body_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    with pytest.raises(RuntimeError), writing.replacing(str(tmp_path / "file")) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "before"


def test_no_more_may_be_read_than_before(tmp_path: Path) -> None:
    path = tmp_path / "lock.txt"
    written_file.write(str(path), "one", "write it")
    assert mode(path) == 0o644
    for narrow in (0o600, 0o640):
        path.chmod(narrow)
        written_file.write(str(path), "two", "write it")
        assert mode(path) == narrow and path.read_text() == "two"


def test_a_link_in_the_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").symlink_to("/etc/shadow")
    assert written_file.read(str(tmp_path / "lock.txt"), "write it") is None


def test_a_fifo_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock.txt")
    with pytest.raises(MlstackError, match="no regular file"):
        written_file.read(str(tmp_path / "lock.txt"), "write it")


@as_root
@pytest.mark.parametrize("how", ["owner", "everybody", "group", "sticky"])
def test_where_others_may_write_nothing_is_written(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    if how == "owner":
        os.chown(folder, 65534, 65534)
    folder.chmod({"owner": 0o755, "everybody": 0o777, "group": 0o2775, "sticky": 0o1777}[how])
    for attempt in (written_file.read, lambda path, wanted: written_file.write(path, "text", wanted)):
        with pytest.raises(MlstackError) as caught:
            attempt(str(folder / "ml.txt"), "write it")
        assert caught.value.details["path"] == str(folder) and "name a file in another folder" in str(caught.value)
    assert os.listdir(folder) == []


def test_a_copy_by_another_name_has_its_own_mode(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("text")
    writing.copy_in(str(tmp_path / "source"), str(tmp_path / "copy"), 0o600)
    assert mode(tmp_path / "copy") == 0o600 and mode(tmp_path / "source") == 0o644
    writing.copy_in(str(tmp_path / "source"), str(tmp_path / "name"), 0o600, link=True)
    writing.copy_in(str(tmp_path / "source"), str(tmp_path / "name"), 0o600, link=True)  # once more
    assert (tmp_path / "name").samefile(tmp_path / "source")
    assert sorted(os.listdir(tmp_path)) == ["copy", "name", "source"]


def test_a_link_is_replaced_by_a_name_that_nobody_foresees(tmp_path: Path) -> None:
    writing.replace_link(str(tmp_path / "link"), "one")
    writing.replace_link(str(tmp_path / "link"), "two", str(tmp_path / "beside"))
    assert os.readlink(tmp_path / "link") == "two" and os.listdir(tmp_path) == ["link"]
