#!/bin/sh
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Turn a Debian root file system that has dnf and rpm into the stand-in for a major release of Rocky Linux.
# Runs once, in the image's build.
set -eu
major=$1
base_repository=/opt/bed/repositories/rocky/$major/BaseOS/x86_64/os
debian=/usr/lib/debian.stand-in

# Tools are there under another name until their .rpm brings the public one.
while read -r path; do
    mv "$path" "$path.stand-in"
done </opt/bed/hidden-paths

# Debian keeps its rpm database in the user's home.
mkdir -p /etc/rpm /var/lib/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-bed

rm -f /etc/os-release /usr/lib/os-release /etc/debian_version /etc/issue
set --
for name in $(cat /opt/bed/preinstalled); do
    set -- "$@" "$(ls "$base_repository/$name"-[0-9]*.rpm)"
done
rpm -i --nodeps "$@"

sed -i 's/^best=.*/best=True/; s/^skip_if_unavailable=.*/skip_if_unavailable=False/' /etc/dnf/dnf.conf
printf '%s\n' "module_platform_id=platform:el$major" 'pluginpath=/usr/lib/python3/dist-packages/dnf-plugins' >>/etc/dnf/dnf.conf
ln -s dnf /usr/bin/yum

# Debian's is the same program by another name, with its notes in dpkg's folder, which goes below.
mkdir -p /var/lib/alternatives
mv /usr/bin/update-alternatives "$debian.update-alternatives"
printf '%s\n' '#!/bin/sh' "exec $debian.update-alternatives --admindir /var/lib/alternatives \"\$@\"" >/usr/sbin/alternatives
chmod 755 /usr/sbin/alternatives
ln -s alternatives /usr/sbin/update-alternatives
mkdir -p /usr/libexec
ln -s ../bin/python3 /usr/libexec/platform-python

systemctl mask systemd-udevd.service console-getty.service getty.target
systemctl disable ssh.service
ln -s ssh.service /lib/systemd/system/sshd.service

# Nothing may mistake this for a Debian machine.
mkdir -p "$debian/bin" "$debian/etc" "$debian/lib"
mv /usr/bin/apt* /usr/bin/dpkg* "$debian/bin/"
mv /etc/apt "$debian/etc/"
mv /var/lib/apt /var/lib/dpkg "$debian/lib/"
rm -rf /var/cache/apt
rpm -q rocky-release dnf curl-minimal
