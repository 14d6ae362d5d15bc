# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement, marker and options of a line are divided where pip and uv divide them: held against both."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files
from ansible_collections.gpufleet.mlstack.tests.bed import distributions

LEFT_OUT, WANTED, REFUSED = "left out", "wanted", "refused"
HERE = {"python_version": "3.11", "sys_platform": "linux"}
NEVER = 'python_version < "3"'
SEPARATORS = ["; ", " ; ", " ;", ";", "\t;\t", ";\t"]

# Reads lines of JSON, as pip reads those of a requirement file.
PIP = r"""
import json, sys
from pip._internal.req import req_file
from pip._internal.req.constructors import install_req_from_parsed_requirement
for text in json.load(sys.stdin):
    open("line.txt", "w").write(text + "\n")
    try:
        (parsed,) = req_file.parse_requirements("line.txt", session=None)
        found = install_req_from_parsed_requirement(parsed)
        print("wanted" if found.match_markers() else "left out")
    except BaseException:
        print("refused")
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with a wheel, and lines that want it."""
    folder = tmp_path_factory.mktemp("lines")
    wheel = distributions.wheel(folder, "alpha", "1.0")
    digest = hashlib.sha256(Path(wheel).read_bytes()).hexdigest()
    url, option = Path(wheel).as_uri(), f"--hash=sha256:{digest}"
    heads = [url, f"alpha @ {url}", f"./{Path(wheel).name}", "alpha==1.0", f"{wheel}[a]"]
    found = [f"{head}{separator}{NEVER}" for head in heads for separator in SEPARATORS]
    found += [f"{head}{separator}{NEVER} {option}" for head in heads[:2] for separator in SEPARATORS[:2]]
    found += [f"{url};x=1 ; {NEVER}", f"alpha @ {url} {option}", f"{url} {option}", f"alpha==1.0 {option} ; {NEVER}"]
    found += [f"alpha @ {url} # why", f"{url} # why", "alpha # why", "alpha#why", f"alpha==1.0; {NEVER} # why -x"]
    found += [f"alpha==1.0;{NEVER}# why", "alpha==1.0 -C a=b", f"{url}#sha256={digest}; {NEVER}"]
    return folder, found


def ours(line: str, folder: Path) -> str:
    try:
        found = requirement_files.read(["line.txt"], load=lambda path: line.encode(), base=str(folder))
    except InvalidArguments:
        return REFUSED
    (item,) = found.requirements
    return WANTED if item.applies(HERE) else LEFT_OUT


def by_uv(line: str, folder: Path, uv: str) -> str:
    (folder / "line.txt").write_text(line + "\n")
    argv = [uv, "pip", "compile", "--quiet", "--no-config", "--no-deps", "--offline", "--no-index", "--no-cache"]
    argv += ["--find-links", ".", "--no-header", "--no-annotate", "line.txt"]
    ran = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return REFUSED if ran.returncode else WANTED if ran.stdout.strip() else LEFT_OUT


def test_each_line_is_read_as_pip_or_uv_reads_it_and_as_both_where_they_agree(
    lines: tuple[Path, list[str]], uv: str
) -> None:
    folder, texts = lines
    ran = subprocess.run(
        [sys.executable, "-c", PIP], cwd=folder, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    wrong = []
    for text, pips in zip(texts, ran.stdout.splitlines(), strict=True):
        uvs, found = by_uv(text, folder, uv), ours(text, folder)
        if found not in {pips, uvs}:
            wrong.append((text, f"pip: {pips}", f"uv: {uvs}", f"here: {found}"))
    assert wrong == []
