# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's objects as the model of a run has them, under every ansible-core from 2.16 on."""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import lines, one_line

# Tasks that lead to other tasks, or whose message stands for itself.
_QUIET = {"include_role", "include_tasks", "include_vars", "import_role", "import_tasks", "debug", "set_fact", "meta",
          "validate_argument_spec", "add_host", "group_by"}  # fmt: skip
_NOT_ON_HOSTS = {*_QUIET, "assert", "fail", "pause", "wait_for_connection"}


def part(result: t.Any, name: str) -> t.Any:
    """A result's host, task or result: a property since ansible-core 2.19, before that with an underscore."""
    kind = type(result)
    return getattr(result, name) if hasattr(kind, name) else getattr(result, f"_{name}")


def task_of(task: t.Any, play: str) -> Task:
    """A task. Its name may still be a template where it is not asked for when the task starts."""
    role = getattr(task, "_role", None)
    short = one_line(role.get_name(), 80).rpartition(".")[2] if role is not None else ""
    action = str(task.action)
    word = action.rpartition(".")[2]
    return Task(
        uuid=str(task._uuid),
        name=one_line(task.name or action, 200),
        phase=short or play,
        role=short,
        action=action,
        quiet=word in _QUIET,
        prompts=word == "pause",
        looks=word not in _NOT_ON_HOSTS and not getattr(task, "delegate_to", None),
    )


def hosts_of(play: t.Any) -> list[str]:
    """The hosts of a play, or of its batch. Ansible has no public way to ask, so a failure to ask names none."""
    try:
        manager = play.get_variable_manager()
        return [host.get_name() for host in manager._inventory.get_hosts(play.hosts)]
    except (AttributeError, TypeError):
        return []


def variables_of(play: t.Any, most: int) -> dict[str, t.Mapping[str, t.Any]]:
    """The variables of the first hosts of a play, as they are written. Ansible has no public way to ask for these."""
    try:
        manager = play.get_variable_manager()
        hosts = manager._inventory.get_hosts(play.hosts)[:most]
        return {host.get_name(): manager.get_vars(play=play, host=host, include_hostvars=False) for host in hosts}
    except Exception:  # whatever is wrong with a variable is told, with its place, when a task needs it
        return {}


def tags_of(playbook: t.Any) -> set[str]:
    """All tags of the tasks of a playbook that are known before it runs."""
    found: set[str] = set()

    def walk(parts: t.Iterable[t.Any]) -> None:
        for part in parts:
            found.update(str(tag) for tag in getattr(part, "tags", None) or ())
            for section in ("block", "rescue", "always"):
                walk(getattr(part, section, None) or ())

    for play in playbook.get_plays():
        found.update(str(tag) for tag in play.tags or ())
        walk(play.compile())
    return found


def harmless_diff(diff: t.Any) -> t.Any:
    """A diff whose contents cannot move the cursor or forge lines."""
    if isinstance(diff, (list, tuple)):
        return [harmless_diff(item) for item in diff]
    if isinstance(diff, dict):
        return {key: harmless_diff(value) for key, value in diff.items()}
    if isinstance(diff, str):
        return "".join(f"{line}\n" for line in lines(diff)) if "\n" in diff else one_line(diff)
    return diff


def again(command: str, arguments: t.Mapping[str, t.Any], left_out: str = "") -> str:
    """The command that runs this once more, without hosts. Values of -e are not repeated: they may be secrets.

    ``left_out`` is an inventory that the command takes by itself.
    """
    parts = [command]
    if command == "ansible-playbook":
        parts += [shlex.quote(one_line(name, 200)) for name in arguments.get("args") or ()]
    for inventory in arguments.get("inventory") or ():
        if not (left_out and str(inventory) == left_out):
            parts += ["-i", shlex.quote(one_line(_near(str(inventory)), 200))]
    tags = [one_line(tag, 60) for tag in arguments.get("tags") or () if tag != "all"]
    if tags:
        parts += ["--tags", shlex.quote(",".join(tags))]
    parts += [flag for name, flag in _FLAGS if arguments.get(name)]
    if [extra for extra in arguments.get("extra_vars") or () if not re.match(r'\{"site_has_root": false', str(extra))]:
        parts.append("-e ...")
    return " ".join(parts)


_FLAGS = (("check", "--check"), ("diff", "--diff"), ("become", "--become"), ("become_ask_pass", "-K"))


def _near(path: str) -> str:
    """A path as one would type it here."""
    relative = os.path.relpath(path) if os.path.isabs(path) and os.path.exists(path) else path
    return path if relative.startswith("..") else relative


def wants_live(stream: t.Any, environ: t.Mapping[str, str]) -> bool:
    """Whether a picture can be drawn: a terminal that moves its cursor, and no log of a continuous integration."""
    terminal = environ.get("TERM", "")
    return bool(stream.isatty()) and terminal not in ("", "dumb", "unknown") and not environ.get("CI")
