# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda_env_info as a host runs it: against prefixes made by hand, and against one of every standing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import explicit, meta
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import site_packages
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.conda_site import CondaSite
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda import prefixes
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda.prefixes import SITE

HISTORY = """\
==> 2026-11-22 20:15:30 <==
# cmd: conda create -c https://me:s3cret@conda.example/main python=3.11 six
# conda version: 26.7.1
+main/noarch::six-1.0-py_0
# update specs: ['python=3.11', 'six']
"""


def fill(prefix: Path) -> dict[str, object]:
    """A small environment; answers with what a record would say of it."""
    prefixes.python(prefix)
    prefixes.module(prefix, "six", channel="https://me:s3cret@conda.example/main", extracted_package_dir="/x/pkgs/six")
    prefixes.pip_installed(prefix, "einops")
    (prefix / "conda-meta" / "history").write_text(HISTORY)
    return {
        "conda": list(meta.names(str(prefix)).stems),
        "installed": site_packages.scan(str(prefix / SITE)).versions,
        "site_packages": [SITE],
    }


def ask(**arguments: object) -> dict[str, object]:
    ran = module_runner.run("conda_env_info", arguments)
    assert ran.rc == 0, ran.out + ran.err
    assert "s3cret" not in ran.out + ran.err
    assert ran.result["commands_run"] == 0
    return ran.result


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An environment that somebody else made."""
    prefix = tmp_path / "elsewhere" / "ml"
    fill(prefix)
    return prefix


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root with an environment of generations, C(ml), and what else may stand in it."""
    root = tmp_path / "envs"
    store = Store(str(root), "ml")
    with store.lock():
        for number in (1, 2):
            now = datetime(2026, 11, 22, 20, number, tzinfo=timezone.utc)
            with store.build(f"{number}" * 12, now) as building:
                record = fill(Path(building.prefix))
                generation = store.seal(building, {"engine": "rattler", **record})
            store.switch(generation)
    (root / "notes").mkdir()
    (root / "venv").mkdir()
    (root / "venv" / "pyvenv.cfg").write_text("")
    fill(root / "plain")
    return root


def test_a_foreign_prefix(foreign: Path) -> None:
    (found,) = ask(names=[], paths=[str(foreign)])["environments"]
    assert (found["name"], found["standing"], found["drift"], found["broken"]) == ("ml", "conda", [], [])
    assert [(item["name"], item["version"], item["build"], item["requested"]) for item in found["packages"]] == [
        ("python", "3.11.7", "0_cpython", True),
        ("six", "1.0", "py_0", True),
    ]
    six = found["packages"][1]
    assert (six["channel"], six["subdir"]) == ("https://conda.example/main", "noarch")
    assert len(six["md5"]) == 32 and len(six["sha256"]) == 64
    assert found["requested"] == ["python=3.11", "six"]
    assert found["pip"] == [{"name": "einops", "version": "1.0", "installer": "uv"}]
    assert found["python"] == {"path": str(foreign / "bin" / "python"), "version": "3.11.7"}
    assert found["size"] > 0
    assert "generation" not in found and "history" not in found and "files" not in found


def test_the_environments_below_a_root(root: Path) -> None:
    result = ask(root=str(root))
    by_name = {item["name"]: item for item in result["environments"]}
    assert sorted(by_name) == ["ml", "plain"]
    ml = by_name["ml"]
    assert ml["standing"] == "link"
    assert len(ml["generations"]) == 2 and ml["generation"] == ml["generations"][0]
    assert ml["record"]["engine"] == "rattler"
    assert ml["drift"] == []
    assert by_name["plain"]["standing"] == "conda"


def test_drift_of_an_environment_of_ours(root: Path) -> None:
    prefixes.record(root / "ml" / "prefix", "zlib", "1.3", "h0_0")
    (root / "ml" / "prefix" / SITE / "six.py").write_text("import os\n")
    (ml,) = ask(root=str(root), names=["ml"], verify_files=True)["environments"]
    assert ml["drift"] == ["zlib 1.3 h0_0 was added by hand"]
    assert ml["files"] == {"missing": [], "changed": [f"{SITE}/six.py"], "unowned": []}


