# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shim with real environments: every way through it ends in one generation and stays there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import shim
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store

from .conftest import NOW

# What pip writes, and what it writes where a path has a blank in it or is long.
ENTRY_POINT = "#!{prefix}/bin/python\n# -*- coding: utf-8 -*-\nimport sys\n{body}\n"
ENTRY_POINT_BY_SHELL = "#!/bin/sh\n'''exec' \"{prefix}/bin/python\" \"$0\" \"$@\"\n' '''\nimport sys\n{body}\n"
LATE = "import sys; sys.stdin.readline(); import late; print(late.WHAT, sys.prefix)"


def venv(store: Store, what: str) -> Generation:
    """A generation with a real venv, a module to import late, and an entry point as pip writes them."""
    with store.lock():
        with store.build("aaaaaa" if what == "old" else "bbbbbb", NOW) as building:
            command = [sys.executable, "-m", "venv", "--without-pip", "--prompt", "ml", building.prefix]
            subprocess.run(command, check=True)
            packages = Path(building.prefix, f"lib/python3.{sys.version_info[1]}/site-packages")
            (packages / "late.py").write_text(f"WHAT = {what!r}\ndef answer(_): return WHAT\n")
            script = Path(building.prefix, "bin/tool")
            form = ENTRY_POINT_BY_SHELL if " " in building.prefix else ENTRY_POINT
            script.write_text(form.format(prefix=building.prefix, body=LATE))
            script.chmod(0o755)
            generation = store.seal(building, {})
        store.switch(generation)
    return generation


