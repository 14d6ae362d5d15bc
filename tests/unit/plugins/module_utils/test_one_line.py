# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _one_line
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import repository
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Pin, Repository, Sources


@pytest.mark.parametrize("end", ["\n", "\r", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\n\nTrusted: yes"])
@pytest.mark.parametrize(
    "params",
    [
        {"root": "/opt/x"},
        {"cache_dir": "/x"},
        {"index_url": "https://x/"},
        {"extra_index_urls": ["https://y/", "https://x/"]},
        {"repositories": [{"name": "x", "url": "https://x/"}]},
        {"environments": [{"name": "ml", "freeze_to": "/x"}]},
    ],
    ids=str,
)
def test_a_control_character_at_the_end_is_refused(params: dict[str, Any], end: str) -> None:
    _one_line.require(params)
    with pytest.raises(InvalidArguments) as caught:
        _one_line.require(ended(params, end))
    assert caught.value.code == "control_character"


def ended(value: Any, end: str) -> Any:
    if isinstance(value, dict):
        return {name: ended(inner, end) for name, inner in value.items()}
    if isinstance(value, list):
        return [*value[:-1], ended(value[-1], end)]
    return f"{value}{end}"


def test_texts_and_secrets_may_have_lines() -> None:
    _one_line.require({"key": "a\nb\n", "requirements": "a==1\n", "password": "\n", "environments": [{"lock": "a\n"}]})


WHOLE = {
    "name": "cuda",
    "url": "https://x/",
    "key": "k",
    "fingerprints": ("A" * 40,),
    "suite": "stable",
    "components": ("main",),
    "title": "CUDA",
}


@pytest.mark.parametrize("end", ["\n", "\n\n", "\x1b", "\x7f"])
@pytest.mark.parametrize("field", [name for name in WHOLE if name != "key"])
def test_a_repository_is_matched_to_its_last_character(field: str, end: str) -> None:
    repository.require_valid(Sources(repositories=(Repository(**WHOLE),)))
    value = WHOLE[field]
    changed = (f"{value[0]}{end}",) if isinstance(value, tuple) else f"{value}{end}"
    with pytest.raises(InvalidArguments) as caught:
        repository.require_valid(Sources(repositories=(Repository(**{**WHOLE, field: changed}),)))
    assert caught.value.code == "invalid_repository"


@pytest.mark.parametrize("field", ["name", "pin", "reason"])
def test_a_pin_is_too(field: str) -> None:
    whole = {"name": "x", "pin": "release o=x", "reason": "r"}
    repository.require_valid(Sources(pins=(Pin(**whole),)))
    with pytest.raises(InvalidArguments):
        repository.require_valid(Sources(pins=(Pin(**{**whole, field: f"{whole[field]}\r"}),)))
