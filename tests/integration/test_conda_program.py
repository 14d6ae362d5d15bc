# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda_program with a stand-in of Miniforge's installer: the real one is nowhere to be had for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import Ran

# Takes the options of conda's constructor: -b (ask nothing), -u (into a folder that is there), -p PREFIX.
STAND_IN = """\
#!/bin/sh
[ "$1 $2 $3" = "-b -u -p" ] || exit 2
mkdir -p "$4/bin" "$4/etc/profile.d" "$4/conda-meta"
test ! -e %s || exit 3
printf '#!/bin/sh\\necho conda 0.0 stand-in\\n' >"$4/bin/conda" && chmod +x "$4/bin/conda"
"""


def run(file: Path, prefix: Path, *, sha256: str = "", **more: Any) -> Ran:
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    check = more.pop("check", False)
    arguments = {"url": file.as_uri(), "sha256": digest, "prefix": str(prefix), **more}
    return module_runner.run("conda_program", arguments, check=check)


def test_an_installer_runs_once_and_only_with_its_hash(tmp_path: Path) -> None:
    installer, prefix = tmp_path / "installer.sh", tmp_path / "conda"
    installer.write_text(STAND_IN % (tmp_path / "broken"))
    wrong = run(installer, prefix, sha256="0" * 64)
    assert wrong.result["failed"] and not (prefix / "bin").exists()
    assert run(installer, prefix, check=True).result["changed"] and not (prefix / "bin").exists()
    made = run(installer, prefix)
    assert made.result["changed"] and made.result["executable"] == f"{prefix}/bin/conda"
    again = run(installer, prefix)
    assert not again.result["changed"] and again.result["commands_run"] == 0
    installer.write_text(installer.read_text() + "\n")
    assert run(installer, prefix).result["code"] == "other_release"


def test_an_installation_that_fails_is_done_anew(tmp_path: Path) -> None:
    installer, prefix, broken = tmp_path / "installer.sh", tmp_path / "conda", tmp_path / "broken"
    installer.write_text(STAND_IN % broken)
    broken.touch()
    assert run(installer, prefix).result["failed"]
    broken.unlink()
    repaired = run(installer, prefix)
    assert [step["action"] for step in repaired.result["plan"]] == ["clean", "install"]
    assert not run(installer, prefix).result["changed"]


def test_somebody_elses_prefix_is_refused(tmp_path: Path) -> None:
    installer, prefix = tmp_path / "installer.sh", tmp_path / "conda"
    installer.write_text(STAND_IN % "/nonexistent")
    prefix.mkdir()
    (prefix / "mine").touch()
    assert run(installer, prefix).result["code"] == "occupied"
    for bad in ("relative", "/a b", "/x;y"):
        assert run(installer, Path(bad)).result["code"] == "program_invalid"


def test_one_file_is_put_in_place_and_renewed(tmp_path: Path) -> None:
    program, prefix = tmp_path / "micromamba", tmp_path / "place"
    for text in ("#!/bin/sh\necho 1\n", "#!/bin/sh\necho 2\n"):
        program.write_text(text)
        assert run(program, prefix, kind="binary").result["changed"]
        assert (prefix / "bin" / "micromamba").read_text() == text
        assert not run(program, prefix, kind="binary").result["changed"]
