# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process stays on the generation it started from, however it was started: here in environments of pip_pinned.

The ways through the shim as such are tested with its unit tests; these are the ways of people and init systems.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import container, require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

LATE = "import sys; sys.stdin.readline(); from step import late; print(late.WHAT)"
SPAWN = """
import multiprocessing, sys
if __name__ == '__main__':
    sys.stdin.readline()
    from step import late
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.apply(late.answer, (1,)))
"""
ACTIVATE_THIS = "import runpy; runpy.run_path('{link}/bin/activate_this.py'); print(flush=True); "


def desired(version: int, **more: object) -> dict[str, object]:
    return {"packages": [f"step=={version}"], **more}


def ways(link: Path) -> dict[str, list[str]]:
    python = f"{link}/bin/python"
    return {
        "the interpreter through the link": [python, "-c", LATE],
        "an entry point that the engine wrote": [f"{link}/bin/step-late"],
        "an entry point given to the interpreter": [python, f"{link}/bin/step-late"],
        "a module": [python, "-m", "step.entry"],
        "a shell that activated": ["bash", "-c", f". {link}/bin/activate; exec python -c '{LATE}'"],
        "a shell that activated, an entry point": ["bash", "-c", f". {link}/bin/activate; exec step-late"],
        "a child of multiprocessing": [python, "-c", SPAWN],
        "isolated, with an empty environment": ["env", "-i", python, "-I", "-c", LATE],
        "a script that names the link": ["script"],
    }


@pytest.fixture(params=["uv", "pip"], scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def two(site: Site, engine: str) -> Site:
    """Two generations, the first one in use, so that each switch costs no build."""
    if engine == "pip":
        site.options.update(engine="pip", executable=None, no_index=True, find_links=[str(site.index.folder)])
    site.apply(desired(1))
    site.apply(desired(2))
    site.apply({"state": "rolled_back"})
    return site


def test_a_process_stays_on_its_generation(two: Site, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!{two.path()}/bin/python\n{LATE}\n")
    script.chmod(0o755)
    for name, argv in ways(two.path()).items():
        if argv == ["script"]:
            argv = [str(script)]
        before = two.generations()[0]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            wait_until_inside(process, before)
            assert two.apply(desired(2)).result["changed"]
            assert two.python("from step import late; print(late.WHAT)") == "step 2"
            assert process.communicate("go on\n", timeout=60)[0] == "step 1\n", name
        two.apply({"state": "rolled_back"})


def wait_until_inside(process: subprocess.Popen[str], generation: str) -> None:
    for _attempt in range(500):
        if f"/{generation}/prefix/bin/" in Path(f"/proc/{process.pid}/cmdline").read_text():
            return
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"it never started a program of generation {generation}")


@pytest.mark.parametrize("engine", ["uv"], scope="session")
def test_a_foreign_interpreter_that_activates_stays(two: Site) -> None:
    """activate_this.py is written by uv and virtualenv, not by the venv module that goes with pip."""
    base = os.path.realpath(two.path() / "prefix" / "bin" / "python")
    argv = [base, "-c", ACTIVATE_THIS.format(link=two.path()) + LATE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        two.apply(desired(2))
        assert process.communicate("go on\n", timeout=60)[0] == "step 1\n"


def test_a_shell_that_activated_gets_the_new_generation_for_its_next_program(two: Site) -> None:
    say = "python -c 'from step import late; print(late.WHAT)'"
    shell_code = f'. {two.path()}/bin/activate; {say}; read go; {say}; echo "$VIRTUAL_ENV $VIRTUAL_ENV_PROMPT"'
    with subprocess.Popen(
        ["bash", "-c", shell_code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "step 1\n"
        two.apply(desired(2))
        said = shell.communicate("go on\n", timeout=60)[0].splitlines()
    assert said[0] == "step 2"
    assert said[1].split()[0] == str(two.path())
    assert "ml" in said[1].split()[1]


@pytest.mark.parametrize("engine", ["uv"], scope="session")
def test_a_generation_in_use_is_not_pruned(two: Site) -> None:
    old = two.generations()[0]
    argv = [f"{two.path()}/bin/python", "-c", LATE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until_inside(process, old)
        for version in (3, 4, 5):
            two.apply(desired(version, keep=0))
        assert old in two.generations()
        assert len(two.generations()) == 2
        assert process.communicate("go on\n", timeout=60)[0] == "step 1\n"
    two.apply(desired(6, keep=0))
    assert len(two.generations()) == 1


@pytest.mark.parametrize("engine", ["uv"], scope="session")
def test_removal_is_refused_while_a_process_uses_it(two: Site) -> None:
    argv = [f"{two.path()}/bin/python", "-c", LATE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until_inside(process, two.generations()[0])
        refused = two.refuse("in_use", {"state": "absent"})
        assert f"process {process.pid} " in refused.result["msg"]
        assert process.communicate("go on\n", timeout=60)[0] == "step 1\n"
    two.apply({"state": "absent"})
    assert not (two.root / ".generations").exists()


# --- a systemd unit -----------------------------------------------------------------------------------------------

UNIT = """\
[Service]
Type=simple
WorkingDirectory=/
ExecStart=/opt/envs/ml/bin/python -u /opt/job.py
"""
JOB = """\
import os, time
while not os.path.exists('/run/go-on'):
    time.sleep(0.05)
import late
with open('/run/said', 'w') as stream:
    stream.write(late.WHAT)
"""
BUILD = """\
import subprocess, sys
from datetime import datetime, timezone
from pathlib import Path
sys.path.insert(0, '/mlstack')
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
store = Store('/opt/envs', 'ml')
with store.lock():
    with store.build(sys.argv[1] * 6, datetime.now(timezone.utc)) as building:
        subprocess.run([sys.executable, '-m', 'venv', '--without-pip', building.prefix], check=True)
        (packages,) = Path(building.prefix, 'lib').glob('python3*/site-packages')
        (packages / 'late.py').write_text(f'WHAT = {sys.argv[1]!r}')
        generation = store.seal(building, {})
    store.switch(generation)
"""


def test_a_systemd_unit_stays_on_its_generation() -> None:
    require_bed()
    plugins = Path(__file__).resolve().parents[2] / "plugins"
    with container("ubuntu2404") as host:
        host.copy_in(plugins, "/mlstack/ansible_collections/gpufleet/mlstack/plugins")
        host.write("/opt/build.py", BUILD)
        host.write("/opt/job.py", JOB)
        host.write("/etc/systemd/system/job.service", UNIT)
        host.check("python3 /opt/build.py a && systemctl daemon-reload && systemctl start job")
        pid = host.check("systemctl show --property MainPID --value job").strip()
        for _attempt in range(100):
            if "/prefix/bin/python" in host.check(f"tr '\\0' ' ' </proc/{pid}/cmdline"):
                break
            time.sleep(0.1)
        host.check("python3 /opt/build.py b && touch /run/go-on")
        assert host.check("/opt/envs/ml/bin/python -c 'import late; print(late.WHAT)'") == "b\n"
        host.check("while systemctl is-active --quiet job; do sleep 0.1; done")
        assert host.read("/run/said") == "a"
        host.check("rm /run/said && systemctl start job")
        host.check("while systemctl is-active --quiet job; do sleep 0.1; done")
        assert host.read("/run/said") == "b"
