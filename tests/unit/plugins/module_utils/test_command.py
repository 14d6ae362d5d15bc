# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are run with a plain locale and a time limit, and none outlives us or tells a secret."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _command
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, Commands, last_words
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import MASK, Redactor


def test_a_run_is_counted_and_told():
    commands = Commands()
    result = commands.run(["/bin/sh", "-c", "cat; echo err >&2"], stdin="in\n")
    assert (result.ok, result.out, result.err) == (True, "in\n", "err\n")
    assert commands.count == 1 and result.seconds > 0


def test_the_locale_is_plain_and_variables_come_and_go():
    commands = Commands(environ={**os.environ, "LC_ALL": "de_DE.UTF-8", "GONE": "1"})
    shown = commands.run(["env"], env={"GONE": None, "NEW": "2"}).out.splitlines()
    assert "LC_ALL=C.UTF-8" in shown and "NEW=2" in shown
    assert not [line for line in shown if line.startswith("GONE=")]


def test_secrets_are_masked_in_output_and_arguments():
    commands = Commands(Redactor(["opensesame"]))
    result = commands.run(["/bin/sh", "-c", "echo opensesame; echo https://u:other@h >&2"])
    assert result.out == f"{MASK}\n" and result.err == f"https://{MASK}@h\n"
    assert "opensesame" not in " ".join(result.argv)


def test_a_failure_quotes_the_line_that_matters():
    commands = Commands()
    with pytest.raises(CommandError) as failed:
        commands.run(["/bin/sh", "-c", "echo begin; echo 'error: no space'; echo bye >&2; exit 3"], purpose="do it")
    assert failed.value.code == "command_failed" and failed.value.wanted == "do it"
    assert failed.value.found == "sh ended with status 3: error: no space"
    assert failed.value.details["rc"] == 3 and failed.value.details["stderr"] == "bye\n"
    assert not commands.run(["/bin/false"], check=False).ok


def test_a_missing_program_and_one_that_may_not_run(tmp_path):
    with pytest.raises(CommandError) as missing:
        Commands().run(["/nowhere/uv", "x"])
    assert missing.value.code == "command_missing" and "/nowhere/uv" in missing.value.found
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(CommandError) as refused:
        Commands().run([str(plain)])
    assert refused.value.code == "command_not_runnable"


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path):
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; wait"
    started = time.monotonic()
    with pytest.raises(CommandError) as ended:
        Commands().run(["/bin/sh", "-c", script], timeout=0.5)
    assert ended.value.code == "command_timeout" and time.monotonic() - started < 20
    assert _gone(int(note.read_text()))


def test_a_failing_run_is_repeated_while_that_may_help(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    note = tmp_path / "count"
    commands = Commands()
    script = f"echo x >> {note}; test $(wc -l < {note}) = 3"
    assert commands.run(["/bin/sh", "-c", script], retries=5).ok
    assert commands.count == 3
    with pytest.raises(CommandError):
        commands.run(["/bin/false"], retries=5, retry_if=lambda result: False)
    assert commands.count == 4


@pytest.mark.parametrize("outlives_us", [False, True])
def test_a_program_ends_with_us_unless_it_must_not(tmp_path, outlives_us):
    note = tmp_path / "pid"
    module = "ansible_collections.gpufleet.mlstack.plugins.module_utils._command"
    code = (
        f"from {module} import Commands\n"
        f"Commands().run(['/bin/sh', '-c', 'echo $$ > {note}.part; mv {note}.part {note}; sleep 60'], "
        f"outlives_us={outlives_us})"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while not note.exists():
        time.sleep(0.02)
    child = int(note.read_text())
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    try:
        assert _gone(child) is not outlives_us
    finally:
        if outlives_us:
            os.killpg(child, signal.SIGKILL)


def test_a_program_that_outlives_us_may_go_on_talking(tmp_path):
    begun, done = tmp_path / "begun", tmp_path / "done"
    script = f"touch {begun}; for i in 1 2 3 4 5; do sleep 0.1; echo line; echo line >&2; done; echo x >{done}"
    code = (
        "from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands\n"
        f"Commands().run(['/bin/sh', '-c', '{script}'], outlives_us=True)"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while not begun.exists():
        time.sleep(0.02)
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    for _attempt in range(500):
        if done.exists():
            return
        time.sleep(0.02)
    raise AssertionError("it was ended in the middle")


def test_a_program_that_outlives_us_is_not_ended_when_we_lose_patience(tmp_path):
    done = tmp_path / "done"
    script = f"echo begun; echo oh >&2; sleep 1; echo x >{done}"
    with pytest.raises(CommandError) as late:
        Commands().run(["/bin/sh", "-c", script], timeout=0.5, outlives_us=True)
    assert late.value.code == "command_timeout" and "goes on" in late.value.found
    assert (late.value.details["stdout"], late.value.details["stderr"]) == ("begun\n", "oh\n")
    assert _command._going_on.pop().wait(30) == 0
    assert done.read_text() == "x\n"


def _gone(pid: int) -> bool:
    for _attempt in range(50):
        try:
            with open(f"/proc/{pid}/stat") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_the_last_words_of_a_program():
    commands = Commands()
    for script, words in {
        "echo one; echo two": "two",
        "echo 'E: broken'; echo later": "E: broken",
        "true": "it printed nothing",
    }.items():
        assert last_words(commands.run(["/bin/sh", "-c", script])) == words
