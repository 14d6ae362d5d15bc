# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda_env with the real rattler, uv and pip, and the bed's channel with a real Python."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, distributions
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.conda_site import CondaSite

TOOL = {"packages": ["python", "bed-tool=1.0"], "verify_imports": ["bed_tool"]}
NEWER = {"packages": ["python", "bed-tool=2.0"], "verify_imports": ["bed_tool"]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conda-cache")


@pytest.fixture
def conda(tmp_path: Path, index: PythonIndex, uv: str, cache: Path) -> CondaSite:
    """A root without environments, and the bed's channel."""
    made = CondaSite(tmp_path, index, {"pip_executable": uv}, channel=conda_channel.basic(), cache=cache)
    made.home.mkdir()
    return made


def standing(conda: CondaSite) -> dict[str, tuple[object, ...]]:
    """All that lies there but the notes of who held the lock."""
    return {path: seen for path, seen in conda.snapshot().items() if not path.endswith(".lock")}


def test_present_is_built_verified_and_then_left_alone(conda: CondaSite) -> None:
    predicted = conda.apply(TOOL, check=True, diff=True)
    assert predicted.result["changed"] and not conda.path().exists()
    made = conda.apply(TOOL)
    assert predicted.one["added"] == made.one["added"]
    assert "bed-tool 1.0 pyhd_0\n" in predicted.result["diff"][1]["after"]
    assert conda.conda()["bed-tool"] == "1.0"
    assert conda.python("import bed_tool; print(bed_tool.__version__)") == "1.0"
    before = conda.snapshot()
    again = conda.apply(TOOL)
    assert not again.result["changed"] and again.result["commands_run"] == 0
    assert conda.snapshot() == before
    assert not conda.apply(TOOL, check=True, offline=True).result["changed"]


def test_a_new_desired_state_is_a_new_generation_and_goes_back(conda: CondaSite) -> None:
    conda.apply(TOOL)
    changed = conda.apply(NEWER)
    assert changed.one["replaced"]["bed-tool"]["after"].startswith("2.0 ")
    assert set(changed.one["added"]) | set(changed.one["removed"]) == set()
    back = conda.apply({"state": "rolled_back"})
    assert back.result["changed"] and conda.conda()["bed-tool"] == "1.0"
    assert not conda.apply({"state": "rolled_back"}).result["changed"]
    forth = conda.apply(NEWER)
    assert [step["action"] for step in forth.result["plan"]] == ["switch"]  # it is there already: nothing is built
    for version in ("1.1", "1.0"):
        conda.apply({"packages": ["python", f"bed-tool={version}", "packaging"], "keep": 1})
    assert len(conda.generations()) == 2 and conda.leftovers() == []
    conda.apply({"state": "absent"})
    assert not conda.path().exists() and not (conda.root / ".generations").exists()


def test_drift_is_told_by_name_and_repaired(conda: CondaSite) -> None:
    conda.apply(TOOL)
    prefix = conda.path() / "prefix"
    next((prefix / "conda-meta").glob("six-*.json")).unlink()
    distributions.wheel(conda.folder, "byhand", "1.0")
    (wheel,) = conda.folder.glob("byhand*.whl")
    shutil.unpack_archive(wheel, conda.site_packages(), "zip")
    told = conda.run(TOOL, check=True)
    assert any(line.startswith("six ") and line.endswith("was removed by hand") for line in told.one["drift"])
    assert "byhand 1.0 was added by hand" in told.one["drift"]
    assert conda.apply(TOOL).result["changed"]
    assert "six" in conda.conda() and "byhand" not in conda.installed()
    assert not conda.apply(TOOL).result["changed"]


def test_a_changed_file_is_found_and_repaired_when_asked(conda: CondaSite) -> None:
    asked = {**TOOL, "verify_files": True}
    conda.apply(asked)
    target = conda.site_packages() / "bed_tool" / "later.py"
    target.unlink()  # the file is a hard link to the cache
    target.write_text("LATER = False\n")
    assert not conda.apply(TOOL).result["changed"]
    assert any("later.py was changed" in line for line in conda.run(asked, check=True).one["drift"])
    conda.apply(asked)
    assert conda.python("from bed_tool import later; print(later.LATER)") == "True"


def test_a_file_that_was_changed_through_its_hard_link_does_not_come_back_from_the_cache(conda: CondaSite) -> None:
    asked = {**TOOL, "verify_files": True}
    conda.apply(asked)
    target = conda.site_packages() / "bed_tool" / "later.py"
    assert target.stat().st_nlink > 1
    with target.open("r+") as stream:  # in place, and of the same length: the cache has the edit now, too
        text = stream.read()
        stream.seek(0)
        stream.write(text.replace("True", "None"))
    assert any("later.py was changed" in line for line in conda.run(asked, check=True).one["drift"])
    conda.apply(asked)
    assert conda.python("from bed_tool import later; print(later.LATER)") == "True"
    assert not conda.apply(asked).result["changed"]


def test_a_repair_installs_the_same_to_the_last_word_of_its_records(conda: CondaSite) -> None:
    def records(name: str = "ml") -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in (conda.path(name) / "conda-meta").glob("*.json")]
        for record in found:
            record["files"] = sorted(record["files"])
            record["channel"] = record["channel"].rstrip("/")
            for key in ("paths_data", "link", "extracted_package_dir", "package_tarball_full_path"):
                record.pop(key, None)
        # Said or not, empty is empty.
        return {record["name"]: {key: value for key, value in record.items() if value} for record in found}

    conda.apply(TOOL)
    before = records()
    assert any(name.endswith(".pyc") for name in before["bed-tool"]["files"])
    next((conda.path() / "prefix" / "conda-meta").glob("six-*.json")).unlink()
    assert conda.apply(TOOL).result["changed"]
    assert records() == before
    conda.apply({"name": "copy", "state": "cloned", "clone_of": "ml"})
    assert records("copy") == before


