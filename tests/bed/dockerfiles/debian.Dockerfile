# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian 12, the real one, in two sizes. `minimal` has Python and nothing a newcomer might lack;
# `host` is a machine: systemd, sudo, an ssh server.
ARG ROOTFS
FROM $ROOTFS AS minimal
COPY certificates/ /usr/local/share/ca-certificates/
COPY pip.conf /etc/pip.conf
COPY uv.toml /etc/uv/uv.toml
COPY apt.conf /etc/apt/apt.conf.d/90bed
# The options of the bootstrap go, apt recommends again as Debian's does.
# No fsync while unpacking, as in Debian's own container images: a container's disk is not kept.
RUN update-ca-certificates >/dev/null \
 && echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/90bed \
 && rm -rf /etc/apt/apt.conf.d/99mmdebstrap /var/lib/apt/lists/*
CMD ["sleep", "infinity"]

FROM minimal AS host
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      systemd systemd-sysv dbus sudo procps iproute2 openssh-server python3-apt \
 && systemctl mask systemd-udevd.service console-getty.service getty.target \
 && systemctl disable ssh.service \
 && rm -rf /var/lib/apt/lists/*
COPY repositories/ /opt/bed/repositories/
COPY bed.sources /etc/apt/sources.list.d/bed.sources
COPY bed.asc /etc/apt/keyrings/bed.asc
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
