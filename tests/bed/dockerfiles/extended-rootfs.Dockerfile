# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A root file system with more packages. It reaches apt's sources as the bootstrap below it did.
ARG ROOTFS
FROM $ROOTFS
ARG PACKAGES
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      -o Dpkg::Options::=--force-unsafe-io $PACKAGES \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
