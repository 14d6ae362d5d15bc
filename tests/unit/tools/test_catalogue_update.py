# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables from sources that machines read: what is new comes in, twice changes nothing, what is odd is refused."""

from __future__ import annotations

import json
import shutil
import urllib.error
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import TABLES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import number
from ansible_collections.gpufleet.mlstack.tests.unit.tools.catalogue_documents import (
    SHIPPED,
    manifest,
    pci,
    project,
    readme,
    releases,
    rows,
    tensorflow,
    wheel,
)

import catalogue_update
from catalogue_feeds import index, reading, tables

DAY = "2027-01-02"


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A copy of the tables that may be written."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for name in (*TABLES, catalogue_update.READINGS):
        shutil.copy(SHIPPED / f"table_{name}.py", folder)
    shutil.copy(SHIPPED / "day.py", folder)
    monkeypatch.setattr(catalogue_update, "CATALOGUE", folder)
    return folder


def row(folder: Path, name: str, **key: str) -> dict[str, str]:
    [found] = [row for row in rows(folder, name) if key.items() <= row.items()]
    return found


def brought(folder: Path, name: str, text: str | bytes) -> str:
    path = folder.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def update(name: str, path: str, **options: list[str]) -> list[str]:
    """One source taken in and written; its notes."""
    changed, notes = catalogue_update.update({name: path}, DAY, **options)
    catalogue_update.write(changed)
    return notes


def refused(folder: Path, name: str, path: str) -> str:
    """Why a source is refused. Nothing is changed by it."""
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(reading.Refused) as caught:
        update(name, path)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    return str(caught.value)


@pytest.mark.parametrize("name", [*TABLES, catalogue_update.READINGS])
def test_a_table_that_is_read_is_written_as_it_was(name):
    path = SHIPPED / f"table_{name}.py"
    assert tables.read(path).text() == path.read_text(encoding="utf-8")


