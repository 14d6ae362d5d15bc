# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories: what their files say, what differs, and that what is written is found again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import (
    foreseen_sources,
    plan_sources,
    signing_key,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    ABSENT,
    ModuleStream,
    Pin,
    Repository,
    Sources,
    UpgradeBlock,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.which import sources_for

RECORDED = Path(__file__).parent / "recorded"
KEY = (RECORDED / "signing-key.asc").read_text()
OTHER_KEY = (RECORDED / "signing-key-other.asc").read_text()
# What gpg --show-keys says of these two files.
FINGERPRINT = (RECORDED / "signing-key.fingerprint").read_text().strip()
OTHER_FINGERPRINT = (RECORDED / "signing-key-other.fingerprint").read_text().strip()

CUDA = Repository(
    name="cuda",
    url="https://packages.invalid/cuda/x86_64",
    key=KEY,
    fingerprints=(FINGERPRINT,),
    title="CUDA",
    architectures=("amd64",),
    priority=10,
)
PIN = Pin("cuda", ("*",), "release l=NVIDIA CUDA", 600, "before the distribution's own")
BLOCK = UpgradeBlock("cuda", ("cuda-", "libcudnn"))


@pytest.fixture(params=["apt", "dnf"])
def manager(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def of(root: Path, manager: str):
    return sources_for(Host(str(root)), Commands(), manager)


def test_a_fingerprint_is_what_gpg_says() -> None:
    assert signing_key.fingerprints(KEY.encode()) == (FINGERPRINT,)
    assert signing_key.fingerprints((KEY + OTHER_KEY).encode()) == (FINGERPRINT, OTHER_FINGERPRINT)
    assert signing_key.fingerprints(signing_key.armoured(KEY.encode()).encode()) == (FINGERPRINT,)


def test_a_key_may_be_known_by_the_digest_of_its_file(tmp_path: Path, manager: str) -> None:
    written_by = KEY.replace("\n\n", "\nVersion: GnuPG v2.0.22 (GNU/Linux)\n\n", 1)
    digest = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
    assert written_by != KEY and signing_key.digest(written_by.encode()) == digest
    desired = Sources((replace(CUDA, key=written_by, fingerprints=(digest,)),))
    host = of(tmp_path, manager)
    change = plan_sources.change(desired, host.observe(desired))
    with host.changed(change):
        pass
    assert (tmp_path / change.keys[0].path.lstrip("/")).read_text() == KEY
    assert not plan_sources.plan(desired, host.observe(desired)).changed
    (tmp_path / change.keys[0].path.lstrip("/")).write_text(OTHER_KEY)
    assert plan_sources.plan(desired, host.observe(desired)).changed
    with pytest.raises(MlstackError, match=f"sha256.*{OTHER_FINGERPRINT}"):
        signing_key.verified(OTHER_KEY.encode(), [digest], "a file")


@pytest.mark.parametrize(
    "damaged", ["", "no key", KEY[:200], KEY.replace("mQ", "mm", 1), "\x99", KEY[:400] + KEY[420:]]
)
def test_what_is_no_key_has_no_fingerprint(damaged: str) -> None:
    assert FINGERPRINT not in signing_key.fingerprints(damaged.encode())
    with pytest.raises(MlstackError) as refused:
        signing_key.verified(damaged.encode(), [FINGERPRINT], "a file")
    assert refused.value.code == "key_mismatch"


def test_what_was_written_is_found_as_desired(tmp_path: Path, manager: str) -> None:
    desired = Sources((CUDA,), (PIN,), (BLOCK,))
    host = of(tmp_path, manager)
    observed = host.observe(desired)
    verbs = [action.verb for action in plan_sources.plan(desired, observed).actions]
    assert verbs == {"apt": ["trust", "write", "write", "write"], "dnf": ["trust", "write"]}[manager]
    with host.changed(plan_sources.change(desired, observed)):
        pass
    assert not plan_sources.plan(desired, host.observe(desired)).changed
    gone = Sources((replace(CUDA, state=ABSENT),), (replace(PIN, state=ABSENT),), (replace(BLOCK, state=ABSENT),))
    with host.changed(plan_sources.change(gone, host.observe(gone))):
        pass
    assert not plan_sources.plan(gone, host.observe(gone)).changed
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_failure_in_between_puts_everything_back(tmp_path: Path, manager: str) -> None:
    desired = Sources((CUDA,))
    host = of(tmp_path, manager)
    with host.changed(plan_sources.change(desired, host.observe(desired))):
        pass
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    other = Sources((replace(CUDA, url="https://mirror.invalid/cuda"),), (PIN,))
    with pytest.raises(RuntimeError), host.changed(plan_sources.change(other, host.observe(other))):
        assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} != before
        raise RuntimeError("killed midway")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_apt_files_say_what_apt_understands(tmp_path: Path) -> None:
    found = {
        file.path: file.text or "" for file in of(tmp_path, "apt").observe(Sources((CUDA,), (PIN,), (BLOCK,))).files
    }
    source = found["/etc/apt/sources.list.d/cuda.sources"]
    assert "Suites: /\n" in source and "Components" not in source
    assert "Signed-By: /etc/apt/keyrings/cuda.asc\n" in source
    assert "Pin: release l=NVIDIA CUDA\nPin-Priority: 600\n" in found["/etc/apt/preferences.d/cuda"]
    assert 'Package-Blacklist {\n    "cuda-";\n    "libcudnn";\n};' in found["/etc/apt/apt.conf.d/52cuda"]


