# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A stand-in for Ubuntu: the Debian 12 host under Ubuntu's name. glibc, apt and Python are Debian's.
ARG DEBIAN
FROM $DEBIAN
ARG VERSION
ARG CODENAME
ARG NICKNAME
LABEL gpufleet.bed.stand-in="Ubuntu"
# base-files is held, or an upgrade would bring Debian's name back.
RUN rm -f /etc/os-release \
 && printf '%s\n' "PRETTY_NAME=\"Ubuntu $VERSION LTS\"" 'NAME="Ubuntu"' "VERSION_ID=\"$VERSION\"" \
      "VERSION=\"$VERSION LTS ($NICKNAME)\"" "VERSION_CODENAME=$CODENAME" 'ID=ubuntu' 'ID_LIKE=debian' \
      "UBUNTU_CODENAME=$CODENAME" 'VARIANT="gpufleet test bed stand-in: Debian 12 packages"' >/usr/lib/os-release \
 && ln -s ../usr/lib/os-release /etc/os-release \
 && printf '%s\n' 'DISTRIB_ID=Ubuntu' "DISTRIB_RELEASE=$VERSION" "DISTRIB_CODENAME=$CODENAME" \
      "DISTRIB_DESCRIPTION=\"Ubuntu $VERSION LTS\"" >/etc/lsb-release \
 && apt-mark hold base-files >/dev/null \
 && if [ "$VERSION" = 22.04 ]; then rm -f /usr/lib/python3*/EXTERNALLY-MANAGED; fi
