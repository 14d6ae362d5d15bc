# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conda_env promises of an environment, whichever engine builds it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history
from ansible_collections.gpufleet.mlstack.tests.conda_engines.environments import Environments, warnings
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import python
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

TOOL = ["python", "bed-tool=1.0", "six=1.15"]
DRIVER_470 = {"__cuda": "11.4"}


def kept_of(ran: module_runner.Ran) -> dict[str, list[str]]:
    return {kind: sorted(ran.one[kind]) for kind in ("added", "removed", "replaced")}


def test_what_is_wanted_is_there_and_no_more(envs: Environments) -> None:
    first = {"packages": ["python", "numpy", "six=1.14", "packaging=21.3"]}
    told = envs.apply(check=True, **first)
    assert told.result["changed"] and not envs.root.exists()
    made = envs.apply(**first)
    assert made.one["added"] == told.one["added"]
    again = envs.apply(**first)
    assert (again.result["changed"], again.result["commands_run"]) == (False, 0)
    (revision,) = history.read(str(envs.prefix()))  # written once, by us
    assert revision.asked == first["packages"]
    assert {entry.rpartition("::")[2].rsplit("-", 2)[0] for entry in revision.linked} == set(envs.versions())

    # Versions that the desired state leaves open stay; what it does not name goes, with what only that needed.
    open_desired = {"packages": ["python", "six", "packaging"]}
    told = envs.apply(check=True, **open_desired)
    changed = envs.apply(**open_desired)
    assert kept_of(told) == kept_of(changed) == {"added": [], "removed": ["numpy", "python_abi"], "replaced": []}
    assert (envs.versions()["six"], envs.versions()["packaging"]) == ("1.14.0", "21.3")
    assert not envs.apply(**open_desired).result["changed"]

    # What cannot stay moves, and nothing else.
    more = envs.apply(packages=["bed-tool"], exact=False)
    assert kept_of(more) == {"added": ["bed-tool"], "removed": [], "replaced": ["six"]}
    gone = envs.apply(state="absent", packages=["packaging"])
    assert kept_of(gone) == {"added": [], "removed": ["packaging", "pyparsing"], "replaced": []}
    assert not envs.apply(state="absent", packages=["packaging"]).result["changed"]
    assert "six is needed by bed-tool" in envs.refuse("still_needed", state="absent", packages=["six"])
    assert history.requested(history.read(str(envs.prefix())), envs.versions()) == {
        "python": "python",
        "six": "six",
        "bed-tool": "bed-tool",
    }
    envs.apply(state="rolled_back")
    assert "packaging" in envs.versions()


def test_updated_moves_and_goes_back(envs: Environments) -> None:
    envs.apply(packages=TOOL)
    open_desired: dict[str, Any] = {"packages": ["python", "bed-tool", "six"]}
    told = envs.apply(**open_desired, state="updated", check=True)
    moved = envs.apply(**open_desired, state="updated")
    assert kept_of(told) == kept_of(moved) == {"added": [], "removed": [], "replaced": ["bed-tool", "six"]}
    assert not envs.apply(**open_desired, state="updated").result["changed"]
    assert not envs.apply(**open_desired).result["changed"]
    assert envs.apply(state="rolled_back").result["changed"]
    assert envs.versions()["bed-tool"] == "1.0"
    assert python(envs.prefix(), "import bed_tool, six; print(six.__version__)") == "1.15.0"


