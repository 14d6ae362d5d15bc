# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

# What takes minutes (`--durations=0`), longest first. Of two processes that share the files, one would else stand idle
# in the end while the other is at one of these.
LONGEST = (
    "test_driver_rollout_faults",
    "test_driver_role_diff",
    "test_framework_roles",
    "test_driver_rollout",
    "test_nvidia_driver",
    "test_pip_pinned_hosts",
    "test_nvidia_driver_kernels",
    "test_system_packages_faults",
    "test_system_packages_desired",
    "test_conda_env_files",
    "test_pip_pinned_sources",
    "test_cuda_toolkit",
    "test_audit_playbooks",
    "test_cuda_wheels",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; within a file the order stays."""
    gone = [name for name in LONGEST if not Path(__file__).with_name(f"{name}.py").exists()]
    if gone:
        raise pytest.UsageError(f"LONGEST in tests/integration/conftest.py names {', '.join(gone)}, which is not there")
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def uv() -> str:
    """The uv of the test environment, of the release that the toolbox pins."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    found = beside if os.path.exists(beside) else shutil.which("uv")
    assert found, "uv is part of the test environment, and is not there"
    return found


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels that most tests use: alpha needs beta below 2 (gamma does not), delta has an extra, and so on."""
    folder = tmp_path_factory.mktemp("packages")
    for version in ("1.0", "1.1", "2.0"):
        distributions.wheel(folder, "beta", version)
    distributions.wheel(folder, "alpha", "1.0", requires=["beta<2"], scripts={"alpha": "alpha:main"})
    distributions.wheel(folder, "alpha", "2.0", requires=["beta<2"], scripts={"alpha": "alpha:main"})
    distributions.wheel(folder, "gamma", "1.0", requires=["beta>=2"])
    distributions.wheel(folder, "delta", "1.0", extras={"more": ["beta==1.0"]})
    distributions.wheel(folder, "Under_Score.Dot", "1.0")
    distributions.wheel(folder, "broken", "1.0", files={"broken.py": "raise ImportError('libmissing.so.1')\n"})
    distributions.sdist(folder, "epsilon", "1.0")
    distributions.sdist(folder, "failing", "1.0", fails_with="no compiler here")
    return folder


@pytest.fixture(scope="session")
def index(packages: Path) -> Iterator[PythonIndex]:
    """An index with those wheels."""
    with PythonIndex(packages) as served:
        yield served


@pytest.fixture
def site(tmp_path: Path, index: PythonIndex, uv: str) -> Site:
    """A root without environments, built with uv."""
    made = Site(tmp_path, index, {"executable": uv})
    made.home.mkdir()
    return made


@pytest.fixture(scope="session")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toolbox with the pinned pip and uv, fetched from the index that this machine is set up for."""
    folder = tmp_path_factory.mktemp("toolbox")
    for engine in ("pip", "uv"):
        root = tmp_path_factory.mktemp("toolbox-env")
        environment = {"name": "tools", "packages": ["six==1.16.0"]}
        arguments = {"root": str(root), "toolbox": str(folder), "engine": engine, "environments": [environment]}
        module_runner.succeed("pip_pinned", arguments)
    return folder


@pytest.fixture(params=["uv", "pip"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site_of_engine(tmp_path: Path, index: PythonIndex, engine: str, toolbox: Path) -> Site:
    """A root without environments, for each of the engines, both out of the toolbox."""
    made = Site(tmp_path, index, {"engine": engine, "toolbox": str(toolbox)})
    made.home.mkdir()
    return made
