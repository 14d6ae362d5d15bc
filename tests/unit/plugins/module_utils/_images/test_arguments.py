# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What images are refused for before anything is looked at."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Package

IMAGE = {
    "name": "demo",
    "base": "python:3.12",
    "tags": [],
    "python_envs": [{"name": "ml", "packages": ["six==1.16.0"]}],
    "system_packages": [],
    "build_packages": [],
    "copy": [],
    "env": {},
    "labels": {},
    "user": "ml",
    "uid": 1000,
    "workdir": "/app",
    "entrypoint": [],
    "command": [],
    "healthcheck": [],
    "gpu": False,
    "created": None,
    "folder": None,
    "write_only": False,
    "push": False,
    "save_to": None,
}


def params(*images, **options):
    return {
        "images": [{**IMAGE, **image} for image in images],
        "root": "/opt/images",
        "environments_root": "/opt/mlstack/envs",
        "network": "default",
        "engine": "uv",
        "index_url": None,
        "extra_index_urls": [],
        "trusted_hosts": [],
        "ca_bundle": None,
        **options,
    }


def refused(image, **options):
    with pytest.raises(InvalidArguments) as told:
        arguments.all_desired(params(image, **options))
    return told.value


def test_an_image_takes_the_lists_of_hosts():
    given = {
        "python_envs": [{"name": "ml", "packages": ["six==1.16.0"], "keep": 3, "verify_imports": ["six"]}],
        "system_packages": ["git", {"name": "curl", "version": "7.88", "hold": True}, {"name": "x", "state": "absent"}],
    }
    (image,) = arguments.all_desired(params(given))
    assert image.tags == ("demo:latest",)
    assert image.folder == "/opt/images/demo"
    assert image.system_packages == (Package("curl", "7.88"), Package("git"))
    assert image.environments[0].packages == ("six==1.16.0",)


@pytest.mark.parametrize(
    "image",
    [
        {"name": "../up"},
        {"name": "de mo"},
        {"base": "python:3.12 AS x"},
        {"base": "python:3.12\nRUN evil"},
        {"base": "-v"},
        {"base": "python@sha256:abc"},
        {"tags": ["x y"]},
        {"tags": ["--all"]},
        {"tags": ["x:1\n"]},
        {"system_packages": ["git; evil"]},
        {"system_packages": ["$(evil)"]},
        {"system_packages": ["-o=APT::x"]},
        {"build_packages": [{"name": "git", "version": "1 && evil"}]},
        {"copy": [{"src": "../etc", "dest": "/x"}]},
        {"copy": [{"src": "a/../../etc", "dest": "/x"}]},
        {"copy": [{"src": ".hidden", "dest": "/x"}]},
        {"copy": [{"src": "$HOME", "dest": "/x"}]},
        {"copy": [{"src": "a*", "dest": "/x"}]},
        {"copy": [{"src": "a", "dest": "x"}]},
        {"copy": [{"src": "a", "dest": "/x/../y"}]},
        {"copy": [{"src": "a", "dest": "/$HOME"}]},
        {"env": {"A B": "x"}},
        {"env": {"A": "x\nRUN evil"}},
        {"labels": {"a b": "x"}},
        {"labels": {"a.b": "x\ry"}},
        {"user": "root; evil"},
        {"workdir": "/app $x"},
        {"workdir": "/app\n"},
        {"command": ["a\nRUN evil"]},
        {"python_envs": [{"name": "a/b", "packages": ["six==1.16.0"]}]},
        {"python_envs": [{"name": "ml", "packages": ["six==1.16.0"], "verify_imports": ["os; evil()"]}]},
        {"python_envs": [{"name": "ml", "packages": ["six==1.16.0"], "no_binary": ["x y"]}]},
    ],
    ids=str,
)
def test_what_would_mean_something_else_in_a_dockerfile_is_refused(image):
    assert refused(image).code == "not_for_a_dockerfile"


@pytest.mark.parametrize(
    "image",
    [
        {"uid": 0},
        {"uid": 70000},
        {"tags": ["x@sha256:" + "0" * 64]},
        {"labels": {"io.gpufleet.mlstack.desired": "x"}},
        {"python_envs": [{"name": "ml", "packages": []}]},
        {"python_envs": [{"name": "ml", "packages": "six==1.16.0"}]},
        {"python_envs": [{"name": "ml", "packages": ["six==1.16.0"], "state": "absent"}]},
        {"python_envs": [{"name": "ml", "packages": ["six==1.16.0"], "torch": "2.x"}]},
        {"python_envs": [{"name": "ml", "packages": ["a==1"]}, {"name": "ml", "packages": ["b==1"]}]},
        {"system_packages": [{"version": "1"}]},
        {"created": "yesterday"},
        {"created": "-1"},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(image):
    assert refused(image).code == "image_invalid"


def test_two_images_do_not_share_a_folder():
    with pytest.raises(InvalidArguments):
        arguments.all_desired(params({}, {"name": "other", "folder": "/opt/images/demo"}))


@pytest.mark.parametrize(
    ("option", "value"),
    [("trusted_hosts", ["a b"]), ("trusted_hosts", ["a;b"]), ("network", "x y"), ("environments_root", "/a b")],
)
def test_options_that_become_words_of_a_command_are_names(option, value):
    assert refused({}, **{option: value}).code == "not_for_a_dockerfile"


def test_an_index_is_one_word():
    assert refused({}, index_url="https://a/ --extra-index-url https://b/").code == "image_invalid"
