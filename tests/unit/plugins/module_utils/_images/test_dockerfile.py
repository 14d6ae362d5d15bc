# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build context of an image, as text."""

from __future__ import annotations

import re

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import dockerfile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Copied, Package
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._images.image_parts import (
    BASE,
    DIGEST,
    lock,
    recipe,
)
from hypothesis import given
from hypothesis import strategies as st

INSTRUCTIONS = {"FROM", "USER", "ENV", "RUN", "COPY", "WORKDIR", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL"}


def text(*args, **kwargs):
    return dockerfile.files(recipe(*args, **kwargs))["Dockerfile"]


def instructions(dockerfile_text):
    """The instructions as a builder reads them: joined where a line ends in a backslash, without comments."""
    joined = re.sub(r"\\\n", "", "\n".join(line for line in dockerfile_text.splitlines() if not line.startswith("#")))
    return [line for line in joined.splitlines() if line.strip()]


def test_the_last_stage_has_the_environment_and_nothing_of_the_build():
    stages = text(build=(Package("gcc"),), system=(Package("git", "1:2.39"),)).split("\nFROM ")
    assert [stage.splitlines()[0].split()[-1] for stage in stages[1:3]] == ["build", "env-ml"]
    last = stages[-1]
    assert "COPY --from=env-ml /opt/mlstack/envs/ml /opt/mlstack/envs/ml" in last
    assert "gcc" not in last.replace('io.gpufleet.mlstack.build="gcc"', "")
    assert "/build" not in last
    assert "install --yes --no-install-recommends git=1:2.39" in last
    assert last.index("USER 1000:1000") > last.index("COPY --from")


def test_every_package_step_takes_its_lists_with_it():
    debian = text(system=(Package("git"),), build=(Package("gcc"),))
    assert debian.count("apt-get update") == debian.count("rm -rf /var/lib/apt/lists/*") == 2
    rocky = BASE.__class__(**{**vars(BASE), "os_release": 'ID="rocky"\nVERSION_ID="9.4"\n'})
    dnf = text(base=rocky, system=(Package("git", "2.43"),))
    assert "dnf install --assumeyes --setopt=install_weak_deps=False git-2.43" in dnf
    assert "dnf clean all" in dnf and "apt-get" not in dnf


def test_packages_on_a_base_without_a_known_package_manager_are_refused():
    alpine = BASE.__class__(**{**vars(BASE), "os_release": "ID=alpine\n"})
    with pytest.raises(MlstackError) as told:
        text(base=alpine, system=(Package("git"),))
    assert told.value.code == "base_has_no_package_manager"
    assert "FROM" in text(base=alpine)


def test_caches_are_mounted_or_left_out():
    mounted, plain = text(mounts=True), text(mounts=False)
    assert "--mount=type=cache,target=/root/.cache/uv" in mounted and "no-cache" not in mounted
    assert "--mount" not in plain
    assert "--no-cache-dir" in plain and "--no-cache --python" in plain


def test_an_index_is_a_secret_and_never_in_the_text():
    index = "--index-url https://someone:hush@mirror.example.com/simple\n"
    files = dockerfile.files(recipe(index=index))
    assert all("mirror.example.com" not in content and "hush" not in content for content in files.values())
    assert files["Dockerfile"].count("--mount=type=secret,id=index,target=/run/secrets/index") == 2
    assert dockerfile.INDEX in dockerfile.files(recipe(index="--index-url https://mirror.example.com/", mounts=False))


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_only_files_of_the_lock_are_installed(engine):
    build = text(engine=engine)
    assert build.count("--require-hashes") == 2
    assert "--only-binary :all:" in build
    assert "--only-binary" not in text(engine=engine, build=(Package("gcc"),))


def test_one_pin_changes_one_layer_and_what_is_said():
    two = lock("one", alpha="1.0"), lock("two", beta="1.0")
    before = dockerfile.files(recipe(*two))
    after = dockerfile.files(recipe(two[0], lock("two", beta="1.1")))
    assert {name for name in after if after[name] != before[name]} == {"Dockerfile", "requirements/two.txt"}
    old, new = instructions(before["Dockerfile"]), instructions(after["Dockerfile"])
    assert [line.split()[0] for line, other in zip(old, new) if line != other] == ["LABEL"]
    assert len(old) == len(new)


def test_what_is_only_said_comes_last():
    words = [line.split()[0] for line in instructions(text(copies=(Copied("app", "/app"),), env={"A": "b"}))]
    last = max(number for number, word in enumerate(words) if word in ("RUN", "COPY"))
    assert set(words[last + 1 :]) == {"ENV", "WORKDIR", "USER", "CMD", "LABEL"}


def test_the_context_holds_what_is_named_only():
    files = dockerfile.files(recipe(copies=(Copied("app/train.py", "/app/train.py"),)))
    assert files[".dockerignore"].splitlines()[:3] == ["*", "!requirements", "!app/train.py"]


def test_a_written_context_is_known_again_and_a_change_by_hand_seen():
    files = dockerfile.files(recipe(index="--index-url https://x/\n", labels={"a.b": "c"}))
    assert dockerfile.written_for(files) == (DIGEST, True)
    for name in files:
        assert dockerfile.written_for({**files, name: files[name] + "\n"}) == (DIGEST, False), name
    assert dockerfile.written_for({"Dockerfile": "FROM scratch\n"}) == ("", False)
    assert dockerfile.written_for({}) == ("", False)


def test_the_files_of_a_context_are_found_by_its_dockerfile():
    files = dockerfile.files(recipe(lock("one"), lock("two"), index="--index-url https://x/\n", mounts=False))
    assert {"Dockerfile", ".dockerignore", *dockerfile.names_in(files["Dockerfile"])} == set(files)


def test_a_time_is_told_where_there_is_one():
    assert 'created="2023-11-14T22:13:20Z"' in text(created=1700000000)
    bodies = [text(created=created).partition("\n\n")[2] for created in (1700000000, 1800000000)]
    first, second = (body.split("LABEL")[0] for body in bodies)
    assert "RUN" in first and first == second, "each commit would build all layers anew"
    assert "image.created" not in text()


def test_gpus_are_asked_for_by_variables():
    assert "NVIDIA_VISIBLE_DEVICES=all" in text(gpu=True)
    assert "NVIDIA" not in text()


HOSTILE = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "\nRUN evil",
        'x" y="',
        "$(evil)",
        "${HOME}",
        "\\",
        "a\\\\",
        "x\\\nRUN evil",
        "# escape=`",
        "\u2028RUN evil",
        "<<EOF",
    ]
)


