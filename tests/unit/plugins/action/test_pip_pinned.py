# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller hands to the host: absolute paths, and the contents of all that they include."""

from __future__ import annotations

import base64
import zlib

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible_collections.gpufleet.mlstack.plugins.action.pip_pinned import ActionModule


@pytest.fixture
def project(tmp_path):
    """A role's folders, and a function that gives the module's arguments for those of a task in that role."""
    files = tmp_path / "roles" / "ml" / "files"
    tasks = tmp_path / "roles" / "ml" / "tasks"
    files.mkdir(parents=True)
    tasks.mkdir()

    def hand_over(**arguments):
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        task = Task()
        task.args = arguments
        task.get_search_path = lambda: [str(tmp_path / "roles" / "ml"), str(tasks), str(tmp_path)]
        play = PlayContext()
        action = ActionModule(task, connection_loader.get("local", play), play, loader, None, None)
        handed = {}
        # The host is not ours to reach in a unit test: what it would be sent is what this is about.
        action._execute_module = lambda **sent: handed.update(sent["module_args"]) or {"changed": False}
        action.run(None, {})
        assert task.args == arguments, "the task's own arguments stay as they are, for a retry or a loop"
        return handed

    return files, hand_over


def contents(handed):
    files = handed.get("requirement_files", {})
    return {path: zlib.decompress(base64.b64decode(text)).decode() for path, text in files.items()}


def test_a_file_is_found_in_the_role_and_all_it_includes_travels_along(project):
    files, hand_over = project
    (files / "nested").mkdir()
    texts = {
        "prod.txt": "-r nested/a.txt\n-c b.txt\nsix==1.0\n",
        "nested/a.txt": "-r ../c.txt\n",
        "b.txt": "",
        "c.txt": "x",
    }
    for name, text in texts.items():
        (files / name).write_text(text)
    handed = hand_over(environments=[{"name": "ml", "requirements": ["prod.txt"], "constraints": "b.txt"}])
    assert handed["environments"][0]["requirements"] == [str(files / "prod.txt")]
    assert handed["environments"][0]["constraints"] == [str(files / "b.txt")]
    assert contents(handed) == {str(files / name): text for name, text in texts.items()}


def test_what_is_missing_travels_as_a_path_for_the_module_to_name(project):
    files, hand_over = project
    (files / "prod.txt").write_text("-r gone.txt\n")
    handed = hand_over(environments=[{"name": "ml", "requirements": ["prod.txt", "/nowhere/x.txt"]}])
    assert handed["environments"][0]["requirements"] == [str(files / "prod.txt"), "/nowhere/x.txt"]
    assert set(contents(handed)) == {str(files / "prod.txt")}


@pytest.mark.parametrize("remote", [True, "yes", "true"])
def test_files_of_the_host_are_not_looked_for_here(project, remote):
    files, hand_over = project
    (files / "prod.txt").write_text("six==1.0\n")
    environment = {"name": "ml", "requirements": ["prod.txt"], "remote_src": remote}
    handed = hand_over(environments=[environment])
    assert handed["environments"] == [environment] and contents(handed) == {}


@pytest.mark.parametrize("odd", [None, "text", [None], ["text"], [{"name": "ml", "requirements": 5}], [{}]])
def test_arguments_of_another_shape_are_left_to_the_modules_validation(project, odd):
    _files, hand_over = project
    assert hand_over(environments=odd)["environments"] == (odd or [])


def test_a_file_that_includes_itself_is_left_to_the_module(project):
    files, hand_over = project
    (files / "prod.txt").write_text("-r prod.txt\n")
    assert set(contents(hand_over(environments=[{"requirements": ["prod.txt"]}]))) == {str(files / "prod.txt")}
