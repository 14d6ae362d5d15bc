# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files and locks of real projects: each is read, or refused for the reason that is stated here.

The table was written from what a plain YAML reader and grep count in the files. A file of the samples that has no row
here fails the test.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.conda_lock import read_conda_lock
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_files import form_of, read_file
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.pixi_lock import read_pixi_lock

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "conda-env"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the sample files are not beside the checkout: {SAMPLES}")

DEPENDABOT = "dependabot+dependabot-core/conda/spec/fixtures/environment_"
CONDA_LOCK = "conda+conda-lock/tests/test-"
MAMBA = "mamba-org+mamba/micromamba/tests/"
PANGEO = "pangeo-data+pangeo-docker-images/"
BAD_LOCKS = "mamba-org+mamba/libmamba/tests/data/env_lockfile/"

# path -> (form, conda packages or specifications for linux-64, lines for pip)
READ = {
    "CompVis+latent-diffusion/environment.yaml": ("environment", 6, 15),
    "RosettaCommons+RFdiffusion/env/SE3nv.yml": ("environment", 7, 2),
    "aqlaboratory+openfold/docs/environment.yml": ("environment", 3, 0),
    "aqlaboratory+openfold/notebooks/environment.yml": ("environment", 9, 2),
    CONDA_LOCK + "env-nodefaults/environment.yml": ("environment", 1, 0),
    CONDA_LOCK + "git-tag/environment.yml": ("environment", 2, 1),
    CONDA_LOCK + "install-with-pip-deps/environment.yml": ("environment", 1, 1),
    CONDA_LOCK + "local-pip/environment.yml": ("environment", 1, 1),
    CONDA_LOCK + "lookup/environment.yml": ("environment", 2, 1),
    CONDA_LOCK + "pip-conda-name-confusion/environment.yaml": ("environment", 2, 1),
    CONDA_LOCK + "uppercase-pip/environment.yml": ("environment", 1, 1),
    "conda+conda/docs/environment.yml": ("environment", 30, 1),
    DEPENDABOT + "basic.yml": ("environment", 4, 2),
    DEPENDABOT + "bracket_syntax.yml": ("environment", 12, 0),
    DEPENDABOT + "complex.yml": ("environment", 40, 1),
    DEPENDABOT + "compound_constraints.yml": ("environment", 9, 1),
    DEPENDABOT + "fully_qualified.yml": ("environment", 206, 21),
    DEPENDABOT + "no_pip_no_support.yml": ("environment", 4, 0),
    DEPENDABOT + "pin_operator.yml": ("environment", 5, 0),
    DEPENDABOT + "pip_only_support.yml": ("environment", 2, 2),
    DEPENDABOT + "with_pip.yml": ("environment", 8, 12),
    "lllyasviel+ControlNet/environment.yaml": ("environment", 6, 23),
    "mamba-org+mamba/dev/environment-dev.yml": ("environment", 47, 0),  # python twice, one of four sel(...)
    MAMBA + "env-extra-white-space.yaml": ("environment", 4, 0),
    MAMBA + "env-pypi-pkg-test.yaml": ("environment", 1, 1),
    MAMBA + "env-requires-pip-install-with-spaces.yaml": ("environment", 2, 1),
    MAMBA + "env_lockfiles/envlockfile-check-step-1-lock.yaml": ("conda-lock", 190, 0),
    MAMBA + "explicit_env_linux.txt": ("explicit", 15, 0),
    "microsoft+DeepSpeed/environment.yml": ("environment", 16, 0),
    PANGEO + "base-notebook/conda-linux-64.lock": ("explicit", 285, 0),
    PANGEO + "base-notebook/conda-lock.yml": ("conda-lock", 285, 0),
    PANGEO + "base-notebook/environment.yml": ("environment", 3, 0),
    PANGEO + "ml-notebook/conda-linux-64.lock": ("explicit", 882, 0),
    PANGEO + "ml-notebook/conda-lock.yml": ("conda-lock", 882, 0),
    PANGEO + "ml-notebook/environment.yml": ("environment", 7, 0),
    PANGEO + "pangeo-notebook/environment.yml": ("environment", 135, 0),
    PANGEO + "pytorch-notebook/conda-linux-64.lock": ("explicit", 885, 0),
    PANGEO + "pytorch-notebook/environment.yml": ("environment", 6, 0),
    "prefix-dev+pixi/tests/data/mock-projects/test-project-export/pixi-rich-platforms.lock": ("pixi", 1, 0),
}
# path -> the line, and what of the reason must be in the message
REFUSED = {
    BAD_LOCKS + "bad_package-lock.yaml": (4, "it has no manager and no hash"),
    BAD_LOCKS + "bad_version-lock.yaml": (1, "it is of version -1, and version 1 is known"),
}
ENVIRONMENTS = [path for path, (form, _conda, _pip) in READ.items() if form == "environment"]


