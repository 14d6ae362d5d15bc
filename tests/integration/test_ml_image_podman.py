# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_image with podman and buildah: secrets that stay outside, and a disk that fills."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import image_site
from ansible_collections.gpufleet.mlstack.tests.integration.image_site import ImageSite

PASSWORD = "hush-hush-7331"
pytestmark = pytest.mark.skipif(
    not os.environ.get("CI") and not (shutil.which("podman") and shutil.which("buildah")),
    reason="podman and buildah are not installed: apt-get install podman buildah",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[PythonIndex]:
    folder = tmp_path_factory.mktemp("podman") / "packages"
    shutil.copytree(packages, folder)
    image_site.fetch_tools(folder, sys.executable)
    with PythonIndex(folder, credentials=f"someone:{PASSWORD}") as index:
        yield index


def prepared(folder: Path, index: PythonIndex, uv: str, store: Path) -> ImageSite:
    """A site with a store of its own, which has the base.

    Builds run without namespaces of their own: what tests run in is often a container itself.
    """
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{store}/graph"\nrunroot = "{store}/run"\n'
    )
    env = {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "BUILDAH_ISOLATION": "chroot"}
    base = image_site.ensure_base()
    site = ImageSite(folder, index, uv, "podman", f"localhost/{base}", env)
    site.options["index_url"] = index.url_with_credentials
    with subprocess.Popen(["docker", "save", base], stdout=subprocess.PIPE) as saving:
        subprocess.run(["podman", "load", "--quiet"], stdin=saving.stdout, env={**os.environ, **env}, check=True)
    return site


@pytest.fixture(scope="module")
def site(served: PythonIndex, uv: str) -> Iterator[ImageSite]:
    with image_site.own_folder() as folder:
        made = prepared(folder, served, uv, folder / "store")
        yield made
        subprocess.run(["podman", "system", "reset", "--force"], env={**os.environ, **made.env}, check=True)


@pytest.mark.parametrize(("builder", "engine"), [("podman", "uv"), ("buildah", "pip")])
def test_a_password_of_the_index_is_nowhere_in_the_image(site: ImageSite, builder: str, engine: str) -> None:
    site.builder = builder
    ran = site.apply(engine=engine, created="1700000000")
    assert ran.result["changed"]
    again = site.apply(engine=engine, created="1700000000")
    assert not again.result["changed"] and again.result["commands_run"] == 1
    site.builder = "podman"
    assert site.inspect()["Created"] == "2023-11-14T22:13:20Z"
    archive = site.folder / f"{builder}.tar"
    site.ask("save", "--output", str(archive), site.tag)
    found = b"".join(image_site.contents(archive.read_bytes()))
    assert b"alpha" in found, "nothing was searched"
    for where in (found.decode("latin-1"), site.ask("history", "--no-trunc", site.tag), str(site.inspect())):
        assert PASSWORD not in where and site.index.origin.removeprefix("http://") not in where
    assert PASSWORD not in ran.out
    written = [path.read_bytes() for path in (site.folder / "images").rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in text for text in written)
    site.clean()


def test_a_disk_that_fills_leaves_no_name(served: PythonIndex, uv: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root alone")
    with image_site.own_folder() as folder:
        store = folder / "store"
        store.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", store], check=True)
        try:
            site = prepared(folder, served, uv, store)
            free = os.statvfs(store)
            with (store / "filling").open("wb") as stream:
                stream.truncate(0)
                os.posix_fallocate(stream.fileno(), 0, free.f_bavail * free.f_frsize - (20 << 20))
            site.refuse("disk_full", free_mb=1)
            assert not site.exists()
            (store / "filling").unlink()
            site.apply(free_mb=1)
            assert site.exists()
            subprocess.run(["podman", "system", "reset", "--force"], env={**os.environ, **site.env}, check=True)
        finally:
            subprocess.run(["umount", "--lazy", store], check=True)
