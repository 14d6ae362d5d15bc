# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at what belongs to others, on a real disk."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import looking
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Allowance, Folder

STRANGER = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away, and only root must beware")


def given_away(path: Path) -> Path:
    """The tree belongs to an ordinary user."""
    for found in (path, *path.rglob("*")):
        os.chown(found, STRANGER, STRANGER, follow_symlinks=False)
    return path


def read(path: Path, tree: Path | None = None) -> bytes:
    folder, name = (tree or path.parent), path.name
    with Folder.at(str(folder)) as root, root.below(os.path.relpath(path.parent, folder)) as place:
        return place.read(name, 1000)


def refusal(path: Path, tree: Path | None = None) -> str:
    with pytest.raises(OSError) as refused:
        read(path, tree)
    return str(refused.value.strerror)


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert read(tmp_path / "file") == b"x" * 1000
    assert read(tmp_path / "file", tmp_path) == b"x" * 1000
    (tmp_path / "empty").touch()
    assert read(tmp_path / "empty") == b""


def test_nothing_else_is_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "fifo") == "it is a FIFO"
        assert refusal(tmp_path / "folder") == "it is a folder"
        assert "No such device" in refusal(tmp_path / "socket")
    assert "No such file" in refusal(tmp_path / "none")


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1001)
    assert refusal(tmp_path / "file") == "it has more than 1000 bytes"
    with open(tmp_path / "sparse", "wb") as stream:
        stream.truncate(1 << 40)
    assert refusal(tmp_path / "sparse") == "it has more than 1000 bytes"


def test_a_file_that_does_not_tell_its_size_is_read_up_to_the_limit() -> None:
    assert read(Path("/proc/self/oom_score")).strip().isdigit()
    assert refusal(Path("/proc/self/smaps")) == "it has more than 1000 bytes"


@as_root
def test_links_of_others_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    home = tmp_path / "home"
    (home / "real").mkdir(parents=True)
    (home / "real" / "file").write_text("theirs")
    (home / "file").symlink_to(secret / "file")
    (home / "folder").symlink_to(secret)
    (home / "inside").symlink_to("real")
    given_away(home)
    assert "link" in refusal(home / "file")
    assert "link" in refusal(home / "file", home)
    assert "link" in refusal(home / "folder" / "file", home)
    assert "link" in refusal(home / "inside" / "file", home)
    assert read(home / "real" / "file", home) == b"theirs"


def test_links_count_where_nobody_else_can_make_them(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file").write_text("text")
    tree = tmp_path / "tree"
    tree.mkdir(mode=0o755)
    (tree / "file").symlink_to(tmp_path / "cache" / "file")
    (tree / "folder").symlink_to("../cache")
    assert read(tree / "file", tree) == b"text"
    assert read(tree / "folder" / "file", tree) == b"text"
    tree.chmod(0o777)
    assert "link" in refusal(tree / "file", tree)


@as_root
def test_what_the_owner_of_a_tree_could_not_read_is_not_read_for_him(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "open").write_text("x")
    (home / "shut").mkdir()
    given_away(home)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    os.link(tmp_path / "secret", home / "hard")
    os.chown(home / "shut", 0, 0)
    (home / "shut").chmod(0o700)
    (home / "shut" / "file").write_text("x")
    assert "may not read it" in refusal(home / "hard", home)
    assert "may not read it" in refusal(home / "shut" / "file", home)
    with Folder.at(str(home)) as tree:
        (tmp_path / "inner").mkdir(mode=0o700)
        with pytest.raises(OSError):
            tree.elsewhere(str(tmp_path / "inner"))
        assert tree.elsewhere("/usr/bin").what("env")


def test_the_way_does_not_lead_out_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "tree").mkdir()
    assert "out of the tree" in refusal(tmp_path / "tree" / ".." / "file", tmp_path / "tree")


def test_a_folder_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "file").write_text("first")
    with Folder.at(str(tmp_path)) as tree, tree.folder("one") as held:
        (tmp_path / "one").rename(tmp_path / "two")
        (tmp_path / "one").symlink_to("/etc")
        assert held.read("file", 100) == b"first"
        assert held.names() == held.names() == ["file"]


def test_a_folder_with_too_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_ENTRIES", 3)
    for name in "abc":
        (tmp_path / name).mkdir()
    with Folder.at(str(tmp_path)) as tree:
        assert tree.names() == tree.folders() == ["a", "b", "c"]
        (tmp_path / "d").touch()
        with pytest.raises(looking.Refused) as refused:
            tree.names()
    assert refused.value.strerror == "it has more than 3 entries"


def test_a_look_ends_at_its_bounds(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with Folder.at(str(tmp_path), Allowance(size=1500)) as tree:
        assert tree.read("file", 1000)
        with pytest.raises(looking.Unfinished) as ended:
            tree.read("file", 1000)
    assert ended.value.code == "look_unfinished"
    with Folder.at(str(tmp_path), Allowance(seconds=0.0)) as tree, pytest.raises(looking.Unfinished):
        tree.names()


def test_what_is_ours(tmp_path: Path) -> None:
    assert looking.is_ours("/usr/bin/env")
    assert not looking.is_ours(str(tmp_path / "none"))
    program = tmp_path / "folder" / "program"
    program.parent.mkdir()
    program.touch()
    assert looking.is_ours(str(program))
    (tmp_path / "link").symlink_to(program)
    assert looking.is_ours(str(tmp_path / "link"))
    program.parent.chmod(0o775)
    assert not looking.is_ours(str(program))
    program.parent.chmod(0o1777)  # it may be another name of any file of root
    assert not looking.is_ours(str(program)) and not looking.is_ours(str(program.parent))


@as_root
def test_what_a_user_has_is_not_ours(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    given_away(home)
    (home / "program").touch(mode=0o755)
    assert not looking.is_ours(str(home / "program"))
