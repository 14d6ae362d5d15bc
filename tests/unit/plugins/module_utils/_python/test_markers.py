# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers by the standard library agree with the 'packaging' library."""

from __future__ import annotations

import packaging.markers
import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import markers
from hypothesis import example, given
from hypothesis import strategies as st

ROCKY_9 = {
    "implementation_name": "cpython",
    "implementation_version": "3.9.18",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "5.14.0-427.el9.x86_64",
    "platform_system": "Linux",
    "platform_version": "#1 SMP PREEMPT_DYNAMIC",
    "python_full_version": "3.9.18",
    "python_version": "3.9",
    "sys_platform": "linux",
}
UBUNTU_ARM = {
    **ROCKY_9,
    "implementation_version": "3.12.0b4",
    "platform_machine": "aarch64",
    "platform_release": "6.8.0",
    "python_full_version": "3.12.0b4+",
    "python_version": "3.12",
}

values = st.sampled_from(
    [
        "3.9",
        "3.10",
        "3.9.*",
        "3.12",
        "4",
        "3.12.0b4",
        "linux",
        "win32",
        "posix",
        "x86_64",
        "Linux",
        "CPython",
        "",
        "6.0",
    ]
)
operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"])


@st.composite
def comparisons(draw):
    variable = draw(st.sampled_from([*sorted(markers.VARIABLES), "os.name", "python_implementation"]))
    value = f"{draw(st.sampled_from(QUOTES))}"
    sides = [
        variable,
        value + draw(values if variable != "extra" else st.sampled_from(["Test_X", "dev", "a.b"])) + value,
    ]
    if draw(st.booleans()):
        sides.reverse()
    return f"{sides[0]} {draw(operators)} {sides[1]}"


QUOTES = ["'", '"']
expressions = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        lambda a, word, b, wrapped: f"({a} {word} {b})" if wrapped else f"{a} {word} {b}",
        inner,
        st.sampled_from(["and", "or"]),
        inner,
        st.booleans(),
    ),
    max_leaves=6,
)


def _theirs(text, environment):
    """packaging's verdict, None where it finds none."""
    try:
        return packaging.markers.Marker(text).evaluate(environment)
    except (packaging.markers.InvalidMarker, packaging.markers.UndefinedComparison):
        return None


def _ours(text, environment, extras):
    try:
        return markers.parse(text).evaluate(environment, extras)
    except markers.InvalidMarker:
        return None


@given(expressions, st.sampled_from([ROCKY_9, UBUNTU_ARM]), st.sampled_from(["", "test-x", "Dev"]))
@example("python_version ~= 'fred'", ROCKY_9, "")
@example("platform_release >= '5.0'", ROCKY_9, "")
@example("platform_release >= '5.0'", UBUNTU_ARM, "")
@example("'3.10' > python_version", ROCKY_9, "")
@example("python_full_version < '3.12'", UBUNTU_ARM, "")
def test_markers_hold_where_packaging_says_so(text, environment, extra):
    assert _ours(text, environment, [extra] if extra else []) == _theirs(text, {**environment, "extra": extra})


@given(expressions)
def test_the_canonical_text_means_the_same(text):
    try:
        marker = markers.parse(text)
    except markers.InvalidMarker:
        return
    again = markers.parse(str(marker))
    assert again == marker and hash(again) == hash(marker)
    for environment in (ROCKY_9, UBUNTU_ARM):
        assert _ours(str(marker), environment, []) == _ours(text, environment, [])


@given(st.lists(st.sampled_from(["(", ")", "and", "or", "in", "not", "==", "'3.9'", "os_name", "x", "<", ";"])))
def test_what_packaging_cannot_read_is_refused(words):
    text = " ".join(words)
    try:
        packaging.markers.Marker(text)
    except packaging.markers.InvalidMarker:
        with pytest.raises(markers.InvalidMarker):
            markers.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "'a' == 'b'",
        "os_name == sys_platform",
        "unknown == 'x'",
        "'dev' in extras",
        "python_version == '3.9' and",
        "python_version == '3.9",
        "(python_version == '3.9'",
        "python_version = '3.9'",
        "os_name == 'a\\x41'",
        "python_version == 3.9",
        "",
    ],
)
def test_refused(text):
    with pytest.raises(markers.InvalidMarker):
        markers.parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("python_version<'3.8'", 'python_version  <  "3.8"'),
        ("'linux' == sys_platform", "sys.platform == 'linux'"),
        ("extra == 'Test_X'", "extra=='test-x'"),
        ("(os_name == 'a' and (os_name == 'b'))", "os_name == 'a' and os_name == 'b'"),
        (
            "(os_name == 'a' and os_name == 'b') or os_name == 'c'",
            "os_name == 'a' and os_name == 'b' or os_name == 'c'",
        ),
    ],
)
def test_spellings_of_one_marker_are_equal(one, other):
    assert markers.parse(one) == markers.parse(other)


def test_extras_are_tried_one_by_one():
    marker = markers.parse("extra == 'dev' or extra == 'docs'")
    assert not marker.evaluate(ROCKY_9)
    assert marker.evaluate(ROCKY_9, ["test", "docs"])
    assert markers.parse("os_name == 'posix'").evaluate(ROCKY_9, ["dev"])


def test_a_variable_that_the_environment_lacks_is_named():
    with pytest.raises(markers.UnknownVariable, match="sys_platform"):
        markers.parse("os_name == 'posix' or sys_platform == 'linux'").evaluate({"os_name": "posix"})
