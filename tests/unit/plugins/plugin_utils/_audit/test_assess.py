# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import assess, files
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.index import Project
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Flaw
from hypothesis import given
from hypothesis import strategies as st

HASH = "sha256:" + "0" * 64
FLAW = Flaw("CVE-1", severity="high", score=7.5)
HIT = Match(True, ((FLAW, ("2.0",)),), "2.0")


def told(*packages: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"name": "ml", "path": "/envs/ml", "kind": "venv", "packages": list(packages)}


def test_what_cannot_be_decided_is_a_problem() -> None:
    matches = {("demo", "x-1"): Match(True, (), "", ("A-1",)), ("other", "1.0"): Match(True, (), "", (), ("A-2 (x)",))}
    found = assess.assess(told({"name": "demo", "version": "x-1"}, {"name": "other", "version": "1.0"}), matches, None)
    assert [(item.kind, item.package) for item in found.problems] == [("undecided", "demo"), ("undecided", "other")]
    assert "A-1" in found.problems[0].text and "A-2 (x)" in found.problems[1].text


def test_a_finding_names_the_way_from_what_was_asked_for() -> None:
    item = told(
        {"name": "app", "version": "1", "requested": True, "needs": ["middle"]},
        {"name": "middle", "version": "1", "needs": ["demo"]},
        {"name": "demo", "version": "1.0"},
    )
    found = assess.assess(item, {("demo", "1.0"): HIT}, None)
    assert [(finding.package, finding.path) for finding in found.findings] == [("demo", ("app", "middle", "demo"))]
    assert [package.fix for package in found.packages] == ["", "", "2.0"]
    assert [package.status for package in found.packages] == ["no_advisory", "no_advisory", "matched"]


@pytest.mark.parametrize(
    ("package", "told_why"),
    [
        ({"origin": "git+https://example.org/demo@abc"}, "built from git+https://example.org/demo@abc"),
        ({"origin": "file:///srv/demo-1.0.whl"}, "is from file:///srv/demo-1.0.whl"),
        ({"origin": "https://example.org/demo-1.0.whl"}, "is from https://example.org/demo-1.0.whl"),
    ],
)
def test_what_is_no_release_is_matched_and_marked(package: dict[str, t.Any], told_why: str) -> None:
    item = told({"name": "Demo", "version": "1.0", **package})
    assert assess.pairs_of([item]) == {("demo", "1.0")} and assess.released([item]) == set()
    found = assess.assess(item, {("demo", "1.0"): HIT}, {"demo": Project(known=False)})
    assert [finding.flaw for finding in found.findings] == [FLAW]
    assert (found.packages[0].status, found.packages[0].fix) == ("matched", "2.0")
    assert told_why in found.packages[0].why and "may differ from the release" in found.packages[0].why
    assert [problem.kind for problem in found.problems] == ["may_differ"]


def test_condas_own_packages_are_unknown_not_safe() -> None:
    item = told({"name": "demo", "version": "1.0", "kind": "conda", "origin": "conda-forge"})
    assert assess.pairs_of([item]) == set()
    found = assess.assess(item, {("demo", "1.0"): HIT}, None)
    assert (found.findings, found.packages[0].status) == ((), "unknown")
    assert [(problem.kind, "demo" in problem.text) for problem in found.problems] == [("no_advisories", True)]
    assert "conda" in found.packages[0].why


def test_what_a_source_did_not_tell_is_unknown_and_what_it_told_is_there() -> None:
    item = told({"name": "demo", "version": "1.0"}, {"name": "other", "version": "1.0"})
    found = assess.assess(item, {("demo", "1.0"): HIT}, None, {("demo", "1.0"): "it did not tell"})
    assert [package.status for package in found.packages] == ["unknown", "no_advisory"]
    assert [finding.package for finding in found.findings] == ["demo"]
    assert [(problem.kind, problem.package) for problem in found.problems] == [("not_answered", "demo")]