def test_a_dnf_repository_always_checks_signatures(tmp_path: Path) -> None:
    (file,) = of(tmp_path, "dnf").observe(Sources((CUDA,), (PIN,), (BLOCK,))).files
    assert "\ngpgcheck=1\n" in (file.text or "") and "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-cuda\n" in file.text
    assert "\npriority=10\n" in file.text


@pytest.mark.parametrize(
    ("path", "text", "outcome"),
    [
        (
            "sources.list.d/cuda-ubuntu2404-x86_64.list",
            "deb [signed-by=/x.gpg] https://packages.invalid/cuda/x86_64/ /\n",
            "rival",
        ),
        ("sources.list.d/x.sources", "Types: deb\nURIs: https://packages.invalid/cuda/x86_64\nSuites: /\n", "rival"),
        ("sources.list.d/x.sources", "Enabled: no\nURIs: https://packages.invalid/cuda/x86_64\nSuites: /\n", ""),
        ("sources.list.d/x.list", "# deb https://packages.invalid/cuda/x86_64/ /\n", ""),
        ("sources.list.d/x.list", "deb https://packages.invalid/cuda/x86_64-other /\n", ""),
        ("sources.list", "deb https://packages.invalid/cuda/x86_64 /\ndeb https://other.invalid a b\n", "mixed"),
    ],
)
def test_other_definitions_of_the_same_repository(tmp_path: Path, path: str, text: str, outcome: str) -> None:
    file = tmp_path / "etc/apt" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    observed = of(tmp_path, "apt").observe(Sources((CUDA,)))
    assert bool(observed.rivals) == (outcome == "rival")
    assert bool(observed.mixed) == (outcome == "mixed")
    if outcome == "mixed":
        with pytest.raises(MlstackError, match="names the same address beside others"):
            plan_sources.plan(Sources((CUDA,)), observed)


