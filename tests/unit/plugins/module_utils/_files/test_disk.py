# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "quota_exceeded"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "not_permitted"),
        (errno.EXDEV, "two_filesystems"),
        (errno.ELOOP, "foreign_link"),
    ],
)
def test_what_a_user_can_mend_is_explained(number: int, code: str) -> None:
    with pytest.raises(MlstackError) as caught, disk.explained("build x"):
        raise OSError(number, os.strerror(number), "/some/path")
    assert caught.value.code == code
    assert str(caught.value).startswith("Wanted: build x. Found: " + os.strerror(number) + " (/some/path). To fix: ")


def test_a_defect_stays_one() -> None:
    with pytest.raises(FileNotFoundError), disk.explained("build x"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_a_file_is_written_whole_or_not(tmp_path: Path) -> None:
    file = tmp_path / "record"
    writing.write_whole(str(file), "one")
    assert file.read_text() == "one"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    with pytest.raises(UnicodeEncodeError):
        writing.write_whole(str(file), "two \ud800")
    assert file.read_text() == "one"
    assert os.listdir(tmp_path) == ["record"]


def test_two_names_are_swapped_in_one_call(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("somewhere")
    assert disk.exchange(str(tmp_path / "link"), str(tmp_path / "folder"))
    assert (tmp_path / "link").is_dir()
    assert os.readlink(tmp_path / "folder") == "somewhere"
    with pytest.raises(FileNotFoundError):
        disk.exchange(str(tmp_path / "link"), str(tmp_path / "nothing"))


def test_everything_can_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    disk.sync_filesystem(str(tmp_path))
    disk.sync_folder(str(tmp_path))


def test_deleting_what_is_not_there(tmp_path: Path) -> None:
    disk.delete(str(tmp_path / "nothing"))


def test_deleting_does_not_follow_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(precious)
    (tmp_path / "link").symlink_to(precious)
    disk.delete(str(tmp_path / "tree"))
    disk.delete(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == ["precious"]
    assert (precious / "file").exists()


def test_deleting_what_a_dying_process_still_fills(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    until = time.monotonic() + 0.4

    def write() -> None:
        count = 0
        while time.monotonic() < until:
            count += 1
            try:
                (tree / f"d{count % 50}").mkdir(parents=True, exist_ok=True)
            except OSError:
                return

    tree.mkdir()
    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.02)
    disk.delete(str(tree))
    thread.join()
    disk.delete(str(tree))
    assert not tree.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="changes to another user")
def test_deleting_directories_without_write_permission_as_an_ordinary_user(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    for path in [tmp_path, tree, tree / "a", tree / "a" / "b"]:
        os.chown(path, 12345, 12345)
    (tree / "a" / "b").chmod(0o500)
    (tree / "a").chmod(0o000)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(tmp_path)  # the folders above belong to root
            os.setgroups([])
            os.setgid(12345)
            os.setuid(12345)
            disk.delete("tree")
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not tree.exists()


def test_a_hard_link_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 100_000)
    before = disk.size_of(str(tmp_path))
    os.link(tmp_path / "one", tmp_path / "two")
    assert disk.size_of(str(tmp_path)) == before
    assert before >= 100_000


def test_folders_are_made_for_everybody_whatever_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        made = disk.make_folder(str(tmp_path / "a" / "b"))
    finally:
        os.umask(mask)
    assert made == [str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in made] == [0o755, 0o755]
    assert disk.make_folder(str(tmp_path / "a" / "b")) == []


def test_a_new_folder_is_closed_until_it_has_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    chmod = os.chmod

    def looked(path: str, mode: int) -> None:
        seen.append(stat.S_IMODE(os.lstat(path).st_mode))
        chmod(path, mode)

    monkeypatch.setattr(os, "chmod", looked)
    mask = os.umask(0)
    try:
        disk.make_folder(str(tmp_path / "one" / "two"))
    finally:
        os.umask(mask)
    assert seen == [0o700, 0o700]
    assert stat.S_IMODE((tmp_path / "one" / "two").stat().st_mode) == 0o755
