# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity, made to test something: it needs a place of its own, a pip and real interpreters."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess

from testing.workplace import Failed, Workplace

# What ansible-test prints when it found nothing to test, and then ends with 0.
_VACUUM = "All targets skipped"

_BOOTSTRAP = """\
import os, runpy, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-{version}-py3-none-any.whl"))
sys.argv = ["pip", "install"] + [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def sanity(work: Workplace) -> None:
    copy = _copy(work)
    home = os.path.join(work.cache, "ansible-test")
    _place_pip(work, home)
    environ = work.environ(HOME=home, PATH=_path(work))
    # The user's own pip settings (an index, a proxy) stay in force under the other home.
    environ.setdefault("XDG_CONFIG_HOME", os.path.join(os.path.expanduser("~"), ".config"))
    del environ["ANSIBLE_COLLECTIONS_PATH"]
    before = os.path.getsize(work.log)
    work.check("ansible-test sanity", [work.tool("ansible-test"), "sanity", "--color", "no"], cwd=copy, env=environ)
    with open(work.log, encoding="utf-8", errors="replace") as stream:
        stream.seek(before)
        printed = stream.read()
    if work.excerpts:  # the errors are spread over thousands of lines about virtual environments
        work.excerpts = ["\n".join(line for line in printed.splitlines() if line.startswith(("ERROR:", "FATAL:")))]
    work.verdict("ansible-test sanity", _VACUUM not in printed, "it found nothing to test")
    ran = len(set(re.findall(r'^Running sanity test "([^"]+)"', printed, re.MULTILINE)))
    work.verdict("ansible-test sanity", ran > 20, f"it ran only {ran} tests")
    work.notes.append(f"{ran} sanity tests")
    work.conclude()


def _copy(work: Workplace) -> str:
    """The files that belong to the project, outside the checkout: ansible-test asks git what to test."""
    copy = os.path.join(work.cache, "sanity", "ansible_collections", "gpufleet", "mlstack")
    shutil.rmtree(copy, ignore_errors=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=work.checkout,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listing.decode().split("\0")):
        source, target = os.path.join(work.checkout, name), os.path.join(copy, name)
        if os.path.lexists(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    for command in (["init", "-q"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=copy, check=True, stdin=subprocess.DEVNULL)
    return copy


def _place_pip(work: Workplace, home: str) -> None:
    """Put the pip that ansible-test would download by an unchecked script into its cache, checked by hash."""
    (source,) = glob.glob(
        os.path.join(
            work.environment, "lib", "python3.*", "site-packages", "ansible_test", "_internal", "python_requirements.py"
        )
    )
    with open(source, encoding="utf-8") as stream:
        match = re.search(r"pip='([0-9.]+)'", stream.read())
    lock = os.path.join(work.checkout, "tools", "testing", "sanity-pip.lock")
    with open(lock, encoding="utf-8") as stream:
        locked = re.search(r"^pip==([0-9.]+) ", stream.read(), re.MULTILINE)
    if not match or not locked or match.group(1) != locked.group(1):
        raise Failed(f"ansible-test wants pip {match and match.group(1)}, and {lock} has {locked and locked.group(1)}")
    version = match.group(1)
    cache = os.path.join(home, ".ansible", "test", "cache")
    if not os.path.exists(os.path.join(cache, f"pip-{version}-py3-none-any.whl")):
        os.makedirs(cache, exist_ok=True)
        pip = [work.tool("python"), "-m", "pip"]
        status = work.run([*pip, "download", "--quiet", "--no-deps", "--require-hashes", "-d", cache, "-r", lock])
        if status != 0:
            raise Failed("pip for ansible-test could not be had")
    with open(os.path.join(cache, f"get_pip_{version.replace('.', '_')}.py"), "w", encoding="utf-8") as stream:
        stream.write(_BOOTSTRAP.format(version=version))


def _path(work: Workplace) -> str:
    """PATH with real interpreters: a version manager's shims exist for Pythons that they cannot start."""
    real = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if not folder.endswith("/shims")]
    managed = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin")))
    return os.pathsep.join([os.path.join(work.environment, "bin"), *real, *managed])
