# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layers ./test runs at the same time, and what becomes of them when somebody interrupts it."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import locked_environment
from testing import lanes, layers
from testing import run as runner
from testing.layers import LAYERS, Layer, bed
from testing.machine import Machine
from testing.workplace import Workplace


def nothing(work: Workplace) -> None:
    """What a layer does where only its place among others is asked for."""


def layer(name: str, *, hosts: bool = False, wide: bool = False) -> Layer:
    return Layer(name, "", nothing, (bed,) if hosts else (), lanes=2 if wide else 1)


COMPUTING, OTHER = layer("computing"), layer("other")
HOSTS, MORE_HOSTS = layer("hosts", hosts=True), layer("more", hosts=True)
WIDE = layer("wide", hosts=True, wide=True)


@pytest.mark.parametrize(
    ("waiting", "running", "at_once", "next_one"),
    [
        ([COMPUTING, OTHER], [], 2, COMPUTING),
        ([OTHER, HOSTS], [COMPUTING], 2, HOSTS),
        ([MORE_HOSTS, COMPUTING], [HOSTS], 2, COMPUTING),
        ([OTHER], [COMPUTING], 2, OTHER),
        ([MORE_HOSTS], [HOSTS], 2, None),
        ([MORE_HOSTS], [HOSTS], 5, None),
        ([OTHER], [COMPUTING, HOSTS], 2, None),
        ([OTHER], [COMPUTING], 1, None),
        ([WIDE, OTHER, HOSTS], [COMPUTING], 2, HOSTS),
        ([WIDE, OTHER], [], 2, OTHER),
        ([WIDE], [COMPUTING], 2, None),
        ([WIDE], [], 2, WIDE),
        ([OTHER], [WIDE], 2, None),
        ([WIDE], [], 1, WIDE),
        ([WIDE], [COMPUTING], 3, WIDE),
        ([], [COMPUTING], 2, None),
    ],
)
def test_what_runs_beside_what(waiting, running, at_once, next_one):
    assert lanes.choose(waiting, running, at_once) == next_one


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_every_layer_of_the_house_gets_its_turn(at_once):
    waiting, running, pairs = list(LAYERS), [], set()
    while waiting or running:
        found = lanes.choose(waiting, running, at_once)
        if found is None:
            running.pop(0)  # would raise here if layers waited for each other
            continue
        waiting.remove(found)
        running.append(found)
        pairs |= set(itertools.combinations(sorted(each.name for each in running), 2))
        assert len(running) <= at_once
        assert sum(each.on_hosts for each in running) <= 1
    assert bool(pairs) is (at_once > 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def run_layers(*chosen: Layer, at_once: int = 2) -> int:
    with Machine(print) as host:
        return runner.run_layers(list(chosen), sys.prefix, host, at_once)


def test_two_layers_run_at_the_same_time(cache, capsys):
    def meets(mine: str, other: str):
        script = (
            f"touch {cache}/{mine}; n=0; until [ -e {cache}/{other} ]; do n=$((n+1)); [ $n -lt 200 ]; sleep 0.05; done"
        )

        def run(work: Workplace) -> None:
            work.check("meets", ["sh", "-ec", script])
            work.conclude()

        return run

    assert run_layers(Layer("one", "", meets("a", "b")), Layer("two", "", meets("b", "a"))) == 0
    assert capsys.readouterr().out.endswith("\n2 passed, 0 failed, 0 skipped\n")


def test_one_at_a_time_where_that_is_asked_for():
    inside, seen = threading.Semaphore(1), []

    def alone(work: Workplace) -> None:
        assert inside.acquire(blocking=False)
        work.check("sleep", ["sleep", "0.1"])
        seen.append(work.layer)
        inside.release()

    assert run_layers(Layer("one", "", alone), Layer("two", "", alone), Layer("three", "", alone), at_once=1) == 0
    assert seen == ["one", "two", "three"]


def test_a_line_for_each_layer_as_it_ends_and_the_end_of_what_failed(capsys):
    def slow(work: Workplace) -> None:
        work.check("sleep", ["sleep", "0.5"])

    def fails(work: Workplace) -> None:
        work.check("no", ["sh", "-c", "echo the reason; exit 3"])
        work.conclude()

    def breaks(work: Workplace) -> None:
        raise RuntimeError("a fault of the layer itself")

    assert run_layers(Layer("slow", "", slow), Layer("fails", "", fails), Layer("breaks", "", breaks)) == 1
    printed = capsys.readouterr().out
    lines = [line.split()[0:2] for line in printed.splitlines() if line and not line.startswith(" ")]
    assert lines == [["fails", "FAILED"], ["breaks", "FAILED"], ["slow", "ok"], ["1", "passed,"]]
    assert "    the reason\n" in printed
    assert "RuntimeError: a fault of the layer itself" in printed and "in breaks\n" in printed
    assert printed.endswith("\n1 passed, 2 failed, 0 skipped\n")


def test_what_is_done_in_the_end_comes_after_every_layer(cache):
    order = []

    def early(work: Workplace) -> None:
        work.host.at_end(lambda: order.append(work.run(["sh", "-c", f"test -e {cache}/late"])))

    def late(work: Workplace) -> None:
        work.check("late", ["sh", "-c", f"sleep 0.5; touch {cache}/late"])

    assert run_layers(Layer("early", "", early), Layer("late", "", late)) == 0
    assert order == [0]


def test_layers_that_ask_at_once_start_one_engine(cache, monkeypatch):
    """A program that takes its time to answer stands in for docker; the second layer finds the engine running."""
    programs = cache / "bin"
    programs.mkdir()
    (programs / "docker").write_text(f"#!/bin/sh\ntest -e {cache}/engine-answers\n")
    (programs / "dockerd").write_text(
        f"#!/bin/sh\necho x >>{cache}/started; sleep 0.3; touch {cache}/engine-answers; exec sleep 60\n"
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def asks(work: Workplace) -> None:
        assert work.host.without_engine(str(cache)) == ""
        work.check("true", ["true"])

    assert run_layers(Layer("one", "", asks), Layer("two", "", asks)) == 0
    assert (cache / "started").read_text() == "x\n"


def test_a_wide_layer_spreads_its_files_over_processes(cache):
    (cache / "tests").mkdir()
    for name in "ab":
        (cache / "tests" / f"test_{name}.py").write_text(
            "import os, pathlib, time\n"
            "def test_one(): pathlib.Path(__file__ + '.1').write_text(str(os.getpid()))\n"
            "def test_two(): pathlib.Path(__file__ + '.2').write_text(str(os.getpid())); time.sleep(1)\n"
        )

    def run(work: Workplace) -> None:
        work.pytest([str(cache / "tests")])
        assert work.counts.passed == 4

    assert run_layers(Layer("wide", "", run, lanes=2, processes=2)) == 0
    a1, a2, b1, b2 = (path.read_text() for path in sorted((cache / "tests").glob("*.[12]")))
    assert a1 == a2 != b1 == b2  # a file with its hosts stays in one process


INTERRUPTED = """
import sys
sys.path.insert(0, sys.argv[1])
from testing import layers, run
from testing.machine import Machine

def sleeps(script):
    return lambda work: work.check("sleeps", ["sh", "-c", script])

def never(work):
    open(sys.argv[2] + "/never", "w").close()

here = sys.argv[2]
quick = sleeps(f"trap 'sleep 0.3; touch {here}/tidied; exit 1' INT; touch {here}/up1; while :; do sleep 0.05; done")
stubborn = sleeps(f"trap '' INT; touch {here}/up2; sleep 300 & echo $! >{here}/child; wait")
chosen = [layers.Layer("quick", "", quick), layers.Layer("other", "", stubborn if sys.argv[3] == "stubborn" else quick)]
chosen.append(layers.Layer("third", "", never))
with Machine(print) as host:
    host.at_end(lambda: host.programs.call(["touch", here + "/down"], here, {}, sys.stdout, 10))
    status = run.run_layers(chosen, sys.prefix, host)
sys.exit(status)
"""


def interrupted(cache, kind: str) -> subprocess.Popen:
    tools = os.path.join(locked_environment.CHECKOUT, "tools")
    started = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, tools, str(cache), kind],
        stdout=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore it, and so would these programs.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(cache / "up1")
    if kind == "stubborn":
        wait_for(cache / "child")
    return started


def wait_for(path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_layers_and_what_was_started_goes(cache, number):
    process = interrupted(cache, "quick")
    process.send_signal(number)
    printed = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    *lines, last = [line.split()[:2] for line in printed.splitlines() if line]
    assert sorted(lines) == [["other", "stopped"], ["quick", "stopped"]] and last == ["interrupted"]
    assert (cache / "tidied").exists() and (cache / "down").exists() and not (cache / "never").exists()


def test_a_second_interrupt_kills_what_does_not_end(cache):
    process = interrupted(cache, "stubborn")
    process.send_signal(signal.SIGINT)
    wait_for(cache / "tidied")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and (cache / "down").exists()
    child = int((cache / "child").read_text())
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False).stdout
    assert state[:1] in ("", "Z")  # gone, or waiting for its new parent to notice


def test_who_takes_both_lanes():
    wide = {each.name: each.processes for each in layers.LAYERS if each.lanes == lanes.LANES}
    assert wide == {"browser": 1, "integration": 2}  # one measures seconds, one is shared out
