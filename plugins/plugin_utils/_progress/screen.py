# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal that keeps a picture at its lower end, while whatever is printed scrolls away above it."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import typing as t

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """Writes to a file descriptor and not through Python's streams: threads that draw would otherwise hold locks of
    streams while Ansible forks its workers, which would then wait for them for ever."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._height = 0
        self._picture: list[str] = []
        self._held = 0  # how many have asked for the terminal as it is
        self._pid = os.getpid()

    @property
    def ours(self) -> bool:
        """Whether this is the process that draws, and not a worker."""
        return os.getpid() == self._pid

    @property
    def held(self) -> bool:
        return self._held > 0

    def draw(self, picture: list[str]) -> None:
        """Show other lines at the lower end."""
        with self._lock:
            if not self._held:
                self._put(self._erasing() + self._drawing(picture))
            self._picture = picture

    def print(self, text: str) -> None:
        """Whole lines, above the picture."""
        with self._lock:
            if self._held:
                self._put(text)
            else:
                self._put(self._erasing() + text + self._drawing(self._picture))

    def hold(self) -> None:
        """Take the picture away, so that somebody can be asked something."""
        with self._lock:
            self._put(self._erasing() + _SHOW)
            self._held += 1

    def release(self) -> None:
        with self._lock:
            self._held = max(0, self._held - 1)

    def close(self) -> None:
        with self._lock:
            self._put(self._erasing() + _SHOW)
            self._picture = []
            self._held += 1

    def _erasing(self) -> str:
        height, self._height = self._height, 0
        return f"\r\x1b[{height}A\x1b[J" if height else ""

    def _drawing(self, picture: list[str]) -> str:
        self._height = len(picture)
        return _HIDE + "".join(f"{line}\x1b[K\r\n" for line in picture) if picture else ""

    def _put(self, text: str) -> None:
        left = memoryview(text.encode("utf-8", "replace"))
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], 1.0)
            except OSError:
                return  # the terminal is gone; the run goes on


class Stream:
    """Stands in for sys.stdout or sys.stderr, so that whatever Ansible prints goes above the picture."""

    def __init__(self, stream: t.Any, terminal: Terminal) -> None:
        self._stream = stream
        self._terminal = terminal
        self._begun = ""

    def write(self, text: str) -> int:
        if not self._terminal.ours:
            return int(self._stream.write(text))
        whole, newline, self._begun = (self._begun + text).rpartition("\n")
        if self._terminal.held:  # somebody is asked something, and the question may end without a line's end
            newline, self._begun = newline + self._begun, ""
        if whole or newline:
            self._terminal.print((whole + newline).replace("\n", "\r\n"))
        return len(text)

    def flush(self) -> None:
        if not self._terminal.ours:
            self._stream.flush()

    def end(self) -> t.Any:
        """The stream that was there before, for which this one stood in."""
        if self._begun:
            self._terminal.print(self._begun)
            self._begun = ""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
        return self._stream

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._stream, name)
