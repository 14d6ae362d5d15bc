# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk, a read-only root, missing rights, a damaged record: a clear error, and the environment as it was."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import ansible
import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

VERSION = "import step; print(step.__version__)"
SMALL_DISK_MIB = 12

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and other users need root")


def desired(version: int, **more: object) -> dict[str, object]:
    return {"packages": [f"step=={version}"], **more}


# --- the disk is full ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(site: Site) -> Iterator[Site]:
    """The root of environments on a filesystem of a few MiB."""
    site.root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m,mode=755", "tmpfs", site.root],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"a small filesystem is needed: {mounted.stderr}")
        pytest.skip(f"no mounts here: {mounted.stderr}")
    yield site
    subprocess.run(["umount", "--lazy", site.root], check=True)


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_a_disk_that_fills_up_during_the_build(small_disk: Site, engine: str) -> None:
    small_disk.apply(desired(1))
    options = {"engine": engine}
    if engine == "pip":
        options.update(executable=None, no_index=True, find_links=[str(small_disk.index.folder)])
    refused = small_disk.refuse("disk_full", {"packages": ["step==2", "bulky==1"]}, **options)
    assert "No space left on device" in refused.result["msg"]
    assert small_disk.python(VERSION) == "1"
    small_disk.apply(desired(2))
    assert small_disk.python(VERSION) == "2"
    assert small_disk.leftovers() == []


def test_a_disk_that_is_full_when_the_record_is_written(small_disk: Site) -> None:
    small_disk.apply(desired(1))
    store = Store(str(small_disk.root), "ml")
    before = store.observe()
    ballast = small_disk.root / "ballast"
    with pytest.raises(MlstackError) as caught, store.lock(), store.build("ffffff", _now()) as building:
        Path(building.prefix, "bin").mkdir(parents=True)
        fill_up(ballast)
        store.seal(building, {"padding": "x" * 100_000})
    assert caught.value.code == "disk_full"
    assert store.observe() == before
    assert small_disk.python(VERSION) == "1"
    ballast.unlink()
    small_disk.apply(desired(2))
    assert small_disk.leftovers() == []


def fill_up(path: Path) -> None:
    """Write until the very last byte is taken."""
    with path.open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError:
                continue


def test_what_is_converged_needs_no_space(small_disk: Site) -> None:
    small_disk.apply(desired(1))
    fill_up(small_disk.root / "ballast")
    assert not small_disk.apply(desired(1)).result["changed"]


# --- nothing may be written ---------------------------------------------------------------------------------------


def read_only(root: Path) -> tuple[str, ...]:
    """A program that runs another one to which ``root`` is mounted read-only."""
    script = f"mount --bind '{root}' '{root}' && mount -o remount,bind,ro '{root}' && exec \"$@\""
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def test_a_read_only_root(site: Site) -> None:
    site.apply(desired(1))
    before = site.snapshot()
    options = {"env": site.environ(), "prefix": read_only(site.root)}
    refused = module_runner.refuse("pip_pinned", site.arguments(desired(2)), "read_only", **options)
    assert f"{site.root} lies on a read-only filesystem" in refused.result["msg"]
    converged = module_runner.succeed("pip_pinned", site.arguments(desired(1)), **options)
    assert not converged.result["changed"]
    assert site.snapshot() == before


@pytest.mark.parametrize("state", ["absent", "rolled_back"])
def test_a_read_only_root_cannot_be_taken_from(site: Site, state: str) -> None:
    site.apply(desired(1))
    site.apply(desired(2))
    before = site.snapshot()
    options = {"env": site.environ(), "prefix": read_only(site.root)}
    module_runner.refuse("pip_pinned", site.arguments({"state": state}), "read_only", **options)
    assert site.snapshot() == before


