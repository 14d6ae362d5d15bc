# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conda program of one's own: installed from a file whose hash is known, into a prefix of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan_program as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.plan_program import (
    BINARY,
    DesiredProgram,
    ObservedProgram,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading, trust, written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

_NOTE = ".mlstack-program.json"
_MOST_NOTE = 1 << 16
_PATH = re.compile(r"/[A-Za-z0-9._/+-]+")  # what an installer accepts, and a shell takes for one word


class Programs(Resource[DesiredProgram, ObservedProgram]):
    """The loop's resource of conda_program."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[DesiredProgram]:
        prefix, sha256 = os.path.normpath(params["prefix"]), params["sha256"].lower()
        problem, url = "", params["url"] or ""
        if not url and params["version"]:
            url = planner.published(params["kind"], params["version"], context.host.machine)
        if not _PATH.fullmatch(prefix) or len(prefix) > 100:
            problem = f"the prefix {params['prefix']!r} is no absolute path of letters, digits and . _ + - /"
        elif not re.fullmatch("[0-9a-f]{64}", sha256):
            problem = f"the sha256 {params['sha256']!r} is not 64 hexadecimal digits"
        elif not params["url"] and not params["version"]:
            problem = "neither url nor version is given"
        elif not url:
            problem = f"no release is published for machines of the kind {context.host.machine}"
        elif not re.fullmatch(r"(?:https?|file)://[^\s\x00-\x1f]+", url):
            problem = f"{url!r} is no http, https or file URL"
        if problem:
            raise InvalidArguments(
                "program_invalid", wanted="a conda program", found=problem, to_fix="correct the option"
            )
        return [DesiredProgram(params["kind"], url, sha256, prefix, params["shell_init"])]

    def title(self, desired: DesiredProgram) -> str:
        return desired.prefix

    def observe(self, desired: DesiredProgram, context: Context) -> ObservedProgram:
        # In every run: who may put files there could also say in a note that they are ours.
        trust.require(desired.prefix, f"a conda program at {desired.prefix}", "choose another prefix")
        profile = context.host.read_text(planner.profile_path(desired.prefix))
        try:
            listed = os.listdir(desired.prefix)
        except FileNotFoundError:
            return ObservedProgram("absent", profile=profile)
        except OSError:
            return ObservedProgram("foreign", profile=profile)
        if _NOTE not in listed:
            return ObservedProgram("foreign" if listed else "absent", profile=profile)
        note = _noted(os.path.join(desired.prefix, _NOTE))
        finished = os.access(planner.result(desired)["executable"], os.X_OK) and note.get("finished")
        return ObservedProgram(
            "ours" if finished else "unfinished", note.get("sha256", "") if finished else "", profile
        )

    def plan(self, desired: DesiredProgram, observed: ObservedProgram) -> Plan:
        return planner.plan_program(desired, observed, planner.profile_text(desired))

    def handlers(self, desired: DesiredProgram, context: Context) -> dict[str, t.Any]:
        return {
            "clean": lambda actions, change: self._clean(desired),
            "install": lambda actions, change: self._install(desired, context),
            "init": lambda actions, change: self._init(desired),
            "uninit": lambda actions, change: self._uninit(desired),
        }

    def describe(self, desired: DesiredProgram, observed: ObservedProgram) -> dict[str, t.Any]:
        return planner.result(desired)

    @staticmethod
    def _init(desired: DesiredProgram) -> None:
        profile = planner.profile_path(desired.prefix)
        written_file.write(profile, planner.profile_text(desired), f"let login shells know {desired.prefix}")

    @staticmethod
    def _uninit(desired: DesiredProgram) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(planner.profile_path(desired.prefix))

    def _clean(self, desired: DesiredProgram) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

        with disk.explained(f"delete {desired.prefix}"):
            disk.delete(desired.prefix)

    def _install(self, desired: DesiredProgram, context: Context) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._download import fetch_file
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing

        wanted = f"the conda program {desired.url} at {desired.prefix}"
        with tempfile.TemporaryDirectory(prefix="mlstack-") as folder, disk.explained(wanted):
            file = os.path.join(folder, "program")
            fetch_file(desired.url, file, desired.sha256, wanted)
            disk.make_folder(desired.prefix)
            self._note(desired, finished=False)  # what is there from now on is ours to delete
            if desired.kind == BINARY:
                disk.make_folder(os.path.join(desired.prefix, "bin"))
                target = planner.result(desired)["executable"]
                writing.copy_in(file, target, 0o755)
            else:
                # -b: ask nothing and change no shell's configuration, -u: into the folder that has our note.
                argv = ["/bin/sh", file, "-b", "-u", "-p", desired.prefix]
                context.commands.run(argv, purpose=wanted, env={"HOME": folder}, timeout=1800)
            self._note(desired, finished=True)

    def _note(self, desired: DesiredProgram, *, finished: bool) -> None:
        note = {"url": desired.url, "sha256": desired.sha256, "finished": finished}
        text = json.dumps(note, indent=1, sort_keys=True) + "\n"
        written_file.write(os.path.join(desired.prefix, _NOTE), text, f"the conda program at {desired.prefix}")


def _noted(path: str) -> dict[str, t.Any]:
    """What our note says of a prefix; an empty one where it is damaged: then the program was never finished."""
    try:
        note = json.loads(reading.read_text(path, _MOST_NOTE))
    except reading.NotReadable as exc:
        raise MlstackError(
            "note_unreadable",
            wanted="a conda program",
            found=f"the note of what is installed, {path}, cannot be read: {exc.reason}",
            to_fix="delete that file after a look at it, or choose another prefix",
        ) from exc
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