def content(path):
    return (SAMPLES / path).read_bytes()


def test_every_sample_has_a_row():
    on_disk = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.is_file()}
    assert on_disk == {*READ, *REFUSED}


@pytest.mark.parametrize("path", READ)
def test_a_file_is_read(path):
    form, conda, pip = READ[path]
    assert form_of(content(path), path) == form
    found = read_file(content(path), path, "linux-64")
    packages = found.specs if isinstance(found, EnvironmentFile) else found.packages
    assert (len(packages), len(found.pip)) == (conda, pip)
    assert found.warnings == ()
    lines = content(path).decode().splitlines()
    for item in found.packages if form != "environment" else ():
        entry = [lines[item.line - 1]]
        if form == "conda-lock":
            entry += itertools.takewhile(lambda line: not line.strip().startswith("- "), lines[item.line :])
        assert any(item.url in line for line in entry)


@pytest.mark.parametrize("path", REFUSED)
def test_a_file_is_refused_by_line(path):
    line, reason = REFUSED[path]
    with pytest.raises(InvalidArguments) as caught:
        read_file(content(path), path, "linux-64")
    assert f"{path}:{line}: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("path", ENVIRONMENTS)
def test_an_environment_says_what_a_plain_yaml_reader_finds(path):
    plain = yaml.safe_load(content(path))
    found = read_environment_yaml(content(path), path, "linux-64")
    texts = [item for item in plain["dependencies"] if isinstance(item, str)]
    texts += [
        text for item in plain["dependencies"] if isinstance(item, dict) for text in [item.get("sel(linux)")] if text
    ]
    written = {re.split(r"[\s=<>!~\[]", text.rpartition("::")[2])[0].lower() for text in texts}
    assert {match_spec.parse(item.text).name for item in found.specs} == written
    pip = [line for item in plain["dependencies"] if isinstance(item, dict) for line in item.get("pip", [])]
    assert [item.text for item in found.pip] == pip
    assert list(found.channels) == [item for item in plain.get("channels", []) if item != "nodefaults"]
    assert found.nodefaults == ("nodefaults" in plain.get("channels", []))
    assert found.name == plain.get("name", "")


@pytest.mark.parametrize("path", ENVIRONMENTS)
def test_the_reader_of_requirements_takes_the_pip_section_by_its_lines(path):
    found = read_environment_yaml(content(path), path, "linux-64")
    read, bad = requirement_files.read_leniently([path], load={path: found.pip_text().encode()}.__getitem__)
    told = {item.source.line for item in read.requirements} | {item.line for item in bad}
    assert told == {item.line for item in found.pip}


@pytest.mark.parametrize("folder", ["base-notebook", "ml-notebook"])
def test_a_lock_and_its_explicit_rendering_are_the_same_packages(folder):
    lock = read_file(content(f"{PANGEO}{folder}/conda-lock.yml"), "conda-lock.yml", "linux-64")
    rendered = read_file(content(f"{PANGEO}{folder}/conda-linux-64.lock"), "conda-linux-64.lock", "linux-64")
    assert {(item.url, item.md5) for item in lock.packages} == {(item.url, item.md5) for item in rendered.packages}
    assert all(len(item.sha256) == 64 for item in lock.packages)


@pytest.mark.parametrize(("platform", "packages"), [("linux-aarch64", 284), ("osx-64", 278), ("osx-arm64", 279)])
def test_a_lock_has_platforms(platform, packages):
    path = PANGEO + "base-notebook/conda-lock.yml"
    assert len(read_conda_lock(content(path), path, platform).packages) == packages


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("linux-64", ["ca-certificates"]),
        ("x86-cuda13", ["ca-certificates", "tzdata"]),
        ("osx-arm64-cuda", ["ca-certificates", "tzdata"]),
        ("win-64", ["ca-certificates"]),
    ],
)
def test_a_pixi_lock_has_named_platforms(platform, names):
    (path,) = (path for path in READ if path.endswith("pixi-rich-platforms.lock"))
    assert [item.name for item in read_pixi_lock(content(path), path, platform).packages] == names
