# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for Slurm's scontrol and Kubernetes' kubectl, by the name it is started with.

It answers as they do for what the ready-made drain tasks ask, keeps the state of nodes in files, and writes every call
into a log. A node is busy for as many questions as its file `NODE.jobs` says.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["STAND_IN_SCHEDULER"])


def log(words: list[str]) -> None:
    with (STATE / "log").open("a") as stream:
        stream.write(" ".join(words) + "\n")


def node(name: str) -> dict[str, str]:
    path = STATE / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"flag": "", "reason": "", "annotation": ""}


def keep(name: str, found: dict[str, str]) -> None:
    (STATE / f"{name}.json").write_text(json.dumps(found))


def jobs(name: str) -> int:
    path = STATE / f"{name}.jobs"
    left = int(path.read_text()) if path.exists() else 0
    if left:
        path.write_text(str(left - 1))
    return left


def scontrol(words: list[str]) -> int:
    if words[:2] == ["show", "node"]:
        found = node(words[2])
        base = "MIXED" if jobs(words[2]) else "IDLE"
        reason = f" Reason={found['reason']} [root@2026-11-28T12:00:00]" if found["reason"] else ""
        print(f"NodeName={words[2]} Arch=x86_64 CPUTot=8 State={base}{found['flag']} ThreadsPerCore=1{reason}")
        return 0
    given = dict(word.split("=", 1) for word in words[1:])
    if given["State"] == "DRAIN":
        keep(given["NodeName"], {**node(given["NodeName"]), "flag": "+DRAIN", "reason": given["Reason"]})
    elif given["State"] == "RESUME":
        keep(given["NodeName"], {**node(given["NodeName"]), "flag": "", "reason": ""})
    else:
        return 1
    return 0


def kubectl(words: list[str]) -> int:
    verb, *rest = words
    name = rest[1] if verb in ("get", "annotate") else rest[0]
    found = node(name)
    if verb == "get":
        notes = {"gpufleet.mlstack/drained-for": found["annotation"]} if found["annotation"] else {}
        spec = {"unschedulable": True} if found["flag"] else {}
        ready = {"type": "Ready", "status": "True"}
        pressure = {"type": "MemoryPressure", "status": "False"}
        metadata = {"name": name, "annotations": notes}
        print(json.dumps({"metadata": metadata, "spec": spec, "status": {"conditions": [pressure, ready]}}))
    elif verb == "annotate":
        keep(name, {**found, "annotation": "" if rest[2].endswith("-") else rest[2].partition("=")[2]})
    elif verb in ("drain", "uncordon"):
        keep(name, {**found, "flag": "cordoned" if verb == "drain" else ""})
    else:
        return 1
    return 0


if __name__ == "__main__":
    log([Path(sys.argv[0]).name, *sys.argv[1:]])
    sys.exit({"scontrol": scontrol, "kubectl": kubectl}[Path(sys.argv[0]).name](sys.argv[1:]))
