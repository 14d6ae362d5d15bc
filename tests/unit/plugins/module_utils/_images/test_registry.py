# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry is asked, and what its answers mean. One that asks for a token stands in for the big public ones."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import registry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import ImageFacts

LOGIN = registry.Login("someone", "hush", plain_http=True)
CONFIG = "sha256:" + "c" * 64
MANIFEST = "sha256:" + "a" * 64


@pytest.fixture
def served():
    """Answers by path; ``asked`` are the requests with what they say of themselves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.path, self.headers.get("Authorization", "")))
            status, headers, body = server.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    server.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def manifest(_path, _authorization):
    return 200, {"Docker-Content-Digest": MANIFEST}, json.dumps({"config": {"digest": CONFIG}}).encode()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("ml", ("registry-1.docker.io", "library/ml", "latest")),
        ("team/ml:1", ("registry-1.docker.io", "team/ml", "1")),
        ("docker.io/team/ml:1", ("registry-1.docker.io", "team/ml", "1")),
        ("localhost/ml:1", ("localhost", "ml", "1")),
        ("reg.example.com:5000/a/b/c:2", ("reg.example.com:5000", "a/b/c", "2")),
    ],
)
def test_a_name_says_where_to_ask(name, place):
    assert registry.place(name) == place


def test_an_image_is_known_by_its_configuration_or_its_manifest(served):
    served.answer = manifest
    found = registry.ask(f"{served.host}/team/ml:1", LOGIN)
    assert found == registry.Remote(MANIFEST, CONFIG)
    assert served.asked == [("/v2/team/ml/manifests/1", f"Basic {LOGIN.basic}")]
    assert found.is_image(ImageFacts(CONFIG)) and found.is_image(ImageFacts(MANIFEST))
    assert found.is_image(ImageFacts("sha256:1", repo_digests=(f"x/y@{MANIFEST}",)))
    assert not found.is_image(ImageFacts("sha256:1"))


def test_a_token_is_fetched_where_one_is_asked_for(served):
    def answer(path, authorization):
        if path.startswith("/token"):
            return 200, {}, b'{"token": "t0ken"}'
        if authorization != "Bearer t0ken":
            realm = f'Bearer realm="http://{served.host}/token",service="s",scope="repository:ml:pull"'
            return 401, {"WWW-Authenticate": realm}, b""
        return manifest(path, authorization)

    served.answer = answer
    assert registry.ask(f"{served.host}/ml:1", LOGIN).config == CONFIG
    assert "service=s&scope=repository%3Aml%3Apull" in served.asked[1][0]


def test_a_password_goes_to_no_place_without_tls_that_was_not_allowed(served, monkeypatch):
    challenge = {"www-authenticate": f'Bearer realm="http://{served.host}/token"'}
    monkeypatch.setattr(registry, "_get", lambda *_arguments: (401, challenge, b""))
    with pytest.raises(MlstackError) as told:
        registry.ask("reg.example.com/ml:1", registry.Login("someone", "hush"))
    assert told.value.code == "registry_unreachable" and "without TLS" in str(told.value)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"", "registry_denied"),
        (403, b"", "registry_denied"),
        (500, b"", "registry_answer"),
        (200, b"<html>", "registry_answer"),
        (200, b"[]", "registry_answer"),
        (302, b"", "registry_answer"),
    ],
)
def test_answers_that_say_nothing_are_no_answer(served, status, body, code):
    served.answer = lambda *_request: (status, {"Location": f"http://{served.host}/elsewhere"}, body)
    with pytest.raises(MlstackError) as told:
        registry.ask(f"{served.host}/ml:1", LOGIN)
    assert told.value.code == code
    assert [path for path, _who in served.asked] == ["/v2/ml/manifests/1"], "credentials were taken elsewhere"


def test_what_is_not_there_is_nothing(served):
    served.answer = lambda *_request: (404, {}, b"")
    assert registry.ask(f"{served.host}/ml:1", LOGIN) is None


def test_the_file_of_credentials_names_the_registries():
    auths = json.loads(LOGIN.config(["reg.example.com:5000/a:1", "team/ml:1"]))["auths"]
    assert set(auths) == {"reg.example.com:5000", "docker.io", "https://index.docker.io/v1/"}
