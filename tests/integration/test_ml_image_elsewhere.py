# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_image brings images elsewhere: to a registry with a password, and as a file to a host without one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.docker import docker
from ansible_collections.gpufleet.mlstack.tests.bed.images import IMAGES
from ansible_collections.gpufleet.mlstack.tests.integration import image_site, module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT

PASSWORD = "hush-hush-7331"
# Of "someone" and that password, by htpasswd -nbB.
USERS = "someone:$2y$05$3ZcYpPhaFZI/Zfx3To9xsOJNmsKq4J/.VfQHX0yjECyDRJdh7zd5.\n"
pytestmark = pytest.mark.skipif(
    not os.environ.get("CI") and not shutil.which("docker-registry"),
    reason="there is no registry here: apt-get install docker-registry",
)


@contextmanager
def registry(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Debian's docker-registry on loopback, for one user: its address, and how to end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "users").write_text(USERS)
    config = f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\nhttp:\n  addr: {address}\n"
    config += f"auth:\n  htpasswd:\n    realm: bed\n    path: {folder}/users\n"
    (folder / "registry.yml").write_text(config)
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "registry.log").read_text()
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 1):
                break
            time.sleep(0.05)
        yield address, process.kill
    finally:
        process.kill()
        process.wait()


@contextmanager
def removed(tag: str) -> Iterator[str]:
    """A name that leads nowhere in the end."""
    try:
        yield tag
    finally:
        subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=False)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with image_site.own_folder() as made:
        yield made


def arguments(folder: Path, tag: str, **options: Any) -> dict[str, Any]:
    """An image without environments, which needs no index and is built in a moment."""
    image_keys = ("push", "save_to", "labels")
    image = {"name": "small", "base": IMAGES["debian12-minimal"].tag, "tags": [tag], "command": ["true"]}
    image.update({key: options.pop(key) for key in image_keys if key in options})
    return {"root": str(folder / "images"), "images": [image], "builder": "docker", "free_mb": 1, **options}


def test_a_registry_is_asked_and_pushed_to_where_it_has_something_else(folder: Path) -> None:
    login = {"registry_username": "someone", "registry_password": PASSWORD, "registry_plain_http": True}
    with registry(folder) as started, removed(f"{started[0]}/team/small:1") as tag:
        address, ended = started
        anonymous = arguments(folder, tag, push=True, registry_plain_http=True)
        module_runner.refuse("ml_image", anonymous, "push_denied")
        module_runner.refuse("ml_image", anonymous, "registry_denied")
        wanted = arguments(folder, tag, push=True, **login)
        shown = module_runner.succeed("ml_image", wanted, check=True).result["plan"]
        assert [(step["action"], step["subject"]) for step in shown] == [("push", tag)]
        first = module_runner.succeed("ml_image", wanted)
        assert first.result["changed"] and PASSWORD not in first.out
        assert not module_runner.succeed("ml_image", wanted).result["changed"]
        request = urllib.request.Request(f"http://{address}/v2/team/small/tags/list")
        request.add_header("Authorization", "Basic c29tZW9uZTpodXNoLWh1c2gtNzMzMQ==")
        with urllib.request.urlopen(request) as answer:
            assert b'"tags":["1"]' in answer.read()
        changed = arguments(folder, tag, push=True, labels={"com.example.note": "new"}, **login)
        again = module_runner.succeed("ml_image", changed).result
        assert [step["action"] for step in again["plan"]][-2:] == ["build", "push"]
        assert not module_runner.succeed("ml_image", changed).result["changed"]
        ended()
        time.sleep(0.2)
        gone = module_runner.refuse("ml_image", changed, "registry_unreachable")
        assert address in gone.result["msg"]


