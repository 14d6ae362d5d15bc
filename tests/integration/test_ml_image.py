# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_image with docker: built, named, converged; what it refuses, and what a failure leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.docker import docker
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import image_site, module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.image_site import ImageSite

HOSTILE = 'it\'s "quoted" $HOME ${PATH} $(id) `id` \\ and \\\\ # end\\'


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Path:
    """The wheels of all tests, and the pinned uv and pip."""
    folder = tmp_path_factory.mktemp("tools") / "packages"
    shutil.copytree(packages, folder)
    image_site.fetch_tools(folder, sys.executable)
    return folder


@pytest.fixture(scope="module")
def served(tools: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tools) as index:
        yield index


@pytest.fixture(scope="module")
def shared(served: PythonIndex, uv: str) -> Iterator[ImageSite]:
    """One image that tests look at and none changes."""
    image_site.ensure_base()
    with image_site.own_folder() as folder:
        site = ImageSite(folder, served, uv)
        (folder / "images/demo/app").mkdir(parents=True)
        (folder / "images/demo/app/train.py").write_text("print('trained')\n")
        (folder / "images/demo/secret.txt").write_text("not for the image\n")
        site.options["images"] = [
            site.image(
                labels={"com.example.note": HOSTILE},
                env={"NOTE": HOSTILE},
                copy=[{"src": "app", "dest": "/app"}],
                entrypoint=["python"],
                command=["-c", "import os, sys; print(os.environ['NOTE'], *sys.argv[1:])", HOSTILE],
                healthcheck=["python", "-c", "pass"],
                created="1700000000",
            )
        ]
        site.apply()
        yield site
        site.clean()


@pytest.fixture
def site(served: PythonIndex, uv: str) -> Iterator[ImageSite]:
    image_site.ensure_base()
    with image_site.own_folder() as folder:
        made = ImageSite(folder, served, uv)
        yield made
        made.clean()


def test_a_converged_image_costs_one_look(shared: ImageSite) -> None:
    before = shared.inspect()["Id"]
    ran = shared.apply()
    assert not ran.result["changed"] and ran.result["commands_run"] == 1
    assert shared.inspect()["Id"] == before == ran.result["images"][0]["id"]
    assert ran.result["images"][0]["environments"] == {"ml": {"alpha": "1.0", "beta": "1.1"}}


def test_the_image_runs_as_a_user_and_holds_what_was_asked_for(shared: ImageSite) -> None:
    look = "import getpass, os, sys, alpha, beta; print(getpass.getuser(), os.getuid(), os.getcwd(), sys.prefix)"
    assert shared.run_in("-c", look) == "ml 1000 /app /opt/mlstack/envs/ml"
    assert shared.run_in("/app/train.py") == "trained"
    listing = shared.run_in("-c", "import os; print(*os.listdir('/app'), *os.listdir('/'))").split()
    assert not {"secret.txt", "build", "requirements", "Dockerfile"} & set(listing)
    lacking = "import importlib.util as u; print(u.find_spec('pip'), u.find_spec('uv'))"
    assert shared.run_in("-c", lacking) == "None None"
    assert shared.inspect()["Config"]["Healthcheck"]["Test"] == ["CMD", "python", "-c", "pass"]


def test_hostile_texts_arrive_as_they_are(shared: ImageSite) -> None:
    assert shared.inspect()["Config"]["Labels"]["com.example.note"] == HOSTILE
    assert shared.run_in() == f"{HOSTILE} {HOSTILE}"


def test_check_mode_shows_pins_and_changes_nothing(shared: ImageSite) -> None:
    (image,) = shared.options["images"]
    text, before = shared.text(), shared.inspect()["Id"]
    changed = {**image, "python_envs": [{"name": "ml", "packages": ["alpha==2.0"], "verify_imports": ["alpha"]}]}
    arguments = shared.arguments()
    ran = module_runner.run("ml_image", {**arguments, "images": [changed]}, check=True, diff=True, env=shared.environ())
    assert ran.rc == 0 and ran.result["changed"], ran.result.get("msg")
    assert [step["action"] for step in ran.result["plan"]] == ["write", "write", "build"]
    shown = ran.result["diff"][1]
    assert set(shown["before"].splitlines()) - set(shown["after"].splitlines()) == {"ml alpha 1.0"}
    assert set(shown["after"].splitlines()) - set(shown["before"].splitlines()) == {"ml alpha 2.0"}
    assert (shared.text(), shared.inspect()["Id"]) == (text, before)


