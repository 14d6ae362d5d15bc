# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every engine must do, and do alike."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    Package,
    SolveRequest,
    VirtualPackage,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import (
    PLATFORM,
    Work,
    files,
    installed,
    missing,
    orphans,
    python,
)

TOOL = ("python", "bed-tool=1.1", "six=1.15")


def test_a_solution_is_complete(work: Work) -> None:
    solution = work.solve(*TOOL)
    assert {name: solution.versions[name] for name in ("bed-tool", "six", "tzdata", "bed-zlib")} == {
        "bed-tool": "1.1",
        "six": "1.15.0",
        "tzdata": "2024a",
        "bed-zlib": "1.3.1",
    }
    records = work.channel.records()
    for package in solution.packages:
        record = records[package.file_name]
        assert (package.url, package.sha256, package.md5) == (record["url"], record["sha256"], record["md5"])
        assert (package.channel, package.subdir) == (record["channel"], record["subdir"])
        assert (package.noarch, package.size) == (record.get("noarch", ""), record["size"])
        assert sorted(package.depends) == sorted(record["depends"])


def test_solving_changes_nothing(work: Work) -> None:
    work.solve(*TOOL)
    assert not work.prefix.exists()


def test_an_environment_works(work: Work) -> None:
    result = work.create(*TOOL, "bed-scripts")
    assert set(result.linked) == {f"{name}-{build.replace(' ', '-')}" for name, build in installed(work.prefix).items()}
    assert python(work.prefix, "import sys, six; print(sys.prefix, six.__version__)") == f"{work.prefix} 1.15.0"
    script = subprocess.run([work.prefix / "bin" / "bed-tool"], check=True, capture_output=True, text=True)
    assert script.stdout == "bed-tool 1.1\n"
    assert (work.prefix / "lib/pkgconfig/bed-zlib.pc").read_text().startswith(f"prefix={work.prefix}\n")
    binary = (work.prefix / "lib/libbedz.so.1").read_bytes()
    assert f"{work.prefix}/share/bed-zlib\0".encode() in binary
    assert binary.endswith(b"behind it\0")
    assert len(binary) == _size_in_archive(work, "bed-zlib-1.3.1-h0_0.tar.bz2", "lib/libbedz.so.1")
    assert (work.prefix / "bed-scripts.linked").read_text().strip() == str(work.prefix)
    assert not (work.prefix / "CACHEDIR.TAG").exists()


def _size_in_archive(work: Work, archive: str, member: str) -> int:
    with tarfile.open(work.channel.folder / "linux-64" / archive) as opened:
        return opened.getmember(member).size


def test_bytecode_belongs_to_its_package(work: Work) -> None:
    work.create(*TOOL)
    record = json.loads(next((work.prefix / "conda-meta").glob("bed-tool-*.json")).read_text())
    compiled = [name for name in record["files"] if name.endswith(".pyc")]
    assert len(compiled) == 2
    assert all((work.prefix / name).exists() for name in compiled)


def test_bytecode_is_compiled_once_for_a_package_and_a_python(rattler: Work) -> None:
    packages = rattler.solve(*TOOL).packages
    rattler.install(packages)
    (first,) = rattler.prefix.glob("lib/python3*/site-packages/bed_tool/__pycache__/later.*.pyc")
    other = rattler.folder / "other"
    rattler.install(packages, prefix=other)
    second = other / first.relative_to(rattler.prefix)
    assert second.samefile(first)
    module = second.parent.parent / "later.py"
    assert int.from_bytes(second.read_bytes()[8:12], "little") == int(module.stat().st_mtime)
    assert python(other, "from bed_tool import later; print(later.__spec__.cached)") == str(second)
    record = json.loads(next((other / "conda-meta").glob("bed-tool-*.json")).read_text())
    assert str(second.relative_to(other)) in record["files"]
    # What is kept is of no account where it is not of the very module.
    for index in (rattler.folder / "cache" / "bytecode").glob("*/index.json"):
        (index.parent / "0").unlink()
        (index.parent / "0").write_bytes(b"rubbish")
    third = rattler.folder / "third"
    rattler.install(packages, prefix=third)
    assert python(third, "from bed_tool import later; import six; print(six.__version__)") == "1.15.0"
    for path in third.glob("lib/python3*/site-packages/**/*.pyc"):
        assert path.read_bytes() != b"rubbish"


def test_the_same_packages_again_are_no_change(work: Work) -> None:
    packages = work.solve(*TOOL).packages
    work.install(packages, *TOOL)
    before = {path: path.stat().st_mtime_ns for path in work.prefix.rglob("*")}
    result = work.install(packages, *TOOL)
    assert not result.changed
    assert {path: path.stat().st_mtime_ns for path in work.prefix.rglob("*")} == before


