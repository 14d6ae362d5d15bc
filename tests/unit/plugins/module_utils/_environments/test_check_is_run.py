# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode shows is what is done, in order, and then nothing is left: over stories on a real disk."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Rules, drift
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.resource import Environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from hypothesis import given, settings
from hypothesis import strategies as st

_START = datetime(2026, 11, 22, 20, 15, 30, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Contents:
    """Names and versions; each is a file in the prefix."""

    pins: dict[str, str]

    @property
    def digest(self) -> str:
        return str(sorted(self.pins.items())).encode().hex() + "000000"

    @property
    def size(self) -> str:
        return f"{len(self.pins)} files"


@dataclass(frozen=True)
class Desired:
    root: str
    state: str
    contents: Contents = field(default_factory=lambda: Contents({}))
    absent_packages: tuple[str, ...] = ()
    keep: int = 2
    reinstall: bool = False
    adopt: bool = False
    output: str = ""
    rollback_to = ""
    force = False
    verify_files = False
    name = "ml"

    @property
    def link(self) -> str:
        return os.path.join(self.root, self.name)


class FileRules(Rules):
    def recorded(self, generation: t.Any) -> t.Any:
        return generation.record["installed"]

    def text(self, desired: t.Any, generation: t.Any) -> str:
        return "".join(f"{name}=={version}\n" for name, version in generation.record["installed"].items())


class FileEnvironments(Environments[t.Any, t.Any]):
    """Environments of plain files, which need no engine: the store, the planner and the loop are the real ones."""

    kind = "files"
    rules = FileRules()
    count = 0

    def installed_in(self, generation: t.Any) -> dict[str, str]:
        return {path.name: path.read_text() for path in Path(generation.prefix).iterdir() if path.is_file()}

    def drift_of(self, generation: t.Any, *, files: bool = False) -> tuple[str, ...]:
        return drift(generation.record["installed"], self.installed_in(generation))

    def contents(self, desired: t.Any, state: t.Any, context: t.Any) -> t.Any:
        return desired.contents if desired.state == "present" else None

    def settled(self, desired: t.Any) -> bool:
        return False

    def make_builder(self, context: t.Any) -> t.Any:
        return self

    def check(self, desired: t.Any, observed: t.Any) -> None:
        return None

    def preview(self, desired: t.Any, observed: t.Any) -> None:
        return None

    def build(self, desired: t.Any, observed: t.Any, store: Store) -> t.Any:
        pins = dict(desired.contents.pins)
        if desired.state == "absent":
            pins = {k: v for k, v in observed.installed.items() if k not in desired.absent_packages}
        FileEnvironments.count += 1
        with store.build(Contents(pins).digest, _START + timedelta(seconds=self.count)) as building:
            os.mkdir(building.prefix)
            for name, version in pins.items():
                Path(building.prefix, name).write_text(version)
            sealed = store.seal(building, {"kind": self.kind, "installed": pins})
        return sealed, {"timings": {}}


def run(desired: Desired, *, check: bool) -> t.Any:
    context = Context(Host(), None, Redactor([]), check, lambda text: None)  # type: ignore[arg-type]
    return converge(FileEnvironments({"lock_timeout": 5}), desired, context, check_mode=check)


@st.composite
def stories(draw: t.Any) -> t.Any:
    state = draw(st.sampled_from(["present", "present", "absent", "without", "rolled_back"]))
    names = st.sampled_from(["numpy", "pandas", "six"])
    contents = Contents(draw(st.dictionaries(names, st.sampled_from(["1", "2"]), min_size=1)))
    options = {
        "keep": draw(st.integers(0, 2)),
        "reinstall": state == "present" and draw(st.booleans()),
        "adopt": draw(st.booleans()),
        "output": draw(st.booleans()),
    }
    by_hand = draw(st.sampled_from(["", "", "added", "damaged", "leftover", "directory"]))
    if state == "without":
        return "absent", Contents({}), tuple(draw(st.lists(names, min_size=1, unique=True))), options, by_hand
    return state, contents, (), options, by_hand


def touch(root: str, hand: str) -> None:
    """What somebody does by hand, or a killed run leaves."""
    store = Store(root, "ml")
    state = store.observe()
    if hand == "added" and state.current:
        Path(state.current.prefix, "byhand").write_text("1")
    elif hand == "damaged" and len(state.ids) > 1:
        Path(store.path_of(state.ids[-1]), records.FILE).write_text("{")
    elif hand == "leftover" and os.path.isdir(store.place.store):
        os.makedirs(os.path.join(store.place.store, ".trash-x"), exist_ok=True)
    elif hand == "directory" and state.standing == "absent":
        os.makedirs(store.place.link)


@settings(max_examples=20)
@given(st.lists(stories(), min_size=1, max_size=6))
def test_the_actions_that_check_mode_shows_are_the_actions_done(told: t.Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "envs")
        for state, contents, without, options, hand in told:
            touch(root, hand)
            freeze = os.path.join(folder, "frozen.txt") if options["output"] else ""
            desired = Desired(root, state, contents, without, **{**options, "output": freeze})
            shown = run(desired, check=True)
            done = run(desired, check=False)
            assert (shown.error is None) == (done.error is None), (shown.error, done.error)
            if done.error is not None:
                assert shown.error.code == done.error.code
                continue
            assert shown.plan.result() == done.plan.result()
            assert (shown.changed, shown.plan.before) == (done.changed, done.plan.before)
            if not options["reinstall"]:
                assert run(desired, check=False).plan.actions == ()