def test_updated_moves_to_the_newest_and_present_does_not(conda: CondaSite) -> None:
    conda.apply({"packages": ["python", "six=1.15", "bed-tool"]})
    loose = {"packages": ["python", "six", "bed-tool"]}
    conda.apply(loose)
    assert conda.conda()["six"] == "1.15.0"
    told = conda.apply({**loose, "state": "updated"}, check=True)
    assert set(told.one["replaced"]) == {"six"}
    conda.apply({**loose, "state": "updated"})
    assert conda.conda()["six"] == "1.16.0"
    assert not conda.apply({**loose, "state": "updated"}).result["changed"]
    assert not conda.apply(loose).result["changed"]


def test_packages_come_and_go_one_by_one(conda: CondaSite) -> None:
    conda.apply(TOOL)
    more = {"packages": ["pyparsing"], "exact": False}
    assert set(conda.apply(more).one["added"]) == {"pyparsing"}
    assert not conda.apply(more).result["changed"]
    gone = {"state": "absent", "packages": ["pyparsing"]}
    assert set(conda.apply(gone).one["removed"]) == {"pyparsing"}
    assert not conda.apply(gone).result["changed"]
    refused = conda.refuse("still_needed", {"state": "absent", "packages": ["six"]})
    assert "six is needed by bed-tool" in refused.result["msg"]


def test_a_clone_holds_the_same_also_of_what_pip_brought(conda: CondaSite) -> None:
    conda.apply({**TOOL, "pip_packages": ["alpha==1.0"]}, index_url=conda.index.url)
    clone = {"name": "copy", "state": "cloned", "clone_of": "ml", "verify_imports": ["alpha"]}
    made = conda.apply(clone, index_url=conda.index.url)
    assert conda.installed("copy") == conda.installed("ml")
    assert conda.conda("copy") == conda.conda("ml")
    assert made.one["timings"]["solve"] < 0.1
    assert not conda.apply(clone).result["changed"]
    # A package's file is one file on the disk, whatever number of environments has it.
    file = "bed_tool/later.py"
    assert os.path.samefile(conda.site_packages("copy") / file, conda.site_packages("ml") / file)
    conda.refuse("no_such_environment", {"name": "more", "state": "cloned", "clone_of": "nothing"})


