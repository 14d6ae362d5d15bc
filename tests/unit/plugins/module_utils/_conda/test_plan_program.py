# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan_program as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.plan_program import (
    DesiredProgram,
    ObservedProgram,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

DESIRED = DesiredProgram(
    "installer", "https://mirror.example/Miniforge3.sh", "a" * 64, "/opt/miniforge3", shell_init=True
)
PROFILE = planner.profile_text(DESIRED)
PLAIN = dataclasses.replace(DESIRED, shell_init=False)
OURS = ObservedProgram("ours", DESIRED.sha256)


def verbs(desired, observed):
    return [action.verb for action in planner.plan_program(desired, observed, planner.profile_text(desired)).actions]


@pytest.mark.parametrize(
    ("desired", "observed", "steps"),
    [
        (DESIRED, ObservedProgram("absent"), ["install", "init"]),
        (DESIRED, ObservedProgram("unfinished"), ["clean", "install", "init"]),
        (DESIRED, OURS, ["init"]),
        (DESIRED, dataclasses.replace(OURS, profile="older"), ["init"]),
        (DESIRED, dataclasses.replace(OURS, profile=PROFILE), []),
        (PLAIN, dataclasses.replace(OURS, profile=PROFILE), ["uninit"]),
        (PLAIN, OURS, []),
        (dataclasses.replace(PLAIN, kind="binary", sha256="b" * 64), OURS, ["install"]),
    ],
)
def test_steps(desired, observed, steps):
    assert verbs(desired, observed) == steps


@pytest.mark.parametrize(
    ("observed", "code"),
    [(ObservedProgram("foreign"), "occupied"), (ObservedProgram("ours", "b" * 64), "other_release")],
)
def test_what_is_somebodys_is_left_alone(observed, code):
    with pytest.raises(MlstackError) as refused:
        planner.plan_program(DESIRED, observed, PROFILE)
    assert refused.value.code == code


def test_each_prefix_has_a_file_for_login_shells_of_its_own():
    paths = [planner.profile_path(prefix) for prefix in ("/opt/miniforge3", "/opt/micromamba", "/srv/my conda;x")]
    assert paths == [
        "/etc/profile.d/mlstack-opt-miniforge3.sh",
        "/etc/profile.d/mlstack-opt-micromamba.sh",
        "/etc/profile.d/mlstack-srv-my-conda-x.sh",
    ]


def test_where_releases_are_published():
    base = "https://github.com/conda-forge/miniforge/releases/download/26.3.2-0"
    assert planner.published("installer", "26.3.2-0", "aarch64") == f"{base}/Miniforge3-26.3.2-0-Linux-aarch64.sh"
    assert planner.published("binary", "2.8.1-0", "x86_64").endswith("/2.8.1-0/micromamba-linux-64")
    assert planner.published("binary", "2.8.1-0", "riscv64") == ""
