# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for every file of the project that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
# The clients of package registries know where those are; a name of one of their hosts in here would tie a user to it.
# Written in parts, so that this file does not hold what it forbids.
REGISTRY_HOSTS = re.compile(
    "|".join(
        [
            r"(?:files\.)?python" + r"hosted\.org",
            r"(?:test\.)?py" + r"pi\.(?:org|python\.org)",
            r"(?:deb|ftp[.\w]*|security|snapshot)\.deb" + r"ian\.org",
            r"(?:archive|security|ports)\.ubu" + r"ntu\.com",
            r"registry\.n" + r"pmjs\.org",
            r"mirror\w*\.rocky" + r"linux\.org",
        ]
    )
)


def tracked() -> list[Path]:
    """The files of the project: what git has, and what is new and not ignored."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, check=True).stdout.decode()
    return [path for path in (CHECKOUT / name for name in listing.split("\0") if name) if path.is_file()]


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def readable(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def test_there_is_something_to_look_at():
    names = {short(path) for path in tracked()}
    assert {"galaxy.yml", "plugins/module_utils/_plan.py", "tests/unit/test_house_files.py"} <= names


def test_no_host_of_a_package_registry_is_named():
    found = {short(path): REGISTRY_HOSTS.findall(readable(path)) for path in tracked()}
    assert {name: hosts for name, hosts in found.items() if hosts} == {}


def test_the_pattern_of_registry_hosts_finds_them():
    for host in ("files.python" + "hosted.org", "py" + "pi.org", "deb.deb" + "ian.org", "archive.ubu" + "ntu.com"):
        assert REGISTRY_HOSTS.search(f"https://{host}/simple")


def test_every_python_file_says_whose_it_is():
    wanted = {"# SPDX-License-Identifier: GPL-3.0-or-later", "# Copyright (c) 2026 gpufleet.mlstack contributors"}
    assert [short(path) for path in python_files() if not wanted <= set(readable(path).splitlines()[:4])] == []


def test_every_python_file_is_about_one_thing():
    # A module's documentation does not count: it is as long as its options are many.
    lengths = {}
    for path in python_files():
        text = readable(path)
        if path.parent == CHECKOUT / "plugins" / "modules":
            text = re.sub(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?"""(?:.|\n)*?"""', "", text, flags=re.MULTILINE)
        lengths[short(path)] = len(text.splitlines())
    assert {name: lines for name, lines in lengths.items() if lines >= MOST_LINES} == {}


def test_no_file_is_named_for_nothing():
    vague = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert [short(path) for path in python_files() if path.name in vague] == []


def test_every_file_of_the_product_says_what_it_is_about():
    product = [path for path in python_files() if path.parts[len(CHECKOUT.parts)] in ("plugins", "tools")]
    product = [path for path in product if path.parent != CHECKOUT / "plugins" / "modules"]  # those have DOCUMENTATION
    trees = {short(path): ast.parse(readable(path)) for path in product}
    assert [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []
