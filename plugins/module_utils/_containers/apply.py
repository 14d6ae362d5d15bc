# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing the plan: one handler for each verb."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import (
    cdi,
    daemon_json,
    docker_api,
    note,
    observe,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, reading, trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Change, Handlers

_RELOAD_SECONDS = 20.0
_GENERATE_SECONDS = 300.0
_MOST_BYTES = 16 << 20
_SPECIFICATION = re.compile(r"nvidia[A-Za-z0-9._-]*\.(?:yaml|json)")


class Steps:
    """The handlers of one task."""

    def __init__(self, desired: Desired, context: Context) -> None:
        self._desired, self._context = desired, context

    def handlers(self) -> Handlers:
        return {
            "configure": self._configure,
            "restore": self._restore,
            "reload": self._reload,
            "tell": self._tell,
            "restart": self._restart,
            "generate": self._generate,
            "delete": self._delete,
            "forget": self._forget,
        }

    def _configure(self, actions: t.Sequence[Action], change: Change) -> None:
        host = self._context.host
        for action in actions:
            path = action.subject
            present = observe.configuration(host, path).text
            # First what it held, then the change: whoever dies in between has noted too much, not too little.
            note.write(host, note.with_file(note.read(host), path, present))
            self._write(path, action.details["text"])

    def _restore(self, actions: t.Sequence[Action], change: Change) -> None:
        for action in actions:
            self._write(action.subject, action.details["text"])

    def _write(self, path: str, text: str | None) -> None:
        """Who may read it stays as it was; a new one is everybody's to read, as the engines' packages make them."""
        real = self._context.host.path(path)
        if text is None:
            managed.write(self._context.host, managed.ManagedFile(path, None))
            return
        with disk.explained(f"write {path}"):
            self._make_folder(os.path.dirname(path))
            writing.write_for_people(real, text, f"write {path}")

    def _make_folder(self, path: str) -> None:
        """A folder that we make is ours to take away, once it is empty."""
        host = self._context.host
        if not os.path.isdir(host.path(path)):
            note.write(host, note.with_made(note.read(host), path))
        disk.make_folder(host.path(path))

    def _tell(self, actions: t.Sequence[Action], change: Change) -> None:
        for action in actions:
            self._write(action.subject, action.details["text"])
            self._reload((action,), change)

    def _reload(self, actions: t.Sequence[Action], change: Change) -> None:
        """dockerd reads its file again at a hang-up signal; containers are not touched by that."""
        host = self._context.host
        pid = observe.docker_pid(host)
        if not pid:
            raise MlstackError(
                "docker_not_reloaded",
                wanted="docker that has read its configuration again",
                found="it answers at its socket, and no process of it is noted in /run/docker.pid",
                to_fix="reload it (systemctl reload docker) and run this again",
            )
        with contextlib.suppress(ProcessLookupError):  # it has ended since: what follows says so
            os.kill(pid, signal.SIGHUP)
        end = time.monotonic() + _RELOAD_SECONDS
        while time.monotonic() < end:
            if all(self._has_read(action) for action in actions):
                return
            time.sleep(0.2)
        raise MlstackError(
            "docker_not_reloaded",
            wanted=f"docker that has read {self._desired.docker_config} again",
            found=f"{_RELOAD_SECONDS:g} s after the signal it still says the same of its runtimes",
            to_fix="read its log (journalctl -u docker): it tells what it refused",
            changed=True,
        )

    def _has_read(self, action: Action) -> bool:
        found = docker_api.ask(self._context.host)
        if found is None or found.runtimes is None:
            return found is not None  # it runs, and does not say what it knows
        runtime, default = daemon_json.NAME in found.runtimes, found.default_runtime == daemon_json.NAME
        return runtime == action.details["runtime"] and action.details["default"] in (None, default)

    def _restart(self, actions: t.Sequence[Action], change: Change) -> None:
        for action in actions:
            self._context.commands.run(
                ["systemctl", "restart", action.subject], purpose=f"restart {action.subject}", timeout=300
            )

    def _generate(self, actions: t.Sequence[Action], change: Change) -> None:
        for action in actions:
            self._generate_one(action.subject, action.details["driver"], action.details["feature_flags"])

    def _generate_one(self, path: str, driver: str, flags: t.Sequence[str]) -> None:
        """nvidia-ctk writes into a folder of ours; what is right comes to its place in one rename each."""
        host = self._context.host
        wanted = f"{path} for driver {driver}"
        with tempfile.TemporaryDirectory(prefix="mlstack-cdi-") as folder, disk.explained(wanted):
            output = os.path.join(folder, "nvidia" + os.path.splitext(path)[1])
            options = [f"--feature-flag={flag}" for flag in flags]
            argv = [self._program(), "cdi", "generate", f"--output={output}", *options]
            done = self._context.commands.run(argv, purpose=wanted, timeout=_GENERATE_SECONDS)
            text = self._generated(output, wanted)
            found = cdi.read(path, text)
            if found is None or not found.devices or found.driver != driver:
                raise MlstackError(
                    "specification_wrong",
                    wanted=wanted,
                    found="nvidia-ctk wrote one for "
                    + (f"driver {found.driver or 'unknown'} and {len(found.devices)} devices" if found else "nothing"),
                    to_fix="see in stderr what it did not find, and whether nvidia-smi answers",
                    stderr=done.err,
                )
            self._make_folder(os.path.dirname(path))
            trust.require(os.path.dirname(host.path(path)), wanted, "name another cdi_file")
            stem, ending = os.path.splitext(path)
            # Machines with coherent memory get further files beside it.
            for name in sorted(os.listdir(folder)):
                if _SPECIFICATION.fullmatch(name):
                    place = stem + name[len("nvidia") : -len(ending)] + ending
                    if not os.path.lexists(host.path(place)):  # one that was there is not ours to take away
                        note.write(host, note.with_made(note.read(host), place))
                    writing.write_whole(host.path(place), self._generated(os.path.join(folder, name), wanted))
        if os.path.dirname(path) in observe.FOLDERS:
            self._require_listed(found.devices[0], wanted)

    def _require_listed(self, device: str, wanted: str) -> None:
        """What readers of CDI do not understand they leave out, and say so beside: only the list itself counts."""
        argv = [self._program(), "cdi", "list"]
        done = self._context.commands.run(argv, purpose=wanted, timeout=_GENERATE_SECONDS)
        if device not in done.out.split():
            raise MlstackError(
                "specification_wrong",
                wanted=f"{wanted}, by which engines find {device}",
                found="nvidia-ctk cdi list does not name that device",
                to_fix="see in stderr which other file in /etc/cdi or /run/cdi stands in the way",
                stdout=done.out,
                stderr=done.err,
                changed=True,
            )

    def _generated(self, path: str, wanted: str) -> str:
        try:
            return reading.read_text(path, _MOST_BYTES)
        except reading.NotReadable as exc:
            raise MlstackError(
                "specification_wrong",
                wanted=wanted,
                found=f"nvidia-ctk left none that can be read: {exc.reason}",
                to_fix="run nvidia-ctk cdi generate by hand",
            ) from exc

    def _program(self) -> str:
        return self._context.host.which("nvidia-ctk") or "nvidia-ctk"

    def _delete(self, actions: t.Sequence[Action], change: Change) -> None:
        for action in actions:
            managed.write(self._context.host, managed.ManagedFile(action.subject, None))

    def _forget(self, actions: t.Sequence[Action], change: Change) -> None:
        host = self._context.host
        for path in note.read(host).made:
            with contextlib.suppress(OSError):  # a file, gone already, or a folder that holds something of others
                os.rmdir(host.path(path))
        note.forget(host)
