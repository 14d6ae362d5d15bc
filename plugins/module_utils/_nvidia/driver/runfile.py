# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's installer, the C(.run) file: fetched by its digest, run without questions, and taken back."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _download
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import kept_installer
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import Runfile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import OPEN

SITE = "https://us.download.nvidia.com/tesla"
_BUILD_SECONDS = 3600.0
# Until which branch each of these did not exist yet (release notes; gpu-driver-container's and aks-gpu's scripts).
_FLAVOUR_OPTION, _OPEN_MODULES, _SKIP_LOAD = 560, 515, 550


def url_of(version: str, machine: str) -> str:
    """Where NVIDIA publishes the installer of a data centre driver."""
    return f"{SITE}/{version}/NVIDIA-Linux-{machine}-{version}.run"


def options(version: str, flavour: str, release: str) -> list[str]:
    """The installer's options for a driver and a kernel; an empty flavour leaves the choice to it.

    Raises MlstackError for a flavour that the version lacks.
    """
    branch = int(version.partition(".")[0])
    words = ["--silent", "--dkms", f"--kernel-name={release}", "--no-x-check", "--no-nouveau-check"]
    if branch >= _FLAVOUR_OPTION and flavour:
        words.append(f"--kernel-module-type={flavour}")
    elif flavour == OPEN and branch < _OPEN_MODULES:
        raise MlstackError(
            "not_offered",
            wanted=f"the open kernel module of {version}",
            found=f"drivers before {_OPEN_MODULES} have none",
            to_fix="ask for a newer driver or the proprietary module",
        )
    elif branch >= _OPEN_MODULES and flavour:
        words.append("-m=kernel-open" if flavour == OPEN else "-m=kernel")
    if branch >= _SKIP_LOAD:
        words.append("--skip-module-load")
    return words


@contextlib.contextmanager
def fetched(host: Host, runfile: Runfile, version: str) -> t.Iterator[str]:
    """The installer on this host, verified. Raises MlstackError before anything was changed."""
    wanted = f"NVIDIA's installer of the driver {version}"
    if not runfile.sha256:
        raise MlstackError(
            "no_digest",
            wanted=wanted,
            found="no SHA-256 digest of it is known",
            to_fix="give runfile_sha256, from a source that you trust",
        )
    folder = tempfile.mkdtemp(prefix="gpufleet-mlstack-", dir=host.path("/var/tmp"))
    try:
        path = os.path.join(folder, f"NVIDIA-Linux-{version}.run")
        if runfile.path:
            with contextlib.suppress(FileNotFoundError):
                _copy(host.path(runfile.path), path, ours=runfile.path.startswith(f"{kept_installer.FOLDER}/"))
            if not os.path.exists(path):
                raise MlstackError(
                    "no_such_file",
                    wanted=wanted,
                    found=f"{runfile.path} is not on this host",
                    to_fix="put it there, or give runfile_url",
                )
            _download.require_digest(_download.sha256_of(path), runfile.sha256, runfile.path, wanted)
        else:
            _download.fetch_file(runfile.url or url_of(version, host.machine), path, runfile.sha256, wanted)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: str, path: str, *, ours: bool) -> None:
    """Another file, not another name: whoever owns it must not exchange it between the check and the run."""
    if ours:
        trust.require(source, f"run the kept installer {source}")
    writing.copy_in(source, path, 0o600, link=ours)


def install(commands: Commands, path: str, version: str, flavour: str, release: str) -> None:
    """Run the installer. Raises MlstackError with what its log says."""
    argv = ["sh", path, *options(version, flavour, release), f"--tmpdir={os.path.dirname(path)}"]
    commands.run(
        argv,
        purpose=f"install the driver {version} by NVIDIA's installer (its log: /var/log/nvidia-installer.log)",
        timeout=_BUILD_SECONDS,
        outlives_us=True,
    )


def uninstall(host: Host, commands: Commands) -> None:
    """Let the installer's own program take the driver away. Raises MlstackError where that is gone."""
    program = next(filter(host.exists, ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer")), None)
    if program is None:
        raise MlstackError(
            "no_uninstaller",
            wanted="remove the driver of NVIDIA's installer",
            found="its nvidia-uninstall is gone",
            to_fix="run the .run file of the installed version with --uninstall, and then this task again",
        )
    words = ["--silent"] if program.endswith("uninstall") else ["--uninstall", "--silent"]
    purpose = "remove the driver of NVIDIA's installer"
    commands.run([host.path(program), *words], purpose=purpose, timeout=1800.0, outlives_us=True)
