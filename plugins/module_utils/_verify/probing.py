# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the probes in an environment, as whoever may, and reading their answers."""

from __future__ import annotations

import json
import os
import signal
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, CommandResult, last_words
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.owner import NotRun, owner_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import confined

# TensorFlow tells of each library that it does not find; libraries that write caches do so where they may.
_VARIABLES = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}


class Answer(t.NamedTuple):
    """The lines that a probe told, and why it broke off; that is empty where it came to its end."""

    told: list[dict[str, t.Any]]
    broken: str

    def of(self, key: str) -> list[dict[str, t.Any]]:
        return [line for line in self.told if key in line]

    def first(self, key: str) -> t.Any:
        return next((line[key] for line in self.told if key in line), "")


def ask(path: str, probe: str, arguments: t.Sequence[str], limits: confined.Limits, context: Context) -> Answer:
    """Run a probe with the Python of an environment. Raises NotRun where it must not be run."""
    owner, python = owner_of(path)
    argv = [python, "-I", "-c", probe, *arguments]
    try:
        result = _run(argv, owner, limits, context)
    except CommandError as exc:
        return Answer([], exc.found)
    answer = read(context.redactor.text(result.out))
    if answer.of("ended") or answer.of("error"):
        return answer
    return answer._replace(broken=_death(result))


def _run(argv: t.Sequence[str], owner: int, limits: confined.Limits, context: Context) -> CommandResult:
    context.commands.count += 1
    if os.geteuid() != 0 or owner != 0:
        return confined.run(argv, os.geteuid() if os.geteuid() != 0 else owner, limits, _VARIABLES)
    if _open_to_all(argv[0]):
        return confined.run(argv, confined.NOBODY, limits, _VARIABLES)
    # Others may not even read it: it is root's alone, and so is what becomes of it.
    return confined.run(argv, 0, limits, _VARIABLES)


def _open_to_all(program: str) -> bool:
    """Whether everybody may start a program."""
    real = os.path.realpath(program)
    folders = {os.path.dirname(path) for path in (program, real)}
    above = {parent for folder in folders for parent in _parents(folder)}
    return all(os.stat(path).st_mode & 0o005 == 0o005 for path in (real, *above))


def _parents(path: str) -> t.Iterator[str]:
    while path != "/":
        yield path
        path = os.path.dirname(path)


def read(text: str) -> Answer:
    """The lines that are JSON objects; a line that broke off is none."""
    told = []
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            told.append(found)
    return Answer(told, "")


def _death(result: CommandResult) -> str:
    if result.rc < 0:
        return f"its process was ended by {signal.Signals(-result.rc).name}"
    return f"its process ended with status {result.rc}: {last_words(result)}"


__all__ = ["Answer", "NotRun", "ask", "read"]
