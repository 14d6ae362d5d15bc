# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conda-meta/history: what was asked for, whoever wrote it."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import history, history_entry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import InstallRequest, Package, Sources
from hypothesis import given
from hypothesis import strategies as st

CONDA = """\
==> 2026-11-22 20:15:30 <==
# cmd: /opt/conda/bin/conda create -n ml python=3.11 numpy six
# conda version: 26.7.1
+conda-forge/linux-64::python-3.11.7-h0_0
+conda-forge/noarch::six-1.15.0-pyhd_0
# update specs: ['python=3.11', "numpy[version='>=1.20,<2']", 'six']
==> 2026-11-23 08:00:00 <==
# cmd: /opt/conda/bin/conda install six=1.16
-conda-forge/noarch::six-1.15.0-pyhd_0
+conda-forge/noarch::six-1.16.0-pyhd_0
# update specs: ['six=1.16']
# neutered specs: ['numpy']
==> 2026-11-23 09:00:00 <==
# cmd: /opt/conda/bin/conda remove six
-conda-forge/noarch::six-1.16.0-pyhd_0
# remove specs: ['six']
"""


def test_revisions():
    first, second, third = history.parse(CONDA)
    assert (first.date, first.conda_version) == ("2026-11-22 20:15:30", "26.7.1")
    assert first.command == "/opt/conda/bin/conda create -n ml python=3.11 numpy six"
    assert first.asked == ["python=3.11", "numpy[version='>=1.20,<2']", "six"]
    assert first.linked == ["conda-forge/linux-64::python-3.11.7-h0_0", "conda-forge/noarch::six-1.15.0-pyhd_0"]
    assert second.unlinked == ["conda-forge/noarch::six-1.15.0-pyhd_0"]
    assert third.forgotten == ["six"]


def test_what_is_asked_for_in_the_end():
    revisions = history.parse(CONDA)
    everything = {"python", "numpy", "six"}
    assert history.requested(revisions, everything) == {"python": "python=3.11", "numpy": "numpy"}
    assert history.requested(revisions[:1], everything) == {
        "python": "python=3.11",
        "numpy": "numpy[version='>=1.20,<2']",
        "six": "six",
    }
    assert history.requested(revisions, {"python"}) == {"python": "python=3.11"}


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("['python=3.11', 'six']", ["python=3.11", "six"]),
        (r'["pandas[version=\">=0.25.2,<3\"]"]', ['pandas[version=">=0.25.2,<3"]']),  # mamba
        ("python=3.7,numpy >=1,<2,six", ["python=3.7", "numpy >=1,<2", "six"]),  # conda 4.3
        ("[]", []),
        ("", []),
        ("['half", ["'half"]),
        ("[1, 2]", ["1", "2"]),
        ("['__import__(\"os\")']", ['__import__("os")']),
    ],
)
def test_lists_of_specifications_in_all_their_forms(text, specs):
    assert history.specs_in(text) == specs


def test_credentials_in_commands_are_left_out():
    text = "==> d <==\n# cmd: conda install -c https://me:pw@conda.example/t/s3cret/main six\n"
    assert history.parse(text)[0].command == "conda install -c https://conda.example/main six"


def test_no_history_and_an_empty_one(tmp_path):
    assert history.read(str(tmp_path)) == []
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "history").write_text("")
    assert history.read(str(tmp_path)) == []


def test_what_our_engine_writes_is_read():
    package = Package("six", "1.15.0", "pyhd_0", subdir="noarch", channel="https://conda.example/main")
    request = InstallRequest("/x", (package,), Sources(), "linux-64", specs=("six=1.15", "numpy>=1,<2"))
    text = history_entry.render(request, ["six-1.15.0-pyhd_0"], ["old-1-0"], "2026-11-22 20:15:30")
    (found,) = history.parse(text)
    assert found.asked == ["six=1.15", "numpy>=1,<2"]
    assert found.linked == ["https://conda.example/main/noarch::six-1.15.0-pyhd_0"]
    assert found.unlinked == ["old-1-0"]


@given(st.text(alphabet="=><# +-cmd:updates[]'\",\n\x00é", max_size=120))
def test_any_text_is_read(text):
    for revision in history.parse("==> d <==\n" + text):
        assert all(isinstance(item, str) for item in revision.asked + revision.linked)
