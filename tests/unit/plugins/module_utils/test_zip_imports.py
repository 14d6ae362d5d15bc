# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules from an archive: compiled once, and in all else as Python's own importer has them."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _zip_imports

AHEAD = f"exec({inspect.getsource(_zip_imports) + 'install()'!r}, {{}})"

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


@pytest.fixture
def archive(tmp_path):
    """An archive with packages, modules and data."""
    files = {
        "outer/__init__.py": "import os\n",
        "outer/inner.py": "def fails():\n    return 1 / 0\n",
        "outer/deep/__init__.py": "DEEP = True\n",
        "outer/deep/est.py": "WORD = 'seven'\n",
        "outer/words.txt": "words",
        "unused.py": "",
    }
    path = tmp_path / "an archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return path


def look(archive, ahead=""):
    program = LOOK.format(ahead=ahead)
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(archive)], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ONCE = ["outer/__init__.py", "outer/inner.py", "outer/deep/__init__.py", "outer/deep/est.py"]


def test_a_file_is_compiled_once_and_all_else_is_as_it_was(archive):
    counted, found = look(archive, AHEAD)
    as_python_does, without = look(archive)
    assert counted == ONCE
    assert set(as_python_does) >= {*ONCE, "unused.py"}, "Python compiles what it only looks for: nothing to save here"
    assert found == without


def test_it_serves_archives_alone():
    program = f"{AHEAD}\nimport sys; sys.path.insert(0, '/nowhere'); import colorsys; print(colorsys.__loader__)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert "SourceFileLoader" in done.stdout
