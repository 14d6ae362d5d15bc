# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode shows is what is done, in order, and then nothing is left: over stories on a real disk."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._environments.file_environments import (
    Contents,
    Desired,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st


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
