# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda_env by every setting of channels; what engines make of them is tested with the engines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.conda_engines.test_rattler_network import authority
from ansible_collections.gpufleet.mlstack.tests.integration.conda_site import CondaSite

__all__ = ["authority"]

SECRET = "s3cret-of-the-channel"
SMALL = {"packages": ["tzdata=2024a"]}
HAS = {"tzdata": "2024a"}


@pytest.fixture
def channel() -> Channel:
    return conda_channel.basic()


@pytest.fixture
def conda(tmp_path: Path, index: PythonIndex, channel: Channel) -> CondaSite:
    """A root without environments, and an empty cache: what comes, comes from a channel."""
    made = CondaSite(tmp_path, index, channel=channel, cache=tmp_path / "cache")
    made.home.mkdir()
    return made


def is_nowhere(secret: str, folder: Path, *said: str) -> bool:
    """Whether neither texts nor any file tell it."""
    files = (Path(place, name) for place, _folders, names in os.walk(folder) for name in names)
    return not any(secret in text for text in said) and not any(
        secret.encode() in path.read_bytes() for path in files if path.is_file()
    )


def test_an_alias_a_proxy_and_mirrors(conda: CondaSite, channel: Channel, tmp_path: Path) -> None:
    with CondaServer(channel.folder.parent) as above, CondaServer(channel.folder) as server:
        far = "http://channels.invalid"
        settings: list[dict[str, Any]] = [
            {"channels": [channel.folder.name], "channel_alias": above.url},
            {"channels": [far], "proxy": server.url},
            {"channels": [far], "mirrors": [{"of": far, "urls": ["http://127.0.0.1:9", server.url]}]},
        ]
        for number, options in enumerate(settings):
            name = f"by{number}"
            conda.apply({**SMALL, "name": name}, cache_dir=str(tmp_path / name), **options)
            assert conda.conda(name) == HAS
        assert above.archives() and server.proxied
        record = json.loads((conda.path("by2") / "mlstack.json").read_text())
        assert record["packages"][0]["url"].startswith(f"{far}/noarch/")  # where it belongs, not where it came from


def test_certificates_and_doing_without_the_network(conda: CondaSite, channel: Channel, authority: Path) -> None:
    with CondaServer(channel.folder, certificate=str(authority / "server.pem")) as server:
        conda.refuse("channel_untrusted", SMALL, channels=[server.url])
        conda.refuse("offline", SMALL, channels=[server.url], offline=True)
        assert server.requests == []
        trusted = {"channels": [server.url], "ca_bundle": str(authority / "ca.pem")}
        conda.apply(SMALL, **trusted)
    again = conda.apply({**SMALL, "name": "more"}, offline=True, **trusted)
    assert again.one["changed"] and conda.conda("more") == HAS


@pytest.mark.parametrize("kind", ["a token", "a token of conda's", "a password in the URL", "a token in the URL"])
def test_no_secret_is_told_or_kept(conda: CondaSite, channel: Channel, kind: str) -> None:
    conda_token = {"conda_token": SECRET}
    wanted: dict[str, Any] = {
        "a token": {"token": SECRET},
        "a token of conda's": conda_token,
        "a password in the URL": {"credentials": f"ann:{SECRET}"},
        "a token in the URL": conda_token,
    }
    with CondaServer(channel.folder, **wanted[kind]) as server:
        urls = {
            "a password in the URL": f"http://ann:{SECRET}@{server.host}",
            "a token in the URL": f"{server.url}/t/{SECRET}",
        }
        options: dict[str, Any] = {"channels": [urls.get(kind, server.url)]}
        options["credentials"] = [] if kind in urls else [{"host": "127.0.0.1", **wanted[kind]}]
        told = conda.run({**SMALL, "packages": ["no-such-package"]}, diff=True, **options)
        assert told.result["failed"]
        said = [told.out, told.err]
        for form in ("environment", "history", "explicit", "conda_lock"):
            written = conda.folder / f"export-{form}"
            made = conda.apply({**SMALL, "export_to": str(written), "export_format": form}, diff=True, **options)
            said += [made.out, made.err, written.read_text()]
        assert conda.conda() == HAS
        assert not conda.apply(SMALL, **options).result["changed"]
    assert is_nowhere(SECRET, conda.folder, *said)
