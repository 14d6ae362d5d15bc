# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

from .conftest import NOW, built, fill, killed_at


@pytest.fixture
def occupied(store: Store) -> Store:
    os.mkdir(store.place.root)
    fill(store.place.link, "by hand")
    return store


@pytest.fixture(params=["exchange", "two renames"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to move a directory aside: not every filesystem can swap two names."""
    if request.param == "two renames":
        monkeypatch.setattr(disk, "exchange", lambda one, other: False)
    return request.param


def test_a_directory_is_moved_aside_whole(occupied: Store, either_way: str) -> None:
    generation = built(occupied, adopt=True)
    state = occupied.observe()
    assert state.current == generation
    assert state.leftovers == ()
    (adopted,) = state.adopted
    assert Path(adopted, "prefix/lib/module.py").read_text() == "WHAT = 'by hand'\n"
    assert f'"from": "{occupied.place.link}"' in Path(adopted, records.FILE).read_text()


def test_what_was_adopted_is_never_deleted_nor_gone_back_to(occupied: Store) -> None:
    generation = built(occupied, adopt=True)
    (adopted,) = occupied.observe().adopted
    assert [known.id for known in occupied.generations()] == [generation.id]
    with occupied.lock():
        occupied.clean_leftovers()
        occupied.prune([item.id for item in occupied.generations()])
        occupied.remove()
    assert occupied.observe().standing == "absent"
    assert Path(adopted, "prefix/lib/module.py").exists()


def test_adopting_again_in_the_same_second(occupied: Store) -> None:
    built(occupied, adopt=True)
    os.unlink(occupied.place.link)
    fill(occupied.place.link, "by hand again")
    built(occupied, "bbbbbb", adopt=True)
    assert len(occupied.observe().adopted) == 2


def test_a_directory_in_use_is_not_moved(occupied: Store) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=occupied.place.link) as process:
        with pytest.raises(MlstackError) as caught:
            built(occupied, adopt=True)
        process.kill()
    assert caught.value.code == "in_use"
    assert f"process {process.pid} (sleep 60" in str(caught.value)
    assert occupied.observe().standing == "directory"


def test_killed_at_any_step_the_directory_or_the_new_environment_stands_there(folder: Path, either_way: str) -> None:
    step = 0
    killed = True
    while killed:
        step += 1
        store = Store(str(folder / str(step)), "ml")
        os.mkdir(store.place.root)
        fill(store.place.link, "by hand")
        with store.lock(), store.build("aaaaaa", NOW) as building:
            fill(building.prefix, "aaaaaa")
            generation = store.seal(building, {})

        def work(store: Store = store, generation: object = generation) -> None:
            adopt.adopt(store.place, generation.id, NOW + timedelta(seconds=1))  # type: ignore[attr-defined]

        killed = killed_at(step, work)
        if either_way == "exchange":
            # With one system call there is no moment at which neither stands there.
            assert Path(store.place.link, "lib/module.py").read_text() in ("WHAT = 'by hand'\n", "WHAT = 'aaaaaa'\n")
        with store.lock():
            state = store.observe()
            store.clean_leftovers()
        assert state.standing in ("directory", "link")
        assert store.observe().leftovers == ()
        if state.standing == "directory":
            assert state.adopted == ()
            assert Path(store.place.link, "lib/module.py").read_text() == "WHAT = 'by hand'\n"
        else:
            assert Path(store.observe().adopted[0], "prefix/lib/module.py").read_text() == "WHAT = 'by hand'\n"
    assert step > 10, "a dozen steps at least were cut"


def test_a_journal_that_names_a_foreign_place_moves_nothing(store: Store, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    os.makedirs(store.place.store)
    Path(store.place.journal).write_text(f'{{"aside": "{precious}", "generation": "x"}}')
    adopt.repair(store.place)
    assert precious.is_dir()
    assert store.observe().standing == "absent"
    assert store.observe().leftovers == ()