class TestEachSource:
    def test_a_new_branch_comes_with_what_its_number_says(self, catalogue):
        more = {"type": "new feature branch", "driver_info": [{"release_version": "625.10.01"}]}
        notes = update("driver-releases", brought(catalogue, "r.json", releases(**{"625": more})))
        new = row(catalogue, "branches", branch="625")
        assert (new["type"], new["flavours"], new["end"]) == ("new_feature", "open", "")
        assert (new["status"], new["source"]) == ("verified", "driver-releases")
        assert rows(catalogue, "branches")[-1] == new
        assert [note for note in notes if "625 is new" in note]

    def test_a_branch_that_changed_its_type_keeps_the_end_that_was_looked_up(self, catalogue):
        more = {"type": "LTS branch", "driver_info": [{"release_version": "595.58.03"}]}
        before = row(catalogue, "branches", branch="595")
        update("driver-releases", brought(catalogue, "r.json", releases(**{"595": more})))
        after = row(catalogue, "branches", branch="595")
        assert (before["type"], after["type"], after["end"]) == ("production", "lts", before["end"])

    def test_a_new_cuda_gets_the_driver_of_its_manifest(self, catalogue):
        update("cuda-redist", brought(catalogue, "m.json", manifest("13.3.9", "610.99.01")))
        new = row(catalogue, "cuda", version="13.3.9")
        assert (new["driver"], new["minor_driver"], new["source"]) == ("610.99.01", "580.65.06", "cuda-redist")
        order = [found["version"] for found in rows(catalogue, "cuda")]
        assert order[order.index("13.3.9") + 1] == "13.3.1"

    def test_a_manifest_confirms_what_stood_by_hand(self, catalogue):
        assert row(catalogue, "cuda", version="12.8.2")["source"] == "runfile-list"
        update("cuda-redist", brought(catalogue, "m.json", manifest("12.8.2", "570.211.01")))
        after = row(catalogue, "cuda", version="12.8.2")
        assert (after["driver"], after["status"], after["source"]) == ("570.211.01", "verified", "cuda-redist")

    def test_a_driver_that_only_comes_along_is_no_minimum(self, catalogue):
        folder = catalogue.parent / "manifests"
        folder.mkdir()
        (folder / "a.json").write_text(manifest("12.8.0", "570.86.10"))
        (folder / "b.json").write_text(manifest("13.9.0", None))
        (folder / "c.json").write_text(manifest("13.1.1", "590.48.01"))
        notes = update("cuda-redist", str(folder))
        assert row(catalogue, "cuda", version="12.8.0")["driver"] == "570.26"
        assert [note for note in notes if "CUDA 13.9.0 brings no driver" in note]

    def test_families_are_drawn_around_chips(self, catalogue):
        update("pci-ids", brought(catalogue, "pci.ids", pci()))
        assert update("pci-ids", brought(catalogue, "pci.ids", pci("3345  GB202 [New]"))) == []
        assert row(catalogue, "families", id_from="3300")["capability"] == "12.0"
        assert row(catalogue, "families", id_from="3300")["status"] == "secondary"

    def test_a_chip_amid_others_parts_their_family(self, catalogue):
        update("pci-ids", brought(catalogue, "pci.ids", pci("1e55  GA102 [Odd one]")))
        drawn = [(found["id_from"], found["id_to"], found["capability"]) for found in rows(catalogue, "families")]
        there = next(place for place, found in enumerate(drawn) if found[0] <= "1e55" <= found[1])
        assert [found[2] for found in drawn[there - 1 : there + 2]] == ["7.5", "8.6", "7.5"]
        assert all(before[1] < after[0] for before, after in zip(drawn, drawn[1:]))

    def test_a_product_of_the_open_modules_gets_its_family(self, catalogue):
        folder = catalogue.parent / "readmes"
        folder.mkdir()
        new = "NVIDIA GeForce RTX 5099                  | 2BFE"
        (folder / "1.md").write_text(readme("595.45.04"))
        (folder / "2.md").write_text(readme("595.99.02", new))
        (folder / "3.md").write_text(readme("620.10.01"))
        (folder / "4.md").write_text(readme("620.20.02", new, "NVIDIA X9 | 29FE 10DE 1111"))
        notes = update("open-modules", str(folder))
        added = row(catalogue, "gpus", id="2bfe")
        assert (added["product"], added["capability"], added["modules"]) == ("GeForce RTX 5099", "12.0", "open")
        assert (added["drivers"], added["class"], added["status"]) == ("595.99.02 620.20.02", "consumer", "derived")
        assert row(catalogue, "gpus", id="29fe")["class"] == "datacenter"
        assert [note for note in notes if "29fe X9 is new: look up whether it has NVSwitches" in note]
        assert [found["id"] for found in rows(catalogue, "gpus")] == sorted(
            found["id"] for found in rows(catalogue, "gpus")
        )

    def test_a_wheel_for_other_gpus_gets_a_row_of_its_own(self, catalogue):
        built = {"is_cuda_build": True, "cuda_version": "12.9.1", "cuda_compute_capabilities": ["sm_90", "compute_120"]}
        text = f"import collections\nbuild_info = collections.OrderedDict({sorted(built.items())!r})\n"
        name = "tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl"
        update("wheels", tensorflow(catalogue, name, text))
        new = row(catalogue, "wheels", framework="tensorflow", architecture="x86_64", release_from="2.21")
        assert (new["capabilities"], new["ptx"], new["source"]) == ("9.0", "12.0", "tensorflow-wheels")
        assert row(catalogue, "frameworks", framework="tensorflow", version="2.21")["cuda"] == "12.9"

    def test_a_wheel_like_those_before_changes_nothing(self, catalogue):
        name = "tensorflow-2.20.0-cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64.whl"
        before = rows(catalogue, "wheels")
        update("wheels", tensorflow(catalogue, name, "build_info = {'is_cuda_build': False}\n"))
        assert rows(catalogue, "wheels") == before

    def test_a_wheel_of_torch_tells_its_cuda(self, catalogue):
        name = "torch-2.14.1+cu130-cp312-cp312-manylinux_2_28_x86_64.whl"
        update("wheels", wheel(catalogue, name, torch__version="__all__ = ['cuda']\ncuda: str = '13.0'\n"))
        assert row(catalogue, "frameworks", framework="torch", version="2.14", tag="cu130")["cuda"] == "13.0"
        assert [
            note
            for note in update("wheels", wheel(catalogue, name, torch__version="cuda = '13.9'\n"))
            if "13.9" in note
        ]

    def test_the_index_tells_releases_pythons_and_glibc(self, catalogue):
        folder = catalogue.parent / "index"
        folder.mkdir()
        names = ["jax-0.99.1-py3-none-any.whl", "jax-0.12.0-py3-none-any.whl", "jax-0.99.2-py3-none-any.whl"]
        (folder / "jax.json").write_text(project("jax", *names))
        plugin = "-{0}-cp3{1}-cp3{1}{2}-manylinux_2_34_x86_64.whl"
        for tag in ("cuda12", "cuda13"):
            wheels = [f"jax_{tag}_plugin{plugin.format('0.99.1', minor, '')}" for minor in (13, 14)]
            wheels.append(f"jax_{tag}_plugin{plugin.format('0.99.1', 15, 't')}")  # without the GIL
            wheels.append(f"jax_{tag}_plugin{plugin.format('0.99.3', 13, '')}")  # jax itself has no such release
            for known in rows(SHIPPED, "frameworks"):
                if (known["framework"], known["tag"]) == ("jax", tag):
                    glibc = "2_27" if number(known["version"]) >= number("0.7") else "2_17"
                    of = f"{known['newest']}-cp3{{0}}-cp3{{0}}-manylinux_{glibc}"
                    minors = [int(known[end].partition(".")[2]) for end in ("python_from", "python_to")]
                    wheels += [f"jax_{tag}_plugin-{of.format(minor)}_x86_64.whl" for minor in minors]
                    names.append(f"jax-{known['newest']}-py3-none-any.whl")
            (folder / f"{tag}.json").write_text(project(f"jax-{tag}-plugin", *wheels))
        (folder / "jax.json").write_text(project("jax", *dict.fromkeys(names)))
        notes = update("python-index", str(folder))
        found = [known for known in rows(catalogue, "frameworks") if known["version"] == "0.99"]
        assert [known["tag"] for known in found] == ["cuda13", "cuda12"]
        assert {(known["newest"], known["python_from"], known["python_to"]) for known in found} == {
            ("0.99.1", "3.13", "3.14")
        }
        assert {known["status"] for known in found} == {"derived"}
        assert row(catalogue, "glibc", framework="jax", release_from="0.99")["glibc"] == "2.34"
        assert [note for note in notes if "jax 0.99 cuda13 is new" in note]
        assert row(catalogue, "readings", source="jax-index") == {"source": "jax-index", "read": DAY, "complete": DAY}

    def test_a_patch_release_of_torch(self, catalogue):
        files = []
        for known in rows(SHIPPED, "frameworks"):
            if known["framework"] == "torch":
                first, last = (int(known[end].partition(".")[2]) for end in ("python_from", "python_to"))
                patch = "2.14.7" if known["version"] == "2.14" else known["newest"]
                files += [f"torch-{patch}-cp3{minor}-cp3{minor}-manylinux_2_28_x86_64.whl" for minor in (first, last)]
        files += ["torch-2.14.8-cp312-cp312-win_amd64.whl", "torch-2.99.0-cp312-cp312-manylinux_2_28_x86_64.whl"]
        notes = update("python-index", brought(catalogue, "torch.json", project("torch", *files)))
        new = [
            known
            for known in rows(catalogue, "frameworks")
            if (known["framework"], known["version"]) == ("torch", "2.14")
        ]
        assert {(known["newest"], known["source"]) for known in new} == {("2.14.7", "torch-index")}
        assert {known["tag"] for known in new} == {"cu126", "cu130", "cu132"}
        assert [note for note in notes if "torch 2.99 is new" in note]

    def test_a_build_of_torch_is_known_by_its_listing(self, catalogue):
        link = '<a href="/whl/cu132/torch-2.99.1%2Bcu132-cp3{0}-cp3{0}-manylinux_2_28_x86_64.whl#sha256=00">torch</a>\n'
        page = "<html>" + "".join(link.format(minor) for minor in (12, 15))
        notes = update("torch-builds", brought(catalogue, "cu132.html", page))
        new = row(catalogue, "frameworks", framework="torch", version="2.99")
        assert (new["newest"], new["cuda"], new["python_from"], new["python_to"]) == ("2.99.1", "13.2", "3.12", "3.15")
        assert (new["channel"], new["status"]) == ("stable", "derived")
        assert [note for note in notes if "look it up in RELEASE.md" in note]


