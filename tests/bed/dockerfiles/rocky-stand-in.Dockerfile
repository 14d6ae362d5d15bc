# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A stand-in for Rocky Linux: a Debian root file system whose package manager is dnf over rpm.
ARG ROOTFS
FROM $ROOTFS
LABEL gpufleet.bed.stand-in="Rocky Linux"
COPY certificates/ /usr/local/share/ca-certificates/
COPY pip.conf /etc/pip.conf
COPY uv.toml /etc/uv/uv.toml
RUN update-ca-certificates >/dev/null \
 && mkdir -p /etc/pki/tls/certs \
 && ln -s /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt
COPY repositories/ /opt/bed/repositories/
COPY rocky.repo bed.repo /etc/yum.repos.d/
COPY bed.asc /etc/pki/rpm-gpg/RPM-GPG-KEY-bed
COPY hidden-paths preinstalled become-rocky.sh /opt/bed/
ARG MAJOR
RUN sh /opt/bed/become-rocky.sh $MAJOR
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
