# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""environment.yml: what each part of the format means, and what is refused by which line."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml

PAGE = Path(__file__).resolve().parents[5] / "docs" / "conda-files.md"


def read(text, platform="linux-64", **options):
    text = textwrap.dedent(text) if isinstance(text, str) else text
    return read_environment_yaml(text, "env/environment.yml", platform, **options)


def specs(text, platform="linux-64"):
    return [item.text for item in read(text, platform).specs]


def problems(text, **options):
    with pytest.raises(InvalidArguments) as caught:
        read(text, **options)
    assert "env/environment.yml:" in str(caught.value)
    return [(item["line"], item["reason"]) for item in caught.value.details["problems"]]


WHOLE = """\
    # what the site runs
    name: ml
    prefix: /opt/conda/envs/ml
    channels:
      - https://conda.example/site/
      - conda-forge
      - nodefaults
      - conda-forge
    dependencies:
      - python=3.11
      - conda-forge::pytorch>=2.1=cuda12*
      - PyYAML   # as the docs spell it
      - pip
      - pip:
        - -r requirements.txt
        - einops==0.7.0
    variables:
      OMP_NUM_THREADS: 4
"""


def test_every_part_of_the_format():
    found = read(WHOLE)
    assert (found.name, found.prefix, found.category) == ("ml", "/opt/conda/envs/ml", "main")
    assert found.channels == ("https://conda.example/site", "conda-forge")
    assert found.nodefaults
    assert found.specs == (
        ("python=3.11", 10),
        ("conda-forge::pytorch[version='>=2.1',build='cuda12*']", 11),
        ("pyyaml", 12),
        ("pip", 13),
    )
    assert found.pip == (("-r requirements.txt", 15), ("einops==0.7.0", 16))
    assert found.variables == (("OMP_NUM_THREADS", "4"),)
    assert found.warnings == ()


def test_it_survives_the_way_to_the_host():
    found = read(WHOLE)
    assert files.from_data(json.loads(json.dumps(found.as_data()))) == found


def test_the_pip_section_is_read_by_its_own_lines_and_beside_the_file():
    contents = {
        "env/environment.yml": read(WHOLE).pip_text().encode(),
        "env/requirements.txt": b"six==1.16.0\nfoo>=1\n",
    }

    found, bad = requirement_files.read_leniently(["env/environment.yml"], load=contents.__getitem__)
    assert [(item.name, item.source.file, item.source.line) for item in found.requirements] == [
        ("six", "env/requirements.txt", 1),
        ("foo", "env/requirements.txt", 2),
        ("einops", "env/environment.yml", 16),
    ]
    assert bad == []


def test_numbers_stay_what_was_written():
    assert specs("dependencies:\n  - python=3.10\n  - libx 1.10\n") == ["python=3.10", "libx==1.10"]
    assert read("name: 3.10\ndependencies: []\n").name == "3.10"


def test_what_is_asked_for_twice_is_there_once():
    assert specs("dependencies: [python, numpy<2, python, numpy>=1]") == [
        "python",
        "numpy<2",
        "numpy>=1",
    ]


SELECTED = """\
    dependencies:
      - always  # [a comment]
      - linux  # [linux]
      - windows  # [win]
      - mac  # a mac only [osx]
      - unix # [unix]
      - arm  # [aarch64]
      - intel  # [linux and not aarch64]
      - either  # [win or (linux and aarch64)]
      - "quoted # [win]"
      - sel(linux): sel-linux
      - sel(win): [sel-win, sel-win-too]
      - pip:
        - here==1  # [linux64]
        - there==1  # [win64]
"""


def test_selectors_reserve_entries_for_platforms():
    assert specs(SELECTED) == ["always", "linux", "unix", "intel", "quoted", "sel-linux"]
    assert specs(SELECTED, "linux-aarch64") == ["always", "linux", "unix", "arm", "either", "quoted", "sel-linux"]
    assert specs(SELECTED, "osx-arm64") == ["always", "mac", "unix", "quoted"]
    assert specs(SELECTED, "win-64") == ["always", "windows", "either", "quoted", "sel-win", "sel-win-too"]
    assert [item.text for item in read(SELECTED).pip] == ["here==1"]
    assert [item.text for item in read(SELECTED, "win-64").pip] == ["there==1"]


def test_brackets_that_name_no_platform_are_told_and_taken_for_a_comment():
    assert read(SELECTED).warnings == (
        "env/environment.yml:2: [a comment] does not speak of a platform and is taken for a comment",
    )


def test_anchors_aliases_and_merge_keys():
    text = """\
        common: &common
          name: shared
          channels: [conda-forge]
        <<: *common
        name: own
        dependencies:
          - &python python=3.11
          - *python
          - pip: &pip
            - six==1.16.0
        """
    found = read(text)
    assert (found.name, found.channels) == ("own", ("conda-forge",))
    assert found.specs == (("python=3.11", 7),)
    assert found.pip == (("six==1.16.0", 10),)


