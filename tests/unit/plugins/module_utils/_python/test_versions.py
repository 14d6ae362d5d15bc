# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEP 440 by the standard library agrees with the 'packaging' library."""

from __future__ import annotations

import itertools

import packaging.specifiers
import packaging.version
import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import versions
from hypothesis import example, given
from hypothesis import strategies as st

numbers = st.integers(0, 3) | st.sampled_from([10, 2026])
separators = st.sampled_from(["", ".", "-", "_"])


@st.composite
def version_texts(draw, local=True):
    """Versions in all the spellings that PEP 440 allows, small numbers so that neighbours meet."""
    text = draw(st.sampled_from(["", "", "", "v", "1!"]))
    text += ".".join(map(str, draw(st.lists(numbers, min_size=1, max_size=4))))
    if draw(st.booleans()):
        word = draw(st.sampled_from(["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC"]))
        text += draw(separators) + word + draw(separators) + draw(st.sampled_from(["", "0", "1", "2"]))
    if draw(st.booleans()):
        text += draw(st.sampled_from(["-1", ".post1", "post", "-r2", "_rev_3", ".post"]))
    if draw(st.booleans()):
        text += draw(separators) + "dev" + draw(st.sampled_from(["", "0", "1", ".2"]))
    if local and draw(st.booleans()):
        text += "+" + draw(st.sampled_from(["cu118", "cpu", "1", "1.2", "ubuntu-1", "CU118", "01"]))
    return text


@st.composite
def specifier_texts(draw):
    operator = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "==="]))
    if operator in ("==", "!=") and draw(st.booleans()):
        return operator + draw(st.sampled_from(["1", "1.0", "1.2", "0", "2026", "1!1", "1.0.0", "v1.1"])) + ".*"
    return operator + draw(st.sampled_from(["", " "])) + draw(version_texts(local=operator in ("==", "!=", "===")))


@given(version_texts())
def test_a_version_reads_and_spells_as_packaging_does(text):
    ours, theirs = versions.parse(text), packaging.version.Version(text)
    assert str(ours) == str(theirs)
    assert (ours.epoch, ours.release, ours.pre, ours.post, ours.dev) == (
        theirs.epoch,
        theirs.release,
        theirs.pre,
        theirs.post,
        theirs.dev,
    )
    assert str(ours.public) == theirs.public
    assert str(ours.base) == theirs.base_version
    assert ours.is_prerelease == theirs.is_prerelease
    assert versions.parse(str(ours)) == ours


@given(version_texts(), version_texts())
def test_versions_are_ordered_as_packaging_orders_them(a, b):
    ours = versions.parse(a), versions.parse(b)
    theirs = packaging.version.Version(a), packaging.version.Version(b)
    assert (ours[0] < ours[1], ours[0] == ours[1], ours[0] > ours[1]) == (
        theirs[0] < theirs[1],
        theirs[0] == theirs[1],
        theirs[0] > theirs[1],
    )
    assert versions.same(a, b) == (theirs[0] == theirs[1])
    assert (versions.canonical(a) == versions.canonical(b)) == (theirs[0] == theirs[1])
    if ours[0] == ours[1]:
        assert hash(ours[0]) == hash(ours[1])


@given(version_texts(), st.lists(specifier_texts(), max_size=3))
@example("1.0.post1", [">1.0"])
@example("1.0+local", [">1.0"])
@example("1.0.dev1", ["<1.0"])
@example("1.0a1", ["<1.0a2"])
@example("0+cu118", [">0a"])
@example("1.0a1.post1", [">1.0.dev0"])
@example("1.0rc1", ["<1.0.post0"])
@example("1.0.post1.dev0", [">1.0.post0"])
@example("1.0+local.1", [">=1.0.dev0", "<1.0.post1"])
@example("2.0.1+cu118", ["==2.0.1"])
@example("2.0.1", ["==2.0.1+cu118"])
@example("1.1.post1", ["~=1.0.post1"])
def test_specifiers_accept_what_packaging_accepts(version, specifiers):
    text = ",".join(specifiers)
    try:
        theirs = packaging.specifiers.SpecifierSet(text)
    except packaging.specifiers.InvalidSpecifier:
        with pytest.raises(versions.InvalidSpecifier):
            versions.parse_specifiers(text)
        return
    assert versions.satisfies(version, text) == theirs.contains(version, prereleases=True)


def test_exclusive_comparisons_of_close_neighbours():
    """Where a version's own pre-, post-, dev- and local releases meet < and >: all of them, not a sample."""
    parts = [("1", "1.0", "1.1"), ("", "a1", "rc1"), ("", ".post0", ".post1"), ("", ".dev0", ".dev1")]
    neighbours = ["".join(part) for part in itertools.product(*parts)]
    for operator in ("<", ">", "~="):
        for wanted in neighbours:
            if operator == "~=" and not wanted.startswith(("1.0", "1.1")):
                continue
            theirs = packaging.specifiers.Specifier(operator + wanted)
            for version in neighbours + [item + "+local" for item in neighbours[::5]]:
                expected = theirs.contains(version, prereleases=True)
                assert versions.satisfies(version, operator + wanted) == expected, (version, operator + wanted)


@given(st.text(alphabet="0123456789.!+-_abcdeprovst *v", max_size=12))
def test_texts_that_are_no_versions_are_refused_as_packaging_does(text):
    try:
        expected = str(packaging.version.Version(text))
    except packaging.version.InvalidVersion:
        with pytest.raises(versions.InvalidVersion):
            versions.parse(text)
    else:
        assert str(versions.parse(text)) == expected


@given(st.text(alphabet="<>=!~0123456789.+-_abdrcv*, ", max_size=10))
@example("==1.*.2")
@example("==1.0a1.*")
@example("~=1")
@example(">=1.0+cu118")
@example("===anything at all")
@example("~=1.0.*")
@example("=>1")
def test_texts_that_are_no_specifiers_are_refused_as_packaging_does(text):
    try:
        packaging.specifiers.Specifier(text)
    except packaging.specifiers.InvalidSpecifier:
        if "," in text or not text.strip():
            return  # a list of them is not a single one
        with pytest.raises(versions.InvalidSpecifier):
            versions.parse_specifiers(text)
    else:
        if "," not in text:
            assert len(versions.parse_specifiers(text)) == 1


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("1.0", "1.0.0", True),
        ("1.0", "1.0.1", False),
        ("2.0.1", "2.0.1+cu118", False),  # another build is another version
        ("1.0-1", "1.0.post1", True),
        ("not-a-version", "Not-A-Version", True),
        ("not-a-version", "1.0", False),
    ],
)
def test_same(a, b, expected):
    assert versions.same(a, b) is expected


def test_canonical_drops_trailing_zeros_and_leaves_what_it_cannot_read():
    assert versions.canonical("v1.0.0-RC.1") == "1rc1"
    assert versions.canonical("0.0") == "0"
    assert versions.canonical("2004D-Old") == "2004d-old"


def test_an_installed_version_that_pep_440_cannot_read_meets_only_itself():
    assert versions.satisfies("2004d-old", "===2004d-old")
    assert not versions.satisfies("2004d-old", ">=0")
    assert not versions.satisfies("2004d-old", "!=1.0")
    assert versions.satisfies("2004d-old", "")
