# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry has under a name, asked over its HTTP interface (the OCI distribution specification).

The builders' own programs answer this in different words, or not at all. Only asking is done here; they push.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import spelling
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import ImageFacts

_TIMEOUT_S = 30.0
_MOST_BYTES = 4 << 20
_ACCEPT = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"
)
_HUB = "registry-1.docker.io"


@dataclass(frozen=True)
class Login:
    """Who we are for a registry; ``plain_http`` for one without TLS, on loopback for example."""

    username: str = ""
    password: str = ""
    plain_http: bool = False

    @property
    def basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def config(self, references: t.Iterable[str]) -> str:
        """The file of credentials that docker, podman and buildah read, for the registries of these names."""
        hosts = {place(reference)[0] for reference in references}
        names = {"https://index.docker.io/v1/", "docker.io"} if _HUB in hosts else set()
        return json.dumps({"auths": {name: {"auth": self.basic} for name in sorted(names | (hosts - {_HUB}))}})


@dataclass(frozen=True)
class Remote:
    """What a registry has: the digest of the manifest, and of the configuration, which is an image's ID."""

    manifest: str
    config: str

    def is_image(self, image: ImageFacts) -> bool:
        known = {digest.partition("@")[2] for digest in image.repo_digests}
        return image.id in (self.config, self.manifest) or self.manifest in known


def place(reference: str) -> tuple[str, str, str]:
    """Host, repository and tag of a name."""
    parts = spelling.reference(reference, "tags")
    first, slash, rest = parts["repository"].partition("/")
    tag = parts["tag"] or "latest"
    if slash and ("." in first or ":" in first or first == "localhost"):
        return (_HUB if first == "docker.io" else first), rest, tag
    return _HUB, parts["repository"] if slash else f"library/{parts['repository']}", tag


def ask(reference: str, login: Login) -> Remote | None:
    """What the registry has under this name; None where that is nothing. Raises MlstackError."""
    host, repository, tag = place(reference)
    scheme = "http" if login.plain_http else "https"
    url = f"{scheme}://{host}/v2/{repository}/manifests/{tag}"
    try:
        status, headers, body = _get(url, {"Accept": _ACCEPT, **_basic(login)})
        if status == 401 and "bearer" in headers.get("www-authenticate", "").lower():
            token = _token(headers["www-authenticate"], login)
            status, headers, body = _get(url, {"Accept": _ACCEPT, "Authorization": f"Bearer {token}"})
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", exc)
        raise _error(
            "registry_unreachable", reference, f"{host} does not answer: {reason}", "see whether this host reaches it"
        ) from exc
    if status == 404:
        return None
    if status in (401, 403):
        to_fix = "give registry_username and registry_password of somebody who may read and write there"
        raise _error("registry_denied", reference, f"{host} answers {status}", to_fix)
    try:
        if status != 200:
            raise ValueError(status)
        manifest = json.loads(body)
        config = str((manifest.get("config") or {}).get("digest", ""))
    except (ValueError, AttributeError) as exc:
        raise _error(
            "registry_answer", reference, f"{host} answers {status} and no manifest", "see what is there"
        ) from exc
    return Remote(headers.get("docker-content-digest", ""), config)


def _token(challenge: str, login: Login) -> str:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.get("realm", "")
    if not realm.startswith("https://") and not (login.plain_http and realm.startswith("http://")):
        raise ValueError("it sends us to a place without TLS for a token")
    asked = urllib.parse.urlencode({key: fields[key] for key in ("service", "scope") if key in fields})
    _status, _headers, body = _get(f"{realm}?{asked}", _basic(login))
    told = json.loads(body)
    return str(told.get("token") or told.get("access_token") or "")


def _basic(login: Login) -> dict[str, str]:
    return {"Authorization": f"Basic {login.basic}"} if login.username else {}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Credentials go to the registry that was named, and to nobody that it names."""

    def redirect_request(self, *_arguments: t.Any, **_named: t.Any) -> None:
        return None


def _get(url: str, headers: t.Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=_TIMEOUT_S) as answer:
            return answer.status, _lower(answer.headers), answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, _lower(exc.headers), exc.read(_MOST_BYTES)


def _lower(headers: t.Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _error(code: str, reference: str, found: str, to_fix: str) -> MlstackError:
    return MlstackError(code, wanted=f"{reference} in its registry", found=found, to_fix=to_fix)
