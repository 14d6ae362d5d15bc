# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""@EXPLICIT files: what a line may be, and what it may not."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import explicit, files, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

MD5 = "d7c89558ba9fa0495403155b64376d81"
SHA256 = "fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726"
CHANNEL = "https://conda.example/main"
SIX = f"{CHANNEL}/noarch/six-1.15.0-pyhd_0.tar.bz2"
ZLIB = f"{CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda"


def read(*lines, **options):
    return explicit.read_explicit("\n".join(lines), "site.lock", "linux-64", **options)


def problems(*lines, **options):
    with pytest.raises(InvalidArguments) as caught:
        read(*lines, **options)
    return [(item["line"], item["code"]) for item in caught.value.details["problems"]]


def test_packages_with_either_hash():
    found = read("# platform: linux-64", "@EXPLICIT", f"{SIX}#{MD5}", "", "# a comment", f"{ZLIB}#sha256:{SHA256}")
    six, zlib = found.packages
    assert (six.name, six.version, six.build, six.md5, six.line) == ("six", "1.15.0", "pyhd_0", MD5, 3)
    assert (zlib.name, zlib.sha256, zlib.md5, zlib.line) == ("zlib", SHA256, "", 6)
    assert found.channels == (CHANNEL,)
    package = zlib.package()
    assert (package.subdir, package.channel, package.url, package.sha256) == ("linux-64", CHANNEL, ZLIB, SHA256)


def test_a_line_comes_back_as_it_was():
    found = read("@EXPLICIT", f"{SIX}#{MD5}", f"{ZLIB}#{SHA256}")
    assert [item.explicit() for item in found.packages] == [f"{SIX}#{MD5}", f"{ZLIB}#sha256:{SHA256}"]
    assert read("@EXPLICIT", *(item.explicit() for item in found.packages)).packages == found.packages


def test_windows_line_ends_and_a_byte_order_mark():
    text = b"\xef\xbb\xbf@EXPLICIT\r\n" + f"{SIX}#{MD5}\r\n".encode()
    assert explicit.read_explicit(text, "site.lock", "linux-64").packages[0].name == "six"


def test_a_path_on_the_host_becomes_a_file_url():
    found = read("@EXPLICIT", f"/srv/channel/noarch/six-1.15.0-pyhd_0.conda#{MD5}")
    assert found.packages[0].url == "file:///srv/channel/noarch/six-1.15.0-pyhd_0.conda"


def test_what_conda_lock_writes_for_pip():
    url = "https://files.example/six-1.16.0-py2.py3-none-any.whl"
    found = read("@EXPLICIT", f"{SIX}#{MD5}", f"# pip Flask.Thing @ {url} --hash=sha256:{SHA256}")
    assert [item.requirement() for item in found.pip] == [f"flask-thing==1.16.0 --hash=sha256:{SHA256}"]
    assert (found.pip[0].url, found.pip[0].line) == (url, 3)


def test_a_repository_stays_a_url():
    pinned = "git+https://git.example/x@0123456789012345678901234567890123456789"
    found = read("@EXPLICIT", f"# pip x @ {pinned}")
    assert found.pip[0].requirement() == f"x @ {pinned}"


def test_each_bad_line_is_told():
    lines = [
        "@EXPLICIT",
        "six==1.15.0",  # no URL
        f"{CHANNEL}/noarch/six-1.15.0.conda#{MD5}",  # no build
        f"{CHANNEL}/noarch/six-1.15.0-pyhd_0.zip#{MD5}",
        f"{SIX}#deadbeef",
        f"{CHANNEL}/osx-64/zlib-1.3.1-h0_0.conda#{MD5}",
        SIX,
        f"--prefix=/ {SIX}",
    ]
    bad, platform, hashless = "conda_bad_url", "conda_wrong_platform", "conda_hash_missing"
    assert problems(*lines) == [(2, bad), (3, bad), (4, bad), (5, bad), (6, platform), (7, hashless), (8, bad)]


def test_a_hash_may_be_missing_where_that_is_allowed():
    assert read("@EXPLICIT", SIX, require_hashes=False).packages[0].md5 == ""


def test_a_lock_of_another_platform_is_refused():
    assert problems("# platform: linux-aarch64", "@EXPLICIT", f"{SIX}#{MD5}") == [(1, "conda_wrong_platform")]


def test_one_package_in_two_versions_is_refused():
    other = f"{CHANNEL}/noarch/six-1.16.0-pyhd_0.conda#{MD5}"
    assert problems("@EXPLICIT", f"{SIX}#{MD5}", other) == [(3, "conda_lock_conflict")]
    assert len(read("@EXPLICIT", f"{SIX}#{MD5}", f"{SIX}#{MD5}").packages) == 1


def test_the_same_file_with_two_hashes_is_refused():
    assert problems("@EXPLICIT", f"{SIX}#{MD5}", f"{SIX}#{'0' * 32}") == [(3, "conda_lock_conflict")]


def test_a_file_without_the_mark_is_none():
    assert problems(f"{SIX}#{MD5}") == [(1, "conda_not_explicit")]
    assert problems("") == [(1, "conda_not_explicit")]


def test_what_is_no_text_is_refused_by_line():
    with pytest.raises(InvalidArguments, match=r"site\.lock:2: byte 0xff"):
        explicit.read_explicit(b"@EXPLICIT\n\xff", "site.lock", "linux-64")


def test_a_huge_file_is_refused_before_it_is_read():
    with pytest.raises(InvalidArguments, match="50 MB"):
        explicit.read_explicit(b"a" * 50_000_000, "site.lock", "linux-64")


def test_a_lock_survives_the_way_to_the_host():
    found = read("@EXPLICIT", f"{SIX}#{MD5}", f"# pip x @ https://files.example/x-1.tar.gz --hash=sha256:{SHA256}")
    assert files.from_data(json.loads(json.dumps(found.as_data()))) == found


@pytest.mark.parametrize(
    "text", ["", "six", "six-1.0-0", "-1.0-0.conda", "six--0.conda", "Six-1-0.conda", "a b-1-0.conda"]
)
def test_what_is_no_file_name_of_a_package_is_refused(text):
    with pytest.raises(package_url.BadPackageUrl):
        package_url.parts(text)
