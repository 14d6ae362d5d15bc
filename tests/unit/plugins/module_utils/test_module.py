# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop keeps its promises for any subject: here one that keeps words in folders."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource, run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPEC = {
    "folder": {"type": "path", "required": True},
    "words": {"type": "dict", "default": {}},
    "token": {"type": "str", "no_log": True},
    "url": {"type": "str"},
    "blob": {"type": "str"},
}


class Words(Resource[t.Any, t.Any]):
    """Each desired state is a file and its word. The word 'bad' cannot be written, 'stubborn' never stays, 'bug' is
    a defect.
    """

    left_out = ("blob",)

    def __init__(self) -> None:
        self.locked: list[str] = []
        self.meanwhile: dict[str, str] = {}

    def all_desired(self, params, context):
        if "refuse" in params["words"]:
            raise MlstackError("refused", wanted="w", found=f"found {params['url']}", to_fix="t")
        return [(os.path.join(params["folder"], name), word) for name, word in params["words"].items()]

    def title(self, desired):
        return os.path.basename(desired[0])

    def observe(self, desired, context: Context):
        return context.host.read_text(desired[0])

    def plan(self, desired, observed):
        if observed == desired[1]:
            return Plan()
        step = Action("write", desired[0], f"write {desired[1]}")
        return Plan((step,), (observed or "",), (desired[1],), {"was": observed})

    @contextlib.contextmanager
    def lock(self, desired, context):
        self.locked.append(desired[0])
        if desired[0] in self.meanwhile:  # somebody else was faster
            with open(desired[0], "w") as stream:
                stream.write(self.meanwhile[desired[0]])
        yield

    def handlers(self, desired, context):
        def write(actions, change):
            if desired[1] == "bad":
                raise MlstackError("cannot", wanted="w", found="f", to_fix="t", hint=context.redactor.text("x"))
            if desired[1] == "bug":
                raise KeyError(f"https://u:secretword@host/{desired[1]}")
            with open(desired[0], "w") as stream:
                stream.write("other" if desired[1] == "stubborn" else desired[1])
            change.facts["written"] = True

        return {"write": write}

    def describe(self, desired, observed):
        return {"word": observed}

    def result(self, outcomes: list[Outcome[t.Any]]):
        return {"files": [{"name": self.title(o.desired), "changed": o.changed, **o.details} for o in outcomes]}


def run(folder, words, *, check=False, diff=False, subject=None, **more):
    """What the module prints, and its exit status."""
    arguments = {"folder": str(folder), "words": words, **more}
    arguments |= {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": str(folder)}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", given, raising=False)
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit) as ended:
            run_module(subject or Words(), SPEC)
    result = json.loads(out.getvalue().splitlines()[-1])
    return result, ended.value.code


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    # The system log of this machine is none of a unit test's business.
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda *arguments, **options: None)


words = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y"]), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(words, words)
def test_check_mode_foretells_what_the_run_does_and_the_second_run_does_nothing(tmp_path, before, wanted):
    for name in content(tmp_path):
        os.unlink(tmp_path / name)
    run(tmp_path, before)
    start = content(tmp_path)
    foretold, _status = run(tmp_path, wanted, check=True, diff=True)
    assert content(tmp_path) == start
    done, code = run(tmp_path, wanted, diff=True)
    assert code == 0
    for key in ("changed", "plan", "diff"):
        assert foretold[key] == done[key]
    assert content(tmp_path) == {**start, **wanted}
    again, _status = run(tmp_path, wanted, diff=True)
    assert (again["changed"], again["plan"], again["diff"]) == (False, [], [])


def test_one_desired_state_that_fails_stops_no_other_and_all_are_told(tmp_path):
    result, code = run(tmp_path, {"a": "bad", "b": "x", "c": "bad"})
    assert code == 1 and result["failed"] and result["changed"] and result["code"] == "cannot"
    assert result["msg"] == "2 of 3 failed. [a] Wanted: w. Found: f. To fix: t. [c] Wanted: w. Found: f. To fix: t."
    assert [item["changed"] for item in result["files"]] == [False, True, False]
    assert content(tmp_path) == {"b": "x"}


def test_what_another_run_did_while_we_waited_is_not_done_again(tmp_path):
    subject = Words()
    subject.meanwhile = {str(tmp_path / "a"): "x"}
    result, _status = run(tmp_path, {"a": "x"}, subject=subject)
    assert subject.locked == [str(tmp_path / "a")]
    assert not result["changed"] and result["plan"] == []


def test_a_converged_run_takes_no_lock(tmp_path):
    run(tmp_path, {"a": "x"})
    subject = Words()
    result, _status = run(tmp_path, {"a": "x"}, subject=subject)
    assert subject.locked == [] and result["commands_run"] == 0


def test_a_change_that_does_not_hold_is_an_error(tmp_path):
    result, code = run(tmp_path, {"a": "stubborn"})
    assert code == 1 and result["code"] == "not_settled" and result["changed"]
    assert "write stubborn" in result["msg"]


def test_a_refusal_before_any_desired_state_changes_nothing(tmp_path):
    result, code = run(tmp_path, {"refuse": "x", "a": "x"}, url="https://u:secretword@host/")
    assert code == 1 and result["code"] == "refused" and not result["changed"]
    assert "secretword" not in json.dumps(result) and content(tmp_path) == {}


def test_a_defect_is_told_as_ours_and_without_secrets(tmp_path):
    result, code = run(tmp_path, {"a": "bug"})
    assert code == 1 and "defect of gpufleet.mlstack" in result["msg"] and "KeyError" in result["msg"]
    assert "secretword" not in json.dumps(result)


def test_arguments_in_the_result_hold_no_secret_and_no_files(tmp_path):
    result, _status = run(
        tmp_path, {"a": "x"}, token="tokenword", url="https://u:secretword@host/", blob="a whole file of tokenword"
    )
    shown = result["invocation"]["module_args"]
    assert shown["blob"] == "(left out)" and "host" in shown["url"]
    assert "tokenword" not in json.dumps(result) and "secretword" not in json.dumps(result)


def test_a_diff_is_only_shown_when_asked_for(tmp_path):
    assert "diff" not in run(tmp_path, {"a": "x"})[0]
    result, _status = run(tmp_path, {"a": "y"}, diff=True)
    assert result["diff"][0]["prepared"] == "a: write y\n"
    assert (result["diff"][1]["before"], result["diff"][1]["after"]) == ("x\n", "y\n")
