# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import explicit, url_credentials
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile

ANN = {"host": "conda.example", "user": "ann", "password": "p@ss"}
TOKEN = {"host": "conda.example", "conda_token": "tk-123"}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://ann:p%40ss@conda.example:8443/main", ANN),
        ("https://conda.example/t/tk-123/main", TOKEN),
        ("https://conda.example/t/tk-123", TOKEN),
        ("https://tk-123@conda.example/main", {"host": "conda.example", "user": "tk-123", "password": ""}),
        ("https://conda.example/main", None),
        ("https://conda.example/main/t/not-a-token/x", None),
        ("conda-forge", None),
        ("file:///srv/t/channel", None),
    ],
)
def test_what_a_url_carries(url, found):
    assert url_credentials.in_url(url) == found


def test_arguments():
    params = {
        "channels": ["https://ann:p%40ss@conda.example/main", "conda-forge"],
        "channel_alias": "https://conda.example/t/tk-123/",
        "mirrors": [{"of": "https://conda.anaconda.org", "urls": ["https://ann:p%40ss@conda.example/mirror"]}],
        "environments": [{"name": "ml", "channels": ["https://conda.example/t/tk-123/more"]}],
        "credentials": [{"host": "first.example", "user": "me", "password": "x", "token": None, "conda_token": None}],
    }
    taken = url_credentials.out_of_arguments(params)
    assert taken["channels"] == ["https://conda.example/main", "conda-forge"]
    assert taken["channel_alias"] == "https://conda.example/"
    assert taken["mirrors"] == [{"of": "https://conda.anaconda.org", "urls": ["https://conda.example/mirror"]}]
    assert taken["environments"] == [{"name": "ml", "channels": ["https://conda.example/more"]}]
    empty = {"user": None, "password": None, "token": None, "conda_token": None}
    assert taken["credentials"] == [*params["credentials"], {**empty, **ANN}, {**empty, **TOKEN}]
    assert url_credentials.out_of_arguments(taken) == taken


def test_files():
    file = EnvironmentFile("environment.yml", channels=("https://conda.example/t/tk-123/main", "conda-forge"))
    found, credentials = url_credentials.out_of_file(file)
    assert found.channels == ("https://conda.example/main", "conda-forge")
    assert credentials == [TOKEN]
    text = "@EXPLICIT\nhttps://ann:p%40ss@conda.example/main/noarch/six-1.0-py_0.conda#" + "a" * 32 + "\n"
    lock, credentials = url_credentials.out_of_file(explicit.read_explicit(text, "x.lock", "linux-64"))
    assert [item.url for item in lock.packages] == ["https://conda.example/main/noarch/six-1.0-py_0.conda"]
    assert credentials == [ANN]
