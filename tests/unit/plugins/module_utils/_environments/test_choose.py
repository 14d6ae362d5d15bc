# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from hypothesis import given
from hypothesis import strategies as st


def history(*steps: tuple[int, int | None]) -> list[Generation]:
    """Generations from (number, number of the one that was in use when it was built)."""
    return [
        Generation(name(number), f"/s/{name(number)}", {"previous": "" if before is None else name(before)})
        for number, before in steps
    ]


def name(number: int) -> str:
    return f"20261122T2015{number:02d}-3f9c2a"


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Generation], str]:
    """Any history that builds and rollbacks can make, with the one in use."""
    count = draw(st.integers(1, 8))
    steps = [(n, draw(st.integers(0, n - 1)) if n else None) for n in range(count)]
    gone = draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    left = [generation for n, generation in enumerate(history(*steps)) if n not in gone]
    return draw(st.permutations(left)), draw(st.sampled_from(left)).id


LINE = history((0, None), (1, 0), (2, 1), (3, 2))


def test_back_goes_to_what_was_in_use_before() -> None:
    assert choose.rollback_target("ml", name(3), LINE) == name(2)


def test_asking_twice_goes_back_once() -> None:
    assert choose.rollback_target("ml", name(2), LINE) == name(2)


def test_back_skips_the_generation_that_was_rolled_back_from() -> None:
    # 2 was bad, so 1 was in use again when 3 was built
    generations = history((0, None), (1, 0), (2, 1), (3, 1))
    assert choose.rollback_target("ml", name(3), generations) == name(1)


def test_back_takes_the_newest_that_is_left() -> None:
    assert choose.rollback_target("ml", name(3), [LINE[0], LINE[1], LINE[3]]) == name(1)


@pytest.mark.parametrize("to", [name(1), name(1)[:15]])
def test_back_to_a_named_generation(to: str) -> None:
    assert choose.rollback_target("ml", name(3), LINE, to) == name(1)


@pytest.mark.parametrize(
    ("generations", "to", "code"),
    [
        (LINE[:1], None, "nothing_to_roll_back_to"),
        ([], None, "nothing_to_roll_back_to"),
        (LINE, "2025", "no_such_generation"),
        (LINE, "2026", "ambiguous_generation"),
    ],
)
def test_what_cannot_be_gone_back_to(generations: list[Generation], to: str | None, code: str) -> None:
    with pytest.raises(MlstackError) as caught:
        choose.rollback_target("ml", generations[-1].id if generations else "", generations, to)
    assert caught.value.code == code


@given(case=histories())
def test_a_rollback_is_settled_after_one_run(case: tuple[list[Generation], str]) -> None:
    generations, current = case
    if len(generations) == 1:
        with pytest.raises(MlstackError):
            choose.rollback_target("ml", current, generations)
        return
    target = choose.rollback_target("ml", current, generations)
    assert target in [generation.id for generation in generations]
    assert choose.rollback_target("ml", target, generations) == target


@given(case=histories(), keep=st.integers(-1, 10), spare=st.sets(st.integers(0, 7).map(name)))
def test_prune_keeps_what_it_must_and_no_more(case: tuple[list[Generation], str], keep: int, spare: set[str]) -> None:
    generations, current = case
    doomed = {generation.id for generation in choose.doomed(current, generations, keep, spare)}
    left = {generation.id for generation in generations} - doomed
    assert current in left
    assert not doomed & spare
    assert len(left) >= min(max(keep, 1), len(generations))
    assert len(left - spare) <= max(keep, 1)


@given(case=histories(), keep=st.integers(2, 10))
def test_prune_leaves_the_way_back(case: tuple[list[Generation], str], keep: int) -> None:
    generations, current = case
    newest = max(generation.id for generation in generations)
    if current != newest or len(generations) == 1:
        return
    before = choose.rollback_target("ml", current, generations)
    assert before not in {generation.id for generation in choose.doomed(current, generations, keep)}


@given(case=histories(), keep=st.integers(1, 10))
def test_pruning_twice_is_pruning_once(case: tuple[list[Generation], str], keep: int) -> None:
    generations, current = case
    first = choose.doomed(current, generations, keep)
    assert choose.doomed(current, [g for g in generations if g not in first], keep) == []


def test_what_to_delete_is_oldest_first() -> None:
    assert [generation.id for generation in choose.doomed(name(3), LINE, 2)] == [name(0), name(1)]


def test_history_that_names_itself_ends() -> None:
    loop = history((0, 1), (1, 0), (2, 1))
    assert choose.doomed(name(2), loop, 3) == []
