#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
short_description: One page and documents of what was audited on all hosts
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Takes what M(gpufleet.mlstack.dep_audit) found on all hosts of the play and writes it on the controller, once for
    the fleet, as a page to look at and as documents for other tools.
  - It runs on the controller and needs no connection to a host. Run it with C(run_once).
  - It never reports a change. Reports hold the time at which they were made, and so are new with every run.
  - A host without a result, or with one that failed, is in the reports as one of which nothing is known.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  results:
    description: The name of the variable in which the results of M(gpufleet.mlstack.dep_audit) are registered.
    type: str
    default: dep_audit_result
  hosts:
    description: The hosts that are reported on. By default all of the play, those that could not be reached among them.
    type: list
    elements: str
  folder:
    description:
      - The folder on the controller that the reports are written to, relative to the folder in which the playbook was
        started. It is made where it is missing. Without it nothing is written, and only the result tells.
    type: path
  formats:
    description:
      - What is written. V(html) is C(audit.html), one self-contained page for the fleet. V(json) is C(audit.json), all
        of it as data. V(sarif) is C(audit.sarif), for code scanning. V(junit) is C(audit.junit.xml), for the test
        reports of a continuous integration. V(markdown) is C(audit.md).
      - V(cyclonedx) is a bill of materials per environment in C(sbom/), with its vulnerabilities, in version 1.6 of the
        specification. V(spdx) is the same in version 2.3 of SPDX, V(openvex) one OpenVEX document of the fleet. They
        need C(cyclonedx-python-lib) on the controller, which C(./converge) brings.
    type: list
    elements: str
    choices: [html, json, sarif, junit, markdown, openvex, cyclonedx, spdx]
    default: [html, json]
  due_days:
    description:
      - In how many days after it was first seen a flaw is due, by severity. The page tells the day, and what is late.
      - When a flaw was first seen, and how many there were before, is kept in C(audit-history.json) in O(folder), which
        is written with the page.
    type: dict
    default: {}
    suboptions:
      critical:
        description: For critical flaws.
        type: int
      high:
        description: For high ones.
        type: int
      medium:
        description: For medium ones.
        type: int
      unknown:
        description: For those that nobody rates.
        type: int
      low:
        description: For low ones.
        type: int
  epss:
    description: A file of EPSS on the controller, as CSV, C(.gz) or not, for the page.
    type: path
  kev:
    description: CISA's catalogue of known exploited vulnerabilities on the controller, as JSON, for the page.
    type: path
  title:
    description: The title of page and documents.
    type: str
    default: Audit of the fleet
seealso:
  - module: gpufleet.mlstack.dep_audit
"""

EXAMPLES = r"""
- name: Audit the environments of this host
  gpufleet.mlstack.dep_audit:
    advisories: [/srv/mirror/osv/pypi.zip]
  register: dep_audit_result

- name: One page for all hosts, bills of materials, and a file for code scanning
  gpufleet.mlstack.audit_report:
    folder: reports
    formats: [html, json, sarif, cyclonedx]
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/srv/audit/reports/audit.html, /srv/audit/reports/audit.json]
policy_met:
  description: Whether the policy of every host's audit is met.
  returned: success
  type: bool
reasons:
  description: The sentences in which the policy is not met, each with its host.
  returned: success
  type: list
  elements: str
  sample: ["gpu-1: PYSEC-2023-175 in pillow 10.0.0 is critical"]
databases:
  description: Where the advisories came from, with the date of the newest one, or of the answer of a service.
  returned: success
  type: list
  elements: dict
  sample: [{"source": "osv /srv/mirror/osv/pypi.zip", "date": "2026-11-20T08:12:00Z"}]
notes:
  description: What a reader should know, such as a source that did not answer.
  returned: success
  type: list
  elements: str
unheard:
  description: Hosts and environments that could not be audited, and why.
  returned: success
  type: list
  elements: dict
  sample: [{"what": "gpu-3", "why": "no route to host"}]
summary:
  description: How many flaws there are by severity, each counted once, and on how many hosts.
  returned: success
  type: dict
  sample: {"critical": 1, "high": 0, "medium": 3, "unknown": 2, "low": 0, "hosts": 40, "hosts_with_flaws": 12}
code:
  description: A stable word for the failure.
  returned: failed
  type: str
  sample: cyclonedx_missing
"""
