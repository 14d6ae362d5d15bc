# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.place import Place
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-rf", "+x", "a/b", "a b", "a\n", "a\0", "ml.lock", "x" * 65, "é"]
)
def test_a_name_that_would_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        Place("/opt/envs", name)
    assert caught.value.code == "bad_name"
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["ml", "ml-2.1", "CUDA_12+torch", "3.11", "x" * 64])
def test_plain_names_are_taken(name: str) -> None:
    assert Place("/opt/envs", name).link == f"/opt/envs/{name}"


@pytest.mark.parametrize("root", ["", "envs", "./envs", "/opt/../etc", "/opt/\nenvs", "/opt/\x1b[31m", "/" + "x" * 150])
def test_a_root_that_would_mean_something_else_is_refused(root: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        Place(root, "ml")
    assert caught.value.code == "bad_root"


def test_a_root_is_spelled_one_way() -> None:
    assert Place("/opt//envs/./", "ml").store == "/opt/envs/.generations/ml"


@pytest.mark.parametrize(
    ("target", "generation"),
    [
        (".generations/ml/20261122T201530-3f9c2a", "20261122T201530-3f9c2a"),
        ("/opt/envs/.generations/ml/20261122T201530-3f9c2a", "20261122T201530-3f9c2a"),
        (".generations/other/20261122T201530-3f9c2a", ""),
        (".generations/ml/", ""),
        (".generations/ml/..", ""),
        (".generations/ml/a/b", ""),
        ("/srv/venv", ""),
        ("", ""),
    ],
)
def test_only_our_own_links_are_ours(target: str, generation: str) -> None:
    assert Place("/opt/envs", "ml").generation_of(target) == generation
