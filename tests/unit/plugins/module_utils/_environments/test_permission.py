# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import permission
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.place import Place
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refusal(root: Path) -> str:
    with pytest.raises(MlstackError) as caught:
        permission.check(Place(str(root), "ml"), "change it")
    assert str(root) in str(caught.value)
    return caught.value.code


def refusal_of(root: Path) -> str:
    with pytest.raises(MlstackError) as caught:
        permission.check(Place(str(root), "ml"), "change it")
    return caught.value.code


def test_a_root_that_is_still_to_be_made(tmp_path: Path) -> None:
    permission.check(Place(str(tmp_path / "not" / "yet"), "ml"), "change it")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "envs").touch()
    assert refusal(tmp_path / "envs") == "not_a_directory"


@pytest.mark.parametrize("below", ["", "sub", ".generations"])
def test_what_everybody_may_write_to(tmp_path: Path, below: str) -> None:
    (tmp_path / ".generations").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / below).chmod(0o777)
    root = tmp_path / "sub" if below == "sub" else tmp_path
    assert refusal(root) == "world_writable"


def test_an_ancestor_that_everybody_may_write_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(MlstackError, match="everybody"):
        permission.check(Place(str(tmp_path / "a" / "b"), "ml"), "change it")


def test_in_a_sticky_folder_anybody_could_be_first(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert refusal(tmp_path) == "world_writable"
    assert refusal_of(tmp_path / "envs") == "world_writable"
    (tmp_path / "envs").mkdir()
    permission.check(Place(str(tmp_path / "envs"), "ml"), "change it")


@as_root
def test_a_folder_in_which_a_group_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    assert refusal(tmp_path) == "group_writable"


@as_root
@pytest.mark.parametrize("below", ["", ".generations", ".generations/ml"])
def test_what_belongs_to_somebody_else(tmp_path: Path, below: str) -> None:
    (tmp_path / ".generations" / "ml").mkdir(parents=True)
    os.chown(tmp_path / below, 12345, 12345)
    assert refusal(tmp_path) == "foreign_owner"


LOCK = """
import sys
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
try:
    with Store(sys.argv[1], 'ml').lock():
        print('locked')
except MlstackError as exc:
    print(exc.code, exc)
"""


def locking(root: Path, *, user: str = "", read_only: bool = False) -> str:
    """What lock() says in another process: as another user, or where the root is mounted read-only."""
    argv = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{LOCK}", str(root)]
    if user:
        account = pwd.getpwnam(user)
        argv = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *argv]
    if read_only:
        mount = f"mount --bind '{root}' '{root}' && mount -o remount,bind,ro '{root}' && exec \"$@\""
        argv = ["unshare", "--mount", "sh", "-c", mount, "sh", *argv]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@as_root
def test_a_read_only_filesystem_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    try:
        said = locking(tmp_path, read_only=True)
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"no mounts here: {exc.stderr}")
    assert said.startswith("read_only Wanted: change the environment")
    assert f"{tmp_path} lies on a read-only filesystem" in said
    assert list(tmp_path.iterdir()) == []
