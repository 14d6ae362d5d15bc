# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports: what is written is read back as the same."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import explicit, export
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from hypothesis import given
from hypothesis import strategies as st

CHANNEL = "https://conda.example/main"
MD5 = "d7c89558ba9fa0495403155b64376d81"
SHA256 = "fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726"


def package(name, version="1.0", build="0", depends=(), **changes):
    values = {"subdir": "noarch", "channel": CHANNEL, "md5": MD5, "sha256": SHA256, **changes}
    url = changes.get("url", f"{CHANNEL}/{values['subdir']}/{name}-{version}-{build}.conda")
    return Package(name, version, build, depends=tuple(depends), **{**values, "url": url})


PACKAGES = (
    package("six", "1.15.0", "pyhd_0", ["python >=3.8"]),
    package("python", "3.11.7", "0_cpython", ["zlib >=1.2", "pip"], subdir="linux-64"),
    package("pip", "24.0", depends=["python"]),
    package("zlib", "1.3.1", "h0_0", ["__glibc >=2.17"], subdir="linux-64", sha256=""),
)


def test_an_environment_file():
    text = export.environment_yaml("ml", ["conda-forge"], ["python=3.11", "numpy<2"], ["einops==0.7.0"])
    assert text == (
        "name: ml\n"
        "channels:\n"
        "  - conda-forge\n"
        "dependencies:\n"
        "  - python=3.11\n"
        "  - numpy<2\n"
        "  - pip:\n"
        "      - einops==0.7.0\n"
    )


def test_the_variables_of_an_environment():
    text = export.environment_yaml("ml", [], ["python"], variables={"NO": "1", "A": "yes: #"})
    assert yaml.safe_load(text)["variables"] == {"A": "yes: #", "NO": "1"}


def test_an_environment_of_nothing_is_still_yaml():
    assert yaml.safe_load(export.environment_yaml("", [], [])) == {"channels": [], "dependencies": []}
    only_pip = yaml.safe_load(export.environment_yaml("x", [], [], ["six"]))
    assert only_pip["dependencies"] == [{"pip": ["six"]}]


@given(
    st.text(max_size=12),
    st.lists(st.text(min_size=1, max_size=20) | st.sampled_from(["yes", "1.0", "a: b", "a #b", "*a", "2024-01-01"])),
)
def test_any_text_is_written_so_that_yaml_reads_it_as_that_text(name, entries):
    # YAML has no way to write a lone surrogate, and no file has one.
    if any("\ud800" <= letter <= "\udfff" for text in (name, *entries) for letter in text):
        return
    found = yaml.safe_load(export.environment_yaml(name, entries, entries, entries, name))
    assert found["channels"] == entries
    assert [item for item in found["dependencies"] if isinstance(item, str)] == entries
    assert found.get("name", "") == name and found.get("prefix", "") == name


def test_exact_packages_and_what_was_asked_for():
    assert export.exact(PACKAGES) == [
        "pip=24.0=0",
        "python=3.11.7=0_cpython",
        "six=1.15.0=pyhd_0",
        "zlib=1.3.1=h0_0",
    ]
    assert export.exact(PACKAGES[:1], builds=False) == ["six=1.15.0"]
    asked = {"six": "six", "python": "python =3.11", "odd": "odd [what"}
    assert export.from_history(asked) == ["odd", "python=3.11", "six"]


def test_channels_by_how_much_came_from_them():
    other = package("x", channel="https://me:pw@conda.example/other")
    assert export.channels_of((*PACKAGES, other)) == [CHANNEL, "https://conda.example/other"]


def test_packages_come_after_those_they_need():
    names = [item.name for item in export.in_order(PACKAGES)]
    assert names.index("zlib") < names.index("python") < names.index("six")
    assert sorted(names) == ["pip", "python", "six", "zlib"]  # python and pip need each other


def test_an_explicit_list_is_read_back():
    text = export.explicit(PACKAGES, "linux-64")
    found = explicit.read_explicit(text, "x", "linux-64")
    assert {(item.url, item.sha256, item.md5) for item in found.packages} == {
        (item.url, item.sha256, "" if item.sha256 else item.md5) for item in PACKAGES
    }
    with_md5 = explicit.read_explicit(export.explicit(PACKAGES, "linux-64", hashes="md5"), "x", "linux-64")
    assert {item.md5 for item in with_md5.packages} == {MD5}


def test_no_credentials_in_exports():
    secret = "https://me:pw@conda.example/t/s3cret/main/noarch/six-1.0-0.conda"
    found = (package("six", url=secret, channel="https://me:pw@conda.example/t/s3cret/main"),)
    texts = [
        export.explicit(found, "linux-64"),
        export.conda_lock(found, "linux-64", export.channels_of(found)),
        export.environment_yaml("x", export.channels_of(found), export.exact(found)),
    ]
    assert not [text for text in texts if "s3cret" in text or "pw" in text]
    assert f"{CHANNEL}/noarch/six-1.0-0.conda" in texts[0]


def test_a_package_without_url_is_told_by_its_channel():
    text = export.explicit((package("six", url="", md5="", sha256=""),), "linux-64")
    assert text.splitlines()[-1] == f"{CHANNEL}/noarch/six-1.0-0.conda"


def test_a_conda_lock_has_the_keys_of_version_1():
    pip = [{"name": "einops", "version": "0.7.0", "url": "https://files.example/e.whl", "sha256": SHA256}]
    found = yaml.safe_load(export.conda_lock(PACKAGES, "linux-64", ["conda-forge"], pip))
    assert found["version"] == 1
    assert set(found["metadata"]) == {"content_hash", "channels", "platforms", "sources"}
    assert found["metadata"]["channels"] == [{"url": "conda-forge", "used_env_vars": []}]
    by_name = {item["name"]: item for item in found["package"]}
    assert by_name["python"]["dependencies"] == {"zlib": ">=1.2", "pip": ""}
    assert by_name["python"]["version"] == "3.11.7"
    assert by_name["zlib"]["hash"] == {"md5": MD5}
    assert (by_name["einops"]["manager"], by_name["einops"]["hash"]) == ("pip", {"sha256": SHA256})
    assert {item["platform"] for item in found["package"]} == {"linux-64"}
    assert yaml.safe_load(export.conda_lock((), "linux-64", []))["package"] == []


@pytest.mark.parametrize("name", ["yes", "NO", "~", "null", "1", "1.5", "1e3", "", " x", "x ", "-x", "?", "x:"])
def test_names_that_yaml_takes_for_something_else(name):
    text = export.environment_yaml("ml", [name], [])
    assert yaml.safe_load(text)["channels"] == [name]