def test_byte_order_mark_and_windows_line_ends():
    text = b"\xef\xbb\xbfname: x\r\ndependencies:\r\n  - python  # [linux]\r\n  - winreg  # [win]\r\n"
    assert read(text).specs == (("python", 3),)


def test_channels_take_variables():
    text = "channels: ['https://${USER_NAME}:$TOKEN@conda.example/main']\ndependencies: [six]"
    assert read(text).channels == ("https://${USER_NAME}:$TOKEN@conda.example/main",)
    environ = {"USER_NAME": "me", "TOKEN": "s3cret"}
    assert read(text, environ=environ).channels == ("https://me:s3cret@conda.example/main",)
    assert problems(text, environ={"USER_NAME": "me"}) == [(1, "the variable TOKEN is not set")]


def test_what_has_no_meaning_is_told():
    text = "dependencies: [six]\nplatforms: [osx-64]\ncolour: red\ncategory: dev\n"
    assert read(text).warnings == (
        "env/environment.yml:3: 'colour' means nothing in an environment.yml and is left out",
        "env/environment.yml:2: it is for osx-64, and the host is linux-64",
    )
    assert read(text).category == "dev"


def test_a_file_may_have_channels_alone():
    found = read("name: x\nchannels: [conda-forge]\n")
    assert (found.channels, found.specs) == (("conda-forge",), ())


@pytest.mark.parametrize("value", ["null", "~", ""])
def test_a_variable_without_a_value_is_left_out_and_told(value):
    found = read(f"dependencies: [six]\nvariables:\n  A: '1'\n  C: {value}\n  D: ''\n  E: 'null'\n")
    assert found.variables == (("A", "1"), ("D", ""), ("E", "null"))
    (warning,) = found.warnings
    assert warning.startswith("env/environment.yml:4: the variable C has no value")


def test_two_specs_of_one_name_are_both_there():
    assert [item.text for item in read("dependencies: ['six<1.16', 'six>=1.14']").specs] == ["six<1.16", "six>=1.14"]


def test_an_empty_pip_section_is_still_one():
    assert read("dependencies: [python, {pip: }]").pip_listed
    assert not read("dependencies: [python]").pip_listed


# text -> the line and the reason of each problem
REFUSED = {
    "name: x\n": [(1, "it has no dependencies")],
    "dependencies: python\n": [(1, "'dependencies' is no list")],
    "dependencies: {python: 3}\n": [(1, "'dependencies' is no list")],
    "channels: conda-forge\ndependencies: []\n": [(1, "'channels' is no list")],
    "channels: [-c]\ndependencies: []\n": [(1, "it is no channel")],
    "channels:\n  - \n  - {url: x}\ndependencies: []\n": [
        (2, "an entry of 'channels' is no text"),
        (3, "an entry of 'channels' is no text"),
    ],
    "channels: [defaults, nodefaults]\ndependencies: []\n": [(1, "it wants 'defaults' and 'nodefaults'")],
    "name: [a]\ndependencies: []\n": [(1, "'name' is no text")],
    "variables: [a]\ndependencies: []\n": [(1, "'variables' is no mapping")],
    "variables:\n  A-B: 1\ndependencies: []\n": [(2, "it is no variable with a text")],
    "dependencies:\n  - six\n  -\n  - ~\n  - [a]\n": [
        (3, "an entry is empty"),
        (4, "an entry is empty"),
        (5, "a list stands where a package belongs"),
    ],
    "dependencies:\n  - --prefix=/\n  - x=>1\n": [
        (2, "it begins with '-', which programs would take for an option"),
        (3, "'=>1' is no condition on a version"),
    ],
    "dependencies:\n  - requests[security]\n": [
        (2, "[security] is not key=value: extras such as name[extra] are pip's, not conda's")
    ],
    "dependencies:\n  - python: 3.11\n": [(2, "'python' is no section of dependencies; 'pip' is")],
    "dependencies:\n  - sel(moon): six\n": [(2, "'moon' is no platform")],
    "dependencies:\n  - pip: six==1\n": [(2, "the pip section is no list")],
    "dependencies:\n  - pip:\n    - a: b\n    -\n": [
        (3, "an entry of the pip section is no text"),
        (4, "an entry of the pip section is no text"),
    ],
    "dependencies:\n  - pip: [a==1]\n  - pip: [b==1]\n": [(3, "a second pip section begins, the first is in line 2")],
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_meant_is_refused_by_line(text):
    assert problems(text) == REFUSED[text]


def test_the_example_of_the_page_means_what_the_page_says():
    text = re.search(r"```yaml\n(name: ml\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    found = read(text)
    assert [item.text for item in found.specs] == [
        "python=3.11",
        "numpy==1.26.4",
        "scipy>=1.11,<2",
        "pytorch[version='>=2.7',build='cuda12*']",
        "nvidia::cuda-nvcc",
        "libaio",
        "pip",
    ]
    assert "libaio" not in specs(text, "linux-aarch64")
    assert "pywin32" in specs(text, "win-64")
    assert (found.channels, found.nodefaults, found.warnings) == (("conda-forge",), True, ())
    assert [item.text for item in found.pip] == ["-r requirements.txt", "einops==0.7.0"]
