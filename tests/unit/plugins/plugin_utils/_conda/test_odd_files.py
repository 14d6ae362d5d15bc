# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a file for conda holds, it is read or refused, in time that grows with its length."""

from __future__ import annotations

import contextlib
import random
import time

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import environment_files, environment_yaml

ENVIRONMENT = """name: ml
channels: [conda-forge]
dependencies:
  - python=3.11
  - conda-forge::pytorch>=2.7=cuda12*  # [linux]
  - pip: [einops==0.7.0]
variables: {A: "1"}
"""
EXPLICIT = f"@EXPLICIT\nhttps://h.example/linux-64/six-1.17.0-py_0.conda#{'ab' * 16}\n"


def read(text: str) -> None:
    environment_files.read_file(text.encode(), "environment.yml", "linux-64", environ={})


def test_a_number_that_python_does_not_take_is_refused_by_its_line() -> None:
    with pytest.raises(InvalidArguments) as refused:
        read("dependencies:\n- python\n- six=" + "1" * 5000 + "\n")
    assert "environment.yml:3" in refused.value.found


def test_what_a_reader_trips_over_is_a_refusal_of_that_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_arguments: object, **_options: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(environment_files, "read_environment_yaml", trip)
    with pytest.raises(InvalidArguments) as refused:
        read(ENVIRONMENT)
    assert refused.value.code == "conda_file_unreadable" and "environment.yml" in refused.value.found
    monkeypatch.undo()
    monkeypatch.setattr(environment_yaml.match_spec, "parse", trip)
    with pytest.raises(InvalidArguments) as refused:
        read(ENVIRONMENT)
    assert "environment.yml:4" in refused.value.found


BLANKS = " " * 16000


LONG = [f"six{BLANKS}x", f"-r{BLANKS}", f"six==1{BLANKS}-", f"six{BLANKS}@{BLANKS}x"]


@pytest.mark.parametrize("entry", LONG, ids=range(len(LONG)))
def test_a_long_entry_takes_as_long_as_it_is(entry: str) -> None:
    started = time.process_time()
    with contextlib.suppress(InvalidArguments):
        read(f"dependencies:\n- {entry}\n")
    assert time.process_time() - started < 1


def test_a_list_on_one_line_takes_as_long_as_one_on_many() -> None:
    def seconds(text: str) -> float:
        started = time.process_time()
        read(text)
        return time.process_time() - started

    names = [f"package-of-a-long-name-{number}" for number in range(20000)]
    block = seconds("dependencies:\n" + "".join(f"- {name}\n" for name in names))
    assert seconds(f"dependencies: [{', '.join(names)}]\n") < 2 * block


@pytest.mark.parametrize("sample", [ENVIRONMENT, EXPLICIT])
def test_no_damaged_file_ends_in_an_error_of_python(sample: str) -> None:
    dice = random.Random(20261122)
    letters = sample + "\t\x00\u2028\u00b2é&*!|>%@`\"'{}[],:?-#"
    for _number in range(1500):
        text = list(sample)
        for _change in range(dice.randint(1, 5)):
            at = dice.randrange(len(text) + 1)
            text[at : at + dice.randint(0, 3)] = dice.choice(letters) * dice.choice((1, 1, 1, 40))
        try:
            read("".join(text))
        except InvalidArguments as refused:
            assert refused.code != "conda_file_unreadable", refused.found
