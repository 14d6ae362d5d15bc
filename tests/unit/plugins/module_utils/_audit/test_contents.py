# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of an audit, on folders made by hand."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import contents, resources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor


@pytest.fixture
def programs() -> Commands:
    """It counts what was started."""
    return Commands(Redactor())


def venv(path: Path, version: str = "3.11.4") -> Path:
    site = path / "lib" / f"python{version.rpartition('.')[0]}" / "site-packages"
    site.mkdir(parents=True)
    (path / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {version}\n")
    return site


def install(site: Path, name: str, version: str, *headers: str, **files: str) -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers]
    (folder / "METADATA").write_text("\n".join(lines) + "\n\nwords\n")
    for file, text in files.items():
        (folder / file.replace("__", ".")).write_text(text)


def test_a_virtual_environment_is_read_without_starting_anything(tmp_path: Path, programs: Commands) -> None:
    site = venv(tmp_path)
    install(
        site,
        "app",
        "1.0",
        "Requires-Dist: demo>=2 ; python_version >= '3.11'",
        "Requires-Dist: absent ; python_version < '3.11'",
        "Requires-Dist: tests ; extra == 'test'",
        "License-Expression: MIT",
        REQUESTED="",
        INSTALLER="uv\n",
    )
    origin = {"url": "https://example.org/demo.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    install(site, "demo", "1.0", "License: UNKNOWN", "Classifier: License :: OSI Approved :: BSD License",
            direct_url__json=json.dumps(origin))  # fmt: skip
    told = contents.contents(resources.named(str(tmp_path)), programs)
    assert programs.count == 0
    assert told["python"] == "3.11.4"
    assert told["packages"] == [
        {"name": "app", "version": "1.0", "needs": ["demo"], "requested": True, "licence": "MIT", "installer": "uv"},
        {"name": "demo", "version": "1.0", "licence": "BSD License", "origin": "git+https://example.org/demo.git@abc"},
    ]
    assert [(item["kind"], item["package"]) for item in told["problems"]] == [("broken_requirement", "app")]
    assert "app 1.0 needs demo>=2" in told["problems"][0]["text"]


def test_half_written_metadata_is_told_not_passed_over(tmp_path: Path, programs: Commands) -> None:
    site = venv(tmp_path)
    install(site, "app", "1.0")
    (site / "broken-1.0.dist-info").mkdir()
    told = contents.contents(resources.named(str(tmp_path)), programs)
    assert [item["name"] for item in told["packages"]] == ["app"]
    assert [item["kind"] for item in told["problems"]] == ["broken_metadata"]


def test_a_conda_prefix_tells_channels_and_what_is_condas_own(tmp_path: Path, programs: Commands) -> None:
    site = venv(tmp_path)
    (tmp_path / "pyvenv.cfg").unlink()
    install(site, "demo", "1.0", INSTALLER="conda\n")
    install(site, "extra", "2.0", INSTALLER="pip\n")
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("")
    for name, version, depends in (("demo", "1.0", ["python"]), ("python", "3.11.4", ["zlib"]), ("zlib", "1.3", [])):
        record = {
            "name": name,
            "version": version,
            "build": "h0_0",
            "build_number": 0,
            "channel": "https://channel.example/conda-forge",
            "url": f"https://channel.example/conda-forge/linux-64/{name}-{version}-h0_0.conda",
            "subdir": "linux-64",
            "depends": depends,
            "license": "Zlib" if name == "zlib" else "MIT",
        }
        (meta / f"{name}-{version}-h0_0.json").write_text(json.dumps(record))
    question = resources.named(str(tmp_path))
    assert question.kind == "conda"
    told = contents.contents(question, programs)
    assert programs.count == 0
    found = {item["name"]: item for item in told["packages"]}
    assert found["demo"]["installer"] == "conda"
    assert found["demo"]["origin"].endswith("conda-forge")
    assert "origin" not in found["extra"]
    assert found["zlib"]["kind"] == found["python"]["kind"] == "conda"
    assert found["python"]["needs"] == ["zlib"]
    assert found["zlib"]["licence"] == "Zlib"