class TestTwice:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (
                "driver-releases",
                releases(**{"625": {"type": "lts branch", "driver_info": [{"release_version": "625.1"}]}}),
            ),
            ("cuda-redist", manifest("13.3.9", "610.99.01")),
            ("pci-ids", pci("3345  GB202 [New]")),
            ("open-modules", readme("620.10.01", "NVIDIA GeForce RTX 5099 | 2BFE")),
        ],
    )
    def test_the_second_time_there_is_no_difference(self, catalogue, name, text):
        path = brought(catalogue, "document", text)
        update(name, path)
        assert catalogue_update.update({name: path}, DAY)[0] == {}


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("driver-releases", releases()[:-40], "only the beginning of it"),
            ("driver-releases", "[]", "is no mapping"),
            ("driver-releases", "[" * 100_000, "is no JSON"),
            ("driver-releases", '{"580": {}, "580": {}}', "has a name twice"),
            ("driver-releases", releases(**{"600": {"type": "lts branch", "driver_info": []}}), "600 has no releases"),
            (
                "driver-releases",
                releases(**{"600": {"type": "lts branch", "driver_info": [{"release_version": "580.1"}]}}),
                "580.1 is no release of branch 600",
            ),
            ("driver-releases", releases(**{'6"""': {"type": "x"}}), "is no branch"),
            ("cuda-redist", manifest('13.9.0"""\nimport os', "1.2"), "is no version"),
            ("cuda-redist", manifest("13.9.0", "610 | 5"), "is no version"),
            ("cuda-redist", manifest("13.9.0", "610.1", cuda_nvcc=None), "has no cuda_nvcc"),
            ("cuda-redist", manifest("14.0.0", "640.10"), "needs a row by hand"),
            ("pci-ids", pci()[:-30], "has lost its end"),
            ("pci-ids", "10de  NVIDIA Corporation\n\t2901  GB100\nC ff  Unassigned class\n", "there are more"),
            ("open-modules", readme("620.1.1")[:400], "products, and there are more"),
            ("open-modules", "# something else\n", "is no README"),
            ("open-modules", readme("620.1.1", 'NVIDIA """ + x | 2BFE'), "cannot be a product"),
            ("open-modules", readme("620.1.1", "NVIDIA GTX 1080 | 1B8F"), "its family is for proprietary ones"),
            (
                "open-modules",
                readme("620.1.1", without=tuple(f"2{digit}{n:02x}" for digit in "0123" for n in range(256))),
                "are gone",
            ),
            ("python-index", project("torch", "torch-2.1.0.tar.gz"), "has no wheels for Linux"),
            ("python-index", project("numpy"), "is no project"),
            ("python-index", json.dumps({"name": "torch", "files": [{}]}), "a file without a name"),
            (
                "python-index",
                project(
                    "torch",
                    "torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl",
                    "torch-2.14.0-cp311-cp311-linux_x86_64.whl",
                ),
                "torch 2.14.1 is in the table, and the index ends with 2.14.0",
            ),
            ("python-index", project("torch", "torch-2.14.1-cp311-cp311-linux_x86_64.whl"), "has lost"),
            ("torch-builds", "<html></html>", "no build of torch"),
            ("torch-builds", b"\xff\xfe", "is no text"),
            ("torch-builds", b"", "is empty"),
        ],
    )
    def test_a_source_that_is_cut_short_or_hostile_changes_nothing(self, catalogue, name, text, said):
        assert said in refused(catalogue, name, brought(catalogue, "document", text))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("build_info = __import__('os').mkdir('/tmp/ran')\n", "is not written out"),
            ("build_info = {'is_cuda_build': True}\n", "has code for no GPU"),
            ("build_info = {'cuda_version': '12'}\n", "does not say whether it is for CUDA"),
            ("build_info = {", "cannot be read"),
            ("", "does not say build_info"),
            ("build_info = {'is_cuda_build': True, 'cuda_compute_capabilities': ['sm_x']}\n", "is no capability"),
        ],
    )
    def test_what_a_wheel_says_is_read_and_never_run(self, catalogue, text, said):
        path = tensorflow(catalogue, "tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl", text)
        assert said in refused(catalogue, "wheels", path)
        assert not Path("/tmp/ran").exists()

    def test_a_part_of_a_wheel(self, catalogue):
        path = Path(tensorflow(catalogue, "tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl", "build_info = {}"))
        path.write_bytes(path.read_bytes()[:-30])
        assert "only a part of one" in refused(catalogue, "wheels", str(path))

    def test_a_source_that_lost_a_row_needs_a_word(self, catalogue):
        gone = next(
            gpu["id"] for gpu in rows(SHIPPED, "gpus") if gpu["source"] == "pci-ids" and gpu["capability"] == "12.0"
        )
        text = "".join(line for line in pci().splitlines(keepends=True) if not line.startswith(f"\t{gone}  "))
        path = brought(catalogue, "pci.ids", text)
        assert f"lost 1 rows (gpus {gone})" in refused(catalogue, "pci-ids", path)
        update("pci-ids", path, accepted=["pci-ids"])
        assert gone not in {gpu["id"] for gpu in rows(catalogue, "gpus")}

    def test_after_a_refusal_the_sources_before_it_are_not_written_either(self, catalogue, capsys):
        good = brought(catalogue, "good.json", manifest("13.3.9", "610.99.01"))
        bad = brought(catalogue, "bad.json", "{")
        before = {file.name: file.read_bytes() for file in catalogue.iterdir()}
        only = ["--only", "cuda-redist", "--only", "driver-releases", "--write"]
        code = catalogue_update.main([*only, "--from", f"driver-releases={bad}", "--from", f"cuda-redist={good}"])
        assert code == 2
        assert "Nothing was changed." in capsys.readouterr().err
        assert {file.name: file.read_bytes() for file in catalogue.iterdir()} == before

    def test_only_https_is_asked(self):
        with pytest.raises(reading.Refused, match="only HTTPS is"):
            reading.from_web("http://localhost/x")
        with pytest.raises(urllib.error.URLError, match="not HTTPS"):
            reading._HttpsOnly().redirect_request(None, None, 302, "", {}, "http://localhost/x")

    def test_what_cannot_be_reached_says_so(self, catalogue, monkeypatch, capsys):
        monkeypatch.setattr(index, "address", lambda: "https://localhost:9/simple")
        assert catalogue_update.main(["--only", "python-index"]) == 2
        assert "does not answer" in capsys.readouterr().err


