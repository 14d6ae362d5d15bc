# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's installer (C(.run)): fetched and verified, run for the toolkit alone, taken back when it fails.

Options as of CUDA 10.1 to 13: C(--silent) accepts the licence, C(--toolkit) leaves the driver out, C(--override) skips
the check of the host's gcc, C(--installpath) is where all of it goes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _download
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import facts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import LINK, DesiredToolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, reading, trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

# Room for several GB: /tmp is often in memory.
_WORKPLACE = "/var/tmp"
# An unpacked toolkit takes about this many times the size of its installer, and the installer unpacks itself first.
_INSTALLED, _UNPACKED = 2.0, 1.2
_TIMEOUT = 3600.0
# One of another user, or of a run that was killed, makes the installer crash.
_STALE_LOG = "/tmp/cuda-installer.log"
_MOST_LOG = 64 << 20  # bytes
# Beside a toolkit while another release of the same number is installed over it.
_BEFORE = ".gpufleet-before"


def install(host: Host, commands: Commands, toolkit: DesiredToolkit) -> None:
    """Have the toolkit in its folder. Raises MlstackError; the folder is then again what it was, or gone."""
    wanted = f"install {toolkit.name} from its runfile"
    source, sha256 = _source(host, toolkit, wanted)
    _require_space(source, toolkit, wanted)
    folder = tempfile.mkdtemp(prefix="gpufleet-mlstack-cuda-", dir=_WORKPLACE)
    try:
        file = source
        if source.startswith("/"):
            if trust.flaw_of(source) is not None:  # its owner must not exchange it between the check and the run
                file = os.path.join(folder, "installer.run")
                writing.copy_in(source, file, 0o600)
            _download.require_digest(_download.sha256_of(file), sha256, source, wanted)
        else:
            file = os.path.join(folder, "installer.run")
            _download.fetch_file(source, file, sha256, wanted)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_STALE_LOG)
        with _as_before_on_failure(commands, toolkit.path):
            _run(commands, file, folder, toolkit, wanted)
            if not os.path.exists(f"{toolkit.path}/bin/nvcc"):
                raise MlstackError(
                    "runfile_failed",
                    wanted=wanted,
                    found=f"the installer succeeded, and {toolkit.path}/bin/nvcc is not there",
                    to_fix="see whether the file is really the installer of a toolkit",
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove(path: str) -> None:
    """Delete the folder of a toolkit that a runfile has made."""
    with disk.explained(f"delete {path}"):
        disk.delete(path)
        disk.delete(_copy_of(path))


@contextlib.contextmanager
def _as_before_on_failure(commands: Commands, path: str) -> t.Iterator[None]:
    """Run the installer in the body. It overwrites a toolkit of the same release, in which people put files of their
    own, such as cuDNN's: a copy of all of it is what a failure goes back to."""
    before, link = _copy_of(path), os.readlink(LINK) if os.path.islink(LINK) else ""
    existed = os.path.isdir(path)
    if not existed:
        disk.delete(before)
    elif not os.path.isdir(before):  # else a run was killed, and what is in the folder now is half of a toolkit
        disk.delete(f"{before}.part")
        _copy(commands, path, f"{before}.part")
        os.rename(f"{before}.part", before)
    try:
        yield
    except BaseException as exc:
        if existed:
            for name in os.listdir(path):
                disk.delete(os.path.join(path, name))
            _copy(commands, before, path)
        else:
            disk.delete(path)
        _put_link_back(link)
        disk.delete(before)
        if not isinstance(exc, MlstackError):
            raise
        told = "is as it was" if existed else "is not there, as before"
        details = {**exc.details, "restored": True}
        raise MlstackError(
            exc.code, wanted=exc.wanted, found=f"{exc.found}; {path} {told}", to_fix=exc.to_fix, **details
        ) from exc
    disk.delete(before)


def _copy_of(path: str) -> str:
    # Beside the folder itself, which may be behind a link and on another file system.
    return f"{os.path.realpath(path)}{_BEFORE}"


def _copy(commands: Commands, source: str, target: str) -> None:
    words = ["cp", "-a", "--reflink=auto", f"{source}/.", target]
    commands.run(words, purpose=f"copy {source} to {target}, to go back to it after a failure", timeout=_TIMEOUT)


def _put_link_back(link: str) -> None:
    """The installer takes the default for itself."""
    if not os.path.islink(LINK) or os.readlink(LINK) == link:
        return
    if link:
        writing.replace_link(LINK, link)
    else:
        os.unlink(LINK)


def _source(host: Host, toolkit: DesiredToolkit, wanted: str) -> tuple[str, str]:
    known = facts.installer(toolkit.version, host.machine)
    source = toolkit.source or (known.url if known else "")
    sha256 = toolkit.sha256 or (known.sha256 if known else "")
    if not source or not sha256:
        raise MlstackError(
            "unknown_runfile",
            wanted=wanted,
            found=f"the tables have no {'address' if not source else 'SHA-256 digest'} for {toolkit.version} on "
            f"{host.machine}",
            to_fix="give source and sha256 for it",
        )
    if source.startswith("/") and not os.path.isfile(source):
        raise MlstackError(
            "file_missing",
            wanted=wanted,
            found=f"there is no file {source} on the host",
            to_fix="put the runfile there",
        )
    return source, sha256


def _require_space(source: str, toolkit: DesiredToolkit, purpose: str) -> None:
    local = source.startswith("/")
    copied = not local or trust.flaw_of(source) is not None
    size = os.path.getsize(source) if local else _download.size_of(source, purpose)
    needed: dict[int, float] = {}
    names: dict[int, str] = {}
    if os.path.isdir(toolkit.path) and not os.path.isdir(_copy_of(toolkit.path)):
        beside = os.path.dirname(_copy_of(toolkit.path))
        needed[os.stat(beside).st_dev] = float(disk.size_of(os.path.realpath(toolkit.path)))
        names[os.stat(beside).st_dev] = beside
    for place, factor in ((os.path.dirname(toolkit.path), _INSTALLED), (_WORKPLACE, _UNPACKED + copied)):
        device = os.stat(place).st_dev
        needed[device] = needed.get(device, 0.0) + size * factor
        names.setdefault(device, place)
    for device, wanted in needed.items():
        stat = os.statvfs(names[device])
        free = stat.f_bavail * stat.f_frsize
        if free < wanted:
            raise MlstackError(
                "disk_full",
                wanted=purpose,
                found=f"{names[device]} has {free // 1000**2} MB free, and {int(wanted) // 1000**2} MB are needed; "
                "nothing was changed",
                to_fix="free disk space, then run the task again",
                free_bytes=free,
                needed_bytes=int(wanted),
            )


def _run(commands: Commands, file: str, folder: str, toolkit: DesiredToolkit, wanted: str) -> None:
    options = ["--silent", "--toolkit", "--override", f"--installpath={toolkit.path}", f"--tmpdir={folder}"]
    result = commands.run(["sh", file, *options], purpose=wanted, cwd=folder, timeout=_TIMEOUT, check=False)
    if result.ok:
        return
    log = _last_lines(_STALE_LOG)
    raise MlstackError(
        "runfile_failed",
        wanted=wanted,
        found=f"the installer ended with status {result.rc}: {_told(result.out, result.err, log)}",
        to_fix="read stdout, stderr and log in this result; some releases need libxml2.so.2",
        rc=result.rc,
        stdout=result.out,
        stderr=result.err,
        log=log,
    )


def _told(*texts: str) -> str:
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "error" in line.lower()]
    return (named or lines or ["it printed nothing"])[-1]


def _last_lines(path: str) -> str:
    try:
        return "".join(reading.read_text(path, _MOST_LOG).splitlines(keepends=True)[-30:])
    except reading.NotReadable:
        return ""