def test_streams_are_read_from_the_file_that_dnf_keeps(tmp_path: Path) -> None:
    desired = Sources(streams=(ModuleStream("nvidia-driver", "550-dkms"),))
    folder = tmp_path / "etc/dnf/modules.d"
    folder.mkdir(parents=True)
    verbs = []
    for state in ("", "stream=550-dkms\nstate=enabled\n", "stream=open-dkms\nstate=enabled\n", "stream=\nstate=\n"):
        (folder / "nvidia-driver.module").write_text(f"[nvidia-driver]\nname=nvidia-driver\n{state}" if state else "")
        verbs.append([step.verb for step in plan_sources.plan(desired, of(tmp_path, "dnf").observe(desired)).actions])
    assert verbs == [["enable_stream"], [], ["reset_stream", "enable_stream"], ["enable_stream"]]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(CUDA, name="../x"),
        replace(CUDA, url="ftp://x"),
        replace(CUDA, url="https://me:secret@packages.invalid/"),
        replace(CUDA, url="https://x.invalid/ \ndeb"),
        replace(CUDA, key=""),
        replace(CUDA, fingerprints=()),
        replace(CUDA, fingerprints=("3BF863CC",)),
        replace(CUDA, components=("main\nTrusted: yes",)),
        replace(CUDA, title="a\nb"),
    ],
)
def test_what_would_become_something_else_is_refused(tmp_path: Path, wrong: Repository) -> None:
    with pytest.raises(InvalidArguments):
        of(tmp_path, "apt").observe(Sources((wrong,)))


def test_apt_has_no_streams(tmp_path: Path) -> None:
    with pytest.raises(InvalidArguments, match="no module streams"):
        of(tmp_path, "apt").observe(Sources(streams=(ModuleStream("nvidia-driver", "550"),)))


def test_managed_files_that_are_as_desired_are_left_alone(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    file = managed.ManagedFile("/etc/profile.d/x.sh", "a\n")
    assert managed.differing([file], managed.observe(host, [file])) == [file]
    managed.write(host, file)
    assert (tmp_path / "etc/profile.d/x.sh").read_text() == "a\n"
    assert managed.differing([file], managed.observe(host, [file])) == []
    managed.write(host, replace(file, text=None))
    assert list((tmp_path / "etc/profile.d").iterdir()) == []


# ---- before it is done ---------------------------------------------------------------------------------------------


def test_only_other_repositories_bring_other_package_lists(tmp_path: Path, manager: str) -> None:
    desired = Sources(repositories=(CUDA,))
    assert plan_sources.changes_lists(plan_sources.change(desired, of(tmp_path, manager).observe(desired)))
    pins = Sources(pins=(PIN,), upgrade_blocks=(BLOCK,))
    assert not plan_sources.changes_lists(plan_sources.change(pins, of(tmp_path, "apt").observe(pins)))
    streams = Sources(streams=(ModuleStream("nvidia-driver", "580-open"),))
    found = plan_sources.change(streams, of(tmp_path, "dnf").observe(streams))
    assert plan_sources.changes_lists(found) and not plan_sources.changes_lists(found, streams_foreseen=True)


def test_apt_is_asked_with_the_preferences_that_will_be(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apt/preferences.d"
    folder.mkdir(parents=True)
    (folder / "site").write_text("Package: x\nPin: version 1\nPin-Priority: 1\n")
    (folder / "cuda").write_text("old\n")
    desired = Sources(pins=(PIN, Pin("gone", state=ABSENT)))
    change = plan_sources.change(desired, of(tmp_path, "apt").observe(desired))
    with foreseen_sources.options(Host(str(tmp_path)), desired, change) as (option,):
        copy = Path(option.rpartition("=")[2])
        assert sorted(path.name for path in copy.iterdir()) == ["cuda", "site"]
        assert "release l=NVIDIA CUDA" in (copy / "cuda").read_text()
    assert not copy.exists() and (folder / "cuda").read_text() == "old\n"


def test_dnf_is_asked_as_if_no_stream_hid_anything(tmp_path: Path) -> None:
    desired = Sources(repositories=(CUDA,), streams=(ModuleStream("nvidia-driver", "580-open"),))
    change = plan_sources.change(desired, of(tmp_path, "dnf").observe(desired))
    with foreseen_sources.options(Host(str(tmp_path)), desired, change) as options:
        assert options == ("--setopt=cuda.module_hotfixes=1",)
    with foreseen_sources.options(Host(str(tmp_path)), desired, plan_sources.SourcesChange()) as options:
        assert options == ()
