# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any sequence of builds, switches, rollbacks, prunes and removals, each perhaps killed at some step."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .conftest import MEMORY, built, killed_at

MAYBE_A_STEP = st.one_of(st.none(), st.integers(1, 120))


def every_record_stands_for_a_whole_generation(store: Store) -> None:
    for generation in store.generations():
        assert {*os.listdir(generation.path)} == {"prefix", "bin", "lib", "pyvenv.cfg", "mlstack.json"}
        assert {*os.listdir(f"{generation.path}/bin")} == {*os.listdir(f"{generation.prefix}/bin")}
        assert Path(generation.path, "lib/module.py").read_text() == f"WHAT = {generation.digest!r}\n"


class Environment(RuleBasedStateMachine):
    """``allowed`` are the contents that may stand there: one, or after a kill the one before and the one after."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp(dir=MEMORY)
        self.store = Store(f"{self.folder}/envs", "ml")
        self.allowed: set[str] = {""}
        self.built = 0
        self.users: list[subprocess.Popen[bytes]] = []
        self.used: set[str] = set()

    def teardown(self) -> None:
        for process in self.users:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    def do(self, step: int | None, work: Callable[[], object], after: str) -> None:
        if step is not None and killed_at(step, work):
            self.allowed |= {after}
        else:
            if step is None:
                work()
            self.allowed = {after}

    @rule(step=MAYBE_A_STEP)
    def build(self, step: int | None) -> None:
        self.built += 1
        digest = f"{self.built:06x}"
        self.do(step, lambda: built(self.store, digest, after=self.built), digest)

    @precondition(lambda self: self.store.observe().current and len(self.store.generations()) > 1)
    @rule(step=MAYBE_A_STEP)
    def roll_back(self, step: int | None) -> None:
        current = self.store.observe().current
        assert current is not None
        generations = self.store.generations()
        target = choose.rollback_target("ml", current.id, generations)
        (generation,) = [known for known in generations if known.id == target]

        def work() -> None:
            with self.store.lock(10):
                self.store.switch(generation)

        self.do(step, work, generation.digest)

    @precondition(lambda self: self.store.observe().current)
    @rule(step=MAYBE_A_STEP, keep=st.integers(1, 4))
    def prune(self, step: int | None, keep: int) -> None:
        current = self.store.observe().current
        assert current is not None

        def work() -> None:
            with self.store.lock(10):
                self.store.prune([item.id for item in choose.doomed(current.id, self.store.generations(), keep)])

        self.do(step, work, current.digest)
        if step is None:
            left = {generation.id for generation in self.store.generations()}
            assert len(left - self.used) <= keep

    @rule(step=MAYBE_A_STEP)
    def remove(self, step: int | None) -> None:
        def work() -> None:
            with self.store.lock(10):
                self.store.remove()

        if self.used & set(self.store.observe().ids):
            with pytest.raises(MlstackError, match="is used by"):
                work()
            return
        self.do(step, work, "")
        if step is None:
            assert not os.path.exists(self.store.place.all_stores)

    @precondition(lambda self: self.store.observe().current and len(self.users) < 2)
    @rule()
    def use(self) -> None:
        current = self.store.observe().current
        assert current is not None
        self.users.append(subprocess.Popen(["sleep", "600"], cwd=current.prefix))
        self.used.add(current.id)

    @rule()
    def clean(self) -> None:
        with self.store.lock(10):
            self.store.clean_leftovers()
        assert self.store.observe().leftovers == ()
        if os.path.exists(self.store.place.store):
            assert set(os.listdir(self.store.place.store)) == set(self.store.observe().ids)

    @invariant()
    def what_stands_there_is_whole(self) -> None:
        state = self.store.observe()
        if state.standing == "absent":
            assert "" in self.allowed
            return
        assert state.standing == "link", state
        assert state.current is not None
        assert state.current.digest in self.allowed
        module = Path(self.store.place.link, "lib/module.py").read_text()
        assert module == f"WHAT = {state.current.digest!r}\n"
        self.allowed = {state.current.digest}

    @invariant()
    def what_has_a_record_is_whole(self) -> None:
        every_record_stands_for_a_whole_generation(self.store)

    @invariant()
    def what_a_process_uses_is_there(self) -> None:
        assert self.used <= set(self.store.observe().ids)


Environment.TestCase.settings = settings(
    max_examples=50, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEnvironment = Environment.TestCase


@pytest.mark.parametrize("act", ["first build", "next build", "prune", "remove"])
def test_killed_at_each_single_step(folder: Path, act: str) -> None:
    step = 0
    killed = True
    while killed:
        step += 1
        store = Store(str(folder / str(step)), "ml")
        if act != "first build":
            built(store, "000001")
        if act == "prune":
            built(store, "000002", after=1)

        def work(store: Store = store) -> None:
            if act.endswith("build"):
                built(store, "000003", after=2)
                return
            with store.lock():
                if act == "remove":
                    store.remove()
                else:
                    store.prune([item.id for item in store.generations()])

        killed = killed_at(step, work)
        state = store.observe()
        possible = {
            "first build": {"", "000003"},
            "next build": {"000001", "000003"},
            "prune": {"000002"},
            "remove": {"000001", ""},
        }[act]
        assert (state.current.digest if state.current else state.standing.replace("absent", "")) in possible
        every_record_stands_for_a_whole_generation(store)
        last = built(store, "000009", after=int(timedelta(minutes=1).total_seconds()))
        with store.lock():
            store.clean_leftovers()
            _deleted, spared = store.prune([item.id for item in choose.doomed(last.id, store.generations(), keep=1)])
        assert spared == {}
        assert os.listdir(store.place.store) == [last.id]
        assert sorted(os.listdir(store.place.root)) == [".generations", "ml"]
    assert step > 20


def test_kill_really_cuts(store: Store) -> None:
    """The tests above would prove nothing if nothing were ever left half done."""
    left = set()
    step = 1
    while killed_at(step, lambda: built(store)):
        left |= set(store.observe().leftovers)
        step += 1
    assert len(left) > 5
