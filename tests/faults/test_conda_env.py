# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda_env under kill -9, two runs at once and a full disk; and its processes across a switch."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.faults.test_killed_build import processes_below
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.conda_site import CondaSite

MOMENTS = 25
LATE = "import sys; sys.stdin.readline(); from bed_tool import later; import bed_tool; print(bed_tool.__version__)"
SAY = "import bed_tool.later; print(bed_tool.__version__)"


@pytest.fixture
def conda(tmp_path: Path, index: PythonIndex) -> CondaSite:
    made = CondaSite(tmp_path, index, channel=conda_channel.basic(), cache=tmp_path / "cache")
    made.home.mkdir()
    return made


def desired(version: str, **more: object) -> dict[str, object]:
    packages = ["python", f"bed-tool={version}", f"bed-many-files={version}"]
    return {"packages": packages, "verify_imports": ["bed_tool"], "keep": 0, **more}


def small(version: str, **more: object) -> dict[str, object]:
    return {"packages": ["python", f"bed-tool={version}"], **more}


def kill_midway(conda: CondaSite, asked: dict[str, object], seconds: float) -> None:
    """Start a run, kill it after a while, and wait until what it had started is gone, too."""
    process = module_runner.start("conda_env", conda.arguments(asked), env=conda.home_alone())
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for _attempt in range(200):
        if not processes_below(conda.root):
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: {processes_below(conda.root)}")


@pytest.mark.parametrize("state", ["create", "update"])
def test_killed_at_25_random_moments(conda: CondaSite, state: str) -> None:
    """Each time: what stood there still works, no process is left, and the next run converges and leaves no orphan."""
    for version in ("2.0", "1.0"):  # the cache is filled, so that what is measured is a build
        conda.apply(desired(version, name="first"))
    began = time.monotonic()
    conda.apply(desired("1.0"))
    duration = time.monotonic() - began
    seed = random.SystemRandom().randrange(10**6)
    moments = random.Random(seed)
    before, met = "1.0", 0
    for number in range(MOMENTS):
        where = f"seed {seed}, moment {number}"
        after = "2.0" if before == "1.0" else "1.0"
        if state == "create":
            conda.apply({"state": "absent"})
        kill_midway(conda, desired(after), moments.uniform(0.0, duration))
        met += bool(conda.leftovers())
        if state == "update" or conda.path().exists():
            assert conda.python(SAY) in ((before, after) if state == "update" else (after,)), where
        conda.apply(desired(after, verify_files=True))
        assert conda.python(SAY) == after and conda.leftovers() == [], where
        before = after
    assert sorted(path.name for path in (conda.cache / "pkgs").glob(".fetching-*")) == []
    assert met > 0, f"seed {seed}: no kill met a build"


def test_two_runs_at_once_build_once(conda: CondaSite) -> None:
    runs = [
        module_runner.start("conda_env", conda.arguments(small("1.0")), env=conda.home_alone()) for _number in range(2)
    ]
    ended = [module_runner.finish(run) for run in runs]
    assert [ran.rc for ran in ended] == [0, 0], [ran.result.get("msg") for ran in ended]
    assert sorted(ran.result["changed"] for ran in ended) == [False, True]
    assert len(conda.generations()) == 1 and conda.python(SAY) == "1.0"


# --- a process stays on its generation ----------------------------------------------------------------------------


def ways(link: Path) -> dict[str, list[str]]:
    python = f"{link}/bin/python"
    # As 'conda activate' and 'conda run' do it: the variables, the folder first on PATH, the packages' scripts.
    activated = (
        f'export CONDA_PREFIX={link} PATH="{link}/bin:$PATH"; for f in {link}/etc/conda/activate.d/*.sh; do . $f; done'
    )
    found = {
        "the interpreter through the link": [python, "-c", LATE],
        "an activated shell": ["bash", "-c", f"{activated}; test $BED_SCRIPTS = 1 && exec python -c '{LATE}'"],
        "an entry point": [f"{link}/bin/late-tool"],
        "an entry point of an activated shell": ["bash", "-c", f"{activated}; exec late-tool"],
        # conda's wrapper stays and waits for the program.
        "as conda run": ["bash", "-c", f"{activated}; python -c '{LATE}'; exit $?"],
        "isolated, with an empty environment": ["env", "-i", python, "-I", "-c", LATE],
    }
    if os.environ.get("CONDA"):
        found["conda run"] = [os.environ["CONDA"], "run", "--no-capture-output", "-p", str(link), "python", "-c", LATE]
    return found