def test_an_explicit_lock_gives_what_the_archives_hold(work: Work) -> None:
    """By files and hashes, so that one engine's environment is every engine's."""
    solution = work.solve(*TOOL)
    work.install(work.explicit(solution.packages))
    assert installed(work.prefix) == {item.name: f"{item.version} {item.build}" for item in solution.packages}
    for item in solution.packages:
        record = json.loads((work.prefix / "conda-meta" / f"{item.stem}.json").read_text())
        assert (record["url"], record["md5"]) == (item.url, item.md5)
        assert sorted(record["depends"]) == sorted(item.depends)
    assert not missing(work.prefix)
    other = work.folder / "from-records"
    work.install(solution.packages, prefix=other)
    assert files(work.prefix) == files(other)


def test_an_update_takes_the_old_files_and_no_others(work: Work) -> None:
    work.create("python", "bed-tool=1.1", "numpy=1.26", "packaging=21.3")
    own = [work.prefix / "share" / "mine.txt", work.prefix / "bin" / "mine"]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine\n")
    result = work.create("python", "bed-tool=2.0", "numpy=1.26")
    assert any(stem.startswith("bed-tool-2.0") for stem in result.linked)
    assert {stem.rsplit("-", 2)[0] for stem in result.unlinked} == {"bed-tool", "packaging", "pyparsing"}
    assert {str(path.relative_to(work.prefix)) for path in own} == orphans(work.prefix)
    assert not missing(work.prefix)
    assert not list(work.prefix.glob("lib/python*/site-packages/pyparsing"))
    assert python(work.prefix, "import bed_tool, numpy; print(bed_tool.__version__)") == "2.0"


def test_what_stands_at_the_path_is_kept(work: Work) -> None:
    work.prefix.mkdir()
    (work.prefix / "precious.txt").write_text("years of work\n")
    work.create("tzdata")
    work.create("tzdata=2023d")
    assert (work.prefix / "precious.txt").read_text() == "years of work\n"


def test_removing_all_leaves_nothing(work: Work) -> None:
    work.create(*TOOL, "bed-scripts", "bed-many-files")
    result = work.install(())
    assert {"python", "bed-tool", "bed-scripts", "bed-many-files"} <= {
        stem.rsplit("-", 2)[0] for stem in result.unlinked
    }
    assert files(work.prefix) == set()
    assert installed(work.prefix) == {}


def test_a_file_of_two_packages_survives_one_of_them(work: Work) -> None:
    work.create("bed-overlap-x", "bed-overlap-y")
    work.create("bed-overlap-y")
    assert (work.prefix / "share" / "bed-overlap").read_text() == "bed-overlap-y"


def test_history_tells_what_was_asked_for(work: Work) -> None:
    work.create("python", "six=1.15")
    work.create("python", "six=1.16", "packaging")
    revisions = history.read(str(work.prefix))
    assert history.requested(revisions, installed(work.prefix)) == {
        "python": "python",
        "six": "six=1.16",
        "packaging": "packaging",
    }
    assert any("six-1.15.0-pyhd_0" in entry for entry in revisions[-1].unlinked)


def test_builds_follow_the_virtual_packages(work: Work) -> None:
    builds, classic = {}, work.engine.describe().solver == "classic"
    for cuda in ("", "11.8", "12.2"):
        found = work.solve("python", "pytorch", cuda=cuda) if cuda else work.solve("python", "pytorch")
        builds[cuda] = next(item.build for item in found.packages if item.name == "pytorch")
        if cuda == "11.8" and classic:  # it passes over what packages say of the driver: we do not
            with pytest.raises(MlstackError, match="driver"):
                verify.check_host(
                    "it", found.packages, (VirtualPackage("__cuda", cuda), VirtualPackage("__glibc", "2"))
                )
            builds[cuda] = "cuda118py"
    assert [build.partition("py")[0] for build in builds.values()] == ["cpu_", "cuda118", "cuda121"]


@pytest.mark.parametrize("spec", ["six=1.15=pyhd_0", "six=1.15.*", "six==1.15.0", "six >=1.15,<1.16", "six 1.15.*"])
def test_specs_are_read_as_conda_reads_them(work: Work, spec: str) -> None:
    assert work.solve(spec, "python").versions["six"] == "1.15.0"


def test_locked_stays_and_pinned_must(work: Work) -> None:
    old = work.solve("python", "six=1.14").packages
    kept = tuple(item for item in old if item.name == "six")
    assert work.solve("python", "six", locked=kept).versions["six"] == "1.14.0"
    assert work.solve("python", "six=1.16", locked=kept).versions["six"] == "1.16.0"
    with pytest.raises(MlstackError) as refused:
        work.solve("python", "six=1.16", pinned=kept)
    assert refused.value.code in ("conflict", "no_such_version")


def test_constraints_bound_without_bringing(work: Work) -> None:
    assert "numpy" not in work.solve("python", constraints=("numpy <2",)).versions
    assert work.solve("python", "numpy", constraints=("numpy <2",)).versions["numpy"] == "1.26.4"


