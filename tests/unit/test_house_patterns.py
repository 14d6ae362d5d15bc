# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pattern ends in \\Z or is used by fullmatch(): $ lets a line break at the end through."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from pathlib import Path

if sys.version_info >= (3, 11):
    from re import _constants as constants
    from re import _parser as parser
else:
    import sre_constants as constants
    import sre_parse as parser

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
_PARTS = re.compile(r"(?:\{[a-z_]+\})")


def patterns(path: Path) -> list[tuple[int, str]]:
    """Every text that is given to the module re, and every one that looks like a whole pattern; by line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            given, flags = (
                node.args[0],
                " ".join(ast.unparse(item) for item in ast.walk(node) if item is not node.args[0]),
            )
            text = ast.unparse(given) if isinstance(given, ast.JoinedStr) else getattr(given, "value", None)
            if isinstance(text, (str, bytes)) and "MULTILINE" not in flags and "re.M" not in flags:
                found.append((node.lineno, text.decode("latin-1") if isinstance(text, bytes) else text))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and "(?:" in str(node.value.value):
            found.append((node.lineno, str(node.value.value)))  # a pattern with a name, compiled elsewhere
    return found


def lets_a_line_break_through(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of texts that are no patterns
            tree = parser.parse(_PARTS.sub("x", pattern))
    except re.error:
        return False
    return not tree.state.flags & re.MULTILINE and constants.AT_END in _positions(tree)


def _positions(tree: object) -> list[object]:
    found: list[object] = []
    for item in tree if isinstance(tree, (list, tuple, parser.SubPattern)) else ():
        if isinstance(item, tuple) and len(item) == 2 and item[0] is constants.AT:
            found.append(item[1])
        else:
            found += _positions(item)
    return found


def test_no_pattern_lets_a_line_break_at_the_end_through() -> None:
    stray = [
        f"{path.relative_to(PLUGINS)}:{line} {pattern}"
        for path in sorted(PLUGINS.rglob("*.py"))
        for line, pattern in patterns(path)
        if lets_a_line_break_through(pattern)
    ]
    assert stray == [], "end it in \\Z, or leave the end out and use fullmatch()"


def test_the_search_finds_each_form(tmp_path: Path) -> None:
    forms = {
        r're.compile(r"^[a-z]+$")': True,
        r're.match("x(?:a|b$)", text)': True,
        r're.search(rf"-{major}-\d+$", name)': True,
        r'_FORM = r"(?:a|b){x}$"': True,
        r're.compile(rb"a$")': True,
        r're.compile(r"^[a-z]+\Z")': False,
        r're.compile(r"(?m)^x$")': False,
        r're.compile(r"^x$", re.MULTILINE)': False,
        r're.compile(r"\$[$]")': False,
    }
    for code, found in forms.items():
        file = tmp_path / "code.py"
        file.write_text(code)
        assert any(lets_a_line_break_through(pattern) for _line, pattern in patterns(file)) == found, code
