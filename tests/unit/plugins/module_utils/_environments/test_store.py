# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

from .conftest import NOW, built, fill


def output(*argv: str, env: dict[str, str] | None = None) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout.strip()


def test_where_nothing_stands_nothing_is_made_by_looking(store: Store, tmp_path: Path) -> None:
    assert store.observe().standing == "absent"
    assert list(tmp_path.iterdir()) == []


def test_a_built_environment_is_reached_through_the_link(store: Store) -> None:
    generation = built(store)
    state = store.observe()
    assert (state.standing, state.current) == ("link", generation)
    assert state.ids == (generation.id,)
    assert state.leftovers == ()
    assert output(f"{store.place.link}/bin/tool") == "aaaaaa"
    assert generation.record["text"] == "aaaaaa"
    assert generation.record["created"] == "2026-11-22T20:15:30Z"


def test_looking_at_a_converged_environment_reads_one_record(store: Store) -> None:
    for count in range(4):
        built(store, after=count)
    opened = in_another_process(
        "import sys; sys.addaudithook(lambda event, args: print(args[0]) if event == 'open' else None)\n" + OBSERVE,
        store,
    )
    assert len([line for line in opened.splitlines() if line.endswith(records.FILE)]) == 1


OBSERVE = """
import sys
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
state = Store(sys.argv[1], 'ml').observe()
"""


def in_another_process(code: str, store: Store) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return output(sys.executable, "-c", code, store.place.root, env=environment)


@pytest.mark.parametrize("lost", ["record", "directory"])
def test_an_id_is_never_given_twice(store: Store, lost: str) -> None:
    old = built(store)
    if lost == "record":
        os.unlink(f"{old.path}/{records.FILE}")
    else:
        disk.delete(old.path)
    again = Store(store.place.root, store.place.name)
    with again.lock():
        again.clean_leftovers()
    new = built(again)  # in the same second, from the same desired state
    assert new.id > old.id
    assert again.observe().ids == (new.id,)


def test_what_is_in_use_stays_until_the_switch_even_without_its_record(store: Store) -> None:
    old = built(store)
    os.unlink(f"{old.path}/{records.FILE}")
    assert store.observe().leftovers == (old.path,)
    with pytest.raises(KeyboardInterrupt), store.lock():
        store.clean_leftovers()
        with store.build("bbbbbb", NOW):
            raise KeyboardInterrupt
    assert output(f"{store.place.link}/bin/tool") == "aaaaaa"
    new = built(store, "bbbbbb")
    assert output(f"{store.place.link}/bin/tool") == "bbbbbb"
    assert (store.observe().ids, store.observe().leftovers) == ((new.id,), ())
    assert not os.path.lexists(old.path)


def test_rights_do_not_depend_on_the_umask(store: Store) -> None:
    before = os.umask(0o077)
    try:
        generation = built(store)
    finally:
        assert os.umask(before) == 0o077, "the umask is given back"
    for path in (store.place.root, store.place.all_stores, store.place.store, generation.path, generation.prefix):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o755, path
    assert stat.S_IMODE(os.stat(f"{generation.prefix}/lib/module.py").st_mode) == 0o644
    assert stat.S_IMODE(os.stat(f"{generation.path}/bin/python").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(f"{generation.path}/{records.FILE}").st_mode) == 0o644


def test_a_build_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store.lock(), store.build("aaaaaa", NOW) as building:
        fill(building.prefix, "half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_the_old_generation_in_use(store: Store) -> None:
    old = built(store)
    with pytest.raises(RuntimeError), store.lock(), store.build("bbbbbb", NOW) as building:
        fill(building.prefix, "half")
        raise RuntimeError
    state = store.observe()
    assert (state.current, state.ids, state.leftovers) == (old, (old.id,), ())
    assert sorted(os.listdir(store.place.store)) == [old.id]


def test_a_build_that_nobody_sealed_is_not_kept(store: Store) -> None:
    with store.lock(), store.build("aaaaaa", NOW) as building:
        fill(building.prefix, "aaaaaa")
    assert not os.path.exists(building.path)


@pytest.mark.parametrize("digest", ["", "abc", "ABCDEF", "../../x", "xyzxyz"])
def test_a_digest_that_is_none_is_refused(store: Store, digest: str) -> None:
    with pytest.raises(InvalidArguments), store.lock(), store.build(digest, NOW):
        pass


def test_secrets_never_reach_the_record(tmp_path: Path) -> None:
    redactor = Redactor(["hunter22"])
    store = Store(str(tmp_path / "envs"), "ml", redactor)
    with store.lock(), store.build("aaaaaa", NOW) as building:
        os.mkdir(building.prefix)
        store.seal(building, {"index": "https://me:s3cr3t@index.example/simple", "deep": [{"x": "hunter22"}]})
    text = Path(building.path, records.FILE).read_text()
    assert "hunter22" not in text
    assert "s3cr3t" not in text
    assert "index.example" in text


def test_rollback_and_forward(store: Store) -> None:
    first, second = built(store, "aaaaaa"), built(store, "bbbbbb")
    assert second.previous == first.id
    for generation, text in ((first, "aaaaaa"), (second, "bbbbbb")):
        with store.lock():
            store.switch(generation)
        assert output(f"{store.place.link}/bin/tool") == text


def test_prune_spares_the_one_in_use_whatever_it_is_told(store: Store) -> None:
    generations = [built(store, after=count) for count in range(3)]
    with store.lock():
        deleted, spared = store.prune([item.id for item in generations])
    assert deleted == [generations[0].id, generations[1].id]
    assert spared == {}
    assert store.generations() == [generations[2]]


def test_prune_spares_what_a_process_uses(store: Store) -> None:
    old, new = built(store, "aaaaaa"), built(store, "bbbbbb")
    with subprocess.Popen([f"{old.path}/bin/python", "-c", "import time; time.sleep(60)"]) as process:
        wait_for_start(process, old.prefix)
        with store.lock():
            deleted, spared = store.prune([item.id for item in choose.doomed(new.id, store.generations(), keep=1)])
        process.kill()
    assert deleted == []
    assert f"process {process.pid} " in spared[old.id][0]
    with store.lock():
        assert store.prune([old.id])[0] == [old.id]


def wait_for_start(process: subprocess.Popen[bytes], prefix: str) -> None:
    """Until the launcher has become the interpreter."""
    for _attempt in range(500):
        if prefix in Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")[0]:
            return
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"it never became an interpreter of {prefix}")