def test_a_host_without_a_registry_gets_the_file_once(folder: Path) -> None:
    tag = "mlstack-test/by-file:1"
    place = folder / "archives"
    with removed(tag):
        # Another image than those of other tests: one that has other names stays when this name goes.
        wanted = arguments(folder, tag, save_to=str(place), labels={"com.example.note": "by file"})
        built = module_runner.succeed("ml_image", wanted).result["images"][0]
        archive = built["archive"]
        assert archive["id"] == built["id"] and [path.name for path in place.iterdir()] == [Path(archive["path"]).name]
        assert not module_runner.succeed("ml_image", wanted).result["changed"]
        options = {"builder": "docker"}
        assert not module_runner.succeed("ml_image", {**options, "archives": [archive]}).result["changed"]
        docker("rmi", "--force", tag)
        loaded = module_runner.succeed("ml_image", {**options, "archives": [archive]})
        assert loaded.result["plan"][0]["action"] == "load"
        assert docker("image", "inspect", "--format", "{{.Id}}", tag) == archive["id"]
        Path(archive["path"]).unlink()
        assert not module_runner.succeed("ml_image", {**options, "archives": [archive]}).result["changed"]
        docker("rmi", "--force", tag)
        module_runner.refuse("ml_image", {**options, "archives": [archive]}, "archive_missing")


def play(folder: Path, uv: str, inventory: str, variables: dict[str, Any], **env: str) -> str:
    """Run playbooks/image.yml on this machine, under the names of an inventory; what it printed."""
    (folder / "hosts.yml").write_text(inventory)
    (folder / "images.json").write_text(json.dumps(variables))
    argv = [str(Path(uv).with_name("ansible-playbook")), "gpufleet.mlstack.image", "-i", str(folder / "hosts.yml")]
    argv += ["-e", f"@{folder}/images.json", "-e", "ansible_connection=local"]
    argv += ["-e", "ansible_python_interpreter=/usr/bin/python3"]
    environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"), "ANSIBLE_NOCOLOR": "True", **env}
    ran = subprocess.run(argv, capture_output=True, text=True, env=environ, cwd=folder, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_playbook_writes_what_hosts_have(folder: Path, uv: str) -> None:
    base = IMAGES["debian12-minimal"].tag
    variables = {
        "ml_image_root": str(folder / "written"),
        "ml_image_write_only": True,
        "ml_image_builder": "docker",
        "system_packages_list": ["git", {"name": "curl", "state": "absent"}],
        "ml_image_list": [{"name": "one", "base": base}, {"name": "two", "base": base, "system_packages": []}],
    }
    for outcome in ("changed=1", "changed=0"):
        assert outcome in play(folder, uv, "all: {hosts: {localhost: {}}}\n", variables)
    one, two = ((folder / "written" / name / "Dockerfile").read_text() for name in ("one", "two"))
    assert "--no-install-recommends git \\" in one and "apt-get" not in two


@pytest.mark.skipif(not os.environ.get("CI") and not shutil.which("podman"), reason="no podman: apt-get install podman")
def test_the_playbook_brings_images_to_a_host_without_a_registry(folder: Path, uv: str) -> None:
    """Both are this machine: one keeps its images in docker, the other in podman."""
    tag = "mlstack-test/sent:1"
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    image = {"name": "sent", "base": IMAGES["debian12-minimal"].tag, "tags": [tag], "save_to": str(folder / "sent")}
    variables = {"ml_image_list": [{**image, "labels": {"com.example.note": "sent"}}], "image_hosts": "gpu1"}
    inventory = f"all: {{hosts: {{localhost: {{ml_image_builder: docker, ml_image_root: {folder}/built}},"
    inventory += f" gpu1: {{ml_image_builder: podman, ml_image_root: {folder}/received}}}}}}\n"
    store = {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf")}
    with removed(tag):
        (folder / "received").mkdir()
        first = play(folder, uv, inventory, variables, **store)
        argv = ["podman", "image", "inspect", "--format", "{{.Id}}", tag]
        there = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **store}, check=True).stdout
        assert f"sha256:{there.strip()}" == docker("image", "inspect", "--format", "{{.Id}}", tag)
        assert [path.name for path in (folder / "received").iterdir() if path.suffix == ".tar"] == []
        assert len(list((folder / "sent").glob("*.tar"))) == 1
        assert first.count("changed=0") == 0
        assert play(folder, uv, inventory, variables, **store).count("changed=0") == 2
    subprocess.run(["podman", "system", "reset", "--force"], env={**os.environ, **store}, check=True)