def test_what_is_no_environment(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (root / "gone").symlink_to(".generations/gone/20261122T200000-111111")
    paths = [str(tmp_path / "absent"), str(root / "notes"), str(tmp_path / "file")]
    result = ask(root=str(root), names=["gone", "nothing", "notes"], paths=paths)
    assert [item["standing"] for item in result["environments"]] == [
        "dangling",
        "absent",
        "directory",
        "absent",
        "directory",
        "absent",
    ]
    assert not [item for item in result["environments"] if "packages" in item]


def test_damage_is_told_by_name(foreign: Path) -> None:
    (foreign / "conda-meta" / "half-1-0.json").write_text('{"name": "ha')
    (foreign / SITE / "torn-1.0.dist-info").mkdir()
    (found,) = ask(names=[], paths=[str(foreign)])["environments"]
    assert [line.partition(": ")[0] for line in found["broken"]] == ["conda-meta/half-1-0.json", "torn-1.0.dist-info"]
    assert [item["name"] for item in found["packages"]] == ["python", "six"]


def test_exports_are_read_back(foreign: Path) -> None:
    forms = ["environment", "history", "explicit", "conda_lock"]
    (found,) = ask(names=[], paths=[str(foreign)], exports=forms)["environments"]
    texts = found["exports"]
    assert list(texts) == forms
    assert yaml.safe_load(texts["environment"]) == {
        "name": "ml",
        "channels": ["https://conda.example/main"],
        "dependencies": ["python=3.11.7=0_cpython", "six=1.0=py_0", {"pip": ["einops==1.0"]}],
    }
    assert yaml.safe_load(texts["history"])["dependencies"] == ["python=3.11", "six", {"pip": ["einops==1.0"]}]
    lock = explicit.read_explicit(texts["explicit"], "x", "linux-64")
    assert {item.name: item.sha256 for item in lock.packages} == {
        item["name"]: item["sha256"] for item in found["packages"]
    }
    assert len(yaml.safe_load(texts["conda_lock"])["package"]) == 2
    assert texts["conda_lock"].startswith("# einops==1.0 is pip's")


def test_history_and_caches(foreign: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "pkgs"
    (cache / "six-1.0-py_0" / "info").mkdir(parents=True)
    (cache / "six-1.0-py_0" / "info" / "index.json").write_text(json.dumps({}))
    result = ask(names=[], paths=[str(foreign)], history=True, cache=True, cache_dir=str(tmp_path / "cache"))
    (revision,) = result["environments"][0]["history"]
    assert revision["command"] == "conda create -c https://conda.example/main python=3.11 six"
    assert revision["requested"] == ["python=3.11", "six"]
    (found,) = result["cache"]
    assert (found["path"], found["packages"]) == (str(tmp_path / "cache"), 1)
    assert found["size"] > 0


def test_the_host_is_told(foreign: Path) -> None:
    result = ask(names=[])
    assert result["environments"] == []
    assert result["platform"] == f"linux-{'64' if os.uname().machine == 'x86_64' else os.uname().machine}"
    assert any(item.startswith("__glibc=") for item in result["virtual_packages"])


def test_nothing_is_written(foreign: Path) -> None:
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in foreign.rglob("*"))
    ask(names=[], paths=[str(foreign)], verify_files=True, exports=["explicit"])
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in foreign.rglob("*")) == before


@pytest.fixture
def conda_site(tmp_path: Path, index: PythonIndex, uv: str) -> CondaSite:
    """A root for conda_env, with the bed's channel."""
    channel, cache = conda_channel.basic(), tmp_path / "cache"
    made = CondaSite(tmp_path, index, {"pip_executable": uv, "index_url": index.url}, channel=channel, cache=cache)
    made.home.mkdir()
    return made


def test_an_environment_that_conda_env_made(conda_site: CondaSite) -> None:
    made = conda_site.run({"packages": ["python", "six=1.15"], "pip_packages": ["beta==1.1"]})
    assert made.rc == 0, made.out + made.err
    (told,) = ask(root=str(conda_site.root), verify_files=True, exports=["history"])["environments"]
    assert (told["name"], told["standing"], told["drift"], told["broken"]) == ("ml", "link", [], [])
    assert told["generation"] == made.one["generation"]
    assert {item["name"]: item["version"] for item in told["packages"]} == conda_site.conda()
    assert [(item["name"], item["version"]) for item in told["pip"]] == [("beta", "1.1")]
    assert told["requested"] == ["python", "six=1.15"]
    assert told["files"] == {"missing": [], "changed": [], "unowned": []}
    exported = yaml.safe_load(told["exports"]["history"])
    assert exported["dependencies"] == ["python", "six=1.15", {"pip": ["beta==1.1"]}]