def test_remove_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    built(store, "aaaaaa")
    built(store, "bbbbbb")
    with store.lock():
        assert len(store.remove()) == 2
    assert [str(path) for path in tmp_path.rglob("*")] == [store.place.root]


def test_remove_is_refused_while_a_process_uses_it(store: Store) -> None:
    generation = built(store)
    with subprocess.Popen(["sleep", "60"], cwd=generation.prefix) as process:
        with pytest.raises(MlstackError) as caught, store.lock():
            store.remove()
        assert store.observe().current == generation
        with store.lock():
            store.remove(force=True)
        process.kill()
    assert caught.value.code == "in_use"
    assert f"process {process.pid} (sleep 60; working directory)" in str(caught.value)


def test_environments_below_one_root_leave_each_other_alone(store: Store) -> None:
    other = Store(store.place.root, "other")
    built(store)
    kept = built(other)
    with store.lock():
        store.remove()
    assert other.observe().current == kept
    assert sorted(os.listdir(store.place.all_stores)) == ["other", "other.lock"]


@pytest.mark.parametrize(
    ("text", "word"), [("", "JSON"), ('{"schema": 1, "id"', "JSON"), ("{}", "schema"), ('{"schema": 1}', "belongs")]
)
def test_a_damaged_record_is_named_and_its_generation_replaced(store: Store, text: str, word: str) -> None:
    old = built(store, "aaaaaa")
    Path(old.path, records.FILE).write_text(text)
    state = store.observe()
    assert state.standing == "dangling"
    assert old.id in state.damage
    assert word in state.damage
    assert store.generations() == []
    new = built(store, "bbbbbb")
    with store.lock():
        assert store.prune(store.damaged())[0] == [old.id]
    assert store.observe().ids == (new.id,)


def test_a_link_to_nothing_is_dangling_and_mended(store: Store) -> None:
    generation = built(store)
    disk.delete(generation.path)
    state = store.observe()
    assert (state.standing, state.current) == ("dangling", None)
    assert generation.id in state.damage
    assert built(store, "bbbbbb") == store.observe().current


def test_a_record_of_a_newer_release_stops_everything(store: Store) -> None:
    generation = built(store)
    file = Path(generation.path, records.FILE)
    file.write_text(json.dumps({**generation.record, "schema": 99}))
    with pytest.raises(MlstackError) as caught:
        store.observe()
    assert caught.value.code == "record_newer"
    with store.lock():
        assert store.damaged() == []
    assert file.exists()


def test_leftovers_of_a_killed_run_are_seen_and_cleaned(store: Store) -> None:
    generation = built(store)
    folder = Path(store.place.store)
    (folder / "20261122T000000-cccccc" / "prefix").mkdir(parents=True)
    (folder / ".trash-x" / "deep").mkdir(parents=True)
    Path(store.place.new_link).symlink_to("nowhere")
    state = store.observe()
    assert len(state.leftovers) == 3
    assert state.current == generation
    with store.lock():
        assert sorted(store.clean_leftovers()) == sorted(state.leftovers)
    assert store.observe().leftovers == ()
    assert os.listdir(folder) == [generation.id]


def test_what_another_run_is_building_is_no_leftover(store: Store) -> None:
    with store.lock(), store.build("aaaaaa", NOW) as building:
        assert len(store.observe().leftovers) == 1, "whoever holds the lock sees it"
        seen_by_others = in_another_process(OBSERVE + "print(state.leftovers, state.busy)", store)
        assert seen_by_others == "() True"
        assert os.path.isdir(building.path)


@pytest.mark.parametrize("kind", ["directory", "file", "foreign_link"])
def test_what_is_not_ours_is_not_replaced(store: Store, kind: str) -> None:
    link = Path(store.place.link)
    link.parent.mkdir()
    if kind == "directory":
        link.mkdir()
    elif kind == "file":
        link.touch()
    else:
        link.symlink_to("/usr")
    assert store.observe().standing == kind
    with pytest.raises(MlstackError) as caught:
        built(store, adopt=kind == "file")
    assert caught.value.code == "occupied"
    assert store.observe().standing == kind
    with store.lock():
        store.remove()
    assert store.observe().standing == kind