def test_pythons_packages_of_conda_are_matched_as_the_index_has_them() -> None:
    item = told({"name": "Demo_Pkg", "version": "1.0", "origin": "conda-forge", "installer": "conda"})
    assert assess.pairs_of([item]) == {("demo-pkg", "1.0")}
    assert len(assess.assess(item, {("demo-pkg", "1.0"): HIT}, None).findings) == 1


def test_a_complete_lock_asks_for_everything_and_the_tree_tells_who_brings_what_in() -> None:
    needs = {"app": ["middle"], "middle": ["demo"], "demo": [], "alone": []}
    assert assess.paths_to(needs, needs)["demo"] == ("app", "middle", "demo")
    assert assess.paths_to(needs, ["app", "demo"])["demo"] == ("demo",), "it was asked for by name"


def test_the_one_index_that_an_environment_was_built_from_is_where_its_packages_are_from() -> None:
    url = "https://mirror.example/simple"
    packages = [
        {"name": "demo", "version": "1.0"},
        {"name": "own", "version": "1.0", "origin": "https://example.org/own.whl"},
        {"name": "later", "version": "1.0", "added": True},
    ]
    item = {**told(*packages), "indexes": [url]}
    assert [package.origin for package in assess.assess(item, {}, None).packages] == [url, packages[1]["origin"], ""]
    item["indexes"].append("https://other.example/simple")
    assert assess.assess(item, {}, None).packages[0].origin == ""


def test_what_an_index_tells_becomes_problems() -> None:
    projects = {"demo": Project(True, ("1.0", "1.1"), {"1.0": ""}), "mine": Project(known=False)}
    found = assess.assess(told({"name": "demo", "version": "1.0"}, {"name": "mine", "version": "1"}), {}, projects)
    assert [(problem.kind, problem.package) for problem in found.problems] == [
        ("yanked", "demo"),
        ("outdated", "demo"),
        ("unknown_package", "mine"),
    ]
    assert found.packages[0].latest == "1.1"


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6)


@given(GRAPHS, st.sets(st.sampled_from("abcdef"), max_size=2))
def test_a_path_begins_with_what_was_asked_for_and_goes_along_needs(
    needs: dict[str, list[str]], requested: set[str]
) -> None:
    for name, path in assess.paths_to(needs, requested).items():
        assert path[-1] == name
        assert not requested or path[0] in requested
        assert all(below in needs[above] for above, below in zip(path, path[1:]))


# --- files --------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, name: str, text: str) -> dict[str, t.Any]:
    path = tmp_path / name
    path.write_text(text)
    return files.read(str(path), lambda found: Path(found).read_bytes())


def test_a_requirement_file(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text(f"pinned==2.0 --hash={HASH}\n")
    found = read(
        tmp_path,
        "requirements.txt",
        "--index-url https://index.example/simple\n-r more.txt\nDemo_Pkg==1.0\nloose>=1\n"
        "built @ git+https://example.org/x@0123456789012345678901234567890123456789\n",
    )
    packages = [(item["name"], item["version"]) for item in found["packages"]]
    assert packages == [("pinned", "2.0"), ("demo-pkg", "1.0")]
    kinds = [(item["kind"], item["package"]) for item in found["problems"]]
    assert kinds == [("unhashed", "demo-pkg"), ("unpinned", "loose"), ("not_audited", "built")]
    assert found["indexes"] == ["https://index.example/simple"]


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("-e git+https://example.org/x@main#egg=x", ""),
        ("-e .", ""),
        ("--evil", ""),
        ("demo=1.0 ;;", "demo"),
        ("other>=${UNSET}", "other"),
    ],
)
def test_a_line_that_nobody_can_judge_leaves_the_others(tmp_path: Path, line: str, package: str) -> None:
    found = read(tmp_path, "requirements.txt", f"one==1.0 --hash={HASH}\n{line}\ntwo==2.0 --hash={HASH}\n")
    assert [item["name"] for item in found["packages"]] == ["one", "two"] and "failed" not in found
    assert [(item["kind"], item["package"]) for item in found["problems"]] == [("not_audited", package)]
    assert "requirements.txt:2" in found["problems"][0]["text"]


