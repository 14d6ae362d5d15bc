# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that strangers may have written: nothing is run, nothing multiplies, every refusal has a line."""

from __future__ import annotations

import time

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import yaml_lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.yaml_lines import Mapping, Scalar, Sequence
from hypothesis import given
from hypothesis import strategies as st

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)

HOSTILE = {
    "": (1, "it is empty"),
    "\n\n# nothing\n": (1, "it is empty"),
    "- a\n- b\n": (1, "it is no mapping"),
    "hello": (1, "it is no mapping"),
    "name: x\na: !!python/object/apply:os.system ['true']\n": (2, "it has the tag"),
    "a: !custom x\n": (1, "it has the tag !custom"),
    LAUGHS: (7, "its anchors multiply"),
    "a: " + "[" * 100_000: (1, "it nests deeper"),
    "a: &a [*a]\n": (1, "refers to what it stands in"),
    "a: *b\n": (1, "refers to nothing"),
    "a: 1\n---\na: 2\n": (2, "a second document"),
    "a: 1\nb: 2\na: 3\n": (3, "'a' stands here again, first in line 1"),
    "? [a, b]\n: c\n": (1, "a key is no text"),
    "<<: text\n": (1, "<< wants a mapping"),
    "a:\n\t- b\n": (2, "a tab indents the line"),
    "a: [b, c\n": (2, "it is no YAML"),
    "a: 'b\n\n": (3, "it is no YAML"),
    "a: b\x00\n": (1, "control character 0x00"),
    "a: b\nc: \x1b[31m\n": (2, "control character 0x1b"),
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_hostile_text_is_refused_by_line(text, loader, monkeypatch):
    monkeypatch.setattr(yaml_lines, "_LOADER", getattr(yaml_lines.yaml, loader))
    line, reason = HOSTILE[text]
    started = time.monotonic()
    with pytest.raises(InvalidArguments) as caught:
        yaml_lines.load(text, "x.yml")
    assert f"x.yml:{line}: " in str(caught.value)
    assert reason in str(caught.value)
    assert time.monotonic() - started < 5


def test_bytes_that_are_no_utf_8_are_refused_by_line():
    with pytest.raises(InvalidArguments, match=r"x\.yml:2: byte 0xe9"):
        yaml_lines.load("a: b\nc: café\n".encode("latin-1"), "x.yml")
    with pytest.raises(InvalidArguments, match=r"x\.yml:1: byte 0xff"):
        yaml_lines.load("a: b\n".encode("utf-16"), "x.yml")


def test_fifty_megabytes_are_refused_before_they_are_read():
    with pytest.raises(InvalidArguments, match="50 MB"):
        yaml_lines.load(b"a: b\n" * 10_000_000, "x.yml")


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_values_stay_text_with_their_line(loader, monkeypatch):
    monkeypatch.setattr(yaml_lines, "_LOADER", getattr(yaml_lines.yaml, loader))
    document, lines = yaml_lines.load("a: 3.10\nb: [no, 'null', ~]\nc:\n  d: 2022-01-01\n", "x.yml")
    assert document.items["a"] == Scalar("3.10", 1, 7)
    b, c = document.items["b"], document.items["c"]
    assert isinstance(b, Sequence) and isinstance(c, Mapping)
    assert [(item.text, item.is_null) for item in b.items] == [("no", False), ("null", False), ("~", True)]
    assert (c.items["d"].text, c.line_of("d")) == ("2022-01-01", 4)
    assert len(lines) == 4


@given(st.text(alphabet="ab:-[]{}&*!<>'\"# \n\t,|?~\\", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        document, _lines = yaml_lines.load(text, "x.yml")
    except InvalidArguments as exc:
        assert "x.yml:" in str(exc)
    else:
        assert isinstance(document, Mapping)
