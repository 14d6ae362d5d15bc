# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest glibc for which frameworks have wheels, from a release on (their platform tags, manylinux)."""

from __future__ import annotations

TABLE = """
framework  | release_from | glibc | status   | source
torch      | 1.12         | 2.17  | memory   | memory
torch      | 2.6          | 2.28  | memory   | memory
tensorflow | 2.9          | 2.17  | verified | tensorflow-index
tensorflow | 2.21         | 2.27  | verified | tensorflow-index
jax        | 0.4          | 2.17  | verified | jax-index
jax        | 0.7          | 2.27  | verified | jax-index
"""