def test_a_path_means_the_same_by_shim_prefix_and_plain_environment(envs: Environments) -> None:
    """Drift, clones and exports, too."""
    envs.apply(packages=TOOL)
    shim, prefix = envs.root / "ml", envs.prefix()
    plain = envs.folder / "ml"
    envs.apply(name="plain", state="cloned", clone_of="ml")
    envs.prefix("plain").rename(plain)
    shutil.rmtree(envs.root / ".generations" / "plain")
    (envs.root / "plain").unlink()
    exports = ["environment", "history", "explicit", "conda_lock"]
    told = envs.tell(shim, prefix, plain, exports=exports)
    (by_name,) = envs.tell(root=str(envs.root), names=["ml"], exports=exports)
    for key in ("packages", "requested", "pip", "exports", "broken", "drift", "files"):
        assert [item[key] for item in told] == [by_name[key]] * 3, key
    assert by_name["pip"] == [] and by_name["files"] == {"missing": [], "changed": [], "unowned": []}
    assert [item.get("generation") for item in told] == [by_name["generation"]] * 2 + [None]
    records = []
    for number, path in enumerate((shim, prefix, plain, "ml")):
        envs.apply(name=f"copy{number}", state="cloned", clone_of=str(path))
        assert envs.versions(f"copy{number}") == envs.versions()
        record = json.loads((envs.root / f"copy{number}" / "mlstack.json").read_text())
        records.append({key: record[key] for key in ("conda", "specs", "pip", "pip_installed")})
    assert records == [records[0]] * 4 and records[0]["pip"] == ""

    by_hand = _by_hand(prefix)
    removed = envs.apply(packages=TOOL, check=True).one["removed"]
    assert set(removed) == {"packaging"}  # once, as conda's
    by_hand.unlink()
    shutil.rmtree(next(prefix.glob("lib/python3.*/site-packages/packaging-24.0.dist-info")))
    next((prefix / "conda-meta").glob("six-*.json")).unlink()
    (line,) = envs.apply(packages=TOOL, check=True).one["drift"]
    assert line.startswith("six ") and line.endswith("was removed by hand")
    assert envs.tell(shim)[0]["drift"] == envs.tell(prefix)[0]["drift"] == [line]
    assert envs.apply(packages=TOOL).result["changed"]
    assert not envs.apply(packages=TOOL).result["changed"]

    envs.apply(name="taken", packages=["tzdata"])
    envs.apply(state="absent")
    plain.rename(shim)  # a plain environment stands there now
    envs.refuse("occupied", packages=TOOL)
    adopted = envs.apply(packages=TOOL, adopt=True).one["adopted"]
    assert list(Path(adopted, "conda-meta").glob("bed-tool-1.0-*.json")) and envs.versions()["bed-tool"] == "1.0"


def _by_hand(prefix: Path) -> Path:
    """A package as conda would have installed it meanwhile."""
    (site_packages,) = prefix.glob("lib/python3.*/site-packages")
    metadata = site_packages / "packaging-24.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: packaging\nVersion: 24.0\n")
    record = prefix / "conda-meta" / "packaging-24.0-pyhd_0.json"
    path = str(metadata.relative_to(prefix) / "METADATA")
    record.write_text(json.dumps({"name": "packaging", "version": "24.0", "build": "pyhd_0", "files": [path]}))
    return record


def test_the_driver_decides_the_build(envs: Environments) -> None:
    pytorch = {"packages": ["python", "pytorch"]}
    assert not [line for line in warnings(envs.apply(**pytorch, check=True)) if "CPU" in line]
    envs.apply(**pytorch, virtual_packages={"__cuda": "12.2"})
    assert python(envs.prefix(), "import torch; print(torch.cuda.is_available())") == "True"
    named = envs.refuse("no_virtual_package", packages=["pytorch=2.*=cuda*"], virtual_packages={"__cuda": "10.2"})
    assert "driver" in named and "10.2" in named and "is wanted" not in named
    if envs.solver == "classic":  # which passes over what a package says of the driver
        refused = envs.refuse("no_virtual_package", **pytorch, virtual_packages=DRIVER_470, check=True)
        assert envs.refuse("no_virtual_package", **pytorch, virtual_packages=DRIVER_470) == refused
        assert "cuda-version" in refused and "driver" in refused and "11.4" in refused
        assert python(envs.prefix(), "import torch; print(torch.cuda.is_available())") == "True"
        return
    envs.apply(**pytorch, virtual_packages=DRIVER_470)
    assert envs.versions()["cuda-version"] == "11.8"
    (warning,) = warnings(envs.apply(**pytorch, virtual_packages={"__cuda": "10.2"}))
    assert "pytorch 2.4.0 cpu_" in warning and "10.2" in warning and "cuda" in warning
    meant = {"packages": ["python", "pytorch=2.4=cpu*"], "virtual_packages": {"__cuda": "10.2"}}
    assert not warnings(envs.apply(**meant))


