# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pixi.lock in the versions that are about; rattler read the same packages out of these texts."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.pixi_lock import read_pixi_lock

SIX_SHA256 = "fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726"
WHEEL_SHA256 = "0a0544cf95f64394fe4959286f5c71f5444ad58feb0602e53becb27448d24da6"
MD5 = "d7c89558ba9fa0495403155b64376d81"

VERSION_6 = f"""\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example/main/
    indexes:
    - https://index.example/simple
    packages:
      linux-64:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
      - conda: https://conda.example/main/linux-64/zlib-1.3.1-h0_0.conda
      - pypi: https://files.example/ab/my_wheel-1.0-py3-none-any.whl
      osx-arm64:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
  test:
    channels:
    - url: https://conda.example/main/
    packages:
      linux-64:
      - conda: https://conda.example/main/linux-64/zlib-1.3.1-h0_0.conda
packages:
- conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
  sha256: {SIX_SHA256}
  md5: {MD5}
  depends:
  - python
  license: MIT
  size: 14259
- conda: https://conda.example/main/linux-64/zlib-1.3.1-h0_0.conda
  sha256: {SIX_SHA256}
  md5: {MD5}
- pypi: https://files.example/ab/my_wheel-1.0-py3-none-any.whl
  name: my-wheel
  version: '1.0'
  sha256: {WHEEL_SHA256}
"""

VERSION_5 = f"""\
version: 5
environments:
  default:
    channels:
    - url: https://conda.example/main/
    packages:
      linux-64:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
      - pypi: https://files.example/ab/my_wheel-1.0-py3-none-any.whl
packages:
- kind: conda
  name: six
  version: 1.15.0
  build: pyhd_0
  subdir: noarch
  noarch: python
  url: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
  sha256: {SIX_SHA256}
  md5: {MD5}
- kind: pypi
  name: my-wheel
  version: '1.0'
  url: https://files.example/ab/my_wheel-1.0-py3-none-any.whl
  sha256: {WHEEL_SHA256}
"""

VERSION_7 = f"""\
version: 7
platforms:
- name: linux-64
- name: with-cuda
  subdir: linux-64
  virtual-packages:
  - __cuda=13
- name: graviton
  subdir: linux-aarch64
environments:
  default:
    channels:
    - url: https://conda.example/main/
    packages:
      linux-64:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
      with-cuda:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
      - conda: https://conda.example/main/linux-64/zlib-1.3.1-h0_0.conda
      graviton:
      - conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
packages:
- conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda
  sha256: {SIX_SHA256}
- conda: https://conda.example/main/linux-64/zlib-1.3.1-h0_0.conda
  md5: {MD5}
"""


def read(text, platform="linux-64", **options):
    return read_pixi_lock(text, "pixi.lock", platform, **options)


def problems(text, platform="linux-64", **options):
    with pytest.raises(InvalidArguments) as caught:
        read(text, platform, **options)
    assert "pixi.lock:" in str(caught.value)
    return [(item["line"], item["reason"]) for item in caught.value.details["problems"]]


def test_version_6():
    found = read(VERSION_6)
    assert [(item.name, item.version, item.build) for item in found.packages] == [
        ("six", "1.15.0", "pyhd_0"),
        ("zlib", "1.3.1", "h0_0"),
    ]
    assert (found.packages[0].sha256, found.packages[0].md5) == (SIX_SHA256, MD5)
    assert [item.requirement() for item in found.pip] == [f"my-wheel==1.0 --hash=sha256:{WHEEL_SHA256}"]
    assert found.channels == ("https://conda.example/main",)
    assert files.from_data(json.loads(json.dumps(found.as_data()))) == found


def test_version_5():
    found = read(VERSION_5)
    assert [(item.name, item.sha256) for item in found.packages] == [("six", SIX_SHA256)]
    assert [item.requirement() for item in found.pip] == [f"my-wheel==1.0 --hash=sha256:{WHEEL_SHA256}"]


def test_environments():
    assert [item.name for item in read(VERSION_6, environment="test").packages] == ["zlib"]
    assert problems(VERSION_6, environment="docs") == [
        (3, "it has no environment 'docs'; it has default, test"),
    ]


def test_platforms_of_version_7_have_names_of_their_own():
    assert [item.name for item in read(VERSION_7).packages] == ["six"]
    cuda = read(VERSION_7, "with-cuda")
    assert ([item.name for item in cuda.packages], cuda.platform) == (["six", "zlib"], "linux-64")
    assert read(VERSION_7, "linux-aarch64").platform == "linux-aarch64"
    # Without the plain name two platforms fit.
    ambiguous = VERSION_7.replace("- name: linux-64\n", "- name: plain\n  subdir: linux-64\n")
    ambiguous = ambiguous.replace("      linux-64:\n", "      plain:\n")
    with pytest.raises(InvalidArguments, match="name one of plain, with-cuda as the platform"):
        read(ambiguous)


def test_a_platform_that_is_not_locked_is_refused():
    reason = "the environment is locked for linux-64, osx-arm64, and the host is linux-ppc64le"
    assert problems(VERSION_6, "linux-ppc64le") == [(9, reason)]


REFUSED = {
    VERSION_6.replace("version: 6", "version: 3", 1): [(1, "its version is 3; 4, 5, 6, 7 are known")],
    VERSION_6.replace("version: 6\n", "", 1): [(1, "its version is none; 4, 5, 6, 7 are known")],
    "version: 6\n": [(1, "it has no environments")],
    VERSION_6.replace(f"  sha256: {SIX_SHA256}\n  md5: {MD5}\n  depends", "  depends"): [(22, "it has no hash")],
    VERSION_6.replace(
        "- conda: https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda\n  sha", "- conda: x\n  sha"
    ): [(10, "the lock has no hash of it below 'packages:'")],
    VERSION_6.replace("https://files.example/ab/my_wheel-1.0-py3-none-any.whl", "./my_project"): [
        (12, "it is a folder or file of the project, which the host does not have")
    ],
    VERSION_6.replace("https://conda.example/main/noarch/six-1.15.0-pyhd_0.conda", "./six"): [
        (10, "it is built from source, which no engine here does")
    ],
    VERSION_6.replace("/linux-64/zlib", "/osx-64/zlib"): [(11, "it is for osx-64, and the host is linux-64")],
    VERSION_6.replace("      - pypi: https", "      - npm: https"): [
        (12, "an entry is neither 'conda: URL' nor 'pypi: URL'")
    ],
    VERSION_6.replace("  name: my-wheel\n", ""): [(32, "it has no name")],
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_accepted_is_refused_by_line(text):
    assert problems(text) == REFUSED[text]
