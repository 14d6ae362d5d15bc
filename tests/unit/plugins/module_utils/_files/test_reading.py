# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of others are read without waiting, without following links out, and to a limit."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.reading import NotReadable, read_foreign


def refused(path: Path, limit: int = 100, within: Path | None = None) -> str:
    with pytest.raises(NotReadable) as caught:
        read_foreign(str(path), limit, within=None if within is None else str(within))
    return caught.value.code


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("root's")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("text")
    return tree


def test_a_regular_file_is_read_whole(tree: Path) -> None:
    assert read_foreign(str(tree / "a/b/file"), 4) == b"text"
    assert read_foreign(str(tree / "a/b/file"), 4, within=str(tree)) == b"text"
    assert reading.read_text(str(tree / "a/b/file"), 4, within=f"{tree}/") == "text"


def test_one_byte_over_the_limit_is_told(tree: Path) -> None:
    assert refused(tree / "a/b/file", 3) == reading.TOO_LARGE


def test_a_file_that_hides_its_size_meets_the_limit_too() -> None:
    assert refused(Path("/proc/self/maps"), 10) == reading.TOO_LARGE


def test_a_fifo_a_socket_a_device_and_a_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    server.close()
    for path in (tmp_path / "fifo", tmp_path / "socket", tmp_path, Path("/dev/null")):
        assert refused(path) == reading.NOT_A_FILE
    assert refused(tmp_path / "fifo", within=tmp_path) == reading.NOT_A_FILE


def test_a_fifo_that_was_put_there_after_the_look_does_not_hold_us(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tree / "a/b/file"
    seen = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(reading.os, "stat", lambda *_args, **_options: seen)
    assert refused(path) == reading.NOT_A_FILE


def test_what_is_absent_and_what_may_not_be_read_have_codes_of_their_own(tree: Path) -> None:
    assert refused(tree / "none") == reading.ABSENT
    assert refused(tree / "a/b/file/none", within=tree) == reading.ABSENT
    assert refused(tree / "nul\0") == reading.FAILED


def test_a_link_in_the_files_place_is_not_followed(tree: Path) -> None:
    (tree / "link").symlink_to(tree.parent / "secret")
    assert refused(tree / "link") == reading.LINK
    assert refused(tree / "link", within=tree) == reading.LINK


@pytest.mark.parametrize("target", ["b/file", "../a/b/file", "b/../b/./file", "{tree}/a/b/file"])
def test_links_that_stay_in_the_tree_are_followed(tree: Path, target: str) -> None:
    (tree / "a" / "link").symlink_to(target.format(tree=tree))
    assert read_foreign(str(tree / "a" / "link"), 4, within=str(tree)) == b"text"


@pytest.mark.parametrize("target", ["../../secret", "..", "/etc", "../../tree-and-more", "{tree}/../secret"])
@pytest.mark.parametrize("rest", ["", "/passwd"])
def test_links_that_leave_the_tree_are_refused_wherever_they_stand(tree: Path, target: str, rest: str) -> None:
    (tree.parent / "tree-and-more").mkdir()
    (tree.parent / "tree-and-more" / "passwd").write_text("root's")
    (tree / "a" / "link").symlink_to(target.format(tree=tree))
    code = refused(Path(f"{tree}/a/link{rest}"), within=tree)
    assert code in (reading.LINK, reading.ABSENT, reading.NOT_A_FILE)
    assert (code == reading.LINK) == (target != "..")


def test_a_circle_of_links_ends(tree: Path) -> None:
    (tree / "one").symlink_to("two")
    (tree / "two").symlink_to("one")
    assert refused(tree / "one", within=tree) == reading.LINK


def test_a_path_outside_of_the_folder_is_refused(tree: Path) -> None:
    assert refused(tree.parent / "secret", within=tree) == reading.LINK
    assert refused(Path(f"{tree}/../secret"), within=tree) == reading.LINK


def test_the_folder_itself_may_be_reached_by_a_link(tree: Path) -> None:
    (tree.parent / "way").symlink_to(tree)
    (tree / "absolute").symlink_to(tree / "a/b/file")
    assert read_foreign(f"{tree.parent}/way/absolute", 4, within=f"{tree.parent}/way") == b"text"


def test_nothing_stays_open(tree: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (tree / "link").symlink_to("../secret")
    for name in ("link", "none", "a/b/file", "a"):
        with contextlib.suppress(NotReadable):
            read_foreign(str(tree / name), 100, within=str(tree))
    assert len(os.listdir("/proc/self/fd")) == before