def test_a_clone_is_the_same_packages(work: Work) -> None:
    work.create(*TOOL)
    records = [json.loads(path.read_text()) for path in (work.prefix / "conda-meta").glob("*.json")]
    clone = work.folder / "clone"
    work.install([Package.from_record(record) for record in records], *TOOL, prefix=clone)
    assert installed(clone) == installed(work.prefix)
    assert files(clone) == files(work.prefix)
    assert python(clone, "import sys; print(sys.prefix)") == str(clone)


def test_scripts_run_only_where_they_may(rattler: Work) -> None:
    rattler.create("bed-scripts", link_scripts=False)
    assert not (rattler.prefix / "bed-scripts.linked").exists()


class TestRefusals:
    """Each with the code, the cause in the words of the desired state, and no environment."""

    @pytest.mark.parametrize(
        ("specs", "code", "words"),
        [
            (["bed-clash-a", "bed-clash-b"], "conflict", ["bed-clash-a", "six", "<1.16", "bed-clash-b", ">=1.16"]),
            (["bed-constrains-six", "six=1.16"], "conflict", ["bed-constrains-six", "six", "<1.16", "1.16"]),
            (["no-such-package"], "no_such_package", ["no-such-package"]),
            (["six=9"], "no_such_version", ["six", "9"]),
            (["bed-needs-new-glibc"], "no_virtual_package", ["bed-needs-new-glibc", "__glibc", ">=9"]),
            (["pytorch=2.4=cuda*", "python"], "no_virtual_package", ["pytorch", "__cuda", "driver"]),
        ],
    )
    def test_what_cannot_be_solved(self, work: Work, specs: list[str], code: str, words: list[str]) -> None:
        with pytest.raises(MlstackError) as refused:
            work.solve(*specs)
        assert refused.value.code == code, refused.value
        if code == "conflict" and work.engine.describe().solver == "classic":
            words = [word for word in words if word not in ("<1.16", ">=1.16")]  # of which it may say nothing
        assert not [word for word in words if word not in refused.value.found], refused.value

    def test_a_channel_that_is_not_there(self, work: Work) -> None:
        gone = work.sources(channels=((work.folder / "nowhere").as_uri(),))
        with pytest.raises(MlstackError) as refused:
            work.solve("six", sources=gone)
        assert refused.value.code == "channel_missing", refused.value

    @pytest.mark.parametrize("explicit", [False, True])
    def test_a_wrong_hash_in_a_file_channel(self, work: Work, explicit: bool) -> None:
        packages = work.solve("bed-bad-hash").packages
        if explicit:
            packages = tuple(Package.from_url(item.url, sha256=item.sha256) for item in packages)
        for _attempt in range(2):  # nothing of it may be taken for good the second time
            with pytest.raises(MlstackError) as refused:
                work.install(packages)
            assert refused.value.code == "hash_mismatch", refused.value
            assert "bed-bad-hash" in refused.value.found
            assert installed(work.prefix) == {}

    def test_a_wrong_md5(self, work: Work) -> None:
        url = work.channel.record("tzdata", "2024a")["url"]
        with pytest.raises(MlstackError) as refused:
            work.install([Package.from_url(url, md5="0" * 32)])
        assert refused.value.code == "hash_mismatch", refused.value

    def test_an_archive_that_is_gone(self, work: Work, tmp_path: Path) -> None:
        copy = work.channel.copy(tmp_path / "copy")
        packages = work.solve("tzdata", sources=work.sources(channels=(copy.url,))).packages
        (copy.folder / "noarch" / packages[0].file_name).unlink()
        with pytest.raises(MlstackError) as refused:
            work.install(packages)
        assert refused.value.code == "package_missing", refused.value

    def test_a_link_script_that_fails(self, work: Work) -> None:
        with pytest.raises(MlstackError) as refused:
            work.create("bed-failing-script")
        assert refused.value.code == "link_script_failed", refused.value
        assert "bed-failing-script" in refused.value.found


def test_solving_and_installing_in_one_go_is_the_same(work: Work) -> None:
    solve = SolveRequest(TOOL, work.sources(), PLATFORM)
    install = InstallRequest(str(work.prefix), (), work.sources(), PLATFORM, TOOL)
    solution, result = work.engine.create(solve, install)
    assert solution.packages == work.solve(*TOOL).packages
    assert sorted(result.linked) == sorted(item.stem for item in solution.packages)
    other = work.folder / "other"
    work.install(solution.packages, *TOOL, prefix=other)
    assert (installed(work.prefix), files(work.prefix)) == (installed(other), files(other))
    asked = history.requested(history.read(str(work.prefix)), installed(work.prefix))
    assert set(asked) == {"python", "bed-tool", "six"}
    assert not work.engine.create(solve, install)[1].changed
