# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which generation to go back to and which to let go. Pure: nothing here touches the host."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError


def newest_first(generations: t.Iterable[Generation]) -> list[Generation]:
    return sorted(generations, key=lambda generation: generation.id, reverse=True)


def rollback_target(
    name: str,
    current: str,
    generations: t.Iterable[Generation],
    to: str | None = None,
    dead: t.Sequence[str] = (),
) -> str:
    """The generation that should be in use after a rollback; ``current`` itself when nothing is to be done.

    Without ``to`` an environment counts as rolled back when anything but its newest generation is in use, so that
    asking twice goes back once; else the target is the one in use when the newest was built. ``to`` is an id or an
    unambiguous beginning of one. ``dead`` are generations that are there and would not run. Raises MlstackError when
    there is nothing to go back to.
    """
    besides = f"; {', '.join(dead)} lies elsewhere than it was built, or was changed since" if dead else ""
    ordered = newest_first(generations)
    known = [generation.id for generation in ordered]
    if to:
        listed = ", ".join(known) or "none at all"
        matches = [to] if to in known else [known_id for known_id in known if known_id.startswith(to)]
        if len(matches) == 1:
            return matches[0]
        raise MlstackError(
            "no_such_generation" if not matches else "ambiguous_generation",
            wanted=f"go back to generation {to} of {name}",
            found=f"{'several' if matches else 'none'} of that name among: {listed}{besides}",
            to_fix="name one of them" if known else "build it anew with state: present",
            generations=known,
        )
    if current in known and current != known[0]:
        return current
    before = next((g.previous for g in ordered if g.id == current), "")
    for candidate in [before, *known]:
        if candidate in known and candidate != current:
            return candidate
    raise MlstackError(
        "nothing_to_roll_back_to",
        wanted=f"go back to the generation before the one in use of {name}",
        found=f"there is {'only ' + current if current in known else 'no finished generation'}{besides}",
        to_fix="build what is wanted with state: present"
        if dead
        else "raise keep, so that earlier generations stay next time",
        generations=known,
    )


def doomed(
    current: str, generations: t.Iterable[Generation], keep: int, spare: t.Collection[str] = ()
) -> list[Generation]:
    """The generations to delete, oldest first, so that ``keep`` remain, the one in use included.

    The one in use always stays, and so does everything in ``spare`` (live processes use it). Of the others the
    newest stays first (while it isn't in use, the environment counts as rolled back), then those that were in use
    before, for they are what a rollback goes to, then the rest by age.
    """
    ordered = newest_first(generations)
    by_id = {generation.id: generation for generation in ordered}
    wanted = [current] if current in by_id else []
    wanted += [generation.id for generation in ordered[:1] if generation.id != current]
    step = by_id[current].previous if current in by_id else ""
    seen: set[str] = set()
    while step in by_id and step not in seen:
        seen.add(step)
        wanted += [step] if step not in wanted else []
        step = by_id[step].previous
    wanted += [generation.id for generation in ordered if generation.id not in wanted]
    kept = {*wanted[: max(keep, 1)], *spare, current}
    return [generation for generation in reversed(ordered) if generation.id not in kept]
