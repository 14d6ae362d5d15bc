# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of pip check by our own code, beside the real one on a real environment."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import zipfile

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import check, distributions, markers, record


def wheel(folder, name, version, *requires):
    """A real wheel with metadata and one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {item}\n" for item in requires)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{file},sha256={digest},{len(text)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
    return str(path)


def told_by_pip(item):
    """A conflict in the words of pip check."""
    if item.found is None:
        return f"{item.package} {item.package_version} requires {item.wanted_name}, which is not installed."
    return (
        f"{item.package} {item.package_version} has requirement {item.wanted}, "
        f"but you have {item.wanted_name} {item.found}."
    )


def test_pip_check_says_the_same_of_a_real_environment(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    probe = json.loads(subprocess.run([python, "-I", "-c", markers.PROBE], capture_output=True, check=True).stdout)

    def verdicts(*wheels):
        subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", *wheels], check=True)
        theirs = subprocess.run([*pip, "check"], capture_output=True, text=True, check=False)
        installed = distributions.inventory(probe["purelib"], probe["platlib"])
        assert installed.broken == ()
        assert record.verify(probe["purelib"]).clean
        ours = check.check(installed.distributions, probe["environment"])
        assert ours.unreadable == ()
        # pip repeats a requirement with its marker, and says in a sentence that nothing is wrong.
        lines = {re.sub(r"; .*(?=, but you have)", "", line) for line in theirs.stdout.splitlines()}
        return theirs.returncode, lines, {told_by_pip(item) for item in ours.conflicts}

    whole = wheel(tmp_path, "zeta", "1.0", "eta>=2"), wheel(tmp_path, "eta", "2.1", "none ; extra == 'x'")
    assert verdicts(*whole) == (0, {"No broken requirements found."}, set())
    status, theirs, ours = verdicts(
        wheel(tmp_path, "alpha", "1.0", "beta<2", "gamma>=1 ; python_version >= '3.8'", "delta ; extra == 'x'"),
        wheel(tmp_path, "beta", "2.1", "missing_one", "alpha==1.0", "Missing.Two>=3 ; sys_platform == 'linux'"),
        wheel(tmp_path, "gamma", "1.0rc1", "beta>=2 ; python_version < '3'", "beta!=2.1"),
        wheel(tmp_path, "epsilon", "1.0+local1", "alpha~=1.0", "gamma===1.0rc1", "epsilon==1.0"),
    )
    assert theirs == ours
    assert (status, len(ours)) == (1, 5)
