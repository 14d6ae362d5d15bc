#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: advisory_mirror
short_description: A mirror of advisories on the controller, checked before it is used
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Takes a zip file or a folder of advisories in the OSV format, from a URL or a path, and makes one zip file of it on
    the controller, for M(gpufleet.mlstack.dep_audit) and for carrying it to where there is no network.
  - It is checked before it takes the place of the one before. It must be about Python packages, or with O(systems)
    about those of distributions, must not have lost a tenth of its advisories or gone back by days, and must agree
    with its digest. The digest is written beside it, as C(.sha256).
  - A record that cannot be read is skipped, counted and named.
  - It runs on the controller and needs no connection to a host. Run it with C(run_once).
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  location:
    description:
      - A path or URL of a zip file, or the path of a folder, of OSV records in JSON, or in YAML as the repository of
        PyPA's advisories has them.
      - OSV's own file for Python packages is
        V(https://storage.googleapis.com/osv-vulnerabilities/PyPI/all.zip). It has the records of malicious packages.
    type: str
    required: true
  dest:
    description: The zip file on the controller. Its folder is made where it is missing.
    type: path
    required: true
  sha256:
    description:
      - The digest that the zip file must have. If not given, that in the file of its name and C(.sha256) beside it
        counts, where a path has one.
    type: str
  unverified:
    description: Whether a file from a URL is taken without O(sha256). OSV's own file changes all the time and has none.
    type: bool
    default: false
  systems:
    description:
      - Whether it is about the packages of distributions, for O(gpufleet.mlstack.dep_audit#module:system_advisories),
        instead of about Python packages. OSV has a file for each distribution, such as
        V(https://storage.googleapis.com/osv-vulnerabilities/Debian/all.zip).
    type: bool
    default: false
  max_age_days:
    description: Refuse a mirror whose newest advisory is older than this many days, or has no date.
    type: int
  canary:
    description: A release, as C(NAME==VERSION), that the mirror must know a flaw of.
    type: str
  ca_bundle:
    description: A file of certificates to trust, in PEM form.
    type: path
  token:
    description: Is sent as a bearer token to the host of O(location) alone. Keep it in a vault.
    type: str
  proxy:
    description: The URL of a proxy. Without it the variables C(https_proxy) and C(no_proxy) count.
    type: str
  seconds:
    description: The longest that a download may take.
    type: float
    default: 600.0
  megabytes:
    description: The most that a download may be.
    type: float
    default: 1024.0
  cache_dir:
    description: Where the controller keeps the databases, as for M(gpufleet.mlstack.dep_audit).
    type: str
    default: ~/.cache/gpufleet-mlstack/advisories
seealso:
  - module: gpufleet.mlstack.dep_audit
"""

EXAMPLES = r"""
- name: Fetch the advisories of Python packages
  gpufleet.mlstack.advisory_mirror:
    location: https://storage.googleapis.com/osv-vulnerabilities/PyPI/all.zip
    dest: /srv/mirror/osv/pypi.zip
    unverified: true
    max_age_days: 3
  run_once: true

- name: Take over what was carried here, with its digest beside it
  gpufleet.mlstack.advisory_mirror:
    location: /media/usb/pypi.zip
    dest: /srv/mirror/osv/pypi.zip
  run_once: true
"""

RETURN = r"""
dest:
  description: Where the mirror lies, or in check mode would lie.
  returned: success
  type: str
  sample: /srv/mirror/osv/pypi.zip
sha256:
  description: Its digest.
  returned: success
  type: str
advisories:
  description: How many advisories it has about what it is for.
  returned: success
  type: int
  sample: 31874
skipped:
  description: How many records could not be read, or not in whole.
  returned: success
  type: int
  sample: 0
date:
  description: The date of the newest advisory.
  returned: success
  type: str
  sample: "2026-11-20T08:12:00Z"
age_days:
  description: How old that is.
  returned: success
  type: int
  sample: 1
notes:
  description: What people should know, such as the names of records that were skipped.
  returned: success
  type: list
  elements: str
code:
  description: A stable word for the failure.
  returned: failed
  type: str
  sample: digest_mismatch
"""
