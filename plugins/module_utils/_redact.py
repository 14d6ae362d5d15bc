# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of results, records, logs and messages."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

MASK = "********"

# The userinfo part of any URL, 'git+https' and 'ssh' included. RFC 3986 allows neither '/' nor blanks in it.
_USERINFO = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/\s@'\"]+(?:@[^/\s@'\"]+)*)@")
# A secret handed over in a query, as signed download links do.
_QUERY = re.compile(
    r"(?i)(?P<key>[?&](?:[a-z0-9_-]*(?:token|password|secret|signature|api_?key)|sig|auth)=)[^&#\s'\"]+"
)


def url_secrets(url: str) -> list[str]:
    """The literal secrets that a URL carries: its password, or its user where that stands alone (a token)."""
    match = _USERINFO.search(url)
    if match is None:
        return []
    userinfo = match.group("userinfo")
    if match.group("scheme").startswith(("ssh://", "git+ssh://")) and ":" not in userinfo:
        return []  # 'git@' names an account, it opens nothing
    user, colon, password = userinfo.partition(":")
    return [password] if colon and password else [user]


class Redactor:
    """Replaces known secrets, and whatever looks like credentials in a URL, in text and nested data."""

    def __init__(self, secrets: t.Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Learn a literal secret. Very short ones are left to the URL patterns: they would blot out innocent text."""
        if secret and len(secret) >= 4:
            self._secrets.add(secret)

    def learn(self, value: t.Any) -> None:
        """Learn the credentials of every URL in nested data."""
        if isinstance(value, str):
            for word in value.split() if "://" in value else ():
                for secret in url_secrets(word):
                    self.add(secret)
                    self.add(unquote(secret))
        elif isinstance(value, t.Mapping):
            self.learn(list(value.values()))
        elif isinstance(value, (list, tuple, set, frozenset)):
            for item in value:
                self.learn(item)

    def text(self, value: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            value = value.replace(secret, MASK)
        if "://" in value:
            value = _USERINFO.sub(_masked_userinfo, value)
        return _QUERY.sub(lambda match: match.group("key") + MASK, value) if "=" in value else value

    def data(self, value: t.Any) -> t.Any:
        """The same shape with every string redacted, mapping keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, t.Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.data(item) for item in value]
        return value


def _masked_userinfo(match: re.Match[str]) -> str:
    scheme, userinfo = match.group("scheme"), match.group("userinfo")
    if scheme.startswith(("ssh://", "git+ssh://")) and ":" not in userinfo:
        return match.group(0)
    return f"{scheme}{MASK}@"