class TestCommand:
    def test_it_shows_first_writes_then_and_has_nothing_more_to_say(self, catalogue, capsys, monkeypatch):
        monkeypatch.setattr(catalogue_update, "HERE", catalogue.parent / "tools")
        path = brought(catalogue, "m.json", manifest("13.3.9", "610.99.01"))
        command = ["--only", "cuda-redist", "--from", f"cuda-redist={path}", "--today", DAY]
        assert catalogue_update.main(command) == 1
        shown = capsys.readouterr().out
        assert "+13.3.9  | 610.99.01  | 580.65.06    | verified  | cuda-redist" in shown.splitlines()
        assert "13.3.9" not in (catalogue / "table_cuda.py").read_text()
        assert catalogue_update.main([*command, "--write"]) == 0
        assert row(catalogue, "cuda", version="13.3.9")["driver"] == "610.99.01"
        capsys.readouterr()
        assert catalogue_update.main(command) == 0
        assert capsys.readouterr().out == ""

    def test_it_lists_which_rows_stand_by_hand(self, capsys):
        assert catalogue_update.main(["--list"]) == 0
        listed = capsys.readouterr().out.splitlines()
        counted = {
            table: sum(int(line.split()[1]) for line in listed if line.startswith(f"{table} ")) for table in TABLES
        }
        assert counted == {table: len(rows(SHIPPED, table)) for table in TABLES}
        assert [line for line in listed if line.startswith("forward") and line.endswith("by hand")]
        assert [line for line in listed if line.startswith("families") and "pci-ids, read 20" in line]

    def test_a_source_that_is_none(self, capsys):
        with pytest.raises(SystemExit):
            catalogue_update.main(["--from", "hearsay=x"])
        assert "sources are pci-ids" in capsys.readouterr().err
