# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of conda's versions, and ranges of them. What is expected was compared with rattler's answers."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.versions import Version
from hypothesis import given
from hypothesis import strategies as st

# From the lowest to the highest; what stands in one row is equal.
ORDER = [
    ["0.4", "0.4.0"],
    ["0.4.1.rc", "0.4.1.RC"],
    ["0.4.1"],
    ["0.5a1"],
    ["0.5b3"],
    ["0.5", "0.5.0.0"],
    ["0.960923"],
    ["1.0a1"],
    ["1.0rc1"],
    ["1.0.dev1"],  # a part of its own, and so above what is written into the part before
    ["1.0", "1", "1.0.0"],
    ["1.0.post1"],
    ["1.0.1_"],
    ["1.0.1a"],
    ["1.0.1"],
    ["1.1"],
    ["1.10"],
    ["1.10+4"],
    ["1.10+5.1"],
    ["9d"],
    ["9e"],
    ["1996.07.12"],
    ["2024a"],
    ["2024b"],
    ["1!0.1", "1!0.1.0"],
]
KNOWN = [text for row in ORDER for text in row]
numbers = st.integers(0, 3) | st.sampled_from([10, 2026])


@st.composite
def version_texts(draw):
    text = draw(st.sampled_from(["", "", "", "1!"])) + ".".join(
        map(str, draw(st.lists(numbers, min_size=1, max_size=4)))
    )
    text += draw(st.sampled_from(["", "", "a1", "rc", ".dev", ".post2", "_1", "-2", "_", "k"]))
    return text + draw(st.sampled_from(["", "", "+1", "+1.2"]))


def test_versions_have_conda_s_order():
    for (lower_row, lower), (higher_row, higher) in itertools.product(enumerate(ORDER), repeat=2):
        for left, right in itertools.product(lower, higher):
            assert (Version(left) < Version(right)) == (lower_row < higher_row), (left, right)
            assert (Version(left) == Version(right)) == (lower_row == higher_row), (left, right)


def test_equal_versions_have_equal_hashes():
    for row in ORDER:
        assert len({hash(Version(text)) for text in row}) == 1


@given(version_texts(), version_texts(), version_texts())
def test_the_order_is_total(one, two, three):
    a, b, c = Version(one), Version(two), Version(three)
    assert (a < b) + (a == b) + (b < a) == 1
    if a <= b and b <= c:
        assert a <= c
    if a == b:
        assert hash(a) == hash(b)


@given(version_texts())
def test_a_version_lies_in_the_ranges_that_it_begins(text):
    assert versions.parse_range(f"=={text}").allows(text)
    assert versions.parse_range(f">={text},<={text}").allows(text)
    assert versions.parse_range(f"={text}").allows(text)
    assert not versions.parse_range(f"!={text}").allows(text)
    assert not versions.parse_range(f"<{text}|>{text}").allows(text)


@pytest.mark.parametrize("text", ["", " ", "1..2", ".1", "1!", "x!1", "1+", "1+2+3", "1 2", "a/b", "1;2", "é"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(versions.BadVersion):
        Version(text)


# range -> (versions in it, versions outside)
RANGES = {
    ">=1.2,<2": (["1.2", "1.2.0", "1.10", "1.99"], ["1.1", "1.2rc1", "2", "2.0.0"]),
    "=1.2": (["1.2", "1.2.0", "1.2.3", "1.2a"], ["1.20", "1.3", "1"]),
    "1.2.*": (["1.2", "1.2.3"], ["1.20", "1.3"]),
    "1.*.*": (["1.2", "1"], ["2"]),
    "==1.2": (["1.2", "1.2.0"], ["1.2.1"]),
    "1.2": (["1.2", "1.2.0"], ["1.2.1"]),
    "!=1.2.*": (["1.3", "1.20"], ["1.2", "1.2.5"]),
    "~=1.4.2": (["1.4.2", "1.4.10"], ["1.4.1", "1.5"]),
    "1.2|>=3,<4": (["1.2", "3", "3.9"], ["1.2.1", "4", "2"]),
    ">=1.2.*": (["1.2", "3"], ["1.1"]),
    "*": (["0", "1!5"], []),
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges(text):
    inside, outside = RANGES[text]
    found = versions.parse_range(text)
    assert [item for item in inside if not found.allows(item)] == []
    assert [item for item in outside if found.allows(item)] == []
    again = versions.parse_range(str(found))
    assert [again.allows(item) for item in KNOWN] == [found.allows(item) for item in KNOWN]


@pytest.mark.parametrize("text", ["", ">=", "=>1", "1,,2", "|1", "1.*.2", "~=1", "<*", ">1;rm", "1 || 2"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(versions.BadVersion):
        versions.parse_range(text)