def test_every_entry_of_a_file_is_meant(envs: Environments) -> None:
    head = "name: x\nchannels: [{channel}]\n"
    two = envs.file(f"{head}dependencies:\n- python\n- six<1.16\n- six>=1.14\n- bed-scripts[subdir=linux-64]\n- pip:\n")
    made = envs.apply(file=two)
    assert envs.versions()["six"] == "1.15.0" and "bed-scripts" in envs.versions()
    assert any("no pip" in line for line in warnings(made))  # this channel has none
    envs.apply(file=envs.file(head))  # an environment without packages
    assert envs.versions() == {}


def test_pip_comes_with_a_pip_section(envs: Environments) -> None:
    channel = envs.channel.copy(envs.folder / "channel")
    channel.add(*_pip())
    envs.channel = channel
    made = envs.apply(file=envs.file("channels: [{channel}]\ndependencies:\n- tzdata\n- pip:\n"))
    assert set(envs.versions()) == {"tzdata", "pip"} and not warnings(made)
    envs.files = {}
    assert kept_of(envs.apply(state="absent", packages=["tzdata"]))["removed"] == ["tzdata"]


def _pip() -> list[Any]:
    from ansible_collections.gpufleet.mlstack.tests.bed.conda_archive import CondaPackage

    package = CondaPackage("pip", "24.0", "h0_0", noarch="generic")
    package.add("share/pip", "a stand-in\n")
    return [package]


def test_a_failing_link_script_is_told_as_one(envs: Environments) -> None:
    envs.apply(packages=["tzdata"])
    message = envs.refuse("link_script_failed", packages=["bed-failing-script"])
    assert "bed-failing-script" in message
    assert "executable" not in envs.engine or "it does not work" in message  # conda quotes what the script said
    assert envs.versions() == {"tzdata": "2024a"}


def test_killed_midway_the_old_one_stays_and_the_next_run_completes(envs: Environments) -> None:
    envs.apply(packages=["tzdata"])
    desired = {"packages": ["python", "bed-tool=2.0", "bed-many-files"]}
    process = module_runner.start("conda_env", envs.arguments(**desired), env=envs.environ)
    store, before = envs.root / ".generations" / "ml", envs.prefix()
    for _attempt in range(6000):
        begun = [path for path in store.glob("*/prefix/conda-meta") if path.parent != before]
        if begun or process.poll() is not None:
            break
        time.sleep(0.01)
    assert begun, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert envs.prefix() == before and envs.versions() == {"tzdata": "2024a"}
    envs.apply(**desired, verify_files=True)
    assert envs.versions()["bed-tool"] == "2.0"
    assert len([name for name in os.listdir(store) if name.startswith(".")]) == 0
    (revision,) = history.read(str(envs.prefix()))
    assert revision.asked == desired["packages"]


CRASHING = """#!/bin/sh
'{program}' "$@" || exit $?
case "$1" in info) exit 0;; esac
kill -SEGV $$
"""


def test_an_engine_that_crashes_after_its_work(envs: Environments) -> None:
    """As conda does now and then while it ends."""
    program = envs.engine.get("executable")
    if not program:
        pytest.skip("rattler's process leaves before it can")
    crashing = envs.folder / "crashing"
    crashing.write_text(CRASHING.format(program=program))
    crashing.chmod(0o755)
    envs.apply(packages=["python", "six"], executable=str(crashing))
    assert "six" in envs.versions()
    crashing.write_text(f'#!/bin/sh\ncase "$1" in info) exec \'{program}\' "$@";; esac\nkill -SEGV $$\n')
    assert "status -11" in envs.refuse("command_failed", packages=["numpy"], executable=str(crashing))