@pytest.mark.parametrize("pip_engine", ["uv", "pip"])
def test_pip_comes_on_top_and_replaces_nothing_unless_allowed(
    conda: CondaSite, pip_engine: str, tmp_path: Path
) -> None:
    extra = tmp_path / "wheels"
    distributions.wheel(extra, "six", "1.17.0", files={"six.py": "__version__ = '1.17.0'\n"})
    distributions.wheel(extra, "needs-six", "1.0", requires=["six>=1.17"])
    options = {"pip_engine": pip_engine, "find_links": [str(extra)]}
    if pip_engine == "pip":
        options["pip_executable"] = None
    with PythonIndex(extra) as served:
        options["index_url"] = served.url
        ok = {**TOOL, "pip_packages": ["needs-six==1.0", "six>=1.15"], "pip_may_replace": ["six"]}
        refused = {**TOOL, "pip_packages": ["needs-six==1.0"]}
        found = conda.refuse("pip_replaces_conda", refused, **options)
        assert "six 1.16.0 of conda would be replaced by 1.17.0" in found.result["msg"]
        assert not conda.path().exists() and conda.leftovers() == []
        made = conda.apply(ok, **options)
    assert made.one["added"]["needs-six (pip)"] == "1.0"
    assert made.one["freeze"] == ["needs-six==1.0", "six==1.17.0"]
    assert conda.python("import six; print(six.__version__)") == "1.17.0"
    again = conda.apply(ok, **options)
    assert not again.result["changed"] and again.result["commands_run"] == 0


def test_an_update_keeps_what_pip_brought(conda: CondaSite) -> None:
    """An update with --prune of a command-line program can take it away; and a second run of one desired state is no
    change.
    """
    pip, index = {"pip_packages": ["alpha==1.0"]}, {"index_url": conda.index.url}
    for tool in ("1.0", "2.0"):
        asked = {**pip, "packages": ["python", "packaging=21.3", f"bed-tool={tool}"]}
        conda.apply(asked, **index)
        assert not conda.apply(asked, **index).result["changed"]
        assert conda.conda()["bed-tool"] == tool
        assert conda.python("import packaging, alpha; print(alpha.__version__)") == "1.0"
    conda.apply({**pip, "packages": ["python", "packaging", "bed-tool"], "state": "updated"}, **index)
    assert conda.conda()["packaging"] != "21.3" and conda.installed()["alpha"] == "1.0"
    gone = conda.apply({"state": "absent", "packages": ["bed-tool"]}, **index)
    assert set(gone.one["removed"]) == {"bed-tool", "six"}
    assert conda.installed()["alpha"] == "1.0" and "packaging" in conda.conda()


