#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dep_audit
short_description: Which known vulnerabilities and other defects the packages of Python environments have
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Audits virtual environments, conda prefixes, system Pythons, and requirement, lock and environment files.
  - The host says in one round trip what it has. The controller matches that against advisories in the OSV format, every
    distinct name and version once for the whole fleet, from a mirror that may lie on the controller.
  - It never changes a host. It fails by O(policy) and for malware, after everything was audited.
  - What was not answered, and what no database can tell of, is reported as unknown, which is never the same as safe.
  - Malware is critical, comes first, and fails the task whatever the policy says, unless an entry of
    O(policy.ignore) names its id.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  paths:
    description:
      - What to audit on the host. V(auto) stands for the environments of this collection below O(roots); all others are
        absolute paths of virtual environments, conda prefixes, or programs or prefixes of Pythons.
    type: list
    elements: str
    default: [auto]
  roots:
    description: Folders in which environments of this collection stand.
    type: list
    elements: path
    default: [/opt/mlstack/envs]
  generations:
    description: Whether only the V(current) generations are audited, or V(all), since one may be gone back to.
    type: str
    choices: [all, current]
    default: current
  search:
    description:
      - Folders below which environments of others are looked for, at most eight levels deep. Nothing of theirs is run.
    type: list
    elements: path
    default: []
  files:
    description:
      - Requirement files, C(pylock.toml), C(uv.lock), C(poetry.lock), C(pdm.lock), C(environment.yml), C(@EXPLICIT)
        lists, C(conda-lock.yml) and C(pixi.lock) on the controller, or on the host with O(remote_src). Relative paths
        are looked for as M(ansible.builtin.copy) does.
    type: list
    elements: str
    default: []
  remote_src:
    description: Whether O(files) lie on the host.
    type: bool
    default: false
  advisories:
    description:
      - Where advisories come from, tried in this order; the result names the one used, and its date.
      - Each is a path or URL of a zip file, or the path of a folder, of OSV records, or a dictionary with C(location),
        and optionally C(kind) (V(osv) for such a mirror, V(osv_api) for a service that speaks OSV's API, V(index) for a
        package index with vulnerabilities in its JSON API), C(sha256) of a zip file, and C(hours) that what was fetched
        from a URL may be used (24 if not given).
      - The address of a service is what stands before C(/v1/query), or before C(/NAME/VERSION/json). An address that
        does not exist is an error, never an answer.
      - C(canary) is a release, as C(NAME==VERSION), whose flaws a service must know before it is believed. For
        V(osv_api) it is C(jinja2==2.4.1) if not given; an V(index) is believed where its answers have a list of
        vulnerabilities.
      - C(ca_bundle) is a file of certificates to trust, C(token) is sent as a bearer token to the source alone, and
        C(proxy) is the URL of a proxy. Without them the certificates of the machine, the user and password of the URL
        or of C(~/.netrc), and the variables C(https_proxy) and C(no_proxy) count. Keep a token in a vault; it is
        in no result.
      - C(seconds) (600) and C(megabytes) (1024) are the most that everything which is asked of the source at once may
        take. A source that is busy is asked again up to four times, and as late as it says.
      - Nothing is asked by itself. Without a source the task fails, and says which there are.
        M(gpufleet.mlstack.advisory_mirror) makes a mirror. A service, such as V(https://api.osv.dev) with the kind
        V(osv_api), is told the names of all packages, those of your own among them.
    type: list
    elements: raw
    default: []
  os_packages:
    description:
      - Whether the packages of the operating system are audited, too, and NVIDIA's driver, CUDA toolkits, container
        toolkit and DCGM. V(stack) are those that Python, the driver, containers and the network are made of, V(all)
        are all that dpkg or rpm has.
      - Packages are judged by O(system_advisories), NVIDIA's products by its bulletins. Those up to the release of
        this collection are part of it; a mirror of NVIDIA's CSAF files in O(system_advisories) has the newer ones.
    type: str
    choices: [none, stack, all]
    default: none
  system_advisories:
    description:
      - Mirrors of the advisories of distributions (Debian, Ubuntu, Rocky Linux, AlmaLinux, Red Hat), in the form of
        O(advisories), a mirror for each distribution of the fleet. All of them are used.
      - A Python package that dpkg or rpm owns is judged by them alone, in its distribution's order of versions. Where
        none of them has its distribution, nothing is known of it, which is the problem V(no_advisories).
    type: list
    elements: raw
    default: []
  cache_dir:
    description: Where the controller keeps the databases.
    type: str
    default: ~/.cache/gpufleet-mlstack/advisories
  index:
    description:
      - The address of a package index with the simple API, as pip takes it. It's asked for newer versions and for
        releases that were yanked, and upgrades lead to what it has. Without it neither is known.
    type: str
  policy:
    description: What makes the task fail. Without it, nothing does.
    type: dict
    suboptions:
      fail_on:
        description: Fail where a finding is at least this bad. Malware fails in any case.
        type: str
        choices: [low, medium, high, critical]
      fail_on_unknown:
        description:
          - Whether to fail on findings whose severity no source tells, and on packages and lines of files of which
            nothing is known (V(broken_metadata), V(no_advisories), V(not_answered), V(not_audited), V(undecided),
            V(unknown_package) and V(unpinned)).
        type: bool
        default: false
      max_age_days:
        description:
          - Fail where the newest advisory of a mirror, or the answer of a service, is older than this many days, or its
            date is not known.
        type: int
      fail_on_problems:
        description:
          - Kinds of problems to fail on. V(all) stands for every kind.
          - The kinds are V(broken_metadata), V(broken_requirement), V(licence_denied), V(may_differ),
            V(no_advisories), V(not_answered), V(not_audited), V(outdated),
            V(undecided), V(unhashed), V(unknown_package), V(unpinned), V(unreadable_requirement),
            V(untrusted_origin) and V(yanked).
        type: list
        elements: str
        default: []
      ignore:
        description: What to let pass, always with a reason. An entry that covers nothing is told.
        type: list
        elements: dict
        default: []
        suboptions:
          id:
            description:
              - The id or an alias of a finding, or the kind of a problem.
              - Malware is let pass by its C(MAL-) id alone, where it has one.
            type: str
          package:
            description: The name of a package. With O(policy.ignore[].id), both must fit.
            type: str
          groups:
            description: Only on hosts in one of these groups of the inventory.
            type: list
            elements: str
            default: []
          reason:
            description: Why it may pass. It is shown in every report.
            type: str
            required: true
          expires:
            description: The last day on which it passes, as V(YYYY-MM-DD). Afterwards the task fails and says so.
            type: str
            required: true
      allow_licences:
        description: Patterns of licences; a package with any other, or without, is a problem. Empty allows all.
        type: list
        elements: str
        default: []
      deny_licences:
        description: Patterns of licences that are a problem.
        type: list
        elements: str
        default: []
      trusted_origins:
        description:
          - Beginnings of URLs, and names of conda channels, from which packages may come. Where given, direct URLs,
            version control, indexes named in files and channels that begin otherwise are problems.
        type: list
        elements: str
        default: []
  enforce:
    description: Whether to fail by O(policy). With V(false) the verdict is only in the result.
    type: bool
    default: true
notes:
  - The controller needs the Python libraries C(packaging) and C(cvss), with O(files) in YAML C(PyYAML), and
    with those in TOML Python 3.11 or later.
seealso:
  - module: gpufleet.mlstack.advisory_mirror
  - module: gpufleet.mlstack.python_env_info
  - module: gpufleet.mlstack.pip_pinned
"""

EXAMPLES = r"""
- name: Audit the environments of this collection against a mirror on the controller
  gpufleet.mlstack.dep_audit:
    advisories: [/srv/mirror/osv/pypi.zip]
    policy:
      fail_on: high
      max_age_days: 7
      ignore:
        - id: CVE-2023-32681
          reason: no proxy is in use
          expires: "2027-03-31"

- name: Audit everything that looks like an environment, and report only
  gpufleet.mlstack.dep_audit:
    search: [/home, /srv]
    advisories:
      - /srv/mirror/osv/pypi.zip
      - kind: osv_api
        location: https://api.osv.dev
    enforce: false
  register: audit

- name: Audit the driver and what Python, driver and containers are made of, too
  gpufleet.mlstack.dep_audit:
    os_packages: stack
    advisories: [/srv/mirror/osv/pypi.zip]
    system_advisories:
      - /srv/mirror/osv/debian.zip
      - /srv/mirror/osv/rocky.zip
      - /srv/mirror/nvidia

- name: Audit a lock before it is deployed
  gpufleet.mlstack.dep_audit:
    paths: []
    files: [files/prod.lock]
    advisories: [/srv/mirror/osv/pypi.zip]
    policy:
      fail_on: medium
      fail_on_problems: [unpinned, unhashed]
"""

RETURN = r"""
schema:
  description: The version of this result's form.
  returned: always
  type: int
  sample: 1
environments:
  description: What was audited, with its packages, findings and problems.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name, or the last part of the path.
      type: str
      returned: always
    path:
      description: Where it stands.
      type: str
      returned: always
    kind:
      description:
        - V(venv), V(conda), V(system), V(file), V(os) or V(absent). V(search) stands for a folder of O(search) of which
          a part could not be looked at; its problems name it.
      type: str
      returned: always
    generation:
      description: The generation, empty where it is not one of this collection.
      type: str
      returned: always
    in_use:
      description: Whether it is what people get; V(false) for generations kept for a way back.
      type: bool
      returned: always
    packages:
      description: All packages, with what each needs, its licence and origin, the smallest upgrade to the fewest and
        least severe flaws (C(fix)), and the ids of those that it still has (C(left)). What dpkg or rpm owns is told as
        their package, with C(kind) V(deb) or V(rpm), and C(provides), the Python packages in it.
      type: list
      elements: dict
      returned: always
    findings:
      description: Known flaws, the worst first.
      type: list
      elements: dict
      returned: always
      sample:
        - package: requests
          version: 2.28.0
          fixed: ["2.31.0"]
          path: [jupyter, jupyterlab-server, requests]
          ignored: ""
          flaw:
            id: CVE-2023-32681
            aliases: [GHSA-j8r2-6x86-q33q, PYSEC-2023-74]
            severity: medium
            score: 6.1
    problems:
      description: All else that is wrong, by kind.
      type: list
      elements: dict
      returned: always
    failed:
      description: Why it could not be audited; empty as a rule.
      type: str
      returned: always
database:
  description:
    - The source that was used, its date and its age in days. The date of a mirror is that of its newest advisory, the
      date of a service is that of its answers.
  returned: always
  type: dict
  sample: {"source": "osv /srv/mirror/osv/pypi.zip", "kind": "osv", "date": "2026-11-20T08:12:00Z", "age_days": 3,
           "advisories": 20211}
system_databases:
  description: The same of each mirror that packages of the distribution were judged by.
  returned: always
  type: list
  elements: dict
verdict:
  description: Whether there was a policy, and the sentences in which it is not met.
  returned: always
  type: dict
  sample: {"judged": true, "reasons": ["ml: requests 2.28.0 has CVE-2023-32681 (medium); 2.31.0 ends it"]}
notes:
  description: What a reader of the audit should know, such as a source that did not answer.
  returned: always
  type: list
  elements: str
summary:
  description: Findings by severity, and counts of everything else. What is ignored is counted apart.
  returned: always
  type: dict
  sample: {"critical": 0, "high": 1, "medium": 2, "unknown": 0, "low": 0, "findings": 3, "ignored": 1, "problems": 0,
           "environments": 2, "packages": 140}
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.arguments import SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.inventory import Inventory
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    # The action plugin keeps what only the controller needs and sends the rest.
    run_module(Inventory(), SPEC)


if __name__ == "__main__":
    main()
