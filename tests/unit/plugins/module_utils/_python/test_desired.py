# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments become desired states, or are refused with what to do."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import arguments
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._python.environments import (
    contents,
    desired,
    params,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "neither packages nor requirements"),
        ({"packages": ["six==1.0"], "keep": -1}, "keep is -1"),
        ({"packages": ["six==1.0"], "lock_to": "/x"}, "lock_to"),
        ({"packages": ["six==1.0"], "rollback_to": "2026"}, "rollback_to"),
        ({"state": "locked", "packages": ["six"]}, "lock_to is missing"),
        ({"state": "absent", "packages": ["six==1.0"]}, "not a package's name"),
        ({"state": "absent", "packages": ["-r"]}, "not a package's name"),
        ({"state": "absent", "requirements": ["/x"]}, "requirements or constraints"),
        ({"state": "absent", "constraints": ["/x"]}, "requirements or constraints"),
    ],
)
def test_desired_states_that_contradict_themselves(options, words):
    with pytest.raises(InvalidArguments) as refused:
        arguments.all_desired(params({"name": "ml", **options}))
    assert refused.value.code == "environment_invalid" and words in refused.value.found


def test_an_environment_is_listed_once():
    with pytest.raises(InvalidArguments) as refused:
        arguments.all_desired(params({"name": "ml", "packages": ["a==1"]}, {"name": "ml", "state": "absent"}))
    assert refused.value.code == "environment_twice"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("index_url", "https://h/ --pre"),
        ("index_url", "https://h/\n--pre"),
        ("index_url", "-i"),
        ("extra_index_urls", ["https://h/", "https://h/\t--pre"]),
        ("find_links", ["wheels"]),
        ("find_links", ["/a b"]),
        ("trusted_hosts", ["--pre"]),
        ("trusted_hosts", ["a b"]),
        ("ca_bundle", "ca.pem"),
        ("cache_dir", "-x"),
        ("toolbox", "tools"),
        ("executable", "-rf"),
        ("python_mirror", "a b"),
        ("python_downloads_json", "--x"),
    ],
)
def test_arguments_that_would_become_options_are_refused(option, value):
    with pytest.raises(InvalidArguments) as refused:
        arguments.all_desired(params({"name": "ml", "packages": ["a==1"]}, **{option: value}))
    assert refused.value.code == "argument_invalid" and option in refused.value.wanted


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("no_binary", ["a\n--index-url https://h/"]),
        ("only_binary", ["--pre"]),
        ("freeze_to", "frozen.txt"),
        ("python_version", "--upgrade"),
        ("python_version", "3"),
    ],
)
def test_options_of_an_environment_that_would_become_options_of_the_engine_are_refused(option, value):
    with pytest.raises(InvalidArguments) as refused:
        arguments.all_desired(params({"name": "ml", "packages": ["a==1"], option: value}))
    assert refused.value.code == "argument_invalid" and "environment ml" in refused.value.wanted


def test_what_is_usual_is_accepted():
    (found,) = arguments.all_desired(
        params(
            {"name": "ml", "packages": ["a==1"], "no_binary": [":all:"], "freeze_to": "/x/frozen.txt"},
            index_url="https://u:p%40ss@h:8443/simple/",
            extra_index_urls=["https://[::1]:8080/simple"],
            find_links=["/opt/wheels", "https://h/links.html", "file:///x"],
            trusted_hosts=["h:8443", "*.example", "10.0.0.1"],
        )
    )
    assert found.sources.index_url == "https://u:p%40ss@h:8443/simple/" and found.link == "/envs/ml"


pins = st.lists(st.sampled_from(["numpy==1.0", "six==1.16.0", "pandas==2.0.3", "a[x,y]==1"]), min_size=1, unique=True)


@given(pins, st.randoms())
def test_the_digest_of_a_desired_state_does_not_depend_on_order_or_spelling(packages, random):
    shuffled = list(packages)
    random.shuffle(shuffled)
    spelled = [text.upper().replace("==", " == ") + "  # why" for text in shuffled]
    assert contents(desired(packages=packages)).digest == contents(desired(packages=spelled)).digest


@pytest.mark.parametrize(
    "changed",
    [
        {"packages": ["six==1.17.0"]},
        {"packages": ["six==1.16.0", "numpy==1.0"]},
        {"python": "3.11"},
        {"verify_imports": ["six"]},
        {"no_binary": ["six"]},
        {"only_binary": [":all:"]},
        {"require_hashes": True},
        {"pre": True},
        {"compile_bytecode": False},
    ],
)
def test_the_digest_tells_desired_states_apart_that_mean_something_else(changed):
    plain = {"packages": ["six==1.16.0"]}
    assert contents(desired(**plain)).digest != contents(desired(**{**plain, **changed})).digest


@pytest.mark.parametrize("same", [{"keep": 5}, {"adopt": True}, {"freeze_to": "/x"}, {"verify_files": True}])
def test_the_digest_leaves_out_what_does_not_bear_on_the_contents(same):
    plain = {"packages": ["six==1.16.0"]}
    assert contents(desired(**plain)).digest == contents(desired(**{**plain, **same})).digest


def test_absent_packages_are_normalised_and_listed_once():
    assert desired(state="absent", packages=["Zope.Interface", "zope-interface", "six"]).absent_packages == (
        "zope-interface",
        "six",
    )
    assert desired(packages=["six==1.0"]).absent_packages == ()
