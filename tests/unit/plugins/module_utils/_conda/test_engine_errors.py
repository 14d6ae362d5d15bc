# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines print of a failure, and what we make of it. tests/conda_engines has rattler print it for real."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_conflicts, engine_errors
from hypothesis import given
from hypothesis import strategies as st

CLASH = """Cannot solve the request because of: The following packages are incompatible
├─ bed-clash-b * can be installed with any of the following options:
│  └─ bed-clash-b 1.0 would require
│     └─ six >=1.16, which can be installed with any of the following options:
│        └─ six 1.16.0
└─ bed-clash-a * cannot be installed because there are no viable options:
   └─ bed-clash-a 1.0 would require
      └─ six <1.16, which cannot be installed because there are no viable options:
         ├─ six 1.15.0, which conflicts with the versions reported above.
         └─ six 1.14.0, which conflicts with the versions reported above.
"""
CONSTRAINED = """Cannot solve the request because of: The following packages are incompatible
├─ six 1.16.* can be installed with any of the following options:
│  └─ six 1.16.0
└─ bed-constrains-six * cannot be installed because there are no viable options:
   └─ bed-constrains-six 1.0 would constrain
      └─ six <1.16, which conflicts with any installable versions previously reported
"""
MAMBA = """Could not solve for environment specs
    The following packages are incompatible
    ├─ clash-a =* * is installable and it requires
    │  └─ six <1.16 *, which can be installed;
    └─ clash-b =* * is not installable because it requires
       └─ six >=1.16 *, which conflicts with any installable versions previously reported.
"""
NO_CUDA = """Cannot solve the request because of: pytorch-gpu * cannot be installed because there are no viable options:
└─ pytorch-gpu 2.4.0 would require
   └─ pytorch ==2.4.0 cuda*, which cannot be installed because there are no viable options:
      └─ pytorch 2.4.0 would require
         └─ __cuda *, for which no candidates were found.
"""
OLD_DRIVER = """Cannot solve the request because of: The following packages are incompatible
├─ __cuda * can be installed with any of the following options:
│  └─ __cuda 10.2
└─ pytorch 2.* cuda* cannot be installed because there are no viable options:
   ├─ pytorch 2.9.1 would require
   │  └─ cuda-version >=13.0,<14, which cannot be installed because there are no viable options:
   │     └─ cuda-version 13.0 would constrain
   │        └─ __cuda >=13, which conflicts with any installable versions previously reported
   └─ pytorch 2.8.0 | 2.7.1 would require
      └─ cuda-version >=12.8,<13, which cannot be installed because there are no viable options:
         └─ cuda-version 12.8 would constrain
            └─ __cuda >=12, which conflicts with any installable versions previously reported
"""


def test_a_driver_that_is_too_old_is_the_cause_and_named():
    known = engine_errors.read(OLD_DRIVER, offline=False)
    assert known.code == "no_virtual_package"
    assert known.found == (
        "cuda-version 13.0 needs __cuda >=13 and cuda-version 12.8 needs __cuda >=12, and the NVIDIA driver of this "
        "host offers CUDA 10.2"
    )
    assert "conflicts" not in known.details  # two versions of pytorch are a choice, and no conflict
    assert "driver" in known.to_fix


def test_a_driver_beside_another_conflict_is_named_too():
    both = CLASH + OLD_DRIVER.partition("\n")[2]
    known = engine_errors.read(both, offline=False)
    assert known.code == "conflict"
    assert "six" in known.found and "NVIDIA driver of this host offers CUDA 10.2" in known.found
    assert [item["package"] for item in known.details["conflicts"]] == ["six"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CLASH, "bed-clash-b 1.0 wants six >=1.16, but bed-clash-a 1.0 wants six <1.16"),
        (CONSTRAINED, "bed-constrains-six 1.0 wants six <1.16, but six 1.16.* is wanted"),
        (MAMBA, "clash-a wants six <1.16, but clash-b wants six >=1.16"),
    ],
)
def test_conflicts_name_both_sides(text, told):
    known = engine_errors.read(text, offline=False)
    assert (known.code, known.found) == ("conflict", told)
    assert known.details["conflicts"][0]["package"] == "six"
    assert known.details["solver_output"] == text.strip()


def test_what_the_host_lacks_is_named_with_its_meaning():
    known = engine_errors.read(NO_CUDA, offline=False)
    assert known.code == "no_virtual_package"
    assert known.found.startswith("pytorch 2.4.0 needs __cuda, which means an NVIDIA driver")
    assert "CPU build" in known.to_fix


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("No candidates were found for no-such *.\n", "no_such_package", "no-such"),
        ("No candidates were found for six 9.*.\n", "no_such_version", "six 9.*"),
        ("could not find subdir 'noarch' in channel 'file:///x/'\nCaused by: ...", "channel_missing", "file:///x/"),
        ("HTTP status client error (401 Unauthorized) for url (http://h/x)", "channel_refused", "http://h/x"),
        ("HTTP status server error (500 Internal Server Error) for url (u)", "channel_broken", "500"),
        (
            "error sending request for url (http://h/)\nCaused by: Connection refused",
            "channel_unreachable",
            "http://h/",
        ),
        (
            "error sending request\nCaused by: invalid peer certificate: UnknownIssuer",
            "channel_untrusted",
            "UnknownIssuer",
        ),
        ("failed to link 'a': No space left on device (os error 28)", "disk_full", "No space left"),
        ("failed to create directory: Permission denied (os error 13)", "permission_denied", "Permission denied"),
        ("404 Not Found) for url (http://h/noarch/a-1-0.conda)", "package_missing", "a-1-0.conda"),
        ("unable to parse version spec: ==", "bad_spec", "=="),
    ],
)
def test_causes_by_their_words(text, code, word):
    known = engine_errors.read(text, offline=False)
    assert known.code == code
    assert word in known.found


@pytest.mark.parametrize(
    "text", ["error sending request for url (http://h/)", "no usable repodata cache for http://h/noarch/"]
)
def test_offline_is_the_cause_of_what_the_network_lacks(text):
    assert engine_errors.read(text, offline=True).code == "offline"


def test_what_no_pattern_knows_is_quoted():
    assert engine_errors.read("something else entirely", offline=False) is None
    error = {"code": "failed", "kind": "PanicException", "text": "index out of bounds"}
    told = engine_errors.from_rattler(error, "x", offline=False)
    assert (told.code, told.found) == ("engine_failed", "rattler failed: PanicException: index out of bounds")


def test_a_wrong_hash_is_told_whole():
    error = {
        "code": "hash_mismatch",
        "package": "six-1-0",
        "url": "http://h/six-1-0.conda",
        "algorithm": "sha256",
        "expected": "e",
        "computed": "c",
    }
    told = engine_errors.from_rattler(error, "x", offline=False)
    assert told.found == "six-1-0 from http://h/six-1-0.conda has the sha256 c, not e"


@given(st.text(alphabet="│├└─ abc-1.0*<>=,;\n_" + "wouldrequireconflictswith"))
def test_any_text_is_survived(text):
    engine_errors.read(f"Cannot solve the request because of: {text}", offline=True)
    assert isinstance(engine_conflicts.conflicts(text), list)