class OrdinaryUser:
    """An account without rights, and what it needs of this collection in a place where it can read it."""

    def __init__(self, folder: Path, uv: str) -> None:
        self.uid = 54321
        self.folder = folder
        code = folder / "code"
        source = Path(ansible.__file__).parent
        shutil.copytree(source / "module_utils", code / "ansible" / "module_utils")
        shutil.copytree(source / "_vendor", code / "ansible" / "_vendor")
        for name in ("__init__.py", "release.py"):
            shutil.copy(source / name, code / "ansible" / name)
        shutil.copytree(
            module_runner.CHECKOUT / "plugins", code / "ansible_collections" / "gpufleet" / "mlstack" / "plugins"
        )
        self.uv = str(shutil.copy(uv, folder / "uv"))
        self.home = folder / "home"
        self.home.mkdir()
        os.chown(self.home, self.uid, self.uid)
        self.options = {
            "env": {"PYTHONPATH": str(code), "HOME": str(self.home), "PIP_CONFIG_FILE": os.devnull},
            "prefix": ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"),
            "cwd": "/",
        }

    def arguments(self, site: Site, root: Path, version: int) -> dict[str, object]:
        return {**site.arguments(desired(version)), "root": str(root), "executable": self.uv}


@pytest.fixture(scope="module")
def user(uv: str) -> Iterator[OrdinaryUser]:
    folder = Path(tempfile.mkdtemp(prefix="mlstack-faults-"))
    folder.chmod(0o755)
    yield OrdinaryUser(folder, uv)
    shutil.rmtree(folder)


def test_an_ordinary_user_may_look_but_not_change_what_is_roots(site: Site, user: OrdinaryUser) -> None:
    root = user.folder / "envs"
    site.apply(desired(1), root=str(root))
    refused = module_runner.refuse("pip_pinned", user.arguments(site, root, 2), "not_permitted", **user.options)
    assert f"user {user.uid} may not write to {root}" in refused.result["msg"]
    converged = module_runner.succeed("pip_pinned", user.arguments(site, root, 1), **user.options)
    assert not converged.result["changed"]


def test_an_ordinary_user_has_environments_at_home(site: Site, user: OrdinaryUser) -> None:
    root = user.home / "envs"
    assert module_runner.succeed("pip_pinned", user.arguments(site, root, 1), **user.options).result["changed"]
    for version in (2, 3, 4, 5):
        module_runner.succeed("pip_pinned", user.arguments(site, root, version), **user.options)
    assert len(os.listdir(root / ".generations" / "ml")) == 3, "two earlier ones are kept, and older ones deleted"
    assert {os.lstat(path).st_uid for path in root.rglob("*")} == {user.uid}


def test_a_root_in_which_everybody_may_write(site: Site) -> None:
    site.root.mkdir()
    site.root.chmod(0o777)
    refused = site.refuse("world_writable", desired(1))
    assert f"chmod o-w {site.root}" in refused.result["msg"]
    assert os.listdir(site.root) == []
    assert stat.S_IMODE(site.root.stat().st_mode) == 0o777


# --- the record is damaged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["half", "empty", "gone", "foreign"])
def test_a_half_written_record(site: Site, damage: str) -> None:
    site.apply(desired(1))
    (old,) = site.generations()
    record = site.root / ".generations" / "ml" / old / "mlstack.json"
    text = record.read_text()
    if damage == "gone":
        record.unlink()
    else:
        record.write_text({"half": text[: len(text) // 2], "empty": "", "foreign": "[1, 2]"}[damage])
    assert site.python(VERSION) == "1", "it can be used all the same"
    told = site.apply(desired(1))
    assert told.result["changed"]
    assert site.python(VERSION) == "1"
    assert old not in site.generations()
    assert site.leftovers() == []
    assert not site.apply(desired(1)).result["changed"]


def test_a_record_that_a_newer_release_wrote(site: Site) -> None:
    site.apply(desired(1))
    (generation,) = site.generations()
    record = site.root / ".generations" / "ml" / generation / "mlstack.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "schema": 1000}))
    before = site.snapshot()
    refused = site.refuse("record_newer", desired(2))
    assert "schema 1000" in refused.result["msg"]
    assert site.snapshot() == before


def _now() -> datetime:
    return datetime.now(timezone.utc)