TRUTH = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions() if d.metadata['Name']))"


def names_of(python: str | Path) -> set[str]:
    done = subprocess.run([python, "-I", "-c", TRUTH], check=True, capture_output=True, text=True)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in done.stdout.split()}


@pytest.mark.parametrize("python", [sys.executable, os.path.realpath(sys.executable), "/usr/bin/python3", "/usr"])
def test_a_python_has_what_it_says_it_has(programs: Commands, python: str) -> None:
    if not os.path.exists(python):
        pytest.skip(f"there is no {python}")
    told = contents.contents(resources.named(python), programs)
    python = "/usr/bin/python3" if python == "/usr" else python
    asks = [python, "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asks, capture_output=True, check=True).stdout
    assert told["python"] == version.decode().strip()
    assert {item["name"] for item in told["packages"]} == names_of(python)


def test_an_environment_that_sees_the_system_has_what_that_has(tmp_path: Path, programs: Commands) -> None:
    path = tmp_path / "mixed"
    base = os.path.realpath(sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", "--system-site-packages", path], check=True)
    install(next(path.glob("lib/python*/site-packages")), "mine", "1.0")
    told = contents.contents(resources.named(str(path)), programs)
    found = {item["name"] for item in told["packages"]}
    assert found == names_of(path / "bin" / "python") and "mine" in found


def test_what_is_hidden_further_down_the_path_does_not_count(tmp_path: Path) -> None:
    for folder, version in (("near", "1.0"), ("far", "9.0")):
        (tmp_path / folder).mkdir()
        install(tmp_path / folder, "demo", version)
    (tmp_path / "again").symlink_to("near")
    with Folder.at(str(tmp_path)) as tree, contextlib.ExitStack() as stack:
        places = [stack.enter_context(tree.folder(name)) for name in ("near", "again", "far")]
        found, broken = contents._layered(places, tree)
    assert ([(item.name, item.version) for item in found], broken) == ([("demo", "1.0")], [])


def test_where_nothing_is(tmp_path: Path, programs: Commands) -> None:
    with pytest.raises(MlstackError) as refused:
        contents.contents(resources.named(str(tmp_path / "none")), programs)
    assert refused.value.code == "no_environment"


def test_environments_of_others_are_found_below_a_folder(tmp_path: Path) -> None:
    venv(tmp_path / "home" / "ada" / "venv")
    venv(tmp_path / "home" / "ada" / "venv" / "inner")  # belongs to the one around it
    venv(tmp_path / "opt" / "known")
    deep = tmp_path.joinpath(*"abcdefghijk")
    venv(deep)
    base = tmp_path / "opt" / "conda"
    for prefix in (base, base / "envs" / "ml"):
        (prefix / "conda-meta").mkdir(parents=True)
        (prefix / "conda-meta" / "history").write_text("")
    os.symlink("/", tmp_path / "root")
    os.symlink(tmp_path, tmp_path / "home" / "again")
    found = list(resources.below(str(tmp_path), {str(tmp_path / "opt" / "known")}))
    assert [(os.path.relpath(item.path, tmp_path), item.kind) for item in found] == [
        ("home/ada/venv", "venv"),
        ("opt/conda", "conda"),
        ("opt/conda/envs/ml", "conda"),
    ]


def test_a_real_environment(tmp_path: Path, programs: Commands) -> None:
    """A real environment, read by its folders, is told as its own Python tells it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "real"], check=True)
    told = contents.contents(resources.named(str(tmp_path / "real")), programs)
    real = subprocess.run(
        [tmp_path / "real" / "bin" / "python", "-c", "import platform; print(platform.python_version())"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert told == {"python": real, "packages": [], "problems": []}
