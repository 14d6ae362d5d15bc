# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conda channel holds what it promises: the same bytes each time, hashes that are true, a Python that runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, conda_packages, conda_python, service
from ansible_collections.gpufleet.mlstack.tests.bed.conda_archive import BUILT, PLACEHOLDER, CondaPackage, decompressed
from ansible_collections.gpufleet.mlstack.tests.bed.conda_python import Interpreter
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.bed.containers import container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.images import IMAGES


@pytest.fixture(scope="module")
def channel() -> conda_channel.Channel:
    return conda_channel.basic()


def test_two_builds_have_the_same_bytes(tmp_path: Path, channel: conda_channel.Channel) -> None:
    conda_channel.build(tmp_path, [Interpreter.of_this_run()])
    files = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(files) > 100
    assert all((channel.folder / path).read_bytes() == content for path, content in files.items())


def test_the_index_tells_the_truth_but_for_one_hash(channel: conda_channel.Channel) -> None:
    wrong = []
    for name, record in channel.records().items():
        content = (channel.folder / record["subdir"] / name).read_bytes()
        assert record["size"] == len(content)
        assert record["md5"] == hashlib.md5(content).hexdigest()
        if record["sha256"] != hashlib.sha256(content).hexdigest():
            wrong.append(record["name"])
    assert wrong == ["bed-bad-hash"]


def test_the_compressed_index_is_the_plain_one(channel: conda_channel.Channel) -> None:
    for subdir in conda_channel.SUBDIRS:
        plain = (channel.folder / subdir / "repodata.json").read_bytes()
        assert decompressed((channel.folder / subdir / "repodata.json.zst").read_bytes()) == plain


def test_both_formats_hold_the_same_files(tmp_path: Path) -> None:
    listed = []
    for suffix in (".conda", ".tar.bz2"):
        package = CondaPackage("both", "1.0", suffix=suffix)
        package.add("share/prefix", f"{PLACEHOLDER}/x\n")
        package.symlink("share/link", "prefix")
        package.write(tmp_path)
        archive = tmp_path / "noarch" / package.file_name
        if suffix == ".tar.bz2":
            with tarfile.open(archive) as opened:
                listed.append({member.name: member.linkname for member in opened.getmembers()})
        else:
            members = {}
            with zipfile.ZipFile(archive) as outer:
                for part in ("pkg", "info"):
                    path = tmp_path / f"{part}.tar"
                    path.write_bytes(decompressed(outer.read(f"{part}-both-1.0-0.tar.zst")))
                    with tarfile.open(path) as opened:
                        members.update({member.name: member.linkname for member in opened.getmembers()})
            listed.append(members)
    assert listed[0] == listed[1]
    assert listed[0]["share/link"] == "prefix"
    assert {"info/index.json", "info/paths.json", "info/has_prefix", "share/prefix"} <= set(listed[0])


def test_sixty_packages_are_sixty(channel: conda_channel.Channel) -> None:
    parts = channel.record("bed-sixty", "1.0")["depends"]
    needed_by_python = ("python", "bed-zlib", "tzdata")
    assert len(parts) + len(needed_by_python) + 1 == conda_packages.SIXTY


@pytest.mark.parametrize("key", ["ubuntu2404", "rocky9"])
def test_the_python_of_an_image_runs_there_from_any_folder(key: str, tmp_path: Path) -> None:
    require_bed()
    service.up()
    packed = conda_python.python_package(Interpreter.of_image(IMAGES[key].tag))
    prefix = tmp_path / "prefix"
    for path, entry in packed.entries.items():
        target = prefix / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry.content, str):
            target.symlink_to(entry.content)
        else:
            target.write_bytes(entry.content.replace(PLACEHOLDER.encode(), b"/opt/elsewhere"))
            target.chmod(entry.mode)
            os.utime(target, (BUILT, BUILT))
    ask = "import json,ssl,sqlite3,sys,sysconfig; print(json.dumps([sys.prefix, sysconfig.get_path('purelib')]))"
    with container(key, booted=False, volumes=[f"{prefix}:/opt/elsewhere:ro"]) as host:
        printed = host.check(f'/opt/elsewhere/bin/python -I -c "{ask}"')
        told = host.check('/opt/elsewhere/bin/python -v -I -c "import json" 2>&1')
    minor = packed.version.rpartition(".")[0]
    assert json.loads(printed) == ["/opt/elsewhere", f"/opt/elsewhere/lib/python{minor}/site-packages"]
    compiled = set(re.findall(r"code object from '?(/opt/elsewhere/lib/.*\.pyc?)\b", told))
    of_the_bed = f"/opt/elsewhere/lib/python{minor}/sitecustomize.py"
    assert {path for path in compiled if path.endswith(".py")} == {of_the_bed}, "a package brings its bytecode"
    assert any("/json/__pycache__/" in path for path in compiled)
    assert packed.depends[0].startswith("__glibc >=2.31" if key == "rocky9" else "__glibc >=2.36")


class TestServer:
    def test_it_asks_for_a_password(self, channel: conda_channel.Channel) -> None:
        with CondaServer(channel.folder, credentials="ann:secret") as server:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{server.url}/noarch/repodata.json")
            assert refused.value.code == 401
            refused.value.close()
            request = urllib.request.Request(f"{server.url}/noarch/repodata.json")
            request.add_header("Authorization", "Basic YW5uOnNlY3JldA==")
            with urllib.request.urlopen(request) as answer:
                assert json.loads(answer.read())["info"] == {"subdir": "noarch"}

    def test_it_takes_a_token_in_the_path(self, channel: conda_channel.Channel) -> None:
        with CondaServer(channel.folder, conda_token="to-ken") as server:
            with urllib.request.urlopen(f"{server.url}/t/to-ken/noarch/repodata.json") as answer:
                assert answer.status == 200
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{server.url}/noarch/repodata.json")
            refused.value.close()
            assert server.requests == ["/noarch/repodata.json"] * 2

    def test_its_faults_do_what_they_say(self, channel: conda_channel.Channel) -> None:
        path = "/noarch/tzdata-2024a-h0_0.conda"
        with CondaServer(channel.folder) as server:
            server.fault = lambda asked: 500 if asked == path else None
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(server.url + path)
            assert refused.value.code == 500
            refused.value.close()
            server.fault = None
            server.other_content[path] = b"other"
            with urllib.request.urlopen(server.url + path) as answer:
                assert answer.read() == b"other"
            server.other_content.clear()
            server.cut_after = 10
            with urllib.request.urlopen(server.url + path) as answer, pytest.raises(Exception, match="IncompleteRead"):
                answer.read()
            assert server.archives() == [path] * 3

    def test_it_leaves_its_folder_to_nobody(self, channel: conda_channel.Channel) -> None:
        with CondaServer(channel.folder / "noarch") as server, pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.url}/../linux-64/repodata.json")
        assert refused.value.code == 404
        refused.value.close()
