# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines are asked in: one requirement file for both, with no secret among the arguments."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import engine as engines
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import (
    Cache,
    Request,
    RequestFiles,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_pip import PipEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_uv import UvEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from hypothesis import given
from hypothesis import strategies as st

SOURCES = Sources(
    index_url="https://u:secretword@h/simple/",
    extra_index_urls=("https://e/simple/",),
    find_links=("/wheels",),
    no_index=True,
    trusted_hosts=("h:8443",),
    ca_bundle="/ca.pem",
)
SIX, NUMPY = requirement_files.of_lines(["six==1.0", "numpy==1.0"])
REQUEST = Request(
    (SIX,),
    (NUMPY,),
    require_hashes=True,
    no_deps=True,
    pre=True,
    no_binary=("a",),
    only_binary=("b",),
    sources=SOURCES,
)

# Prints its arguments and variables, and keeps what it was asked to read.
RECORDER = """#!/bin/sh
{ for word in "$@"; do printf 'arg %s\\n' "$word"; done; env | sed 's/^/env /'; } > "$NOTE"
"""


@pytest.fixture
def recorder(tmp_path):
    """A program in an engine's place that notes how it was started, and a function that reads the note."""
    program, note = tmp_path / "program", tmp_path / "note"
    program.write_text(RECORDER)
    program.chmod(0o755)
    commands = Commands(environ={**os.environ, "NOTE": str(note), "VIRTUAL_ENV": "/elsewhere", "UV_OVERRIDE": "/x"})

    def noted(kind):
        lines = note.read_text().splitlines()
        return [line[4:] for line in lines if line.startswith(f"{kind} ")]

    return str(program), commands, noted


def uv(recorder, cache=None):
    program, commands, _noted = recorder
    return UvEngine(
        commands, program, "0", 10, Host(environ={"HOME": "/none", "PIP_CONFIG_FILE": os.devnull}), cache or Cache()
    )


def test_the_requirement_file_holds_the_sources_and_is_private(tmp_path):
    files = RequestFiles.write(REQUEST, str(tmp_path))
    assert (tmp_path / "requirements.txt").read_text() == (
        "--index-url https://u:secretword@h/simple/\n--extra-index-url https://e/simple/\n--find-links /wheels\n"
        "--no-index\n--no-binary a\n--only-binary b\nsix==1.0\n"
    )
    for path in (files.requirements, files.constraints):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_uv_is_started_without_secrets_and_without_stray_variables(recorder, tmp_path):
    uv(recorder, Cache("/cache")).install("/prefix", REQUEST, str(tmp_path))
    words, variables = recorder[2]("arg"), recorder[2]("env")
    assert not [word for word in words if "secretword" in word]
    assert not [line for line in variables if line.startswith(("VIRTUAL_ENV=", "UV_OVERRIDE="))]
    assert "UV_INDEX_STRATEGY=unsafe-best-match" in variables and "SSL_CERT_FILE=/ca.pem" in variables
    for option, value in {
        "--python": "/prefix/bin/python",
        "--cache-dir": "/cache",
        "--allow-insecure-host": "h:8443",
    }.items():
        assert words[words.index(option) + 1] == value
    assert {"--require-hashes", "--no-deps", "--compile-bytecode"} <= set(words)
    assert words[words.index("--prerelease") + 1] == "allow"


def test_one_index_keeps_uvs_own_strategy(recorder, tmp_path):
    uv(recorder).install("/prefix", Request((SIX,)), str(tmp_path))
    assert not [line for line in recorder[2]("env") if line.startswith("UV_INDEX_STRATEGY=")]


@pytest.mark.parametrize(("cache", "word"), [(Cache("", True), "--no-cache"), (Cache("/c", True), "--no-cache")])
def test_no_cache_holds_for_every_verb_of_uv(recorder, tmp_path, cache, word):
    engine = uv(recorder, cache)
    for act in (
        lambda: engine.create("/prefix", "/python"),
        lambda: engine.install("/prefix", REQUEST, str(tmp_path)),
        lambda: engine.find_python("3.11", "/managed"),
        lambda: engine.install_python("3.11", "/managed", {}),
    ):
        act()
        assert word in recorder[2]("arg")


def test_pip_is_started_without_secrets(recorder, tmp_path):
    program, commands, noted = recorder
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(program)
    PipEngine(commands, "/toolbox/pip", "0", 10, Cache("", True)).install(str(prefix), REQUEST, str(tmp_path))
    words = noted("arg")
    assert words[:2] == ["/toolbox/pip", "install"]
    assert not [word for word in words if "secretword" in word]
    assert {"--no-input", "--no-cache-dir", "--require-hashes", "--no-deps", "--pre"} <= set(words)
    assert words[words.index("--trusted-host") + 1] == "h:8443" and words[words.index("--cert") + 1] == "/ca.pem"


def test_an_engine_that_is_not_there_is_told(tmp_path):
    engine = UvEngine(Commands(), "/nowhere/uv", "0", 10, Host(environ={}), Cache())
    with pytest.raises(MlstackError) as failed:
        engine.create(str(tmp_path / "prefix"), "/usr/bin/python3")
    assert failed.value.code == "command_missing"


names = st.sampled_from(["six", "numpy", "Zope.Interface", "a-b"])


@given(st.lists(st.tuples(names, st.integers(0, 2)), unique_by=lambda pair: pair[0]), st.sets(names))
def test_requirements_are_taken_out_with_their_hashes(entries, out):
    def line(name, hashes):
        return f"{name}==1.0" + "".join(f" --hash=sha256:{number:064}" for number in range(hashes))

    request = Request(requirement_files.of_lines(line(*entry) for entry in entries))
    kept = requirement_files.of_lines(line(*entry) for entry in entries if entry[0] not in out)
    assert requirement_text.text(request.without(name.lower().replace(".", "_") for name in out).requirements) == (
        requirement_text.text(kept)
    )


def test_every_verb_of_an_engine_is_there_in_both():
    abstract = engines.Engine.__abstractmethods__
    for engine in (UvEngine, PipEngine):
        assert not engine.__abstractmethods__ and abstract <= set(dir(engine))
