# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every engine needs around it: a lock, certificates, proxies, tokens, a place for its cache."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t
from urllib.parse import urlsplit

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.network import concerns
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

# Where the distributions keep the certificates that the system trusts.
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
# Nobody listens there (RFC 863, discard): with such a proxy no request leaves the host.
_NOWHERE = "http://127.0.0.1:9"


def default_cache() -> str:
    """Where packages are kept if nothing else is wanted: beside other caches of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "gpufleet-mlstack", "conda")


@contextlib.contextmanager
def only_one(prefix: str) -> t.Iterator[None]:
    """Hold the lock of a prefix, from what stands there to the last record: no engine has one of its own that lasts.

    The folder of its records is the lock, so no file of ours is left in it. Makes the prefix where it is missing.
    """
    meta = os.path.join(prefix, "conda-meta")
    with disk.explained(f"make the environment {prefix}"):
        os.makedirs(meta, exist_ok=True)
        descriptor = os.open(meta, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def environ(sources: Sources, scratch: str) -> dict[str, str | None]:
    """Variables for a program that reaches channels; None removes one. Files that they name lie in ``scratch``."""
    variables: dict[str, str | None] = {}
    proxy = _NOWHERE if sources.offline else sources.proxy
    if proxy:
        variables.update(dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy))
        no_proxy = None if sources.offline else sources.no_proxy
        variables.update(dict.fromkeys(("no_proxy", "NO_PROXY"), no_proxy), all_proxy=None, ALL_PROXY=None)
    if sources.ca_bundle:
        bundle = _bundle(sources.ca_bundle, scratch)
        variables.update(dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CONDA_SSL_VERIFY"), bundle))
    return variables


def _bundle(ca_bundle: str, scratch: str) -> str:
    """The system's certificates and those of ``ca_bundle`` in one file: each program reads no more than one."""
    path = os.path.join(scratch, "certificates.pem")
    with open(path, "w", encoding="utf-8") as out:
        for source in (ca_bundle, *_SYSTEM_BUNDLES):
            if source == ca_bundle or os.path.exists(source):
                with open(source, encoding="utf-8", errors="replace") as stream:
                    out.write(stream.read() + "\n")
    return path


def token_urls(sources: Sources, urls: t.Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a server's address and the same with the token in its path, for the servers of ``urls``."""
    found = {}
    for url in urls:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        for credential in sources.credentials:
            if credential.conda_token and parts.netloc and concerns(credential.host, parts.hostname or ""):
                found[origin] = f"{origin}/t/{credential.conda_token}"
    return sorted(found.items())