def test_a_file_of_editable_lines_alone_is_unknown_line_by_line(tmp_path: Path) -> None:
    found = read(tmp_path, "requirements.txt", "-e git+https://example.org/x#egg=x\n-e ./y\n")
    assert found["packages"] == [] and [item["kind"] for item in found["problems"]] == ["not_audited"] * 2


def test_a_file_that_names_another_which_is_not_there_is_judged_and_has_failed(tmp_path: Path) -> None:
    found = read(tmp_path, "requirements.txt", f"-r absent.txt\none==1.0 --hash={HASH}\n")
    assert [item["name"] for item in found["packages"]] == ["one"]
    assert "absent.txt" in found["failed"]
    assert assess.assess({**told(), **found}, {}, None).failed == found["failed"]


def test_an_environment_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "environment.yml",
        "channels: [conda-forge]\ndependencies:\n  - python=3.11.5\n  - numpy >=1\n  - pip:\n      - demo==1.0\n",
    )
    assert [(item["name"], item["version"], item.get("kind")) for item in found["packages"]] == [
        ("python", "3.11.5", "conda"),
        ("demo", "1.0", None),
    ]
    assert [(item["kind"], item["package"]) for item in found["problems"]] == [
        ("unpinned", "numpy"),
        ("unhashed", "demo"),
    ]
    assert found["indexes"] == ["conda-forge"]


def test_an_explicit_list(tmp_path: Path) -> None:
    url = "https://channel.example/conda-forge/linux-64/zlib-1.3-h0_0.conda"
    found = read(tmp_path, "explicit.txt", f"@EXPLICIT\n{url}#{'0' * 32}\n")
    (package,) = found["packages"]
    assert (package["name"], package["kind"]) == ("zlib", "conda")
    assert package["origin"] == "https://channel.example/conda-forge"
    assert found["problems"] == []


POETRY = """
[[package]]
name = "Demo_Pkg"
version = "1.0"
files = [{file = "demo_pkg-1.0.tar.gz", hash = "sha256:00"}]
[package.dependencies]
below = ">=1"

[[package]]
name = "below"
version = "2.0"
files = []
[package.source]
type = "git"
url = "https://example.org/below.git"

[[package]]
name = "mirrored"
version = "3.0"
files = [{file = "mirrored-3.0.tar.gz", hash = ""}]
[package.source]
type = "legacy"
url = "https://index.example/simple"
"""


def test_a_lock_of_poetry(tmp_path: Path) -> None:
    pytest.importorskip("tomllib")
    found = read(tmp_path, "poetry.lock", POETRY)
    assert found == {
        "packages": [
            {"name": "demo-pkg", "version": "1.0", "needs": ["below"]},
            {"name": "below", "version": "2.0", "needs": [], "origin": "git+https://example.org/below.git"},
            {"name": "mirrored", "version": "3.0", "needs": []},
        ],
        "problems": [
            {
                "kind": "unhashed",
                "package": "mirrored",
                "text": f"{tmp_path}/poetry.lock: mirrored 3.0 has no hash",
            }
        ],
        "indexes": ["https://index.example/simple"],
    }
    finding = assess.assess({**told(), **found}, {("mirrored", "3.0"): HIT}, None).findings
    assert [item.package for item in finding] == ["mirrored"]


@pytest.mark.parametrize("text", ["[[package]]\n", "[[package]]\nname = 5\n", "[[package]\n", "[project]\nname='x'\n"])
def test_toml_that_is_no_lock(tmp_path: Path, text: str) -> None:
    pytest.importorskip("tomllib")
    with pytest.raises(MlstackError) as refused:
        read(tmp_path, "pylock.toml", text)
    assert refused.value.code == "file_invalid"


@pytest.mark.parametrize("text", ["demo=1.0 ;;", "--evil\n", "-r absent.txt\n"])
def test_files_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(MlstackError) as refused:
        read(tmp_path, "requirements.txt", text)
    assert refused.value.code == "file_invalid"
    with pytest.raises(MlstackError) as refused:
        files.read(str(tmp_path / "none.txt"), lambda path: Path(path).read_bytes())
    assert refused.value.code == "file_unreadable"
