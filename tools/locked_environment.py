# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private virtual environments made from hash-locked files: each is built once, completely, or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

from interpreters import Interpreter
from refusal import Refusal

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_RECORD = "complete.json"
_TELL_EVERY = 5.0  # seconds
# A user's settings for their own installations must not decide where ours goes.
_NOT_FOR_US = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIREMENT", "PYTHONHOME", "PYTHONPATH")


def prepare(name: str, lock: str, python: Interpreter, home: str, say: t.Callable[[str], None]) -> str:
    """The folder of an environment that holds exactly what the file C(lock) says; built when there is none.

    C(home)/C(name)-<hash of the lock> is a link, set by one rename when the build is complete. Two at once build
    one: the second waits. A build that was killed leaves a folder that the next call removes. Raises Refusal.
    """
    with open(lock, "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()[:16]
    link = os.path.join(home, f"{name}-{digest}")
    if _is_complete(link):
        return os.path.realpath(link)
    try:
        os.makedirs(home, exist_ok=True)
        with _only_one(f"{link}.lock"):
            if not _is_complete(link):
                _build(name, lock, python, link, say)
    except OSError as exc:
        raise Refusal(
            f"an environment for {name} in {home}",
            f"{exc.strerror or exc} ({exc.filename or home})",
            "make room or grant access there, or set MLSTACK_HOME to a folder that can be written",
        ) from exc
    return os.path.realpath(link)


def _is_complete(link: str) -> bool:
    """Whether the build came to its end and the interpreter is still the one that it was made for."""
    try:
        with open(os.path.join(link, _RECORD), encoding="utf-8") as stream:
            record = json.load(stream)
        return bool(os.path.realpath(os.path.join(link, "bin", "python")) == record["python"])
    except (OSError, ValueError, KeyError):
        return False


@contextlib.contextmanager
def _only_one(path: str) -> t.Iterator[None]:
    with open(path, "w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(name: str, lock: str, python: Interpreter, link: str, say: t.Callable[[str], None]) -> None:
    for leftover in os.listdir(os.path.dirname(link)):
        if leftover.startswith(os.path.basename(link) + ".build-"):
            shutil.rmtree(os.path.join(os.path.dirname(link), leftover), ignore_errors=True)
    say(f"setting up the {name} environment, once, in {link}")
    target = tempfile.mkdtemp(prefix=os.path.basename(link) + ".build-", dir=os.path.dirname(link))
    try:
        started = time.monotonic()
        _fill(target, lock, python, f"{link}.log", say)
        say(f"the {name} environment is ready after {time.monotonic() - started:.0f}s")
        real = os.path.realpath(os.path.join(target, "bin", "python"))
        with open(os.path.join(target, _RECORD), "w", encoding="utf-8") as stream:
            json.dump({"python": real, "lock": os.path.basename(lock)}, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    # The folder keeps its name, since scripts in it name it; the link is what changes.
    before = os.path.realpath(link)
    new = f"{link}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    os.symlink(os.path.basename(target), new)
    os.replace(new, link)
    if os.path.isdir(before) and before != os.path.realpath(link):
        shutil.rmtree(before, ignore_errors=True)


def _fill(target: str, lock: str, python: Interpreter, log: str, say: t.Callable[[str], None]) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_US}
    environ["PIP_USER"] = "0"
    say(f"looking for a pip for {python.path}")
    pip = find_pip(python.path, os.path.join(os.path.dirname(target), "pip"))
    environ.update(pip.env)
    own = os.path.join(target, "bin", "python")
    install = ["install", "--require-hashes", "--no-deps", "--requirement", lock]
    with open(log, "w", encoding="utf-8") as stream:
        for argv in ([python.path, "-m", "venv", "--without-pip", target], [*pip.argv_for(own), *install]):
            say(f"running {'pip install --require-hashes' if install[0] in argv else 'python -m venv'}, log: {log}")
            status = _watched(argv, stream, environ, log, say)
            if status != 0:
                raise Refusal(
                    f"the packages of {os.path.basename(lock)} in an environment of {python.path}",
                    f"{_last_error(log)} (status {status}; all of it is in {log})",
                    "see that this machine reaches a package index (PIP_INDEX_URL, PIP_FIND_LINKS and a proxy are "
                    "taken from the environment), then run this again",
                )


def _watched(argv: list[str], stream: t.TextIO, environ: dict[str, str], log: str, say: t.Callable[[str], None]) -> int:
    """Run a program to its end, and say now and then how far it is."""
    told = ""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=environ
    ) as process:
        try:
            while True:
                try:
                    return process.wait(_TELL_EVERY)
                except subprocess.TimeoutExpired:
                    now = _how_far(log)
                    if now != told:
                        told = now
                        say(f"  {now}")
        except BaseException:
            process.terminate()
            raise


def _how_far(log: str) -> str:
    """What pip's log says of where it is."""
    with open(log, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    if "Installing collected packages" in text:
        return "all packages are there, installing them"
    collected = re.findall(r"^Collecting (\S+)", text, re.MULTILINE)
    return f"{len(collected)} packages so far, now {collected[-1]}" if collected else "working"


def find_pip(python: str, state_dir: str) -> t.Any:
    """A pip for this interpreter, by the same code that the collection's modules use on hosts. Raises Refusal."""
    path = os.path.join(CHECKOUT, "plugins", "module_utils", "_python", "pip_source.py")
    spec = importlib.util.spec_from_file_location("pip_source", path)
    if spec is None or spec.loader is None:
        raise Refusal("a complete checkout", f"{path} cannot be loaded", "get the collection anew")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        return module.find_pip(python, state_dir, allow_root_install=True)
    except module.PipNotFound as exc:
        raise Refusal(exc.wanted, exc.found, exc.to_fix) from exc


def _last_error(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as stream:
        lines = [line.strip() for line in stream if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it printed nothing"])[-1].replace("ERROR: ", "")
