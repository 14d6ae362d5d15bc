# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ours alone, component by component."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
USER = 65534


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "program").write_text("#!/bin/sh\n")
    yield tmp_path


def flaw(path: Path | str) -> tuple[str, str]:
    found = trust.flaw_of(str(path))
    return (found.code, found.path) if found else ("", "")


def test_what_is_ours_alone_has_no_flaw_whether_or_not_it_exists(place: Path) -> None:
    for path in ("a/b/program", "a/b", "a/./b//", "a/b/../b/program", "a/none/at/all", "a/b/program/none"):
        assert flaw(f"{place}/{path}") == ("", "")


@pytest.mark.parametrize(
    ("mode", "code"), [(0o777, "world_writable"), (0o757, "world_writable"), (0o775, "group_writable"),
                       (0o2775, "group_writable")]
)  # fmt: skip
@pytest.mark.parametrize("below", ["", "b", "b/program", "none"])
@as_root
def test_a_folder_that_others_may_write_to_spoils_all_below_it(place: Path, mode: int, code: str, below: str) -> None:
    (place / "a").chmod(mode)
    assert flaw(place / "a" / below) == (code, str(place / "a"))


@as_root
def test_a_file_that_others_may_write_to(place: Path) -> None:
    (place / "a/b/program").chmod(0o775)
    assert flaw(place / "a/b/program") == ("group_writable", str(place / "a/b/program"))


@as_root
@pytest.mark.parametrize("component", ["a", "a/b", "a/b/program"])
def test_a_component_of_somebody_else(place: Path, component: str) -> None:
    os.chown(place / component, USER, USER)
    assert flaw(place / "a/b/program") == ("foreign_owner", str(place / component))


@as_root
@pytest.mark.parametrize("mode", [0o1777, 0o1775, 0o3775])
def test_in_a_sticky_folder_only_what_is_there_and_ours_counts(place: Path, mode: int) -> None:
    a = place / "a"
    a.chmod(mode)
    (a / "file").write_text("")
    assert flaw(a / "b" / "program") == ("", ""), "nobody else can rename or replace this folder"
    for path in (a, a / "none", a / "none/at/all", a / "file", f"{a}/.", f"{a}/b/.."):
        assert flaw(path)[1] == str(a), path
    os.chown(a / "b", USER, USER)
    assert flaw(a / "b/program") == ("foreign_owner", str(a / "b"))


@as_root
def test_links_are_judged_by_owner_and_by_where_they_lead(place: Path) -> None:
    (place / "link").symlink_to("a/b")
    assert flaw(place / "link" / "program") == ("", "")
    os.chown(place / "a", USER, USER)
    assert flaw(place / "link" / "program") == ("foreign_owner", str(place / "a"))
    (place / "absolute").symlink_to(place / "a" / "b")
    assert flaw(place / "absolute") == ("foreign_owner", str(place / "a"))
    os.chown(place / "a", 0, 0)
    os.chown(place / "link", USER, USER, follow_symlinks=False)
    assert flaw(place / "link" / "program") == ("foreign_owner", str(place / "link"))
    (place / "a" / "up").symlink_to("../link/program")
    assert flaw(place / "a" / "up") == ("foreign_owner", str(place / "link"))


def test_a_circle_of_links_ends(place: Path) -> None:
    (place / "one").symlink_to("two")
    (place / "two").symlink_to("one")
    assert flaw(place / "one") == ("", "")


@as_root
def test_a_refusal_names_component_owner_mode_and_what_to_do(place: Path) -> None:
    (place / "a").chmod(0o2775)
    with pytest.raises(trust.NotOursAlone) as caught:
        trust.require(str(place / "a/b/program"), "run it", "choose another toolbox")
    text = str(caught.value)
    assert caught.value.code == "group_writable" and caught.value.details["path"] == str(place / "a")
    assert "the group root (0)" in text and "mode 2775" in text and f"chmod g-w {place / 'a'}" in text
    assert "or choose another toolbox" in text
    os.chown(place / "a", USER, USER)
    with pytest.raises(trust.NotOursAlone, match=rf"belongs to \w+ \({USER}\).*chown root {place / 'a'}"):
        trust.require(str(place / "a"), "run it")


@as_root
def test_an_access_list_that_lets_somebody_write_shows_in_the_mode(place: Path) -> None:
    try:
        subprocess.run(["setfacl", "-m", f"u:{USER}:rwx", str(place / "a")], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no access lists here: {exc}")
    assert flaw(place / "a/b")[0] == "group_writable"


def judged_as_user(path: Path, members: str) -> str:
    """What an ordinary user is told of a path, whose group is that user's own and has these ``members``. In a child of
    this process: the interpreter of the tests may lie where that user may not look."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(4711, 4711, 4711)
            os.setresuid(4711, 4711, 4711)
            user = SimpleNamespace(pw_name="u", pw_gid=4711)
            group = SimpleNamespace(gr_name="u", gr_gid=4711, gr_mem=members.split())
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pwd, "getpwuid", lambda uid: user)
                patch.setattr(grp, "getgrgid", lambda gid: group)
                found = trust.flaw_of(str(path))
            os.write(write, (found.code if found else "none").encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, encoding="utf-8") as stream:
        return stream.read()


@as_root
@pytest.mark.parametrize(("members", "said"), [("", "none"), ("u", "none"), ("u v", "group_writable")])
def test_the_private_group_of_an_ordinary_user_is_nobody_else(tmp_path: Path, members: str, said: str) -> None:
    # Below / itself: pytest's own folders are root's alone, where no user may look.
    folder = Path("/var/tmp") / f"mlstack-trust-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        mine = folder / "mine"
        mine.mkdir()
        os.chown(mine, 4711, 4711)
        mine.chmod(0o2775)
        assert judged_as_user(mine, members) == said
        assert flaw(mine) == ("foreign_owner", str(mine)), "to root it is a user's"
    finally:
        for path in (folder / "mine", folder):
            path.rmdir()
