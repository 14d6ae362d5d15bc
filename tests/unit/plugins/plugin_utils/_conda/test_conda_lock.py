# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda-lock.yml: platform and category, and what of an entry cannot be accepted."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.conda_lock import read_conda_lock

MD5 = "d7c89558ba9fa0495403155b64376d81"
SHA256 = "fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726"
CHANNEL = "https://conda.example/main"


def conda(name, version="1.0", platform="linux-64", subdir="noarch", category="main", **changes):
    entry = {
        "name": name,
        "version": version,
        "manager": "conda",
        "platform": platform,
        "dependencies": {},
        "url": f"{CHANNEL}/{subdir}/{name}-{version}-0.conda",
        "hash": {"md5": MD5, "sha256": SHA256},
        "category": category,
        "optional": category != "main",
    }
    entry.update(changes)
    return {key: value for key, value in entry.items() if value is not None}


def pip(name, version="1.0", url="", platform="linux-64", **changes):
    url = url or f"https://files.example/{name}-{version}-py3-none-any.whl"
    return {**conda(name, version, platform, url=url, manager="pip", hash={"sha256": SHA256}), **changes}


def lock(*entries, version=1, **more):
    metadata = {"channels": [{"url": "conda-forge", "used_env_vars": []}, {"url": CHANNEL + "/"}]}
    return yaml.safe_dump({"version": version, "metadata": metadata, "package": list(entries), **more}, sort_keys=False)


def read(*entries, platform="linux-64", **options):
    return read_conda_lock(lock(*entries), "conda-lock.yml", platform, **options)


def reasons(text, **options):
    with pytest.raises(InvalidArguments) as caught:
        read_conda_lock(text, "conda-lock.yml", "linux-64", **options)
    found = caught.value.details["problems"]
    lines = text.splitlines()
    assert all(item["file"] == "conda-lock.yml" and 1 <= item["line"] <= len(lines) for item in found)
    return [item["reason"] for item in found]


def test_the_packages_of_the_platform_alone():
    found = read(conda("six"), conda("zlib", subdir="linux-64"), conda("six", "2.0", platform="osx-64"))
    assert [(item.name, item.version) for item in found.packages] == [("six", "1.0"), ("zlib", "1.0")]
    assert (found.packages[0].md5, found.packages[0].sha256) == (MD5, SHA256)
    assert found.channels == ("conda-forge", CHANNEL)
    assert (found.form, found.platform) == ("conda-lock", "linux-64")
    assert files.from_data(json.loads(json.dumps(found.as_data()))) == found


def test_versions_stay_text():
    text = lock(conda("tzdata", "2022.10")).replace("'2022.10'", "2022.10")
    assert read_conda_lock(text, "x", "linux-64").packages[0].version == "2022.10"


def test_categories():
    entries = [conda("six"), conda("pytest", category="dev"), conda("sphinx", category="docs")]
    assert [item.name for item in read(*entries).packages] == ["six"]
    assert [item.name for item in read(*entries, categories=["main", "dev"]).packages] == ["six", "pytest"]
    assert reasons(lock(*entries), categories=["main", "test"]) == ["it has no category 'test'; it has dev, docs, main"]


def test_one_package_in_two_categories_is_one_package():
    entries = [conda("six"), conda("six", category="dev")]
    assert len(read(*entries, categories=["main", "dev"]).packages) == 1
    entries[1] = conda("six", "2.0", category="dev")
    assert reasons(lock(*entries), categories=["main", "dev"]) == ["six is 1.0 0 in line 8"]


def test_what_pip_is_to_install():
    commit = "git+https://git.example/x@0123456789012345678901234567890123456789"
    found = read(conda("python"), pip("My_Package"), pip("x", url=commit))
    assert [item.requirement() for item in found.pip] == [
        f"my-package==1.0 --hash=sha256:{SHA256}",
        f"x @ {commit}",
    ]
    assert found.pip_text() == "".join(item.requirement() + "\n" for item in found.pip)


def test_a_platform_that_is_not_locked_is_refused():
    with pytest.raises(InvalidArguments) as caught:
        read(conda("six"), conda("six", platform="osx-64"), platform="linux-aarch64")
    assert "locks for linux-64, osx-64, and the host is linux-aarch64" in str(caught.value)


REFUSED = {
    "no packages": (lock(package=None), "it has no list of packages below 'package:'"),
    "version 2": (lock(version=2), "it is of version 2, and version 1 is known"),
    "a text": (lock(package=["six"]), "an entry is no mapping"),
    "no hash": (lock(conda("six", hash=None)), "it has no hash"),
    "an empty hash": (lock(conda("six", hash={"md5": ""})), "it has no hash"),
    "a short hash": (lock(conda("six", hash={"sha256": "abc"})), "its hash is no MD5 and no SHA-256"),
    "no url": (lock(conda("six", url=None)), "it has no url"),
    "an option as url": (lock(conda("six", url="--help.conda")), "it is no URL of a package"),
    "another manager": (lock(conda("six", manager="npm")), "its manager is 'npm'; conda and pip are known"),
    "another package's url": (
        lock(conda("six", url=f"{CHANNEL}/noarch/evil-1.0-0.conda")),
        "the URL is that of evil 1.0, the entry of six 1.0",
    ),
    "another platform's url": (lock(conda("six", subdir="osx-64")), "it is for osx-64, and the host is linux-64"),
    "pip without url": (lock(pip("six", url=" ")), "it has no url"),
    "pip twice": (lock(pip("six"), pip("six", "2.0")), "it is 1.0 in line 8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_accepted_is_refused_by_line(case):
    text, reason = REFUSED[case]
    assert reasons(text) == [reason]
