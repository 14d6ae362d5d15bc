# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules from an archive: compiled once, kept for the next run, and in all else as Python's own importer has them."""

from __future__ import annotations

import inspect
import json
import os
import pwd
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _zip_imports

SOURCE = inspect.getsource(_zip_imports)

# Counts what is compiled, then tells all that a program can ask of what it imported.
LOOK = """
import json, sys, zipimport
counted, compile_source = [], zipimport._compile_source
def counting(path, source):
    counted.append(path[len(sys.argv[1]) + 1 :])
    return compile_source(path, source)
zipimport._compile_source = counting
{ahead}
sys.path.insert(0, sys.argv[1])
import importlib, importlib.util, inspect, traceback
found = {{}}
for name in ("outer", "outer.inner", "outer.deep", "outer.deep.est"):
    module = importlib.import_module(name)
    spec = module.__spec__
    found[name] = [module.__file__, module.__package__, list(getattr(module, "__path__", [])), spec.origin]
    found[name] += [inspect.getsource(module), spec.loader.is_package(name), spec.loader.get_source(name)]
found["function"] = inspect.getsource(sys.modules["outer.inner"].fails)
try:
    sys.modules["outer.inner"].fails()
except ZeroDivisionError:
    found["traceback"] = traceback.format_exc()
for name in ("outer.missing", "missing"):
    try:
        importlib.import_module(name)
    except ImportError as error:
        found[name] = [type(error).__name__, str(error)]
found["data"] = sys.modules["outer"].__loader__.get_data(sys.argv[1] + "/outer/words.txt").decode()
found["spec only"] = importlib.util.find_spec("unused").origin
print(json.dumps([counted, found]))
"""
FILES = {
    "outer/__init__.py": "import os\n",
    "outer/inner.py": "def fails():\n    return 1 / 0\n",
    "outer/deep/__init__.py": "DEEP = True\n",
    "outer/deep/est.py": "WORD = 'seven'\n",
    "outer/words.txt": "words",
    "unused.py": "",
}
ALL = ["outer/__init__.py", "outer/inner.py", "outer/deep/__init__.py", "outer/deep/est.py"]
NAME = "ansible_gpufleet.mlstack.thing_payload.zip"


def packed(folder: Path, name: str = NAME, **changed: str) -> Path:
    """An archive in a folder of its own, as Ansible makes them."""
    folder.mkdir()
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as made:
        for path, text in {**FILES, **changed}.items():
            made.writestr(path, text)
    return folder / name


def look(archive, folder=None, variables=None):
    """What was compiled and what was found; ``folder`` is where bytecode is kept, None for Python's own way."""
    ahead = "" if folder is None else f"exec({SOURCE!r} + {f'install({str(folder)!r})'!r}, {{}})"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(ahead=ahead), str(archive)],
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def kept(tmp_path):
    """The folder of bytecode, filled by a first run that compiled everything."""
    folder = tmp_path / "kept" / "compiled"
    assert look(packed(tmp_path / "first"), folder)[0] == ALL
    return folder


def the_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_file_is_compiled_once_and_all_else_is_as_it_was(tmp_path):
    archive = packed(tmp_path / "made", "any other.zip")
    counted, found = look(archive, tmp_path / "kept")
    as_python_does, without = look(archive)
    assert counted == ALL
    assert set(as_python_does) >= {*ALL, "unused.py"}, "Python compiles what it only looks for: nothing to save here"
    assert found == without
    assert not (tmp_path / "kept").exists(), "an archive that is not Ansible's leaves nothing behind"


def test_the_next_run_compiles_nothing_and_finds_all_as_it_was(kept, tmp_path):
    archive = packed(tmp_path / "second")
    before = the_file(kept).stat()
    assert look(archive, kept) == [[], look(archive)[1]], "its paths are those of the first archive, perhaps"
    assert the_file(kept).stat().st_mtime_ns == before.st_mtime_ns


def test_a_changed_file_is_compiled_anew_and_alone(kept, tmp_path):
    changed = {"outer/deep/est.py": "WORD = 'eight'\n"}
    archive = packed(tmp_path / "second", **changed)
    assert look(archive, kept) == [["outer/deep/est.py"], look(archive)[1]]
    assert look(archive, kept)[0] == []


