# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builders print, and what that is called. The texts are those of docker 20.10, podman 4.3 and buildah 1.28."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import failures

ERROR = MlstackError("command_failed", wanted="a", found="b", to_fix="c")


def result(text):
    return CommandResult(("docker",), 1, "", text, 0.1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Error: committing container: write /x/blob: no space left on device", "disk_full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash_mismatch"),
        ("error: Hash mismatch for `alpha==1.0`", "hash_mismatch"),
        ("E: Unable to locate package nosuch", "no_such_system_package"),
        ("Error: Unable to find a match: nosuch\nNo match for argument: nosuch", "no_such_system_package"),
        ("E: Version '9' for 'git' was not found", "no_such_system_version"),
        (
            "dial tcp: lookup mirror.example.com: Temporary failure resolving 'mirror.example.com'",
            "network_unreachable",
        ),
        ("useradd: UID 1000 is not unique", "user_not_made"),
        ("something else entirely", "build_failed"),
    ],
)
def test_builds(text, code):
    told = failures.of_build(ERROR, result(text), "demo")
    assert told.code == code
    assert "demo" in told.wanted


def test_the_name_that_was_not_found_is_in_the_advice():
    assert "nosuch" in failures.of_build(ERROR, result("E: Unable to locate package nosuch"), "demo").to_fix


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "Error response from daemon: manifest for x@sha256:0 not found: manifest unknown: manifest unknown",
            "base_unknown",
        ),
        ("Error: reading manifest sha256:0 in localhost:5000/x: manifest unknown", "base_unknown"),
        ("Error response from daemon: pull access denied for x, repository does not exist", "base_denied"),
        ('Error: short-name "x" did not resolve to an alias and no unqualified-search registries', "base_name_short"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "base_unreachable"),
    ],
)
def test_bases(text, code):
    assert failures.of_base(ERROR, result(text), "x:1").code == code
