# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names in a site-packages folder tell, what metadata adds, and what RECORD hashes reveal."""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.metadata
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    distributions,
    markers,
    names,
    record,
    site_packages,
)


def install(folder, name, version, *, files=None, record_file=True, metadata=None):
    """Lay out a distribution as an installer does."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (info / "METADATA").write_text("\n".join(lines) + "\n\nA description: of it\n" if metadata is None else metadata)
    (info / "INSTALLER").write_text("uv\n")
    rows = []
    for path, content in (files or {f"{name}/__init__.py": "x = 1\n"}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    for path in [*(files or {f"{name}/__init__.py": ""}), f"{info.name}/METADATA", f"{info.name}/INSTALLER"]:
        digest = hashlib.sha256((folder / path).read_bytes()).digest()
        rows.append(f"{path},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},1")
    if record_file:
        (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,"]) + "\n")
    return info


def test_names_alone(tmp_path):
    install(tmp_path, "Zope.Interface", "5.0")
    install(tmp_path, "torch", "2.0.1+cu118")
    (tmp_path / "old-1.0-py3.9.egg-info").mkdir()
    (tmp_path / "not_metadata").mkdir()
    (tmp_path / "nameless.dist-info").mkdir()
    (tmp_path / "~orch-2.0.0.dist-info").mkdir()
    (tmp_path / "__editable__.mine-1.0.pth").touch()
    (tmp_path / "mine.egg-link").touch()
    found = site_packages.scan(str(tmp_path))
    assert found.versions == {"zope-interface": "5.0", "torch": "2.0.1+cu118", "old": "1.0"}
    assert found.unreadable == ("nameless.dist-info",)
    assert found.leftovers == ("__editable__.mine-1.0.pth", "mine.egg-link", "~orch-2.0.0.dist-info")
    assert found.duplicates == {}


def test_a_name_that_is_there_twice_equals_no_version(tmp_path):
    install(tmp_path, "numpy", "1.24.3")
    install(tmp_path, "NumPy", "1.26.0")
    assert site_packages.scan(str(tmp_path)).duplicates == {"numpy": ("1.24.3", "1.26.0")}
    assert site_packages.versions(str(tmp_path)) == {"numpy": "1.24.3 and 1.26.0"}
    broken = distributions.inventory(str(tmp_path)).broken
    assert [item.reason for item in broken] == ["numpy is here as 1.24.3 and as 1.26.0"]


def test_lib64_as_a_link_to_lib_is_counted_once_and_a_missing_folder_is_empty(tmp_path):
    install(tmp_path / "lib", "numpy", "1.24.3")
    (tmp_path / "lib64").symlink_to("lib")
    found = site_packages.scan(str(tmp_path / "lib"), str(tmp_path / "lib64"), str(tmp_path / "none"))
    assert found.versions == {"numpy": "1.24.3"} and found.duplicates == {}


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("numpy-1.24.3.dist-info", ("numpy", "1.24.3")),
        ("ruamel.yaml-0.17.21.dist-info", ("ruamel.yaml", "0.17.21")),
        ("zc_lockfile-1.0_1.dist-info", ("zc_lockfile", "1.0-1")),
        ("PyQt5-sip-12.11.0.dist-info", ("PyQt5-sip", "12.11.0")),
        ("six-1.0-py2.7.egg-info", ("six", "1.0")),
        ("six.egg-info", None),
        ("-1.0.dist-info", None),
        ("numpy-.dist-info", None),
        ("numpy.dist-info", None),
        ("numpy-1.0", None),
    ],
)
def test_metadata_folder_names(folder, expected):
    assert names.metadata_folder_parts(folder) == expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("torch-2.0.1+cu118-cp311-cp311-linux_x86_64.whl", ("torch", "2.0.1+cu118")),
        ("My_Pkg-1.0-2-py3-none-any.whl", ("my-pkg", "1.0")),
        ("torch-2.0.1.whl", None),
        ("a--py3-none-any.whl", None),
        ("torch-2.0.1.tar.gz", None),
    ],
)
def test_wheel_names(filename, expected):
    assert names.wheel_parts(filename) == expected


def test_sixty_names_take_under_five_milliseconds(tmp_path):
    for number in range(60):
        (tmp_path / f"package_{number}-1.{number}.dist-info").mkdir()
        (tmp_path / f"package_{number}").mkdir()
    taken = []
    for _attempt in range(5):
        start = time.perf_counter()
        assert len(site_packages.versions(str(tmp_path))) == 60
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.005


def test_the_names_only_reader_loads_neither_markers_nor_requirements():
    package = "ansible_collections.gpufleet.mlstack.plugins.module_utils._python."
    tree = next(path for path in sys.path if os.path.isdir(os.path.join(path, "ansible_collections", "gpufleet")))
    program = f"import sys; sys.path.insert(0, {tree!r}); import {package}site_packages; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    loaded = {name[len(package) :] for name in result.stdout.split() if name.startswith(package)}
    assert loaded == {"site_packages", "names"}
    assert not {"dataclasses", "email", "importlib.metadata", "json", "hashlib"} & set(result.stdout.split())


def test_metadata_with_folds_crlf_and_a_description(tmp_path):
    text = (
        "Metadata-Version: 2.1\r\nName: My.Pkg\r\nVersion: 1.0\r\nLicense: one\r\n        \r\n  two\r\n"
        "Requires-Python: >=3.9\r\n"
        "Requires-Dist: six (>=1.0) ; \r\n   python_version < '4'\r\nRequires-Dist: attrs\r\nProvides-Extra: Dev_X\r\n"
        "\r\nRequires-Dist: not-this\r\n"
    )
    info = install(tmp_path, "My.Pkg", "1.0")
    (info / "METADATA").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (info / "REQUESTED").touch()
    (info / "direct_url.json").write_text('{"url": "file:///srv/x.whl", "archive_info": {}}')
    with Folder.at(str(tmp_path)) as place:
        found, problems = distributions.read(place, info.name)
    assert problems == []
    assert (found.name, found.written_name, found.version) == ("my-pkg", "My.Pkg", "1.0")
    assert found.requires == ("six (>=1.0) ; python_version < '4'", "attrs")
    assert (found.requires_python, found.extras, found.installer, found.requested) == (">=3.9", ("dev-x",), "uv", True)
    assert found.direct_url == {"url": "file:///srv/x.whl", "archive_info": {}}


@pytest.mark.parametrize(
    ("metadata", "direct_url", "reason"),
    [
        ("", None, "names no package"),
        ("Name: a\n", None, "no version"),
        ("Version: 1.0\n", None, "names no package"),
        ("Name: other\nVersion: 1.0\n", None, "that of other"),
        ("Name: ../a\nVersion: 1.0\n", None, "'../a'"),
        ("\x00\xff garbage\n", None, "names no package"),
        (None, "{", "not JSON"),
        (None, "[]", "no url"),
    ],
)
def test_half_written_metadata_is_named(tmp_path, metadata, direct_url, reason):
    info = install(tmp_path, "a", "1.0", metadata=metadata)
    if direct_url is not None:
        (info / "direct_url.json").write_text(direct_url)
    install(tmp_path, "whole", "1.0")
    found = distributions.inventory(str(tmp_path))
    assert [item.name for item in found.distributions] == ["whole"]
    assert [item.folder for item in found.broken] == ["a-1.0.dist-info"]
    assert reason in found.broken[0].reason


def test_an_empty_folder_and_a_nameless_one_are_named(tmp_path):
    (tmp_path / "a-1.0.dist-info").mkdir()
    (tmp_path / "nameless.dist-info").mkdir()
    assert distributions.inventory(str(tmp_path)).broken == (
        distributions.Broken("a-1.0.dist-info", "it has no METADATA"),
        distributions.Broken("nameless.dist-info", "its name is not NAME-VERSION"),
    )


def test_an_egg_info_of_old_tools_is_read_as_folder_and_as_file(tmp_path):
    (tmp_path / "old-1.0-py3.9.egg-info").mkdir()
    (tmp_path / "old-1.0-py3.9.egg-info" / "PKG-INFO").write_text("Name: old\nVersion: 1.0\n")
    (tmp_path / "older-0.9.egg-info").write_text("Name: older\nVersion: 0.9\n")
    found = distributions.inventory(str(tmp_path))
    assert [(item.name, item.version) for item in found.distributions] == [("old", "1.0"), ("older", "0.9")]
    assert found.broken == ()


def test_this_interpreters_packages_read_as_importlib_reads_them():
    folder = Path(pytest.__file__).parents[1]
    theirs = {
        names.normalize(item.metadata["Name"]): (item.version, tuple(item.requires or ()))
        for item in importlib.metadata.distributions(path=[str(folder)])
    }
    found = distributions.inventory(str(folder))
    assert {item.name: (item.version, item.requires) for item in found.distributions} == theirs
    assert found.names.versions == {name: version for name, (version, _requires) in theirs.items()}


def test_untouched_files_verify(tmp_path):
    install(tmp_path, "numpy", "1.24.3", files={"numpy/__init__.py": "x", "numpy/core/a.py": "y", "../bin/f2py": "z"})
    (tmp_path / "numpy" / "__pycache__").mkdir()
    (tmp_path / "numpy" / "__pycache__" / "a.cpython-311.pyc").touch()
    (tmp_path / "_virtualenv.py").touch()
    assert record.verify(str(tmp_path)).clean
    assert site_packages.verify(str(tmp_path)) == []


def test_every_kind_of_tampering_is_named(tmp_path):
    site = tmp_path / "site-packages"
    install(site, "numpy", "1.24.3", files={"numpy/a.py": "a", "numpy/b.py": "b", "../bin/f2py": "z", "numpy/c.py": ""})
    install(site, "lost", "1.0", record_file=False)
    install(site, "short", "1.0")
    (site / "short-1.0.dist-info" / "RECORD").write_text("")
    (site / "numpy" / "a.py").write_text("A")
    (site / "numpy" / "b.py").unlink()
    (site / "numpy" / "extra.py").touch()
    (site / "sitecustomize.py").write_text("evil")
    (tmp_path / "bin" / "f2py").write_text("other")
    (site / "numpy" / "c.py").unlink()
    (site / "numpy" / "c.py").mkdir()
    found = record.verify(str(site))
    assert found.changed == ("../bin/f2py", "numpy/a.py", "numpy/c.py")
    assert found.missing == ("numpy/b.py",)
    assert found.unrecorded == ("lost/__init__.py", "numpy/extra.py", "short/__init__.py", "sitecustomize.py")
    assert found.without_record == ("lost-1.0.dist-info", "short-1.0.dist-info")
    lines = site_packages.verify(str(site))
    assert "numpy/a.py was changed" in lines and "sitecustomize.py belongs to no package" in lines
    assert len(lines) == 10


def test_a_weak_hash_in_a_record_vouches_for_nothing(tmp_path):
    info = install(tmp_path, "a", "1.0")
    text = (info / "RECORD").read_text().replace("a/__init__.py,sha256=", "a/__init__.py,md5=")
    (info / "RECORD").write_text(text)
    assert record.verify(str(tmp_path)).changed == ("a/__init__.py",)


def test_the_probe_tells_what_this_interpreter_is():
    import json
    import sysconfig

    import packaging.markers

    result = subprocess.run([sys.executable, "-I", "-c", markers.PROBE], capture_output=True, text=True, check=True)
    told = json.loads(result.stdout)
    assert told["environment"] == packaging.markers.default_environment()
    assert set(told["environment"]) | {"extra"} == markers.VARIABLES
    assert told["version_info"] == list(sys.version_info[:3])
    assert (told["prefix"], told["base_prefix"]) == (sys.prefix, sys.base_prefix)
    assert told["purelib"] == sysconfig.get_paths()["purelib"]
    assert told["machine"] and told["bits"] in (32, 64)
    assert len(result.stdout.splitlines()) == 1
