# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept from audit to audit, and what says which flaws are exploited."""

from __future__ import annotations

import gzip
import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import context, files, grouped

from . import fleets

EPSS = "#model_version:v2026.03.01,score_date:2026-11-23T00:00:00Z\ncve,epss,percentile\nCVE-2023-4863,0.94,0.99\n"
KEV = {"vulnerabilities": [{"cveID": "CVE-2023-4863", "dueDate": "2023-10-04"}, {"cveID": "CVE-1"}]}


def read(folder: Path, made: str = fleets.MADE, **options: t.Any) -> context.Context:
    return context.read(str(folder), replace(fleets.small(), made=made), options)


def write(folder: Path, known: context.Context, made: str) -> None:
    fleet = replace(fleets.small(), made=made)
    paths = [files.write(str(folder), path, make()) for path, make in files.documents(fleet, ["html"], known)]
    assert [Path(path).name for path in paths] == ["audit.html", "audit-history.json"]


def test_the_day_on_which_a_flaw_was_first_seen_stays(tmp_path: Path) -> None:
    first = read(tmp_path, "2026-11-01T08:00:00Z", due_days={"critical": 7})
    write(tmp_path, first, "2026-11-01T08:00:00Z")
    later = read(tmp_path, due_days={"critical": 7, "medium": None})
    assert (later.seen(fleets.PILLOW), later.due(fleets.PILLOW)) == ("2026-11-01", "2026-11-08")
    assert later.due(fleets.JINJA) == "", "nobody set one for medium"
    assert [run["made"] for run in later.runs] == ["2026-11-01T08:00:00Z"]
    write(tmp_path, later, fleets.MADE)
    assert [run["critical"] for run in json.loads((tmp_path / context.HISTORY).read_text())["runs"]] == [1, 1]
    write(tmp_path, read(tmp_path), fleets.MADE)
    assert len(read(tmp_path).runs) == 2, "an audit of the same day takes the place of the one before"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"first_seen": {"PYSEC-2023-175": "soon"}}', '{"first_seen": 5}'])
def test_a_broken_history_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / context.HISTORY).write_text(text)
    assert read(tmp_path).seen(fleets.PILLOW) == fleets.MADE[:10]


def test_what_is_exploited_is_known_by_any_of_its_names(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "epss.csv.gz", "wt") as stream:
        stream.write(EPSS)
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    known = read(tmp_path, epss=tmp_path / "epss.csv.gz", kev=tmp_path / "kev.json")
    assert (known.chance(fleets.PILLOW), known.exploited(fleets.PILLOW)) == (0.94, "2023-10-04")
    assert (known.chance(fleets.JINJA), known.exploited(fleets.JINJA)) == (None, "")


@pytest.mark.parametrize(
    "text", ["", "no,such\n1,2\n", "{}", "[]", '{"vulnerabilities": []}', "cve,epss\nCVE-1,much\n"]
)
@pytest.mark.parametrize("name", ["epss", "kev"])
def test_a_file_that_was_named_and_says_nothing_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(MlstackError, match="fetch it again"):
        read(tmp_path, **{name: tmp_path / "file"})
    with pytest.raises(MlstackError):
        read(tmp_path, **{name: tmp_path / "nowhere"})


def test_commands_are_those_that_do_it() -> None:
    made = {item.package: item.commands for item in grouped.upgrades(grouped.flaws(fleets.small()))}
    assert made["pillow"] == [], "nothing here knows who made that environment"
    assert made["jinja2"] == [
        "ansible-playbook -i hosts.yml gpufleet.mlstack.patch -e patch_name=ml -e patch_lock=files/ml.lock"
    ]
    assert grouped.Upgrade("python3-x", "1-2", "deb").commands == ["apt-get install --only-upgrade python3-x"]
    assert grouped.Upgrade("python3-x", "1-2", "rpm").commands == ["dnf upgrade python3-x"]
