# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles agree with their own specifications, and leave the thinking to modules."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = (
    sorted(path for path in (CHECKOUT / "roles").iterdir() if path.is_dir()) if (CHECKOUT / "roles").exists() else []
)
FORBIDDEN = {"command", "shell", "raw", "script", "set_fact"}


def load(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks_in(folder: Path, without: frozenset[str] = frozenset()) -> list[dict]:
    found = []

    def walk(tasks: list[dict]) -> None:
        for task in tasks:
            found.append(task)
            for key in ("block", "rescue", "always"):
                walk(task.get(key, []))

    for path in sorted(folder.rglob("*.yml")):
        if path.stem not in without:
            walk(load(path) or [])
    return found


# What a host has one of needs no list; the site playbook runs these only where a variable asks for it.
ONE_OF_A_HOST = {"nvidia_driver"}
# Lists that are no work but words for a program.
NO_WORK = {"nvidia_driver_kubectl_drain_options"}
# Schedulers have no modules: their own programs are asked, without a shell, where the operator says.
SCHEDULERS = {f"{name}_{way}" for name in ("slurm", "kubernetes") for way in ("drain", "undrain")}


def test_there_are_roles():
    assert {role.name for role in ROLES} >= {"system_packages", "python_envs"}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_are_those_of_the_specification(role):
    specs = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    options = {name: option for entry in specs.values() for name, option in entry.get("options", {}).items()}
    defaults = load(role / "defaults" / "main.yml") or {}
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    assert defaults == specified
    for name in options:
        assert name.startswith(f"{role.name}_"), name


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_lists_are_empty_until_somebody_asks(role):
    defaults = load(role / "defaults" / "main.yml") or {}
    if role.name not in ONE_OF_A_HOST:
        assert defaults[f"{role.name}_list"] == []
    asked = {name: value for name, value in defaults.items() if isinstance(value, list) and value}
    assert asked.keys() <= NO_WORK


def test_the_site_runs_roles_without_a_list_only_where_somebody_asks():
    (play,) = load(CHECKOUT / "playbooks" / "site.yml")
    for role in ONE_OF_A_HOST:
        comes, goes = [
            [condition for condition in task["when"] if f"{role}_" in condition]
            for task in play["tasks"]
            if task.get("ansible.builtin.include_role", {}).get("name", "").endswith(role)
        ]
        # Without a variable the state is none that removes anything.
        assert goes == [f"{role}_state | default('present') == 'absent'"]
        wanted, present = comes
        assert present == f"{role}_state | default('present') != 'absent'"
        assert sorted(wanted.split(" or ")) == [f"{role}_{name} is defined" for name in ("branch", "state", "version")]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_is_used_or_explained(role):
    defaults = load(role / "defaults" / "main.yml") or {}
    files = [*(role / "tasks").rglob("*.yml"), *(role / "vars").rglob("*.yml")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [name for name in defaults if name not in text] == []


@pytest.mark.parametrize("folder", [*ROLES, CHECKOUT / "playbooks"], ids=lambda folder: folder.name)
def test_tasks_name_modules_in_full_and_run_no_shell(folder):
    tasks = tasks_in(folder / "tasks", frozenset(SCHEDULERS)) if folder in ROLES else []
    if folder not in ROLES:
        for path in folder.glob("*.yml"):
            for play in load(path):
                tasks += [*play.get("pre_tasks", []), *play.get("tasks", []), *play.get("post_tasks", [])]
    assert tasks
    for task in tasks:
        actions = [key for key in task if "." in key]
        assert len(actions) == 1 or "block" in task, task
        assert not {action.rsplit(".", 1)[-1] for action in actions} & FORBIDDEN
        assert not FORBIDDEN & set(task)


def test_schedulers_are_asked_by_their_programs_alone_where_the_operator_says():
    folder = CHECKOUT / "roles" / "nvidia_driver" / "tasks"
    assert {path.stem for path in folder.glob("*drain.yml")} == SCHEDULERS
    for name in SCHEDULERS:
        for task in load(folder / f"{name}.yml"):
            assert task["delegate_to"] == "{{ nvidia_driver_drain_host }}"
            argv = task["ansible.builtin.command"]["argv"]
            assert (argv if isinstance(argv, str) else argv[0]).replace("{{ ['", "").startswith(("scontrol", "kubectl"))


# What others may read of a role after it has run.
RESULTS = {
    "ml_image_result",
    "nvidia_driver_result",
    "container_toolkit_result",
    "dep_audit_result",
    "dep_audit_report",
    "ml_verify_result",
}


def made_in(role: Path) -> set[str]:
    """The variables that a role makes for itself: by register, by vars and in its vars folder."""
    made = {name for path in (role / "vars").rglob("*.yml") for name in load(path)}
    for task in tasks_in(role / "tasks"):
        made |= {*task.get("vars", {}), *([task["register"]] if "register" in task else [])}
        made |= {task["loop_control"]["loop_var"]} if "loop_var" in task.get("loop_control", {}) else set()
    return made


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_what_a_role_makes_for_itself_is_private(role):
    assert {name for name in made_in(role) - RESULTS if not name.startswith(f"_{role.name}_")} == set()


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "roles").rglob("argument_specs.yml")), ids=lambda path: path.parts[-3]
)
def test_no_role_hides_options_in_a_variable_named_options(path):
    for entry in load(path)["argument_specs"].values():
        for name, option in entry.get("options", {}).items():
            hidden = option.get("type") == "dict" and option.get("options") and name.endswith("_options")
            assert not hidden, f"{name}: each of them is a variable"


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_roles_do_not_include_each_other(role):
    assert (load(role / "meta" / "main.yml") or {}).get("dependencies", []) == []
    for task in tasks_in(role / "tasks"):
        assert "ansible.builtin.include_role" not in task
        assert "ansible.builtin.import_role" not in task


