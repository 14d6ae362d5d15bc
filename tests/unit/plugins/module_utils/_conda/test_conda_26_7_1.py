# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda 26.7.1 with its classic solver and with conda-rattler-solver 0.2, by what it answered to our own calls.

Recorded while tests/conda_engines ran with it, over the bed's channel: C(conda-26.7.1.json) has one call a line, fields
without a value left out. A stand-in answers the calls again; one that was never made fails.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_cli, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    Package,
    SolveRequest,
    Sources,
    VirtualPackage,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

RECORDED = Path(__file__).parent / "conda-26.7.1.json"
CHANNEL = "file:///bed/channel"
STAND_IN = """#!{python}
import json, os, signal, sys
calls = [call for call in json.load(open({recorded!r})) if call["solver"] == {solver!r}]
pins = json.load(open(os.environ["CONDARC"])).get("pinned_packages", [])
cuda = os.environ.get("CONDA_OVERRIDE_CUDA")
specs = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
for call in calls:
    known = call["argv"]
    same = known[0] == sys.argv[1] and (known[known.index("--") + 1 :] if "--" in known else []) == specs
    if same and call["pins"] == pins and call["cuda"] == cuda:
        sys.stdout.write(json.dumps(call["answer"]) if "answer" in call else call["out"])
        sys.stdout.flush()
        if {crash}:
            os.kill(os.getpid(), signal.SIGSEGV)
        sys.exit(call["rc"])
sys.exit("this was never asked: " + repr((sys.argv, pins, cuda)))
"""


class Recorded:
    """An engine whose program answers as conda did."""

    def __init__(self, folder: Path, solver: str, crash: bool = False) -> None:
        program = folder / "conda"
        text = STAND_IN.format(python=sys.executable, recorded=str(RECORDED), solver=solver, crash=crash)
        program.write_text(text)
        program.chmod(0o755)
        (folder / "scratch").mkdir()
        limits = Limits(scratch=str(folder / "scratch"), cache=str(folder / "cache"), timeout=60)
        self.engine = engine_cli.CommandLineEngine(Commands(), limits, str(program), "conda", "26.7.1", solver)
        self.prefix = folder / "prefix"

    def solve(self, *specs: str, cuda: str = "", **more: object) -> tuple[Package, ...]:
        if cuda:
            more["virtual_packages"] = (VirtualPackage("__cuda", cuda), VirtualPackage("__glibc", "2.36"))
        asked = SolveRequest(specs, Sources(channels=(CHANNEL,)), "linux-64", **more)  # type: ignore[arg-type]
        return self.engine.solve(asked).packages


@pytest.fixture(params=["classic", "rattler"])
def conda(request: pytest.FixtureRequest, tmp_path: Path) -> Recorded:
    return Recorded(tmp_path, request.param)


def here(name: str, version: str, build: str = "pyhd_0", depends: tuple[str, ...] = ("python >=3.8",)) -> Package:
    return Package(name, version, build, subdir="noarch", channel=CHANNEL, depends=depends)


HERE = (
    here("six", "1.14.0"),
    here("packaging", "21.3", depends=("python >=3.8", "pyparsing >=2.0.2,!=3.0.5")),
    here("pyparsing", "2.4.7"),
    here("numpy", "1.26.4", "py311_0"),
)


def versions(packages: tuple[Package, ...]) -> dict[str, str]:
    return {item.name: item.version for item in packages}


def test_what_is_there_stays_and_what_nobody_asks_for_goes(conda: Recorded) -> None:
    found = versions(conda.solve("python", "six", "packaging", locked=HERE))
    assert (found["six"], found["packaging"], found["pyparsing"]) == ("1.14.0", "21.3", "2.4.7")
    assert "numpy" not in found and "python_abi" not in found


def test_what_cannot_stay_moves_alone(conda: Recorded) -> None:
    found = versions(conda.solve("python", "bed-tool", "packaging", locked=HERE))
    assert (found["bed-tool"], found["six"]) == ("2.0", "1.16.0")
    assert (found["packaging"], found["pyparsing"]) == ("21.3", "2.4.7")


@pytest.mark.parametrize("solver", ["classic", "rattler"])
def test_an_end_by_signal_after_the_whole_answer_is_an_answer(tmp_path: Path, solver: str) -> None:
    crashing = Recorded(tmp_path, solver, crash=True)
    assert "six" in versions(crashing.solve("python", "six", "packaging", locked=HERE))
    with pytest.raises(MlstackError) as refused:  # a failure stays one, with its cause
        crashing.solve("bed-clash-a", "bed-clash-b")
    assert refused.value.code == "conflict"


@pytest.mark.parametrize(
    ("specs", "cuda", "code", "words"),
    [
        (["bed-clash-a", "bed-clash-b"], "", "conflict", ["bed-clash-a", "<1.16", "bed-clash-b", ">=1.16"]),
        (["bed-constrains-six", "six=1.16"], "", "conflict", ["bed-constrains-six", "six"]),
        (["bed-needs-new-glibc"], "", "no_virtual_package", ["bed-needs-new-glibc", "__glibc", ">=9", "C library"]),
        (["pytorch=2.4=cuda*", "python"], "", "no_virtual_package", ["pytorch", "__cuda", "driver"]),
    ],
)
def test_refusals_name_their_cause(conda: Recorded, specs: list[str], cuda: str, code: str, words: list[str]) -> None:
    with pytest.raises(MlstackError) as refused:
        conda.solve(*specs, cuda=cuda)
    assert refused.value.code == code
    assert not [word for word in words if word not in refused.value.found], refused.value


def test_a_driver_that_is_too_old_is_named(conda: Recorded) -> None:
    """The one solver says so; the other takes builds that the driver cannot run, which is for us to find."""
    driver = (VirtualPackage("__cuda", "10.2"), VirtualPackage("__glibc", "2.36"))
    with pytest.raises(MlstackError) as refused:
        verify.check_host("it", conda.solve("pytorch=2.*=cuda*", cuda="10.2"), driver)
    assert refused.value.code == "no_virtual_package"
    assert "driver" in refused.value.found and "10.2" in refused.value.found and "cuda-version" in refused.value.found
    assert "is wanted" not in refused.value.found


def test_driver_470(conda: Recorded) -> None:
    driver = (VirtualPackage("__cuda", "11.4"), VirtualPackage("__glibc", "2.36"))
    found = conda.solve("pytorch", cuda="11.4")
    if conda.engine.describe().solver == "rattler":
        assert versions(found)["cuda-version"] == "11.8"
        assert verify.check_host("it", found, driver) == []
        return
    with pytest.raises(MlstackError) as refused:
        verify.check_host("it", found, driver)
    assert "cuda-version 12.4 h0_3 needs __cuda >=12" in refused.value.found and "11.4" in refused.value.found


def test_a_link_script_that_fails(tmp_path: Path) -> None:
    failing = Package.from_url("http://x.invalid/linux-64/bed-failing-script-1.0-h0_0.conda")
    conda = Recorded(tmp_path, "classic")
    # Of several calls of install this is the first that was recorded.
    with pytest.raises(MlstackError) as refused:
        conda.engine.install(InstallRequest(str(conda.prefix), (failing,), Sources(channels=(CHANNEL,)), "linux-64"))
    assert refused.value.code == "link_script_failed"
    assert "bed-failing-script" in refused.value.found and "it does not work" in refused.value.found


def test_the_recordings_name_no_machine() -> None:
    text = RECORDED.read_text()
    assert all(call["argv"] for call in json.loads(text))
    assert CHANNEL in text and "/root" not in text and "/home" not in text
