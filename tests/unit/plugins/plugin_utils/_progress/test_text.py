# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand in a line of the screen, and how hosts are listed."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import (
    few,
    lines,
    names,
    one_line,
    seconds,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("a\nFAILED b", "a FAILED b"),
        ("a\r\x1b[2K\x1b[1Aok: b", "a ok: b"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\u202eb\u2066c\u200bd", "abcd"),
        ("a\u2028b\x85c", "a b c"),
        ("[bold]kept[/bold]", "[bold]kept[/bold]"),
        ("gr\u00fcn \u4e2d", "gr\u00fcn \u4e2d"),
        ("\x1b", ""),
        ("tab\tnull\x00", "tab null"),
    ],
)
def test_nothing_moves_hides_or_forges_a_line(hostile, shown):
    assert one_line(hostile) == shown


@given(st.text())
def test_whatever_it_is_it_is_one_line_without_controls(text):
    shown = one_line(text)
    assert shown.splitlines() in ([], [shown])
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)


def test_a_long_text_is_cut():
    assert one_line("a" * 50, 10) == "aaaaaaa..."
    assert len(one_line("a" * 10**6)) == 20_000


def test_lines_keep_their_columns_and_lose_what_moves():
    assert lines("a:\n  b   c\x1b[2J\n\td") == ["a:", "  b   c", "        d"]


@pytest.mark.parametrize(
    ("hosts", "listed"),
    [
        (["gpu-01", "gpu-02", "gpu-03"], ["gpu-[01:03]"]),
        (["gpu-3", "gpu-1", "gpu-2"], ["gpu-[1:3]"]),
        (["gpu-9", "gpu-10"], ["gpu-[9:10]"]),
        (["gpu-09", "gpu-10", "gpu-11"], ["gpu-[09:11]"]),
        (["gpu-9", "gpu-09"], ["gpu-09", "gpu-9"]),
        (["db", "gpu-1", "gpu-3"], ["db", "gpu-1", "gpu-3"]),
        (["n1.site", "n2.site"], ["n[1:2].site"]),
        (["a", "a"], ["a"]),
        (["gpu-08", "gpu-01", "gpu-02", "gpu-05"], ["gpu-[01:02]", "gpu-05", "gpu-08"]),
        ([], []),
    ],
)
def test_hosts_in_a_row_are_a_range(hosts, listed):
    assert names(hosts) == listed


def test_what_does_not_fit_is_counted():
    assert few(["alpha", "beta", "gamma"], 12) == "alpha, beta and 1 more"
    assert few(["alpha"], 2) == "alpha"


@pytest.mark.parametrize(("span", "told"), [(0.4, "0s"), (59.9, "59s"), (62, "1m02s"), (3720, "1h02m"), (-1, "0s")])
def test_spans_as_people_say_them(span, told):
    assert seconds(span) == told
