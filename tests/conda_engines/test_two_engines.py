# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment that one engine made and another one changes: no file is left behind, none is lost."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.conda_engines.conftest import NAMES, Make
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import (
    Work,
    files,
    installed,
    missing,
    orphans,
    python,
)

OLD = ("python", "bed-tool=1.1", "packaging=21.3", "numpy=1.26")
NEW = ("python", "bed-tool=2.0", "numpy=2.0", "bed-scripts")


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(NAMES, 2)))
def test_one_makes_and_another_changes(first: str, second: str, tmp_path: Path, channel: Channel, make: Make) -> None:
    maker = Work(make(first, tmp_path / "first"), tmp_path, channel)
    changer = Work(make(second, tmp_path / "second"), tmp_path, channel)
    packages = maker.solve(*OLD).packages
    assert packages == changer.solve(*OLD).packages
    maker.install(packages, *OLD)
    (tmp_path / "prefix" / "share" / "mine.txt").write_text("mine\n")
    assert not changer.install(packages, *OLD).changed

    wanted = changer.solve(*NEW).packages
    changer.install(wanted, *NEW)
    assert installed(changer.prefix) == {item.name: f"{item.version} {item.build}" for item in wanted}
    assert orphans(changer.prefix) == {"share/mine.txt", "bed-scripts.linked"}
    assert not missing(changer.prefix)
    assert (
        python(changer.prefix, "import bed_tool, numpy; print(bed_tool.__version__, numpy.__version__)") == "2.0 2.0.1"
    )
    asked = history.requested(history.read(str(changer.prefix)), installed(changer.prefix))
    assert asked == {"python": "python", "bed-tool": "bed-tool=2.0", "numpy": "numpy=2.0", "bed-scripts": "bed-scripts"}

    maker.install((), prefix=changer.prefix)
    assert files(changer.prefix) == {"share/mine.txt"}


@pytest.mark.skipif(not os.environ.get("CONDA"), reason="the program itself: ./test conda-engines CONDA=/path/to/conda")
def test_conda_by_hand_removes_only_what_it_is_told(rattler: Work) -> None:
    """Which it knows by the history that was written; the recorded conda took four packages along without it."""
    rattler.create(*OLD, "six=1.15")
    before = installed(rattler.prefix)
    argv = [os.environ["CONDA"], "remove", "--yes", "--offline", "--override-channels", "-c", rattler.channel.url]
    subprocess.run([*argv, "-p", rattler.prefix, "numpy"], check=True, capture_output=True)
    assert installed(rattler.prefix) == {name: build for name, build in before.items() if name != "numpy"}