# The modules that a role is there for, and the options of theirs that no variable gives, with the reason.
KEPT_BY = {
    "conda_envs": {"conda_env": {"environment_files": "the action plugin fills it in"}},
    "container_toolkit": {"container_toolkit": {}},
    "ml_verify": {"ml_verify": {}},
    "cuda_toolkit": {"cuda_toolkit": {}},
    "dep_audit": {"dep_audit": {}, "audit_report": {"hosts": "all hosts of the play"}},
    "ml_image": {"ml_image": {"requirement_files": "the action plugin fills it in"}},
    "nvidia_driver": {"nvidia_driver": {}},
    "python_envs": {"pip_pinned": {"requirement_files": "the action plugin fills it in"}},
    "system_packages": {"system_packages": {}},
}
# What a playbook that uses the module itself decides; all else is what the role is told.
DECIDED_HERE = {
    ("patch", "pip_pinned"): {"environments"},
    ("patch", "dep_audit"): {
        "paths",
        "roots",
        "search",
        "files",
        "os_packages",
        "remote_src",
        "generations",
        "enforce",
    },
    ("frameworks", "pip_pinned"): {"environments"},
    ("cuda_toolkit", "pip_pinned"): {"root", "environments"},  # a role that uses the module of another
}


def options_of(module):
    """All options of a module's documentation, those of its fragments included."""
    base = "ansible_collections.gpufleet.mlstack.plugins"
    documentation = yaml.safe_load(importlib.import_module(f"{base}.modules.{module}").DOCUMENTATION)
    found = set(documentation.get("options", {}))
    for fragment in documentation.get("extends_documentation_fragment", []):
        _namespace, _collection, name, *part = fragment.split(".")
        texts = importlib.import_module(f"{base}.doc_fragments.{name}").ModuleDocFragment
        found |= set(yaml.safe_load(getattr(texts, part[0].upper() if part else "DOCUMENTATION")).get("options", {}))
    return found


def given_in(tasks, module):
    """Option to the texts of its values, by tasks or plays that use a module or set defaults for it."""
    name = f"gpufleet.mlstack.{module}"
    given = {}
    for task in tasks:
        for options in (task.get(name) or {}, task.get("module_defaults", {}).get(name, {})):
            for option, value in options.items():
                given[option] = f"{given.get(option, '')} {value}"
    return given


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_option_of_a_roles_module_is_a_variable_of_the_role(role):
    tasks = tasks_in(role / "tasks")
    for module, excused in KEPT_BY[role.name].items():
        given = given_in(tasks, module)
        assert sorted(options_of(module) - set(given) - set(excused)) == [], module


def playbook_tasks(path):
    """A playbook's plays with all of their tasks, and those of the files that it includes."""
    plays = load(path)
    text = path.read_text(encoding="utf-8")
    included = [path.parent / name for name in re.findall(r"include_tasks: (tasks/\S+\.yml)", text)]
    found = [*plays]

    def walk(tasks):
        for task in tasks:
            found.append(task)
            for key in ("block", "rescue", "always"):
                walk(task.get(key, []))

    for play in plays:
        walk(play.get("tasks", []))
    for file in included:
        walk(load(file))
    return found


@pytest.mark.parametrize(("playbook", "module"), sorted(DECIDED_HERE))
def test_a_playbook_tells_a_module_all_that_the_role_is_told(playbook, module):
    [role] = [role for role in ROLES if module in KEPT_BY[role.name]]
    path = CHECKOUT / "playbooks" / f"{playbook}.yml"
    tasks = playbook_tasks(path) if path.exists() else tasks_in(CHECKOUT / "roles" / playbook / "tasks")
    here = given_in(tasks, module)
    own = {name: str(value) for task in tasks for name, value in task.get("vars", {}).items()}
    missing = {}
    for option, value in given_in(tasks_in(role / "tasks"), module).items():
        wanted = set(re.findall(rf"\b{role.name}_\w+", value)) & set(load(role / "defaults" / "main.yml"))
        named = set(re.findall(r"\w+", here.get(option, "")))
        lacking = wanted - named - {word for name in named for word in re.findall(r"\w+", own.get(name, ""))}
        if lacking and option not in DECIDED_HERE[playbook, module]:
            missing[option] = sorted(lacking)
    assert missing == {}


def test_no_playbook_uses_a_roles_module_unseen():
    modules = {module for kept in KEPT_BY.values() for module in kept}
    for path in sorted((CHECKOUT / "playbooks").glob("*.yml")):
        used = {module for module in modules if given_in(playbook_tasks(path), module)}
        assert used <= {module for playbook, module in DECIDED_HERE if playbook == path.stem}, path.name