@given(value=HOSTILE)
def test_no_text_becomes_an_instruction(value):
    try:
        found = text(labels={"a.b": value}, env={"A": value}, command=(value,), healthcheck=("x", value))
    except InvalidArguments as refused:
        assert refused.code == "not_for_a_dockerfile"
        return
    plain = instructions(text(labels={"a.b": "x"}, env={"A": "x"}, command=("x",), healthcheck=("x", "x")))
    hostile = instructions(found)
    assert [line.split()[0] for line in hostile] == [line.split()[0] for line in plain]
    assert {line.split()[0] for line in hostile} <= INSTRUCTIONS
    label = next(line for line in hostile if line.startswith("LABEL"))
    assert _unquoted(label)["a.b"] == value
    environment = [line for line in hostile if line.startswith("ENV") and "A=" in line][-1]
    assert _unquoted(environment)["A"] == value


def _unquoted(line):
    """Key to value of LABEL or ENV, by the rules of a Dockerfile; an unescaped dollar sign would be replaced."""
    found = {}
    for key, quoted, bare in re.findall(r'([A-Za-z0-9._/-]+)=(?:"((?:[^"\\$]|\\.)*)"|(\S+))', line):
        found[key] = bare if bare else re.sub(r"\\(.)", r"\1", quoted)
    return found