def test_a_new_file_joins_the_others(kept, tmp_path):
    archive = packed(tmp_path / "second", **{"outer/missing.py": "FOUND = True\n"})
    assert look(archive, kept)[0] == ["outer/missing.py"]
    assert look(packed(tmp_path / "third"), kept)[0] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:9]),
        lambda path: path.write_bytes(b"\0" * 4096),
        lambda path: path.write_bytes(b"\0\0" + path.read_bytes()[2:]),
        lambda path: path.write_bytes(path.read_bytes()[:500] + b"!" + path.read_bytes()[501:]),
        lambda path: os.truncate(path, 1 << 30),
        lambda path: path.chmod(0o660),
        lambda path: path.chmod(0o602),
        lambda path: (path.rename(path.parent.parent / "moved"), path.symlink_to(path.parent.parent / "moved")),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
    ids=[
        "empty",
        "shortened",
        "stump",
        "zeros",
        "another-python",
        "altered",
        "sparse",
        "group",
        "others",
        "link",
        "fifo",
    ],
)
def test_what_cannot_be_trusted_is_not_used_and_replaced(kept, tmp_path, spoil):
    spoil(the_file(kept))
    archive = packed(tmp_path / "second")
    assert look(archive, kept) == [ALL, look(archive)[1]]
    assert look(archive, kept)[0] == []
    assert [path.stat().st_mode & 0o777 for path in kept.iterdir()] == [0o600]


@pytest.mark.parametrize("which", ["folder", "the one above"])
def test_a_folder_that_others_can_write_to_is_neither_read_nor_written(kept, tmp_path, which):
    (kept if which == "folder" else kept.parent).chmod(0o777)
    before = the_file(kept).read_bytes()
    archive = packed(tmp_path / "second", **{"outer/deep/est.py": "WORD = 'eight'\n"})
    assert look(archive, kept)[0] == ALL
    assert the_file(kept).read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_somebody_else_is_neither_read_nor_written(kept, tmp_path):
    os.chown(kept, 65534, 65534)
    assert look(packed(tmp_path / "second"), kept)[0] == ALL


def test_where_nothing_can_be_written_everything_works(tmp_path):
    (tmp_path / "file").write_text("in the way")
    archive = packed(tmp_path / "made")
    assert look(archive, tmp_path / "file" / "compiled") == [ALL, look(archive)[1]]
    assert look(archive, "/dev/full")[0] == ALL


def test_nothing_is_kept_or_used_where_python_is_told_to_write_no_bytecode(kept, tmp_path):
    before = the_file(kept).stat()
    told = {"PYTHONDONTWRITEBYTECODE": "1"}
    assert look(packed(tmp_path / "second", **{"unused.py": "1\n"}), kept, told)[0] == ALL
    assert the_file(kept).stat().st_mtime_ns == before.st_mtime_ns


def test_an_optimizing_python_has_a_file_of_its_own(kept, tmp_path):
    assert look(packed(tmp_path / "second"), kept, {"PYTHONOPTIMIZE": "1"})[0] == ALL
    assert len(list(kept.iterdir())) == 2


def test_many_at_once_leave_one_whole_file(tmp_path):
    archive, folder = packed(tmp_path / "made"), tmp_path / "kept"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(look, [archive] * 6, [folder] * 6))
    assert {tuple(answer[0]) for answer in answers} <= {tuple(ALL), ()}
    assert look(archive, folder)[0] == []
    the_file(folder)


def test_what_a_killed_run_left_half_written_goes_and_what_a_running_one_writes_stays(kept, tmp_path):
    whole = the_file(kept)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, being_written = (whole.with_name(f"{whole.name}.{pid}") for pid in (dead.pid, os.getpid()))
    for path in (left, being_written):
        path.write_bytes(whole.read_bytes()[:100])
    look(packed(tmp_path / "second", **{"outer/deep/est.py": "WORD = 'eight'\n"}), kept)
    assert set(kept.iterdir()) == {whole, being_written}


def test_what_has_grown_beyond_all_measure_is_begun_anew(kept, tmp_path):
    names = [f"outer/big{number}.py" for number in range(2)]
    text = "WORDS = '" + "x" * (9 << 20) + "'\n"
    archive = packed(tmp_path / "second", **dict.fromkeys(names, text))
    grow = f"exec({SOURCE!r} + {f'install({str(kept)!r})'!r}, {{}}); import sys; sys.path.insert(0, {str(archive)!r})"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    program = f"{grow}; import outer.big0, outer.big1"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd="/")
    assert the_file(kept).stat().st_size > 16 << 20
    assert look(packed(tmp_path / "third"), kept)[0] == ALL
    assert the_file(kept).stat().st_size < 1 << 20


def test_it_serves_archives_alone():
    program = f"exec({SOURCE + 'install()'!r}, {{}})\nimport colorsys; print(colorsys.__loader__)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert "SourceFileLoader" in done.stdout


def test_root_keeps_nothing_in_a_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _zip_imports._folder() == "/var/cache/gpufleet-mlstack/compiled"
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    home = pwd.getpwuid(65534).pw_dir
    assert _zip_imports._folder() == os.path.join(home, ".cache/gpufleet-mlstack/compiled")