def test_two_builds_have_the_same_contents(shared: ImageSite) -> None:
    """What differs are the times of folders that the last stage makes above what it copies, and of what it adds."""
    base = len(json.loads(docker("image", "inspect", image_site.BASE))[0]["RootFS"]["Layers"])
    again = f"{shared.tag}-again"
    folder = shared.folder / "images" / "demo"
    subprocess.run(["docker", "build", "--quiet", "--no-cache", "--network=host", "--tag", again, folder], check=True)
    trees = []
    for tag in (shared.tag, again):
        archive = subprocess.run(["docker", "save", tag], capture_output=True, check=True).stdout
        trees.append(image_site.tree(archive, base))
    docker("rmi", again)
    first, second = trees
    assert set(first) == set(second)
    assert {name for name in first if first[name][:-1] != second[name][:-1]} == set()
    times = {name for name in first if first[name] != second[name]}
    assert not {name for name in times if name.startswith("opt/mlstack/envs/ml/")}, "an environment with times of today"
    assert any(name.startswith("opt/mlstack/envs/ml/") for name in first)


def test_a_dockerfile_alone_is_written_once(site: ImageSite) -> None:
    first = site.apply(write_only=True)
    assert first.result["changed"] and not site.exists()
    assert not site.apply(write_only=True).result["changed"]
    (site.folder / "images/demo/Dockerfile").write_text(site.text() + "RUN by hand\n")
    assert site.apply(write_only=True).result["changed"]
    assert "RUN by hand" not in site.text()


def test_a_pin_without_a_wheel_is_refused_before_the_build_or_built(site: ImageSite) -> None:
    environment = {"name": "ml", "packages": ["epsilon==1.0"]}
    told = site.refuse("no_wheel", python_envs=[environment])
    assert "epsilon" in told.result["msg"] and "build_packages" in told.result["msg"]
    assert not site.exists() and not (site.folder / "images/demo/Dockerfile").exists()


def test_what_does_not_import_gets_no_name(site: ImageSite) -> None:
    site.apply()
    before = site.inspect()["Id"]
    broken = [{"name": "ml", "packages": ["broken==1.0"], "verify_imports": ["broken"]}]
    told = site.refuse("verify_failed", python_envs=broken)
    assert "libmissing.so.1" in told.result["msg"]
    assert site.inspect()["Id"] == before
    assert (
        docker(
            "images", "--quiet", "--filter", "dangling=true", "--filter", "label=io.gpufleet.mlstack.env.ml=broken==1.0"
        )
        == ""
    )


def test_other_files_than_those_of_the_lock_are_refused(site: ImageSite, tools: Path) -> None:
    wheel = tools / "gone-1.0-py3-none-any.whl"
    distributions.wheel(tools, "gone", "1.0")
    try:
        environment = [{"name": "ml", "packages": ["gone==1.0"]}]
        site.apply(python_envs=environment, write_only=True)
        wheel.unlink()
        distributions.wheel(tools, "gone", "1.0", files={"gone.py": "evil = 1\n"})
        site.refuse("hash_mismatch", python_envs=environment)
    finally:
        wheel.unlink()
    assert not site.exists()


@pytest.mark.parametrize("credentials", ["someone:hush-hush"])
def test_a_docker_that_keeps_no_secrets_is_given_none(site: ImageSite, credentials: str) -> None:
    if json.loads(docker("version", "--format", "{{json .Client.Version}}")).startswith("20."):
        pytest.skip("this docker has BuildKit, and test_ml_image_podman shows what becomes of credentials")
    told = site.refuse("builder_without_secrets", index_url=site.index.url.replace("://", f"://{credentials}@"))
    assert "hush-hush" not in told.out
    written = [path for path in site.folder.rglob("*") if path.is_file()]
    assert not any(b"hush-hush" in path.read_bytes() for path in written)


def test_a_base_that_is_nowhere_is_named(site: ImageSite) -> None:
    told = site.refuse("base_unreachable", base="127.0.0.1:9/nothing:1")
    assert "127.0.0.1:9/nothing:1" in told.result["msg"]


def test_too_little_space_is_said_before(site: ImageSite) -> None:
    site.refuse("no_space", free_mb=1 << 40)
    assert not site.exists()


def test_a_build_that_is_killed_leaves_no_name_and_the_next_one_ends_it(site: ImageSite) -> None:
    slow = PythonIndex(site.index.folder)
    with slow:
        slow.delay_s = 2.0
        process = module_runner.start("ml_image", site.arguments(index_url=slow.url), env=site.environ())
        deadline = time.monotonic() + 60
        while not any(path.startswith("/files/uv-") for path in slow.requests):
            assert time.monotonic() < deadline and process.poll() is None, "the build asked for nothing"
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert not site.exists()
    assert site.apply().result["images"][0]["id"] == site.inspect()["Id"]