def test_the_hybrid_takes_a_lock_with_hashes(conda: CondaSite) -> None:
    """A conda base, a pip lock on top; one environment, one record."""
    (wheel,) = conda.index.folder.glob("beta-1.1-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = conda.folder / "prod.lock"
    hybrid = {**TOOL, "pip_requirements": [str(lock)], "pip_require_hashes": True, "remote_src": True}
    lock.write_text(f"beta==1.1 --hash=sha256:{digest}\n")
    conda.apply(hybrid, index_url=conda.index.url)
    record = json.loads((conda.path() / "mlstack.json").read_text())
    assert record["pip_installed"] == {"beta": "1.1"}
    assert {item["name"] for item in record["packages"]} == {*conda.conda()}
    lock.write_text(f"beta==1.1 --hash=sha256:{'0' * 64}\n")
    assert conda.run(hybrid, index_url=conda.index.url).result["failed"]
    assert conda.python("import beta, bed_tool; print(beta.__version__, bed_tool.__version__)") == "1.1 1.0"


def test_builds_for_cuda_by_a_virtual_package(conda: CondaSite) -> None:
    asked = {"packages": ["python", "pytorch=2.1"], "verify_imports": ["torch"]}
    conda.apply({**asked, "virtual_packages": {"__cuda": "12.4"}})
    assert conda.python("import torch; print(torch.cuda.is_available())") == "True"
    conda.apply({**asked, "virtual_packages": {"__cuda": ""}})
    assert conda.python("import torch; print(torch.cuda.is_available())") == "False"


def test_what_cannot_be_is_refused_and_leaves_the_old_one(conda: CondaSite, tmp_path: Path) -> None:
    conda.apply(TOOL)
    before = standing(conda)
    for code, packages in {
        "conflict": ["bed-clash-a", "bed-clash-b"],
        "hash_mismatch": ["bed-bad-hash"],
        "link_script_failed": ["bed-failing-script"],
        "no_such_package": ["no-such-thing"],
        "conda_bad_spec": ["-n"],
    }.items():
        conda.refuse(code, {"packages": ["python", *packages]})
    conda.refuse("import_failed", {**TOOL, "verify_imports": ["nothing_like_that"]})
    conda.refuse("channels_missing", {"name": "more", "packages": ["python"]}, channels=[])
    conda.refuse("environment_invalid", {"name": "more", "packages": []})
    conda.refuse("file_missing", {"name": "more", "file": "/nonexistent.yml"})
    assert standing(conda) == before
    assert not conda.apply(TOOL).result["changed"]


def test_what_stands_there_is_adopted_only_when_asked(conda: CondaSite) -> None:
    conda.path().mkdir(parents=True)
    (conda.path() / "mine").write_text("precious")
    conda.refuse("occupied", TOOL)
    adopted = conda.apply({**TOOL, "adopt": True}).one["adopted"]
    assert (Path(adopted) / "mine").read_text() == "precious"
    assert not conda.apply({**TOOL, "adopt": True}).result["changed"]


def test_a_conda_environment_that_stands_there_can_be_cloned_then_adopted(conda: CondaSite) -> None:
    """From one that somebody made by hand to one of generations, with the same packages."""
    conda.apply({**TOOL, "name": "maker"})
    (conda.root / "maker" / "prefix").rename(conda.path())  # a plain prefix, as conda makes it
    before = conda.conda()
    conda.refuse("occupied", TOOL)
    assert conda.conda() == before
    conda.apply({"name": "copy", "state": "cloned", "clone_of": str(conda.path())})
    adopted = conda.apply({**TOOL, "adopt": True}).one["adopted"]
    assert conda.conda() == conda.conda("copy") == before
    assert list(Path(adopted, "conda-meta").glob("bed-tool-1.0-*.json"))
    assert conda.python("import sys; print(sys.prefix)").startswith(str(conda.root / ".generations" / "ml"))


@pytest.mark.parametrize("form", ["environment", "history", "explicit", "conda_lock"])
def test_an_export_is_written_once_and_makes_the_same_again(conda: CondaSite, form: str) -> None:
    written = conda.folder / "written"
    asked = {**TOOL, "export_to": str(written), "export_format": form}
    conda.apply(asked)
    text = written.read_text()
    assert "bed-tool" in text
    assert not conda.apply(asked).result["changed"]
    written.unlink()
    assert conda.apply(asked).result["changed"] and written.read_text() == text


def test_the_cache_is_deleted_with_a_report(conda: CondaSite, tmp_path: Path) -> None:
    conda.cache = tmp_path / "cache"
    conda.apply(TOOL)
    (conda.cache / "foreign").write_text("somebody's")
    told = conda.apply(TOOL, purge_cache=True).result["cache"]
    assert sum(item["size"] for item in told) > 1_000_000
    assert [path.name for path in conda.cache.iterdir()] == ["foreign"]
    assert not conda.apply(TOOL, purge_cache=True).result["changed"]


def test_credentials_open_a_channel_and_appear_nowhere(conda: CondaSite, cache: Path, tmp_path: Path) -> None:
    assert conda.channel is not None
    secret = "s3cret-of-the-channel"
    with CondaServer(conda.channel.folder, credentials=f"reader:{secret}") as server:
        options = {"channels": [server.url], "cache_dir": str(tmp_path / "cache")}
        conda.refuse("channel_refused", TOOL, **options)
        opened = [{"host": "127.0.0.1", "user": "reader", "password": secret}]
        made = conda.apply(TOOL, credentials=opened, diff=True, **options)
    assert secret not in json.dumps(made.result) and secret not in made.out
    assert secret not in (conda.path() / "mlstack.json").read_text()
    for folder, _folders, files in os.walk(conda.root):
        for name in files:
            path = Path(folder, name)
            assert path.is_symlink() or secret.encode() not in path.read_bytes(), path


def test_a_channel_that_goes_away_midway_harms_nothing(conda: CondaSite, tmp_path: Path) -> None:
    assert conda.channel is not None
    conda.apply(TOOL)
    before = standing(conda)
    with CondaServer(conda.channel.folder) as server:
        options = {"channels": [server.url], "cache_dir": str(tmp_path / "cache")}
        server.fault = lambda path: 500 if path.endswith((".conda", ".tar.bz2")) else None
        failed = conda.run(NEWER, **options)
        assert failed.result["failed"] and standing(conda) == before
        server.fault = None
        conda.apply(NEWER, **options)
    assert conda.conda()["bed-tool"] == "2.0" and conda.leftovers() == []
