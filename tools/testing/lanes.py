# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layers run at the same time, and running them so."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from refusal import Refusal
from testing.layers import Layer
from testing.machine import Machine
from testing.programs import Stopped
from testing.workplace import Counts, Failed, Impossible, NotAsked, Workplace

LANES = 2  # what a machine of CI has processors for
GRACE_S = 60.0  # what an interrupted test may take to remove its hosts


@dataclass(frozen=True)
class Outcome:
    """How a layer ended: C(verdict) is ok, skipped, left out, FAILED or stopped."""

    layer: Layer
    verdict: str
    detail: str
    seconds: float
    work: Workplace


def choose(waiting: Sequence[Layer], running: Sequence[Layer], lanes: int) -> Layer | None:
    """The layer to start next; None when none may run beside C(running).

    One layer at a time works with the hosts of the bed: the bed's own tests count them, and the kernel has inotify
    instances for some twenty. Beside it goes one that computes; those that take more than one lane come last, so
    that none stands empty before the others are through.
    """
    free = lanes - sum(min(layer.lanes, lanes) for layer in running)
    on_hosts = {layer.on_hosts for layer in running}
    able = [layer for layer in waiting if min(layer.lanes, lanes) <= free and not (layer.on_hosts and True in on_hosts)]
    return min(able, key=lambda layer: (layer.lanes, layer.on_hosts in on_hosts), default=None)


class Lanes:
    """Runs layers, C(at_once) of them at a time. C(interrupted) is whether somebody ended that early."""

    def __init__(self, environment: str, host: Machine, at_once: int = LANES) -> None:
        self.environment = environment
        self.host = host
        self.at_once = at_once
        self.interrupted = False
        self._running: dict[Layer, threading.Thread] = {}
        self._ended: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()  # None: an interrupt

    def outcomes(self, layers: Sequence[Layer]) -> Iterator[Outcome]:
        """How each layer ended, as they end. An interrupt ends those that run, and no other is begun."""
        waiting = list(layers)
        with self._interrupts():
            while waiting or self._running:
                layer = choose(waiting, list(self._running), self.at_once)
                if layer is not None:
                    waiting.remove(layer)
                    self._start(layer)
                    continue
                outcome = self._next()
                if outcome is None:
                    waiting = []
                    continue
                self._running.pop(outcome.layer).join()
                yield outcome

    def _start(self, layer: Layer) -> None:
        work = Workplace(layer.name, self.environment, self.host, processes=min(layer.processes, self.at_once))
        thread = self._running[layer] = threading.Thread(
            target=lambda: self._ended.put(run_layer(layer, work)), name=layer.name
        )
        thread.start()

    def _next(self) -> Outcome | None:
        """Wait for a layer to end. None after an interrupt; a second one, or GRACE_S without an end, kills."""
        try:
            outcome = self._ended.get(timeout=GRACE_S if self.interrupted else None)
        except queue.Empty:
            self.host.programs.kill()
            return None
        if outcome is None:
            end = self.host.programs.kill if self.interrupted else self.host.programs.stop
            self.interrupted = True
            end()
        return outcome

    @contextlib.contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Have the signals that end a run put where the ends of layers are waited for."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for number, handler in before.items():
            if handler != signal.SIG_IGN:  # nohup's
                signal.signal(number, lambda *_: self._ended.put(None))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_layer(layer: Layer, work: Workplace) -> Outcome:
    """Run one layer to its end, whatever that is."""
    started = time.monotonic()
    verdict, reason = "ok", ""
    try:
        for need in layer.needs:
            need(work)
        layer.run(work)
    except Stopped:
        verdict = "stopped"
    except Impossible as exc:
        verdict, reason = ("FAILED", f"cannot run here: {exc}") if work.in_ci else ("skipped", str(exc))
        work.counts += Counts(failed=1) if work.in_ci else Counts(skipped=1)
    except NotAsked as exc:
        verdict, reason = "left out", str(exc)
        work.counts += Counts(skipped=1)
    except Exception as exc:  # of one layer: the others go on
        verdict, reason = "FAILED", str(exc)
        # A layer can fail without a failed test: what it started may not even have come that far.
        work.counts += Counts(failed=0 if work.counts.failed else 1)
        if not isinstance(exc, (Failed, Refusal)):
            reason = f"{type(exc).__name__}: {exc}"
            work.note_in_log(traceback.format_exc())
    detail = "; ".join(part for part in (reason, *work.notes) if part)
    return Outcome(layer, verdict, detail, time.monotonic() - started, work)