TOOL = {"late-tool": "late_tool:main"}
MODULE = "import sys\n\n\ndef main():\n    sys.stdin.readline()\n    from bed_tool import later\n"
MODULE += "    import bed_tool\n    print(bed_tool.__version__)\n"


def test_a_process_stays_on_its_generation(conda: CondaSite) -> None:
    distributions.wheel(conda.folder, "late-tool", "1.0", files={"late_tool.py": MODULE}, scripts=TOOL)
    more = {"pip_packages": ["late-tool==1.0"], "packages": ["python", "bed-scripts"]}
    options = {"find_links": [str(conda.folder)], "no_index": True}
    for version in ("1.0", "2.0"):
        packages = [*more["packages"], f"bed-tool={version}"]
        conda.apply({**more, "packages": packages}, **options)
    conda.apply({"state": "rolled_back"})
    for name, argv in ways(conda.path()).items():
        first = conda.generations()[0]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            wait_until_below(conda.root / ".generations" / "ml" / first / "prefix" / "bin")
            conda.apply({**more, "packages": packages}, **options)
            assert conda.python(SAY) == "2.0"
            assert process.communicate("go on\n", timeout=60)[0] == "1.0\n", name
        conda.apply({"state": "rolled_back"})


def wait_until_below(folder: Path) -> None:
    """Until a program of the folder runs."""
    for _attempt in range(500):
        if processes_below(folder):
            return
        time.sleep(0.02)
    pytest.fail(f"no program of {folder} was started")


# A notebook's server: it reads the specification, starts the kernel and has it run one cell before and one after.
NOTEBOOK = """
import sys
from jupyter_client.manager import KernelManager

manager = KernelManager(kernel_name="ml")
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready(timeout=60)

def show(message):
    if message["msg_type"] in ("stream", "error"):
        print(message["content"].get("text") or message["content"]["evalue"], end="", flush=True)

client.execute_interactive("print('started')", output_hook=show, timeout=60)
sys.stdin.readline()
client.execute_interactive("from bed_tool import later; import bed_tool; print(bed_tool.__version__)",
                           output_hook=show, timeout=60)
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


def test_a_jupyter_kernel_stays_on_its_generation(conda: CondaSite) -> None:
    """By the specification that docs/conda-environments.md shows."""
    page = Path(__file__).resolve().parents[2] / "docs" / "conda-environments.md"
    shown = re.search(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    folder = conda.folder / "jupyter" / "kernels" / "ml"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(shown[1].replace("/opt/mlstack/envs/ml", str(conda.path())))
    asked = {"pip_packages": ["ipykernel==6.29.5", "jupyter-client==8.6.3"]}
    first = {**asked, "packages": ["python", "bed-tool=1.0"]}
    conda.apply(first)
    env = {**os.environ, "JUPYTER_PATH": str(folder.parents[1]), "HOME": str(conda.home)}
    argv = [conda.path() / "bin" / "python", "-c", NOTEBOOK]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as notebook:
        assert notebook.stdout is not None and notebook.stdout.readline() == "started\n"
        conda.apply({**asked, "packages": ["python", "bed-tool=2.0"]})
        assert conda.python(SAY) == "2.0"
        assert notebook.communicate("go on\n", timeout=120)[0] == "1.0\n"


def test_conda_sees_the_environment_through_the_link(conda: CondaSite) -> None:
    """What conda looks at: its records, its history and the packages' activation scripts."""
    conda.apply({"packages": ["python", "bed-scripts", "bed-tool=1.0"]})
    link = conda.path()
    assert (link / "conda-meta" / "history").read_text().startswith("==> ")
    assert "bed-tool" in conda.conda()
    assert (link / "etc" / "conda" / "activate.d" / "bed-scripts.sh").exists()
    library = subprocess.run(
        [link / "bin" / "python", "-c", "import sys, ssl, sqlite3; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert library.stdout.strip().endswith(f"{conda.generations()[0]}/prefix")
