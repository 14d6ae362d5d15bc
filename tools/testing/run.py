# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./test does: runs the layers of tests, prints a line for each, and closes with the number of tests.

usage: ./test [layer ...]     all layers when none is named
       ./test conda-engines CONDA=/opt/conda/bin/conda    with NAME=VALUE as variables for the tests
       ./test LANES=1         one layer after the other; without it two at a time
       ./test --list          the layers and what each one is for
A layer that this machine cannot run is skipped with the reason, and fails instead where CI=true. One that takes very
long is left out until it is asked for.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # In place of this folder, so that 'testing' and the modules of ./converge are found.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import interpreters
import locked_environment
from refusal import Refusal
from testing import lanes, layers, machine
from testing.workplace import Counts, cache_folder

OLDEST_PYTHON = (3, 11)  # of ansible-core 2.19, for which the tests are written
TAIL_LINES = 40


def main(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if arguments == ["--list"]:
        for layer in layers.LAYERS:
            print(f"{layer.name:<12} {layer.about}")
        return 0
    os.environ.update(dict(item.split("=", 1) for item in arguments if "=" in item))
    arguments = [item for item in arguments if "=" not in item]
    unknown = [name for name in arguments if name not in layers.NAMES]
    if unknown:
        print(f"test: no layer {', '.join(unknown)}; there are {', '.join(layers.NAMES)}", file=sys.stderr)
        return 2
    at_once = os.environ.get("LANES", str(lanes.LANES))
    if not at_once.isdecimal() or int(at_once) < 1:
        print(f"test: LANES is the number of layers that run at a time, not {at_once!r}", file=sys.stderr)
        return 2
    chosen = [layer for layer in layers.LAYERS if not arguments or layer.name in arguments]
    try:
        python = interpreters.find(OLDEST_PYTHON, os.environ.get("MLSTACK_PYTHON"))
        lock = os.path.join(locked_environment.CHECKOUT, "requirements-dev.lock")
        environment = locked_environment.prepare("test", lock, python, cache_folder(), say)
    except Refusal as refusal:
        print(f"test: {refusal}", file=sys.stderr)
        return 1
    with machine.Machine(say) as host:
        return run_layers(chosen, environment, host, int(at_once))


def run_layers(chosen: list[layers.Layer], environment: str, host: machine.Machine, at_once: int = lanes.LANES) -> int:
    """Run these layers, print a line as each one ends, and the totals; 0 only when nothing failed and something ran."""
    total = Counts()
    run = lanes.Lanes(environment, host, at_once)
    for outcome in run.outcomes(chosen):
        name, work = f"{outcome.layer.name:<12}", outcome.work
        print(f"{name} {outcome.verdict:<8}{outcome.seconds:7.1f} s  {work.counts}  {outcome.detail}", flush=True)
        if outcome.verdict == "FAILED":
            print(work.tail(TAIL_LINES), flush=True)
        total += work.counts
    if run.interrupted:
        print("\ninterrupted", flush=True)
        return 130
    print(f"\n{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 0 if total.passed and not total.failed else 1


def say(text: str) -> None:
    print(f"test: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
