# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen of a run: what each host does now, and one summary in the end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: What each host does now, and one summary at the end
version_added: 0.2.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - On a terminal it draws hosts and phases, what each host does now and for how long, and what is left by what earlier
    runs took. Anywhere else it prints a line when a task starts to run, when hosts are changed and when one fails.
  - The summary at the end has the worst first. Equal failures of many hosts are one entry, with what was wanted, what
    was found and what to do. Unreachable hosts, reboots that are due and warnings come next.
  - With B(-v) everything is printed that the callback P(ansible.builtin.default#callback) prints, and the summary.
  - Names of hosts and messages are printed without anything that could move the cursor, colour or forge a line. Results
    of tasks with C(no_log) stay hidden.
requirements:
  - rich (on the controller, for the picture on a terminal; without it lines are printed)
  - set as stdout in configuration
extends_documentation_fragment:
  - default_callback
  - result_format_callback
options:
  progress:
    description:
      - How the run is shown. V(auto) draws on a terminal and prints lines anywhere else.
      - V(quiet) prints what tasks of M(ansible.builtin.debug) say, and the summary.
      - V(json) prints one JSON object on each line, the last of which is the summary.
    type: str
    choices: [auto, live, plain, quiet, json]
    default: auto
    env:
      - name: MLSTACK_PROGRESS
    ini:
      - section: gpufleet_mlstack
        key: progress
  command:
    description: The command that the summary names to run this once more.
    type: str
    default: ansible-playbook
    env:
      - name: MLSTACK_COMMAND
  command_inventory:
    description: The inventory that O(command) takes by itself.
    type: str
    default: ""
    env:
      - name: MLSTACK_COMMAND_INVENTORY
notes:
  - Where ssh asks for something on the terminal itself, which it does under ansible-core before 2.19, the picture may
    hide the question. Use V(plain) there.
"""

EXAMPLES = r"""
# Chosen for one run:
#   ANSIBLE_STDOUT_CALLBACK=gpufleet.mlstack.progress ansible-playbook gpufleet.mlstack.site -i hosts.yml
# For programs:
#   MLSTACK_PROGRESS=json ANSIBLE_STDOUT_CALLBACK=gpufleet.mlstack.progress ansible-playbook site.yml
"""

import atexit
import importlib.util
import os
import sys
import time
import typing as t

from ansible import constants, context
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress import ansible_side, near, told
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.summary import Line
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import one_line
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.view import View

_COLOURS = {
    "failed": "COLOR_ERROR",
    "unreachable": "COLOR_UNREACHABLE",
    "changed": "COLOR_CHANGED",
    "ok": "COLOR_OK",
    "warning": "COLOR_WARN",
    "title": "COLOR_HIGHLIGHT",
}


class CallbackModule(Default):
    """Every event goes to the view; with -v the default callback gets it, too."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "gpufleet.mlstack.progress"

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._tasks: dict[str, Task] = {}
        self._play_name = ""
        self._known: near.Known | None = None
        self._pid = os.getpid()

    @property
    def _full(self) -> bool:
        return self._shown.mode == "full"

    @property
    def _shown(self) -> View:
        if self._view is None:  # a program that runs plays without a playbook starts here
            self._view = self._begin("")
        return self._view

    def _begin(self, playbook: str) -> View:
        arguments = context.CLIARGS
        preview = bool(arguments.get("check"))
        tags = ",".join(sorted(str(tag) for tag in arguments.get("tags") or ()))
        kind = f"{os.path.basename(playbook)} {'check' if preview else 'apply'} {tags}"[:200]
        run = Run(time.time(), os.path.basename(playbook), preview)
        view = View(self._mode(), run, self._line, kind, int(arguments.get("forks") or 5))
        view.start()
        atexit.register(self._at_exit)
        return view

    def _chosen(self, name: str, variable: str, default: str) -> str:
        """An option. A callback that is made of this one, as AWX's is, has its own options and not these."""
        try:
            return str(self.get_option(name))
        except KeyError:
            return os.environ.get(variable) or default

    def _mode(self) -> str:
        chosen = self._chosen("progress", "MLSTACK_PROGRESS", "auto")
        if self.__class__ is not CallbackModule and chosen in ("auto", "live"):
            chosen = "plain"  # it cuts what is printed into events
        if chosen in ("quiet", "json"):
            return chosen
        if self._display.verbosity > 0:
            return "full"
        live = chosen == "live" or (chosen == "auto" and ansible_side.wants_live(sys.stdout, os.environ))
        return "live" if live and importlib.util.find_spec("rich") is not None else "plain"

    def _line(self, line: Line) -> None:
        kind, text = line
        self._display.display(text, color=getattr(constants, _COLOURS[kind]) if kind in _COLOURS else None)

    def _at_exit(self) -> None:
        if os.getpid() == self._pid and self._view is not None:
            self._view.abandon()

    def _task(self, task: t.Any) -> Task:
        return self._tasks.get(str(task._uuid)) or ansible_side.task_of(task, self._play_name)

    def _ended(self, result: t.Any, status: str, ignored: bool = False) -> None:
        data = ansible_side.part(result, "result")
        task = ansible_side.part(result, "task")
        host = ansible_side.part(result, "host").get_name()
        ours = self._task(task)
        preview = bool(getattr(task, "check_mode", False))
        if status == "ok" and data.get("changed"):
            status = "changed"
        self._shown.host_ended(host, ours, told.read(data, status, ours.action, preview), ignored)

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._view = self._begin(str(playbook._file_name))
        if self._full:
            super().v2_playbook_on_start(playbook)
        asked = [str(tag) for name in ("tags", "skip_tags") for tag in context.CLIARGS.get(name) or ()]
        if set(asked) - {"all"}:
            for text in near.of_tags(asked, ansible_side.tags_of(playbook)):
                self._view.warn(text)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._play = play
        self._play_name = one_line(play.get_name(), 120)
        self._shown.release()
        if self._full:
            super().v2_playbook_on_play_start(play)
        self._shown.play_started(self._play_name, ansible_side.hosts_of(play))
        if self._known is None:  # the first play
            self._known = near.known()
            given = ansible_side.variables_of(play, near.MOST_HOSTS)
            for text in near.of_variables(self._known, given) + near.of_packages(given):
                self._shown.warn(text)

    def v2_playbook_on_vars_prompt(self, varname: t.Any, *arguments: t.Any, **options: t.Any) -> None:
        self._shown.hold()

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        # The name of a task is no template while this is called, except with free and host_pinned.
        self._tasks[str(task._uuid)] = ansible_side.task_of(task, self._play_name)
        if self._full:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self._tasks[str(task._uuid)] = ansible_side.task_of(task, self._play_name)
        if self._full:
            super().v2_playbook_on_handler_task_start(task)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        if self._full:
            super().v2_runner_on_start(host, task)
        self._shown.host_started(host.get_name(), self._task(task))

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._ended(result, "ok")
        if self._full:
            super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._ended(result, "failed", ignore_errors)
        if self._full:
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._ended(result, "skipped")
        if self._full:
            super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._ended(result, "unreachable", bool(ansible_side.part(result, "task").ignore_unreachable))
        if self._full:
            super().v2_runner_on_unreachable(result)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_item_on_failed(result)

    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_retry(result)

    def v2_runner_on_async_poll(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_on_async_poll(result)

    def v2_runner_on_async_ok(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_on_async_ok(result)

    def v2_runner_on_async_failed(self, result: t.Any) -> None:
        if self._full:
            super().v2_runner_on_async_failed(result)

    def v2_on_file_diff(self, result: t.Any) -> None:
        if self._full:
            super().v2_on_file_diff(result)
            return
        data = ansible_side.part(result, "result")
        items = data.get("results") if isinstance(data.get("results"), list) else [data]
        for item in items:
            if isinstance(item, dict) and item.get("diff") and item.get("changed"):
                shown = self._get_diff(ansible_side.harmless_diff(item["diff"]))
                host = one_line(ansible_side.part(result, "host").get_name(), 60)
                task = self._task(ansible_side.part(result, "task"))
                self._shown.above([("title", f"{host}: {task.name}"), ("plain", shown.rstrip("\n"))])

    def v2_playbook_on_include(self, included_file: t.Any) -> None:
        if self._full:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_notify(self, handler: t.Any, host: t.Any) -> None:
        if self._full:
            super().v2_playbook_on_notify(handler, host)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._shown.warn(f"the play '{self._play_name}' has no hosts: the inventory or --limit names none of its hosts")

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        if self._full:
            super().v2_playbook_on_no_hosts_remaining()

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        if self._full:
            super().v2_playbook_on_stats(stats)
        again = ansible_side.again(
            self._chosen("command", "MLSTACK_COMMAND", "ansible-playbook"),
            context.CLIARGS,
            self._chosen("command_inventory", "MLSTACK_COMMAND_INVENTORY", ""),
        )
        self._shown.end(stats.failures, stats.dark, again)
