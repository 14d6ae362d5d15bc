# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of a URL survives, and innocent text does."""

from __future__ import annotations

import json
import string

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import MASK, Redactor, url_secrets
from hypothesis import given
from hypothesis import strategies as st

# What may stand in the userinfo of a URL, percent-encoded where it must be (RFC 3986).
characters = string.ascii_letters + string.digits + "-._~!$&()*+,;="
secrets = st.text(characters, min_size=8, max_size=24).filter(lambda text: len(set(text)) > 4)
users = st.text(string.ascii_lowercase, min_size=1, max_size=6)
schemes = st.sampled_from(["https", "http", "git+https", "ftp", "HTTPS"])
places = st.sampled_from(["host.example/simple/", "host.example:8080/x?y=1", "10.0.0.1", "[::1]:8/p#egg=a"])


@given(
    schemes, users, secrets, places, st.sampled_from(["{}", "see {} there", "--index-url {}\nnext", "'{}'", '"{}",'])
)
def test_a_url_alone_gives_its_password_away_to_nobody(scheme, user, secret, place, around):
    text = around.format(f"{scheme}://{user}:{secret}@{place}")
    shown = Redactor().text(text)
    assert secret not in shown
    assert shown == around.format(f"{scheme}://{MASK}@{place}")


@given(schemes, users, secrets, places, st.text(max_size=20))
def test_a_learned_secret_is_masked_wherever_it_turns_up(scheme, user, secret, place, around):
    redactor = Redactor()
    redactor.learn({"a": [f"{scheme}://{user}:{secret}@{place}"]})
    data = {f"key {secret}": [around + secret + around, (secret, {"x": f"password={secret}"})], "n": 1}
    assert secret not in json.dumps(redactor.data(data), default=str)


@given(st.recursive(st.text(string.ascii_letters + " .,:/-_\n", max_size=30) | st.integers() | st.none(), st.lists))
def test_text_without_credentials_stays_as_it_is(data):
    assert Redactor().data(data) == data


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://user:pass@host/", "pass"),
        ("https://token@host/", "token"),
        ("https://user:@host/", "user"),
        ("https://a:b@c@host/", "b@c"),
        ("ssh://git@host/x", None),
        ("git+ssh://git@host/x", None),
        ("git+ssh://git:pass@host/x", "pass"),
        ("https://host/path@1.0", None),
    ],
)
def test_what_counts_as_the_secret_of_a_url(url, secret):
    assert url_secrets(url) == ([secret] if secret else [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h/x?token=abc&y=1", f"https://h/x?token={MASK}&y=1"),
        ("https://h/x?X-Amz-Signature=abc", f"https://h/x?X-Amz-Signature={MASK}"),
        ("https://h/x?api_key=abc#f", f"https://h/x?api_key={MASK}#f"),
        ("https://h/x?page=2", "https://h/x?page=2"),
        ("git+ssh://git@host/x@main", "git+ssh://git@host/x@main"),
        ("mail to me@host.example", "mail to me@host.example"),
    ],
)
def test_secrets_in_queries_and_what_only_looks_like_one(text, shown):
    assert Redactor().text(text) == shown


def test_a_percent_encoded_password_is_masked_decoded_too():
    redactor = Redactor()
    redactor.learn("https://user:pa%40ss%2Fword@host/")
    assert redactor.text("it said pa@ss/word and pa%40ss%2Fword") == f"it said {MASK} and {MASK}"


def test_short_secrets_are_left_to_the_patterns():
    redactor = Redactor(["abc", ""])
    assert redactor.text("abc alphabet") == "abc alphabet"
