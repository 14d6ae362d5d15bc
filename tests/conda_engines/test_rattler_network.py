# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rattler and the network: credentials, certificates, proxies, mirrors, no network at all, and servers that fail."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Credential, Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import Work, installed

SECRET = "s3cr3t-of-the-bed"
OPENING = {
    "password": ({"credentials": f"ann:{SECRET}"}, Credential("127.0.0.1", user="ann", password=SECRET)),
    "bearer": ({"token": SECRET}, Credential("127.0.0.1", token=SECRET)),
    "token in the path": ({"conda_token": SECRET}, Credential("127.0.0.1", conda_token=SECRET)),
}
TZDATA = "/noarch/tzdata-2024a-h0_0.conda"


def served(work: Work, server: CondaServer, **more: Any) -> dict[str, Any]:
    return {"sources": work.sources(channels=(server.url,), **more)}


def texts_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@pytest.mark.parametrize("kind", OPENING)
def test_credentials_open_a_channel_and_are_kept_nowhere(rattler: Work, channel: Channel, kind: str) -> None:
    wanted, credential = OPENING[kind]
    with CondaServer(channel.folder, **wanted) as server:
        opened = served(rattler, server, credentials=(credential,))
        packages = rattler.solve("tzdata", **opened).packages
        rattler.install(packages, **opened)
        assert server.archives() == [TZDATA]
    assert installed(rattler.prefix) == {"tzdata": "2024a h0_0"}
    assert SECRET not in repr(packages)
    assert SECRET.encode() not in texts_below(rattler.folder)


@pytest.mark.parametrize("kind", OPENING)
def test_other_credentials_are_refused_without_being_told(rattler: Work, channel: Channel, kind: str) -> None:
    wanted, credential = OPENING[kind]
    other = {name: value.replace(SECRET, "another") for name, value in wanted.items()}
    with CondaServer(channel.folder, **other) as server, pytest.raises(MlstackError) as refused:
        rattler.solve("tzdata", **served(rattler, server, credentials=(credential,)))
    assert refused.value.code == "channel_refused", refused.value
    assert SECRET not in str(refused.value) + repr(refused.value.details)


def test_credentials_are_for_their_host_alone(newest: Work, channel: Channel) -> None:
    stranger = Credential("*.example.com", user="ann", password=SECRET)
    with CondaServer(channel.folder, credentials=f"ann:{SECRET}") as server, pytest.raises(MlstackError) as refused:
        newest.solve("tzdata", **served(newest, server, credentials=(stranger,)))
    assert refused.value.code == "channel_refused"


def test_secrets_are_in_no_argument(newest: Work, channel: Channel) -> None:
    """The process's command line, read while it waits for the server."""
    credential = Credential("127.0.0.1", user="ann", password=SECRET)
    seen: list[bytes] = []
    with CondaServer(channel.folder, credentials=f"ann:{SECRET}") as server:

        def look(_path: str) -> None:
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    content = line.read_bytes()
                except OSError:
                    continue
                if b"rattler_process" in content:
                    seen.append(content + (line.parent / "environ").read_bytes())

        server.fault = look
        newest.solve("tzdata", **served(newest, server, credentials=(credential,)))
    assert seen
    assert not any(SECRET.encode() in content for content in seen)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate authority (ca.pem), and key and certificate of 127.0.0.1 by it (server.pem)."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "server.cnf").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    steps = (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=bed",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile server.cnf",
    )
    for step in steps:
        subprocess.run(["openssl", *step.split()], cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())
    return folder


def test_a_certificate_authority_of_ones_own(rattler: Work, channel: Channel, authority: Path) -> None:
    with CondaServer(channel.folder, certificate=str(authority / "server.pem")) as server:
        with pytest.raises(MlstackError) as refused:
            rattler.solve("tzdata", **served(rattler, server))
        assert refused.value.code == "channel_untrusted", refused.value
        trusted = served(rattler, server, ca_bundle=str(authority / "ca.pem"))
        rattler.install(rattler.solve("tzdata", **trusted).packages, **trusted)
    assert installed(rattler.prefix) == {"tzdata": "2024a h0_0"}


def test_a_proxy_is_asked(newest: Work, server: CondaServer) -> None:
    far: dict[str, Any] = {"sources": newest.sources(channels=("http://channels.invalid",), proxy=server.url)}
    packages = newest.solve("tzdata", **far).packages
    newest.install(packages, **far)
    assert packages[0].url == f"http://channels.invalid{TZDATA}"
    assert packages[0].url in server.proxied


