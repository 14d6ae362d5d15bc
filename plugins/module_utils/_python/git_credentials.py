# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of C(git+https) URLs, handed to git through variables.

uv and pip start git with the URL as an argument, which everybody on the host can read; variables only their owner can.
Source: git-config(1), C(GIT_CONFIG_COUNT), and gitcredentials(7).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

# The repository ends before the reference behind the last '@' of the path.
_URL = re.compile(r"git\+(?P<scheme>https?)://(?P<userinfo>[^/\s@]+(?:@[^/\s@]+)*)@(?P<place>[^\s#@]+)")


def stripped(text: str) -> str:
    """A requirement file text whose git URLs have no credentials."""
    return _URL.sub(lambda match: f"git+{match['scheme']}://{match['place']}", text)


def environ(text: str) -> dict[str, str]:
    """The variables by which git finds the credentials of the URLs in ``text``; empty where there are none."""
    settings: list[tuple[str, str]] = []
    variables: dict[str, str] = {}
    for number, match in enumerate(dict.fromkeys(match.groups() for match in _URL.finditer(text))):
        scheme, userinfo, place = match
        user, _colon, password = userinfo.partition(":")
        variables[f"MLSTACK_GIT_USER_{number}"] = unquote(user)
        variables[f"MLSTACK_GIT_PASSWORD_{number}"] = unquote(password)
        answer = f'username=%s\\npassword=%s\\n\' "$MLSTACK_GIT_USER_{number}" "$MLSTACK_GIT_PASSWORD_{number}"'
        key = f"credential.{scheme}://{place}"
        # The empty value forgets the helpers that others have set.
        settings += [(f"{key}.helper", ""), (f"{key}.helper", f"!f() {{ printf '{answer}; }}; f")]
    if not settings:
        return {}
    settings.append(("credential.useHttpPath", "true"))
    for number, (key, value) in enumerate(settings):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**variables, "GIT_CONFIG_COUNT": str(len(settings)), "GIT_TERMINAL_PROMPT": "0"}
