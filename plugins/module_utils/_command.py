# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program: plain locale, a time limit, retries, redaction, and no orphan when we are killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import selectors
import signal
import subprocess
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HANDED_ON = ("CUDA_HOME", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES")
_MOST_BYTES = 4 << 20  # of each output of a program of somebody's
_GRACE_SECONDS = 10.0  # between SIGTERM and SIGKILL: a package manager gets to finish the step it is in

_going_on: list[subprocess.Popen[bytes]] = []  # let go on purpose: Python would complain of a child forgotten


@dataclass(frozen=True)
class CommandResult:
    """How a program ended. ``out`` and ``err`` are decoded and redacted; ``seconds`` is wall time."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.rc == 0


class CommandError(MlstackError):
    """A program that must succeed did not: it is missing, took too long, or ended with another status than 0."""


class Commands:
    """Starts programs for one module run, and counts them: the number is part of what a converged task may cost."""

    def __init__(self, redactor: Redactor | None = None, environ: t.Mapping[str, str] | None = None) -> None:
        self.redactor = redactor or Redactor()
        self.count = 0
        self._environ = dict(os.environ if environ is None else environ)
        # Messages are parsed: they must not depend on the operator's locale.
        self._environ.update(LC_ALL="C.UTF-8", LANGUAGE="C")

    def run(
        self,
        argv: t.Sequence[str],
        *,
        purpose: str = "",
        env: t.Mapping[str, str | None] | None = None,
        cwd: str | None = None,
        stdin: str | None = None,
        timeout: float = 600.0,
        check: bool = True,
        retries: int = 0,
        retry_if: t.Callable[[CommandResult], bool] | None = None,
        outlives_us: bool = False,
    ) -> CommandResult:
        """Run a program to its end.

        ``env`` adds variables, or removes those whose value is None; secrets go in there, never in ``argv``, which
        everybody on the host can read. ``timeout`` is in seconds. ``purpose`` finishes the sentence 'Wanted: ...'.
        A failing run is repeated up to ``retries`` times, with growing pauses, while ``retry_if`` says so.
        A program ends with us when we are killed or when its time is over, unless it ``outlives_us``: half a dpkg run
        is worse than an orphan. Such a one writes to files without a name, as a pipe would end it at its next line.
        Raises CommandError when the program is missing or exceeds the time, and, if ``check``, on any status but 0.
        """
        attempt = 0
        while True:
            result = self._once(argv, purpose, env, cwd, stdin, timeout, outlives_us)
            if result.ok or attempt >= retries or (retry_if is not None and not retry_if(result)):
                break
            attempt += 1
            time.sleep(min(2.0**attempt, 30.0))
        if check and not result.ok:
            raise self.failure(result, purpose)
        return result

    def failure(self, result: CommandResult, purpose: str = "", *, to_fix: str = "") -> CommandError:
        """The error for a result, with the line that matters first and the whole output as details."""
        return CommandError(
            "command_failed",
            wanted=purpose or f"run {result.argv[0]}",
            found=f"{os.path.basename(result.argv[0])} ended with status {result.rc}: {last_words(result)}",
            to_fix=to_fix or "read stdout and stderr in this result, mend the cause, run the task again",
            cmd=list(result.argv),
            rc=result.rc,
            stdout=result.out,
            stderr=result.err,
        )

    def _once(
        self,
        argv: t.Sequence[str],
        purpose: str,
        env: t.Mapping[str, str | None] | None,
        cwd: str | None,
        stdin: str | None,
        timeout: float,
        outlives_us: bool,
    ) -> CommandResult:
        environ = dict(self._environ)
        for name, value in (env or {}).items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
        self.count += 1
        started = time.monotonic()
        files = (os.memfd_create("stdout"), os.memfd_create("stderr")) if outlives_us else ()
        try:
            process = self._started(argv, purpose, environ, cwd, stdin is not None, files)
            out, err = self._output(process, argv, purpose, stdin, timeout, files)
        finally:
            for descriptor in files:
                os.close(descriptor)
        return CommandResult(
            argv=tuple(self.redactor.text(part) for part in argv),
            rc=process.returncode,
            out=self._decoded(out),
            err=self._decoded(err),
            seconds=time.monotonic() - started,
        )

    def _started(
        self,
        argv: t.Sequence[str],
        purpose: str,
        environ: dict[str, str],
        cwd: str | None,
        reads: bool,
        files: tuple[int, ...],
    ) -> subprocess.Popen[bytes]:
        stdout, stderr = files or (subprocess.PIPE, subprocess.PIPE)
        try:
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environ,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=None if files else _die_with_parent,
            )
        except OSError as exc:
            raise CommandError(
                "command_missing" if isinstance(exc, FileNotFoundError) else "command_not_runnable",
                wanted=purpose or f"run {argv[0]}",
                found=f"{self.redactor.text(str(argv[0]))} cannot be started: {exc.strerror or exc}",
                to_fix=f"install {os.path.basename(argv[0])} or name another program",
            ) from exc

    def _output(
        self,
        process: subprocess.Popen[bytes],
        argv: t.Sequence[str],
        purpose: str,
        stdin: str | None,
        timeout: float,
        files: tuple[int, ...],
    ) -> tuple[bytes, bytes]:
        """Wait for a program and return what it printed."""
        try:
            out, err = process.communicate(None if stdin is None else stdin.encode(), timeout=timeout)
        except BaseException as exc:
            if files:
                _going_on.append(process)
            else:
                _end_group(process)
                out, err = process.communicate()
            if not isinstance(exc, subprocess.TimeoutExpired):
                raise
            out, err = _contents(files) if files else (out, err)
            raise CommandError(
                "command_timeout",
                wanted=purpose or f"run {argv[0]}",
                found=f"{os.path.basename(argv[0])} was still running after {timeout:g} s and "
                + ("goes on: to end it half-way would do harm" if files else "was ended"),
                to_fix="find out what it waits for (network, lock, disk), or allow more time",
                cmd=[self.redactor.text(part) for part in argv],
                stdout=self._decoded(out),
                stderr=self._decoded(err),
            ) from exc
        return _contents(files) if files else (out, err)

    def _decoded(self, raw: bytes) -> str:
        return self.redactor.text(raw.decode("utf-8", "replace"))


def run_as(
    argv: t.Sequence[str],
    uid: int,
    timeout: float,
    env: t.Mapping[str, str],
    prepare: t.Callable[[], None] | None = None,
) -> CommandResult:
    """Run a program of somebody's as user ``uid``, with an environment of its own and none of the task's variables.

    ``prepare`` is called in the new process, as that user. Raises CommandError where it cannot be started, prints
    without end, or is not done after ``timeout`` seconds; who of it lives on with its outputs open is not waited for.
    """
    home, name, group = "/", str(uid), uid
    groups = [uid]
    with contextlib.suppress(KeyError):
        found = pwd.getpwuid(uid)
        home, name, group = found.pw_dir, found.pw_name, found.pw_gid
        groups = os.getgrouplist(name, group)
    environ = {key: os.environ[key] for key in _HANDED_ON if key in os.environ}
    environ.update(PATH="/usr/local/bin:/usr/bin:/bin", LC_ALL="C.UTF-8", HOME=home, USER=name, LOGNAME=name, **env)

    def first() -> None:
        _die_with_parent()
        if prepare is not None:
            prepare()

    other = {"user": uid, "group": group, "extra_groups": groups} if uid != os.geteuid() else {}
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            cwd="/",
            start_new_session=True,
            preexec_fn=first,
            **t.cast("dict[str, t.Any]", other),
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise _ended(argv, f"{argv[0]} cannot be started: {getattr(exc, 'strerror', '') or exc}") from exc
    try:
        out, err = _outputs(process, started + timeout)
        rc = process.wait(max(1.0, timeout))
        return CommandResult(tuple(argv), rc, out, err, time.monotonic() - started)
    except subprocess.TimeoutExpired:
        raise _ended(argv, f"it was still running after {timeout:g} s and was ended") from None
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            t.cast("t.IO[bytes]", stream).close()


def _outputs(process: subprocess.Popen[bytes], end: float) -> tuple[str, str]:
    """What it prints until it closes both, or ends."""
    printed: dict[t.Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in printed:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = end - time.monotonic()
            ready = selector.select(min(left, 1.0)) if left > 0 else []
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            if not ready and process.poll() is not None:
                break
            for key, _events in ready:
                block = os.read(key.fd, 1 << 16)
                printed[key.fileobj] += block
                if not block:
                    selector.unregister(key.fileobj)
                if len(printed[key.fileobj]) > _MOST_BYTES:
                    raise _ended(process.args, f"it printed more than {_MOST_BYTES >> 20} MB and was ended")
    out, err = (bytes(data).decode("utf-8", "replace") for data in printed.values())
    return out, err


def _ended(argv: t.Any, found: str) -> CommandError:
    return CommandError("not_run", wanted=f"run {argv[0]}", found=found, to_fix="run it as its owner to see why")


def last_words(result: CommandResult) -> str:
    """The line a person would quote: the last one that names an error, else the last one printed at all."""
    lines = [line.strip() for line in (result.out + "\n" + result.err).splitlines() if line.strip()]
    named = [line for line in lines if line.lower().startswith(("error", "e:", "fatal", "failed"))]
    return (named or lines or ["it printed nothing"])[-1]


def _contents(files: t.Sequence[int]) -> tuple[bytes, bytes]:
    # The programs that write there share our offset: it must stay where it is.
    out, err = (os.pread(descriptor, os.fstat(descriptor).st_size, 0) for descriptor in files)
    return out, err


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a program and its children to end, then make them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    # A module that is killed must not leave an engine behind that goes on writing into a generation.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
