# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dep_audit as a task: everything that can be audited, in one round trip, and what becomes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.conda_site import CondaSite
from ansible_collections.gpufleet.mlstack.tests.integration.local_fleet import LocalFleet
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import HOST_PYTHON
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Audit
      gpufleet.mlstack.dep_audit: "{{ options }}"
      register: audit
      ignore_errors: true
    - name: Keep the result
      ansible.builtin.copy:
        content: "{{ audit | to_json }}"
        dest: "{{ out }}"
        mode: "0600"
      check_mode: false
"""
BAD = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


class Place(LocalFleet):
    """One host with all kinds of environments; ``options`` are those of the task."""

    def audit(self, *words: str, **options: Any) -> dict[str, Any]:
        done = self.play("audit.yml", *words, options={**self.options(), **options}, out=str(self.folder / "out.json"))
        assert done.returncode == 0, done.stdout + done.stderr
        self.shown = done.stdout
        found: dict[str, Any] = json.loads((self.folder / "out.json").read_text())
        return found

    def options(self) -> dict[str, Any]:
        return {
            "paths": ["auto", str(self.folder / "venv"), HOST_PYTHON, str(self.folder / "nothing")],
            "roots": [str(self.root("one"))],
            "generations": "all",
            "search": [str(self.folder / "home")],
            "files": ["prod.lock"],
            "advisories": [str(self.folder / "nowhere.zip"), str(self.folder / "advisories")],
            "cache_dir": str(self.folder / "cache"),
        }


def record(identifier: str, package: str, fixed: str, *aliases: str, vector: str = "") -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": identifier,
        "aliases": list(aliases),
        "modified": "2026-11-20T10:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, index: PythonIndex, uv: str, packages: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("audited")
    site = Site(folder, index, {"executable": uv})
    site.home.mkdir()
    made = Place(folder / "fleet", site, ("one",))
    made.build("one", "alpha==1.0", "beta==1.0")
    made.build("one", "alpha==1.0")  # a second generation, for which beta is nobody's desired state
    conda = CondaSite(folder, index, {"pip_executable": uv}, channel=conda_channel.basic(), cache=folder / "packages")
    conda.apply({"name": "gpu", "packages": ["python", "bed-tool=1.0", "packaging"]}, root=str(made.root("one")))
    for path in ("venv", "home/ada/venv"):
        venv(made.folder / path, uv, index, "--index-url", index.url, "beta==1.0")
    (gamma,) = packages.glob("gamma-1.0*")
    venv(made.folder / "home/ada/venv", uv, index, gamma, "--no-deps")
    made.write("audit.yml", PLAY)
    (alpha,) = packages.glob("alpha-1.0*")
    made.write("prod.lock", f"alpha==1.0 --hash=sha256:{distributions.sha256(alpha)}\nbeta\n")
    (made.folder / "advisories").mkdir()
    for item in (
        record("PYSEC-1", "Beta", "1.1", "CVE-2026-1"),
        record("GHSA-1", "beta", "2.0", "CVE-2026-1", vector=BAD),
        record("PYSEC-2", "packaging", "9999"),
    ):
        made.write(f"advisories/{item['id']}.json", json.dumps(item))
    yield made


def venv(path: Path, uv: str, index: PythonIndex, *what: str | Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    argv = [uv, "pip", "install", "--quiet", "--offline" if "--no-deps" in what else "--no-cache"]
    subprocess.run([*argv, "--python", path / "bin" / "python", *what], check=True)


@pytest.fixture(scope="module")
def audited(place: Place) -> dict[str, Any]:
    return place.audit("-vvv", policy={"fail_on": "high"})


def one(audit: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    found = [
        item
        for item in audit["environments"]
        if item["name"] == name and all(item[key] == value for key, value in more.items())
    ]
    assert len(found) == 1, (name, more, [(item["name"], item["path"]) for item in audit["environments"]])
    return found[0]


def packages_of(item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in item["packages"]}


def test_everything_is_audited_in_one_round_trip_and_then_the_policy_fails(
    place: Place, audited: dict[str, Any]
) -> None:
    task = place.shown.partition("TASK [Audit]")[2].partition("TASK [Keep")[0]
    assert task.count("EXEC") == 1, task
    assert [(item["kind"], item["in_use"], bool(item["failed"])) for item in audited["environments"]] == [
        ("conda", True, False),
        ("venv", True, False),
        ("venv", False, False),
        ("venv", True, False),
        ("system", True, False),
        ("absent", True, True),
        ("venv", True, False),
        ("file", True, False),
    ]
    assert audited["failed"] and audited["code"] == "policy" and audited["changed"] is False
    assert any("nothing could not be audited" in reason for reason in audited["verdict"]["reasons"])
    assert "beta 1.0 has CVE-2026-1 (critical, 9.8); 2.0 ends it" in audited["msg"]
    assert one(audited, HOST_PYTHON.rpartition("/")[2])["packages"], "the Python of the system has something"


def test_findings_say_what_how_bad_what_ends_them_and_who_brought_it_in(audited: dict[str, Any]) -> None:
    now, before = one(audited, "ml", in_use=True), one(audited, "ml", in_use=False)
    assert {name: item["requested"] for name, item in packages_of(now).items()} == {"alpha": True, "beta": False}
    assert {name: item["requested"] for name, item in packages_of(before).items()} == {"alpha": True, "beta": True}
    (finding,) = now["findings"]
    assert (finding["version"], finding["path"], finding["fixed"]) == ("1.1", ["alpha", "beta"], ["2.0"])
    (finding,) = before["findings"]
    flaw = finding["flaw"]
    assert (flaw["id"], flaw["aliases"]) == ("CVE-2026-1", ["GHSA-1", "PYSEC-1"])
    assert (flaw["severity"], flaw["score"], finding["fixed"]) == ("critical", 9.8, ["2.0"])
    assert packages_of(before)["beta"]["fix"] == "2.0"


def test_conda_prefixes_have_pythons_packages_matched_and_condas_own_listed(audited: dict[str, Any]) -> None:
    gpu = one(audited, "gpu")
    found = packages_of(gpu)
    assert found["packaging"]["kind"] == "pypi" and found["packaging"]["status"] == "matched"
    assert found["packaging"]["origin"].startswith("file:") or "://" in found["packaging"]["origin"]
    assert found["python"]["kind"] == "conda" and found["python"]["status"] == "unknown"
    assert [(item["package"], item["flaw"]["severity"]) for item in gpu["findings"]] == [("packaging", "unknown")]


def test_origins_tell_the_index_and_files(place: Place, audited: dict[str, Any]) -> None:
    assert packages_of(one(audited, "ml", in_use=True))["beta"]["origin"] == place.site.index.url
    ada = one(audited, "venv", path=str(place.folder / "home/ada/venv"))
    assert packages_of(ada)["gamma"]["origin"].startswith("file:///")
    assert packages_of(ada)["gamma"]["status"] == "no_advisory"
    kinds = [(item["kind"], item["package"]) for item in ada["problems"]]
    assert kinds == [("broken_requirement", "gamma"), ("may_differ", "gamma")]


def test_the_source_that_answered_is_named_with_its_date(place: Place, audited: dict[str, Any]) -> None:
    told = audited["database"]
    assert told["source"] == f"osv {place.folder}/advisories" and told["date"] == "2026-11-20T10:00:00Z"
    assert told["advisories"] == 3 and told["age_days"] >= 0
    (note,) = audited["notes"]
    assert "nowhere.zip" in note and "The next source was used." in note


def test_check_mode_says_the_same(place: Place, audited: dict[str, Any]) -> None:
    told = place.audit("--check", policy={"fail_on": "high"})
    assert told["environments"] == audited["environments"]
    assert (told["verdict"], told["msg"], told["changed"]) == (audited["verdict"], audited["msg"], False)


def test_what_lies_on_the_host_and_what_is_not_trusted(place: Place) -> None:
    place.write("host.txt", "--index-url https://other.example/simple\nbeta==1.0\nloose>1\n")
    told = place.audit(
        paths=["auto"],
        search=[],
        generations="current",
        remote_src=True,
        files=[str(place.folder / "host.txt"), str(place.folder / "absent.txt")],
        policy={"trusted_origins": ["https://mirror.example"], "fail_on_problems": ["untrusted_origin", "unpinned"]},
    )
    lock = one(told, "host.txt")
    assert [item["package"] for item in lock["findings"]] == ["beta"]
    assert {item["kind"] for item in lock["problems"]} == {"unhashed", "unpinned", "untrusted_origin"}
    assert "No such file" in one(told, "absent.txt")["failed"]
    reasons = "\n".join(told["verdict"]["reasons"])
    assert f"ml: {place.root('one')}/ml was built from {place.site.index.url}" in reasons
    assert "host.txt names the index or channel https://other.example/simple" in reasons and "loose" in reasons


def test_the_index_that_pip_uses_tells_what_is_newer(place: Place) -> None:
    told = place.audit(paths=["auto"], search=[], files=[], generations="current", index=place.site.index.url)
    ml = one(told, "ml")
    assert told["index_asked"] and len(told["notes"]) == 1, told["notes"]
    assert {name: item["latest"] for name, item in packages_of(ml).items()} == {"alpha": "2.0", "beta": "2.0"}
    assert packages_of(ml)["beta"]["fix"] == "2.0"
    assert {item["kind"] for item in ml["problems"]} == {"outdated"}


def test_locks_that_uv_writes(place: Place, uv: str) -> None:
    project = place.folder / "project"
    project.mkdir()
    head = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.9"\n'
    (project / "pyproject.toml").write_text(f'{head}dependencies = ["alpha==1.0"]\n')
    for words in (["lock"], ["export", "--format", "pylock.toml", "--output-file", "pylock.toml"]):
        argv = [uv, *words, "--quiet", "--index-url", place.site.index.url, "--python", HOST_PYTHON]
        subprocess.run(argv, cwd=project, check=True, capture_output=True)
    for lock in ("uv.lock", "pylock.toml"):
        told = place.audit(paths=[], search=[], files=[str(project / lock)])
        (found,) = told["environments"]
        assert {item["name"]: item["version"] for item in found["packages"]} == {"alpha": "1.0", "beta": "1.1"}
        assert [(item["package"], item["fixed"]) for item in found["findings"]] == [("beta", ["2.0"])]
        assert not [item for item in found["problems"] if item["kind"] == "unhashed"], found["problems"]
        if lock == "uv.lock":
            assert found["findings"][0]["path"] == ["alpha", "beta"]


def test_an_environment_that_lost_its_generation_is_not_passed_over(place: Place) -> None:
    (place.root("one") / "lost").symlink_to(".generations/lost/20261101T000000-abcdef")
    told = place.audit(search=[], paths=["auto"], policy={})
    (place.root("one") / "lost").unlink()
    assert "To fix: run the play that builds it" in one(told, "lost")["failed"]
    assert told["failed"] and "lost could not be audited" in told["msg"]


def test_bad_options_are_refused_before_a_host_is_asked(place: Place) -> None:
    for options, words in (
        ({"policy": {"fail_on_problems": ["ugly"]}}, "no problem is called ugly"),
        ({"policy": {"ignore": [{"id": "CVE-1", "reason": "x", "expires": "soon"}]}}, "YYYY-MM-DD"),
        ({"advisories": [{"kind": "nvd", "location": "x"}]}, "the kind 'nvd'"),
        ({"colour": "red"}, "colour"),
    ):
        told = place.audit("-vvv", **options)
        task = place.shown.partition("TASK [Audit]")[2].partition("TASK [Keep")[0]
        assert told["failed"] and words in told["msg"] and "EXEC" not in task


def test_passwords_in_addresses_are_shown_nowhere(place: Place) -> None:
    secret = "gar-den-gate"
    far = {"location": f"http://ada:{secret}@127.0.0.1:1/all.zip"}
    told = place.audit(
        "-vvv", advisories=[far, str(place.folder / "advisories")], index=f"http://ada:{secret}@127.0.0.1:1"
    )
    assert len(told["notes"]) == 2 and "http://********@127.0.0.1:1" in "".join(told["notes"])
    assert secret not in place.shown and secret not in json.dumps(told)
    kept = b"".join(path.read_bytes() for path in (place.folder / "cache").rglob("*") if path.is_file())
    assert secret.encode() not in kept
