# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the result of a task tells the summary."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Thing, read


def test_our_sentence_is_taken_apart():
    msg = "Wanted: numpy 9. Found: the index has 1.26. To fix: ask for 1.26."
    told = read({"msg": msg, "code": "no_such_version"}, "failed")
    assert told.code == "no_such_version"
    assert told.sentences == (Sentence("the index has 1.26", "numpy 9", "ask for 1.26"),)


def test_several_failures_of_one_task_are_several_sentences():
    msg = "2 of 3 failed. [ml] Wanted: a. Found: b. To fix: c. [dev] Wanted: d. Found: e. To fix: f."
    assert [(s.title, s.found, s.to_fix) for s in read({"msg": msg}, "failed").sentences] == [
        ("ml", "b", "c"),
        ("dev", "e", "f"),
    ]


@pytest.mark.parametrize("hidden", [{"censored": "hidden"}, {"_ansible_no_log": True, "msg": "s3cret"}])
def test_what_no_log_hides_stays_hidden(hidden):
    assert "s3cret" not in repr(read({**hidden, "warnings": ["s3cret"]}, "failed"))
    assert read(hidden, "failed").sentences[0].found == "the output is hidden because of no_log"


def test_a_hidden_item_of_a_loop_stays_hidden():
    result = {
        "msg": "One or more items failed",
        "results": [{"failed": True, "_ansible_no_log": True, "msg": "s3cret"}],
    }
    assert "s3cret" not in repr(read(result, "failed"))


def test_of_a_loop_it_is_the_item_that_failed():
    items = [{"msg": "fine"}, {"failed": True, "msg": "Wanted: a. Found: b. To fix: c.", "code": "x"}]
    told = read({"msg": "One or more items failed", "results": items}, "failed")
    assert (told.code, told.sentences) == ("x", (Sentence("b", "a", "c"),))


def test_refused_variables_are_one_sentence_without_the_specification():
    result = {
        "argument_errors": ["value of python_envs_engine must be one of: auto, uv, pip, got: uvx"],
        "argument_spec_data": {"python_envs_list": {"type": "list"}},
        "validate_args_context": {
            "name": "python_envs",
            "path": "/c/ansible_collections/gpufleet/mlstack/roles/python_envs",
        },
        "msg": "Validation of arguments failed:\n...",
    }
    told = read(result, "failed")
    assert told.code == "invalid_variables"
    assert told.sentences == (
        Sentence(
            "value of python_envs_engine must be one of: auto, uv, pip, got: uvx",
            to_fix="correct the variable; ansible-doc -t role gpufleet.mlstack.python_envs describes each",
        ),
    )


@pytest.mark.parametrize(
    ("msg", "status", "code"),
    [
        ("Missing sudo password", "failed", "become_password"),
        ("Task failed: Premature end of stream waiting for become success. sudo: a password is required", "failed",
         "become_password"),
        ("Failed to connect to the host via ssh: ubuntu@h: Permission denied (publickey).", "unreachable", "login"),
        ("ssh: Could not resolve hostname h: Name or service not known", "unreachable", "unknown_host_name"),
        ("Failed to connect to the host via ssh: Host key verification failed.", "unreachable", "host_key"),
        ("Failed to connect to the host via ssh: Connection refused", "unreachable", "unreachable"),
        ("The module interpreter '/usr/bin/python3' was not found.", "failed", "no_python"),
    ],
)  # fmt: skip
def test_what_ansible_says_gets_a_code_and_advice(msg, status, code):
    told = read({"msg": msg}, status)
    assert told.code == code
    assert told.sentences[0].to_fix


def test_a_program_says_its_last_line():
    told = read({"msg": "non-zero return code", "rc": 2, "stderr": "noise\nno such thing\n"}, "failed")
    assert told.sentences[0].found == "non-zero return code: no such thing"


def test_of_a_module_that_died_it_is_the_end_of_the_traceback():
    told = read({"msg": "MODULE FAILURE\nSee stdout", "module_stderr": "Traceback\n  x\nKeyError: 'a'\n"}, "failed")
    assert told.sentences[0].found == "MODULE FAILURE: KeyError: 'a'"


def test_a_failure_without_words_says_so():
    assert read({}, "failed").sentences[0].found == "it failed and said nothing"


def test_debug_says_its_message_line_by_line():
    assert read({"msg": ["a", {"b": 1}]}, "ok", "ansible.builtin.debug").says == ("a", "{'b': 1}")
    assert read({"msg": "a\n  b\x1b[2J"}, "ok", "debug").says == ("a", "  b")
    assert read({"x": 1, "changed": False}, "ok", "debug").says == ("x: 1",)
    assert read({"msg": "a"}, "ok", "ansible.builtin.copy").says == ()


def test_environments_that_stand_are_told_with_their_use():
    result = {
        "environments": [
            {"name": "ml", "path": "/opt/e/ml", "generation": "g", "engine": {"name": "uv"}},
            {"name": "co", "path": "/opt/e/co", "generation": "g", "engine": {"name": "rattler"}},
            {"name": "gone", "path": "/opt/e/gone"},
            {"name": "bad", "path": "/opt/e/bad", "generation": "g", "failed": True},
        ]
    }
    assert read(result, "changed").things == (
        Thing("environment ml", "source /opt/e/ml/bin/activate"),
        Thing("environment co", "conda activate /opt/e/co, or /opt/e/co/bin/python"),
    )
    assert read(result, "changed", preview=True).things == ()


def test_a_reboot_is_due_only_where_a_result_says_so():
    assert read({}, "ok").reboot is None
    assert read({"reboot_required": True}, "ok").reboot is True
    assert read({"reboot_required": False}, "ok").reboot is False
