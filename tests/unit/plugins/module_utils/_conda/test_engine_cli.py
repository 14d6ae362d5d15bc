# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command-line program is called; a shell script stands in for it, and writes down what it was given."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_cli
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    Credential,
    InstallRequest,
    Package,
    SolveRequest,
    Sources,
    VirtualPackage,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

SECRET = "s3cr3t-of-ann"
SIX = {
    "name": "six",
    "version": "1.16.0",
    "build": "pyhd_0",
    "subdir": "noarch",
    "channel": "http://channels.invalid/x/noarch",
    "url": "http://channels.invalid/x/noarch/six-1.16.0-pyhd_0.conda",
    "md5": "0" * 32,
}
# Notes its arguments and a few variables, keeps what lies in its home, answers as told.
STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" >> '{folder}/argv'
env > '{folder}/env'
cp -a "$HOME" '{folder}/home'
for word in "$@"; do case "$word" in */explicit.txt) cp "$word" '{folder}/explicit.txt';; esac; done
{more}
cat '{folder}/answer'
"""


class StandIn:
    def __init__(self, folder: Path, name: str = "conda", more: str = "") -> None:
        self.folder = folder
        self.program = folder / name
        self.program.write_text(STAND_IN.format(folder=folder, more=more))
        self.program.chmod(0o755)
        (folder / "scratch").mkdir()
        self.commands = Commands()
        limits = Limits(scratch=str(folder / "scratch"), cache=str(folder / "cache"), timeout=30)
        self.engine = engine_cli.CommandLineEngine(self.commands, limits, str(self.program), name, "1", "libmamba")
        self.answers({"success": True, "actions": {"LINK": [SIX]}})

    def answers(self, answer: object) -> None:
        (self.folder / "answer").write_text(json.dumps(answer))

    @property
    def argv(self) -> list[str]:
        return (self.folder / "argv").read_text().splitlines()

    @property
    def env(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines() if "=" in line)

    def home(self, name: str) -> Path:
        return self.folder / "home" / name


def sources(**more: object) -> Sources:
    return Sources(channels=("http://channels.invalid/x",), **more)  # type: ignore[arg-type]


def test_solving_only_ever_asks(tmp_path):
    stand_in = StandIn(tmp_path)
    solution = stand_in.engine.solve(SolveRequest(("six", "--yes"), sources(), "linux-64"))
    assert solution.versions == {"six": "1.16.0"}
    argv = stand_in.argv
    assert argv[:4] == ["create", "--dry-run", "--json", "-y"]
    assert argv[-3:] == ["--", "six", "--yes"]  # a spec is no option
    assert argv[argv.index("--override-channels") + 1 :][:2] == ["-c", "http://channels.invalid/x"]
    assert not Path(argv[argv.index("-p") + 1]).exists()


def test_secrets_lie_in_private_files_and_in_no_argument(tmp_path):
    stand_in = StandIn(tmp_path)
    credential = Credential("channels.invalid", user="ann", password=SECRET)
    stand_in.engine.solve(SolveRequest(("six",), sources(credentials=(credential,)), "linux-64"))
    assert SECRET not in " ".join(stand_in.argv) + repr(stand_in.env)
    assert stand_in.home(".netrc").read_text() == f"machine channels.invalid login ann password {SECRET}\n"
    assert stand_in.home(".netrc").stat().st_mode & 0o777 == 0o600
    assert stand_in.home(".mamba/auth/authentication.json").stat().st_mode & 0o777 == 0o600
    assert not list((tmp_path / "scratch").iterdir())
    stand_in.answers({"success": False, "message": f"401 Unauthorized for http://ann:{SECRET}@channels.invalid/x"})
    with pytest.raises(MlstackError) as refused:
        stand_in.engine.solve(SolveRequest(("six",), sources(credentials=(credential,)), "linux-64"))
    assert refused.value.code == "channel_refused"
    assert SECRET not in str(refused.value) + repr(refused.value.details)


def test_settings_come_from_us_and_not_from_the_operators_home(tmp_path):
    stand_in = StandIn(tmp_path)
    asked = SolveRequest(
        ("pytorch",),
        sources(channel_priority="flexible", offline=True, channel_alias="http://alias.invalid"),
        "linux-64",
        constraints=("numpy <2",),
        virtual_packages=(VirtualPackage("__glibc", "2.36"), VirtualPackage("__unix", "0")),
    )
    stand_in.engine.solve(asked)
    settings = json.loads(stand_in.home(".condarc").read_text())
    assert settings["channel_priority"] == "flexible"
    assert settings["pinned_packages"] == ["numpy <2"]
    assert settings["offline"] is True
    assert settings["channel_alias"] == "http://alias.invalid"
    assert stand_in.env["CONDARC"].startswith(str(tmp_path / "scratch"))
    assert (stand_in.env["CONDA_OVERRIDE_CUDA"], stand_in.env["CONDA_OVERRIDE_GLIBC"]) == ("", "2.36")
    assert stand_in.env["http_proxy"] == "http://127.0.0.1:9"


INSTALLED = """mkdir -p '{prefix}/conda-meta'
echo '{record}' > '{prefix}/conda-meta/six-1.16.0-pyhd_0.json'"""


def test_an_environment_is_never_made_by_create(tmp_path):
    """create -y deletes what stands at the path, and ends with status 0."""
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    (prefix / "precious").write_text("years of work\n")
    stand_in = StandIn(tmp_path, more=INSTALLED.format(prefix=prefix, record=json.dumps(SIX)))
    package = Package.from_record(SIX)
    request = InstallRequest(str(prefix), (package,), sources(), "linux-64", ("six",))
    result = stand_in.engine.install(request)
    assert result.linked == ("six-1.16.0-pyhd_0",)
    assert stand_in.argv[:5] == ["install", "--json", "-y", "-p", str(prefix)]
    assert "create" not in stand_in.argv
    assert (tmp_path / "explicit.txt").read_text() == f"@EXPLICIT\n{SIX['url']}#{SIX['md5']}\n"
    assert (prefix / "precious").read_text() == "years of work\n"
    assert "# update specs: ['six']\n" in (prefix / "conda-meta" / "history").read_text()
    (tmp_path / "argv").unlink()
    assert not stand_in.engine.install(request).changed
    assert not (tmp_path / "argv").exists()


def test_what_conda_meta_lacks_was_not_installed_whatever_the_status(tmp_path):
    stand_in = StandIn(tmp_path)
    request = InstallRequest(str(tmp_path / "prefix"), (Package.from_record(SIX),), sources(), "linux-64")
    with pytest.raises(MlstackError) as refused:
        stand_in.engine.install(request)
    assert refused.value.code == "not_as_desired"
    assert "six-1.16.0-pyhd_0 is missing" in refused.value.found


def test_what_is_not_wanted_is_removed_by_name_and_alone(tmp_path):
    prefix = tmp_path / "prefix"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "six-1.16.0-pyhd_0.json").write_text(json.dumps(SIX))
    stand_in = StandIn(tmp_path, more=f"rm -f '{prefix}'/conda-meta/six-*.json")
    result = stand_in.engine.install(InstallRequest(str(prefix), (), sources(), "linux-64"))
    assert result.unlinked == ("six-1.16.0-pyhd_0",)
    assert stand_in.argv == ["remove", "--force", "--json", "-y", "-p", str(prefix), "six"]


def test_preferred_packages_are_kept_where_that_can_be(tmp_path):
    stand_in = StandIn(tmp_path)
    locked = (Package("numpy", "1.26.4", "py311_0"), Package("six", "1.15.0", "pyhd_0"))
    stand_in.engine.solve(SolveRequest(("six=1.16",), sources(), "linux-64", locked=locked))
    # Bounded and not asked for; what the desired state speaks against is no part of it.
    assert stand_in.argv[-2:] == ["--", "six=1.16"]
    assert json.loads(stand_in.home(".condarc").read_text())["pinned_packages"] == ["numpy==1.26.4=py311_0"]


@pytest.mark.parametrize(
    ("package", "line"),
    [
        (
            Package("a", "1", "0", url="http://x/noarch/a-1-0.conda", md5="m", sha256="s"),
            "http://x/noarch/a-1-0.conda#m",
        ),
        (Package("a", "1", "0", url="http://x/noarch/a-1-0.conda", sha256="s"), "http://x/noarch/a-1-0.conda#sha256:s"),
        (Package("a", "1", "0", url="http://x/noarch/a-1-0.conda"), "http://x/noarch/a-1-0.conda"),
    ],
)
def test_lines_of_an_explicit_lock(package, line):
    assert engine_cli.explicit_line(package) == line


def test_archives_of_a_folder_are_compared_with_their_hash(tmp_path):
    archive = tmp_path / "noarch" / "a b-1-0.conda"
    archive.parent.mkdir()
    archive.write_bytes(b"content")
    url = archive.as_uri()
    for name in ("sha256", "md5"):
        right = hashlib.new(name, b"content").hexdigest()
        engine_cli.check_local_archive(Package("a b", "1", "0", url=url, **{name: right}), "x")
        with pytest.raises(MlstackError) as refused:
            engine_cli.check_local_archive(Package("a b", "1", "0", url=url, **{name: "0" * len(right)}), "x")
        assert refused.value.code == "hash_mismatch"
    archive.unlink()
    with pytest.raises(MlstackError) as refused:
        engine_cli.check_local_archive(Package("a b", "1", "0", url=url, md5="0" * 32), "x")
    assert refused.value.code == "package_missing"


def test_without_a_solution_in_which_all_stays_the_rest_is_asked_for_alone(tmp_path):
    refusing = 'grep -q pinned_packages "$HOME/.condarc" && { echo \'{"message": "Unsatisfiable"}\'; exit 1; }'
    stand_in = StandIn(tmp_path, more=refusing)
    old = Package("six", "1.14.0", "pyhd_0")
    solution = stand_in.engine.solve(SolveRequest(("six",), sources(), "linux-64", locked=(old,)))
    assert stand_in.argv.count("create") == 2
    assert solution.packages == (old,)  # nothing of the new solution speaks against it


@pytest.mark.parametrize("code", [1, 2])
def test_a_status_is_a_failure_whatever_was_said(tmp_path, code):
    stand_in = StandIn(tmp_path, more=f"cat '{tmp_path}/answer'; exit {code}")
    with pytest.raises(MlstackError):
        stand_in.engine.solve(SolveRequest(("six",), sources(), "linux-64"))


@pytest.mark.parametrize("end", ["kill -SEGV $$", "exit 139"])
def test_an_end_by_signal_is_judged_by_what_is_there(tmp_path, end):
    """The interpreter of conda crashes now and then while it ends."""
    prefix = tmp_path / "prefix"
    record = json.dumps({**SIX, "files": ["lib/six.py"]})
    done = f"mkdir -p '{prefix}/lib'; touch '{prefix}/lib/six.py'\n{INSTALLED.format(prefix=prefix, record=record)}"
    request = InstallRequest(str(prefix), (Package.from_record(SIX),), sources(), "linux-64", ("six",))
    stand_in = StandIn(tmp_path, more=f"{done}\n{end}")
    assert stand_in.engine.install(request).linked == ("six-1.16.0-pyhd_0",)
    for spoiled in (prefix / "lib" / "six.py", prefix / "conda-meta" / "six-1.16.0-pyhd_0.json"):
        for path in (prefix / "conda-meta").glob("*.json"):
            path.unlink()
        stand_in.program.write_text(STAND_IN.format(folder=tmp_path, more=f"{done}\nrm '{spoiled}'\n{end}"))
        with pytest.raises(MlstackError) as refused:
            stand_in.engine.install(request)
        assert refused.value.code == "command_failed"


def test_the_history_is_ours_alone(tmp_path):
    prefix = tmp_path / "prefix"
    theirs = f"echo \"# update specs: ['http://x::six==1.16.0=pyhd_0']\" >> '{prefix}/conda-meta/history'"
    stand_in = StandIn(tmp_path, more=f"{INSTALLED.format(prefix=prefix, record=json.dumps(SIX))}\n{theirs}")
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True)
    # What a killed run left: its program had written, and we had not taken it back.
    (meta / "history").write_text("theirs\n")
    (meta / "history.mlstack").write_text("before\n")
    stand_in.engine.install(InstallRequest(str(prefix), (Package.from_record(SIX),), sources(), "linux-64", ("six",)))
    text = (meta / "history").read_text()
    assert text.startswith("before\n") and "theirs" not in text and "==1.16.0=pyhd_0" not in text
    assert text.count("# update specs:") == 1 and "# update specs: ['six']\n" in text
    assert sorted(path.name for path in meta.iterdir()) == ["history", "six-1.16.0-pyhd_0.json"]


def test_what_shares_a_file_with_what_goes_is_installed_anew(tmp_path):
    prefix = tmp_path / "prefix"
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True)
    names = {"x": ["share/both", "share/x"], "y": ["share/both", "share/chain"], "z": ["share/chain"], "w": ["share/w"]}
    packages = {}
    for name, files in names.items():
        record = {**SIX, "name": name, "url": f"http://channels.invalid/x/noarch/{name}-1.16.0-pyhd_0.conda"}
        packages[name] = Package.from_record(record)
        (meta / f"{name}-1.16.0-pyhd_0.json").write_text(json.dumps({**record, "files": files}))
    # The stand-in takes nothing away: what matters is what it was asked for.
    stand_in = StandIn(tmp_path, more=f"rm -f '{meta}/x-1.16.0-pyhd_0.json'")
    stays = tuple(packages[name] for name in "wyz")
    stand_in.engine.install(InstallRequest(str(prefix), stays, sources(), "linux-64"))
    remove = stand_in.argv[: stand_in.argv.index("install")]
    assert remove == ["remove", "--force", "--json", "-y", "-p", str(prefix), "x", "y", "z"]
    listed = (tmp_path / "explicit.txt").read_text()
    assert [name in listed for name in ("y-1.16", "z-1.16", "x-1.16", "w-1.16")] == [True, True, False, False]


def test_a_processor_is_told_by_its_name():
    told = engine_cli.overrides((VirtualPackage("__archspec", "1", "x86_64_v3"), VirtualPackage("__cuda", "12.4")))
    assert told == {"CONDA_OVERRIDE_ARCHSPEC": "x86_64_v3", "CONDA_OVERRIDE_CUDA": "12.4"}