@pytest.fixture(scope="module", params=["envs", "my envs"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(str(tmp_path_factory.mktemp("door") / request.param), "ml")
    venv(made, "old")
    venv(made, "new")
    return made


@pytest.fixture
def old_then_new(store: Store) -> tuple[Generation, Generation]:
    new, old = store.generations()
    with store.lock():
        store.switch(old)
    return old, new


def ways(link: str) -> dict[str, list[str]]:
    """Each way to start a program that waits for a line, imports, and prints what it got."""
    python = f"{link}/bin/python"
    return {
        "straight through the link": [python, "-c", LATE],
        "with another name": [f"{link}/bin/python3", "-c", LATE],
        "isolated": [python, "-I", "-c", LATE],
        "with options": [python, "-X", "dev", "-u", "-c", LATE],
        "an entry point": [f"{link}/bin/tool"],
        "an entry point by name of interpreter": [python, f"{link}/bin/tool"],
        "activated": ["bash", "-c", f". '{link}/bin/activate' && exec python -c '{LATE}'"],
        "activated, an entry point": ["bash", "-c", f". '{link}/bin/activate' && exec tool"],
        "activated in sh": ["sh", "-c", f". '{link}/bin/activate' && exec python3 -c '{LATE}'"],
        "with an empty environment": ["env", "-i", python, "-c", LATE],
        "from another directory": ["env", "-C", "/", python, "-c", LATE],
        "by env and PATH": ["env", f"PATH={link}/bin:/usr/bin:/bin", "python", "-c", LATE],
        "as a child of multiprocessing": [python, "-c", SPAWN],
        "-S adding the site by hand": [python, "-S", "-c", f"import site; site.main(); {LATE}"],
    }


SPAWN = """
import multiprocessing, sys
if __name__ == '__main__':
    sys.stdin.readline()
    from late import answer
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.apply(answer, (1,)), sys.prefix)
"""


@pytest.mark.parametrize("way", ways("x"))
def test_a_process_stays_on_its_generation(store: Store, old_then_new: tuple[Generation, Generation], way: str) -> None:
    old, new = old_then_new
    argv = ways(store.place.link)[way]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until_inside(process, old)
        with store.lock():
            store.switch(new)
        assert process.communicate("go on\n", timeout=60)[0].split(maxsplit=1) == ["old", f"{old.prefix}\n"]
    after = subprocess.run(argv, input="go on\n", capture_output=True, text=True, check=True).stdout
    assert after.split(maxsplit=1) == ["new", f"{new.prefix}\n"]


def wait_until_inside(process: subprocess.Popen[str], generation: Generation) -> None:
    for _attempt in range(500):
        if generation.prefix in Path(f"/proc/{process.pid}/cmdline").read_text():
            return
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"it never started a program of {generation.id}")


def test_a_script_that_names_the_link_stays_too(
    store: Store, old_then_new: tuple[Generation, Generation], tmp_path: Path
) -> None:
    old, new = old_then_new
    plain = tmp_path / "plain"
    plain.symlink_to(store.place.root)  # a #! line cannot hold a path with a blank
    script = tmp_path / "job"
    script.write_text(f"#!{plain}/ml/bin/python\n{LATE}\n")
    script.chmod(0o755)
    with subprocess.Popen([script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until_inside(process, old)
        with store.lock():
            store.switch(new)
        assert process.communicate("go on\n", timeout=60)[0].split()[0] == "old"


def test_children_of_an_entry_point_that_the_new_generation_does_not_have(
    store: Store, old_then_new: tuple[Generation, Generation]
) -> None:
    """The children of multiprocessing read the script of their parent again, by the name it was started with."""
    old, new = old_then_new
    script = Path(old.prefix, "bin", "spawner")
    form = ENTRY_POINT_BY_SHELL if " " in old.prefix else ENTRY_POINT
    script.write_text(form.format(prefix=old.prefix, body=SPAWN))
    script.chmod(0o755)
    text = shim.entry("spawner", str(script), old.prefix, store.place.link)
    assert text is not None
    door = Path(old.path, "bin", "spawner")
    door.write_bytes(text)
    door.chmod(0o755)
    argv = [f"{store.place.link}/bin/spawner"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until_inside(process, old)
        with store.lock():
            store.switch(new)
        assert process.communicate("go on\n", timeout=60)[0] == f"old {old.prefix}\n"


def test_a_process_that_activated_itself_stays(
    store: Store, old_then_new: tuple[Generation, Generation], tmp_path: Path
) -> None:
    """activate_this.py, which virtualenv and uv provide, makes a foreign interpreter use the environment."""
    old, new = old_then_new
    provided = Path(old.prefix, "bin", "activate_this.py")
    provided.write_text(
        "import os, site, sys\n"
        "base = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
        "sys.path.insert(0, f'{base}/lib/python3.%d/site-packages' % sys.version_info[1])\n"
        "sys.prefix = base\n"
    )
    text = shim.entry("activate_this.py", str(provided), old.prefix, store.place.link)
    assert text is not None
    door = Path(old.path, "bin", "activate_this.py")
    door.write_bytes(text)
    code = f"import runpy; runpy.run_path('{store.place.link}/bin/activate_this.py'); print(flush=True); {LATE}"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with store.lock():
            store.switch(new)
        assert process.communicate("go on\n", timeout=60)[0] == f"old {old.prefix}\n"


def test_a_shell_that_activated_survives_the_generation(
    store: Store, old_then_new: tuple[Generation, Generation]
) -> None:
    old, new = old_then_new
    say = "python -c 'import late; print(late.WHAT)'"
    script = (
        f". '{store.place.link}/bin/activate'; {say}; read go; {say}; echo \"$VIRTUAL_ENV\"; deactivate; type -p tool"
    )
    with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "old\n"
        with store.lock():
            store.switch(new)
        assert old.path not in Path(f"/proc/{shell.pid}/environ").read_text()
        assert shell.communicate("go\n")[0] == f"new\n{store.place.link}\n"


def test_the_rest_of_the_environment_is_reached_as_usual(store: Store) -> None:
    current = store.observe().current
    assert current is not None
    link = store.place.link
    version = f"python3.{sys.version_info[1]}"
    assert os.path.samefile(f"{link}/lib/{version}/site-packages", f"{current.prefix}/lib/{version}/site-packages")
    assert os.path.samefile(f"{link}/pyvenv.cfg", f"{current.prefix}/pyvenv.cfg")
    for name in os.listdir(current.path):
        path = Path(current.path, name)
        assert not path.is_symlink() or not os.path.isabs(os.readlink(path))


@pytest.mark.parametrize(
    ("name", "pinned"),
    [
        ("python", True),
        ("python3", True),
        ("python3.11", True),
        ("python3.13t", True),
        ("pypy3.10", True),
        ("pypy3.10-c", True),
        ("python3-config", False),
        ("python-argcomplete-check-easy-install-script", False),
        ("ipython", False),
    ],
)
def test_which_programs_are_interpreters(tmp_path: Path, name: str, pinned: bool) -> None:
    program = tmp_path / "prefix" / "bin" / name
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF")
    text = shim.entry(name, str(program), str(tmp_path / "prefix"), "/link")
    assert (text == f"#!/bin/sh\nexec '{program}' \"$@\"\n".encode()) is pinned
    assert (text is None) is not pinned


def test_awkward_roots_are_quoted(tmp_path: Path) -> None:
    store = Store(str(tmp_path / 'it\'s $(touch x) "here"'), "ml")
    generation = venv(store, "old")
    said = subprocess.run(
        [f"{store.place.link}/bin/python", "-c", "import sys; print(sys.argv, sys.prefix)", "a b", "$c", ""],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    assert said == f"['-c', 'a b', '$c', ''] {generation.prefix}\n"
    assert not (tmp_path / "x").exists()


def test_scripts_in_the_form_for_long_paths(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    script = prefix / "bin" / "tool"
    script.write_text(f"#!/bin/sh\n'''exec' '{prefix}/bin/python' \"$0\" \"$@\"\n' '''\nprint(1)\n")
    text = shim.entry("tool", str(script), str(prefix), "/link")
    assert text is not None
    assert text.splitlines()[1] == f"'''exec' '{script}' \"$@\"".encode()
    compile(text, "tool", "exec")


@pytest.mark.parametrize("first", ["#!/bin/bash", "#!/usr/bin/perl", "#!/usr/bin/env python3", "", "\x7fELF"])
def test_other_programs_stay_what_they_are(tmp_path: Path, first: str) -> None:
    program = tmp_path / "prefix" / "bin" / "tool"
    program.parent.mkdir(parents=True)
    program.write_text(f"{first}\nwhatever\n")
    assert shim.entry("tool", str(program), str(tmp_path / "prefix"), "/link") is None


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ('VIRTUAL_ENV="{prefix}"\nPS1="(prefix) ${{PS1:-}}"', 'VIRTUAL_ENV="/opt/envs/ml"\nPS1="(ml) ${{PS1:-}}"'),
        ('VIRTUAL_ENV="{prefix}"\nVIRTUAL_ENV_PROMPT="prefix"', 'VIRTUAL_ENV="/opt/envs/ml"\nVIRTUAL_ENV_PROMPT="ml"'),
        ("VIRTUAL_ENV='{prefix}'\n# the prefix", "VIRTUAL_ENV='/opt/envs/ml'\n# the prefix"),
    ],
    ids=["venv up to Python 3.12", "venv since Python 3.13", "uv"],
)
def test_activation_names_the_environment(tmp_path: Path, written: str, ours: str) -> None:
    script = tmp_path / "prefix" / "bin" / "activate"
    script.parent.mkdir(parents=True)
    script.write_text(written.format(prefix=tmp_path / "prefix"))
    text = shim.entry("activate", str(script), str(tmp_path / "prefix"), "/opt/envs/ml")
    assert text == ours.format().encode()
