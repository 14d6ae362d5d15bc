# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git learns credentials from variables, exactly as they are, and for the one repository they are meant for."""

from __future__ import annotations

import os
import string
import subprocess
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import git_credentials
from hypothesis import given, settings
from hypothesis import strategies as st

COMMIT = "0" * 40
texts = st.text(string.ascii_letters + string.digits + "!$%'\"`\\ @:;&|", min_size=1, max_size=20)


def requirement(user: str, password: str, place: str = "host.example/a/b.git") -> str:
    return f"x @ git+https://{quote(user, safe='')}:{quote(password, safe='')}@{place}@{COMMIT}#subdirectory=s\n"


def filled(environ: dict[str, str], url_path: str) -> dict[str, str]:
    """What git itself finds for a repository of host.example."""
    asked = f"protocol=https\nhost=host.example\npath={url_path}\n\n"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nowhere",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **environ,
    }
    done = subprocess.run(
        ["git", "credential", "fill"], input=asked, env=env, capture_output=True, text=True, check=False
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@given(texts, texts)
def test_no_credentials_stay_in_the_text(user, password):
    assert git_credentials.stripped(requirement(user, password)) == (
        f"x @ git+https://host.example/a/b.git@{COMMIT}#subdirectory=s\n"
    )


@settings(max_examples=15)
@given(texts, texts)
def test_git_finds_them_whatever_characters_they_have(user, password):
    found = filled(git_credentials.environ(requirement(user, password)), "a/b.git")
    assert (found["username"], found["password"]) == (user, password)


def test_two_repositories_of_one_host_keep_their_own():
    text = requirement("one", "first", "host.example/a/b.git") + requirement("two", "second", "host.example/c.git")
    environ = git_credentials.environ(text)
    assert filled(environ, "a/b.git")["password"] == "first"
    assert filled(environ, "c.git")["password"] == "second"
    assert "password" not in filled(environ, "d.git")


def test_texts_without_credentials_need_no_variables_and_stay():
    for text in ("six==1.0\n", f"x @ git+ssh://git@h/x@{COMMIT}\n", f"x @ git+https://h/x@{COMMIT}\n", ""):
        assert git_credentials.environ(text) == {} and git_credentials.stripped(text) == text