def test_mirrors_are_asked_in_order(newest: Work, server: CondaServer) -> None:
    mirrors = (("http://channels.invalid/forge", ("http://127.0.0.1:9", server.url)),)
    far: dict[str, Any] = {"sources": newest.sources(channels=("http://channels.invalid/forge",), mirrors=mirrors)}
    packages = newest.solve("tzdata", **far).packages
    newest.install(packages, **far)
    assert packages[0].url == f"http://channels.invalid/forge{TZDATA}"
    assert server.archives() == [TZDATA]


def test_a_name_is_looked_up_below_the_alias(newest: Work, channel: Channel) -> None:
    with CondaServer(channel.folder.parent) as server:
        sources = newest.sources(channels=(channel.folder.name,), channel_alias=server.url)
        (package,) = newest.solve("tzdata", sources=sources).packages
        assert package.url == f"{server.url}/{channel.folder.name}{TZDATA}"


class TestOffline:
    def test_what_the_cache_holds_is_enough(self, newest: Work, server: CondaServer) -> None:
        online = served(newest, server)
        newest.install(newest.solve("python", "bed-tool", **online).packages, **online)
        server.close()
        offline = served(newest, server, offline=True)
        packages = newest.solve("python", "bed-tool", **offline).packages
        other = newest.folder / "other"
        newest.install(packages, prefix=other, **offline)
        assert installed(other) == installed(newest.prefix)

    def test_nothing_is_asked_of_a_server(self, rattler: Work, server: CondaServer) -> None:
        offline = served(rattler, server, offline=True)
        with pytest.raises(MlstackError) as unsolved:
            rattler.solve("tzdata", **offline)
        url = f"{server.url}{TZDATA}"
        with pytest.raises(MlstackError) as not_installed:
            rattler.install([Package.from_url(url)], **offline)
        assert [unsolved.value.code, not_installed.value.code] == ["offline", "offline"], unsolved.value
        assert server.requests == []

    def test_a_folder_is_no_network(self, newest: Work) -> None:
        offline: dict[str, Any] = {"sources": newest.sources(offline=True)}
        newest.install(newest.solve("tzdata", **offline).packages, **offline)
        assert installed(newest.prefix) == {"tzdata": "2024a h0_0"}


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "code"),
        [("500", "channel_broken"), ("404", "package_missing"), ("cut", "channel_broken"), ("other", "hash_mismatch")],
    )
    def test_an_archive_that_does_not_come(self, rattler: Work, server: CondaServer, fault: str, code: str) -> None:
        packages = rattler.solve("tzdata", **served(rattler, server)).packages
        if fault == "cut":
            server.cut_after = 100
        elif fault == "other":
            server.other_content[TZDATA] = (rattler.channel.folder / "noarch/tzdata-2023d-h0_0.conda").read_bytes()
        else:
            server.fault = lambda path: int(fault) if path == TZDATA else None
        with pytest.raises(MlstackError) as refused:
            rattler.install(packages, **served(rattler, server))
        assert refused.value.code == code, refused.value
        assert "tzdata" in refused.value.found
        assert installed(rattler.prefix) == {}

    def test_a_server_that_fails_at_first(self, newest: Work, server: CondaServer) -> None:
        packages = newest.solve("tzdata", **served(newest, server)).packages
        refused: list[str] = []

        def once(path: str) -> int | None:
            if path == TZDATA and not refused:
                refused.append(path)
                return 503
            return None

        server.fault = once
        newest.install(packages, **served(newest, server))
        assert refused == [TZDATA]
        assert installed(newest.prefix) == {"tzdata": "2024a h0_0"}

    def test_an_index_that_does_not_come(self, rattler: Work, server: CondaServer) -> None:
        codes = []
        for status in (500, 403, 404):
            server.fault = lambda _path, status=status: status
            with pytest.raises(MlstackError) as refused:
                rattler.solve("tzdata", **served(rattler, server))
            codes.append(refused.value.code)
        server.close()
        with pytest.raises(MlstackError) as refused:
            rattler.solve("tzdata", **served(rattler, server))
        assert [*codes, refused.value.code] == [
            "channel_broken",
            "channel_refused",
            "channel_missing",
            "channel_unreachable",
        ]

    def test_an_index_that_is_rubbish(self, rattler: Work, server: CondaServer) -> None:
        for name in ("repodata.json", "repodata.json.zst"):
            server.other_content[f"/noarch/{name}"] = b'{"packages": {"six-1.tar.bz2'
        with pytest.raises(MlstackError) as refused:
            rattler.solve("tzdata", **served(rattler, server))
        assert refused.value.code == "channel_broken", refused.value

    def test_a_slow_server_is_waited_for(self, newest: Work, server: CondaServer) -> None:
        server.delay_s = 0.3
        newest.install(newest.solve("tzdata", **served(newest, server)).packages, **served(newest, server))
        assert installed(newest.prefix) == {"tzdata": "2024a h0_0"}
