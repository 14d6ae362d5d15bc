# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests under faults share: a root of environments, an index, and packages that are slow to install."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.conftest import uv
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

__all__ = ["folder", "index", "site", "uv"]

STEPS = 40
ENTRY = """\
import sys


def main():
    sys.stdin.readline()
    from step import late
    print(late.WHAT)


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels: step in many versions, each with some files; bulky with more than a small disk holds."""
    made = tmp_path_factory.mktemp("wheels")
    for version in range(1, STEPS + 1):
        files = {
            **{f"step/part{number}.py": f"PART = {number}\n" * 50 for number in range(40)},
            "step/__init__.py": f"__version__ = '{version}'\nfrom step.part39 import PART\n",
            "step/late.py": f"WHAT = 'step {version}'\n\n\ndef answer(_):\n    return WHAT\n",
            "step/entry.py": ENTRY,
        }
        distributions.wheel(made, "step", str(version), files=files, scripts={"step-late": "step.entry:main"})
    noise = random.Random(4).randbytes(12_000_000).hex()
    distributions.wheel(made, "bulky", "1", files={"bulky.py": f"TEXT = '{noise}'\n"})
    return made


@pytest.fixture(scope="session")
def _served(folder: Path) -> Iterator[PythonIndex]:
    with PythonIndex(folder) as served:
        yield served


@pytest.fixture
def index(_served: PythonIndex) -> Iterator[PythonIndex]:
    """The index, without faults at the beginning and the end."""
    yield _served
    _served.fault, _served.cut_after, _served.delay_s = None, None, 0.0


@pytest.fixture
def site(tmp_path: Path, index: PythonIndex, uv: str) -> Site:
    """A root without environments, built with uv and without a cache, so that every file comes from the index."""
    made = Site(tmp_path, index, {"executable": uv, "no_cache": True})
    made.home.mkdir()
    return made
