# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./converge does: a private Ansible controller here, then playbooks/site.yml through it."""

from __future__ import annotations

import hashlib
import json
import locale
import os
import re
import sys
import typing as t

import interpreters
import locked_environment
from locked_environment import CHECKOUT
from refusal import Refusal

OLDEST_PYTHON = (3, 10)  # of ansible-core 2.17, the oldest in the lock
THIS_MACHINE = os.path.join(CHECKOUT, "playbooks", "inventories", "this_machine")
USAGE = """\
usage: ./converge [arguments of ansible-playbook]

Without an inventory it converges this machine: build tools, then the Python environment 'ml' (see
playbooks/inventories/this_machine). With one (-i hosts.yml) it converges the hosts in there.
  ./converge --check --diff      what would change here
  ./converge -i hosts.yml -l db1 one host of a fleet
  ./converge --become -K         as an ordinary user, with sudo for what needs root

The controller lives in ${MLSTACK_HOME:-${XDG_DATA_HOME:-~/.local/share}/gpufleet-mlstack}; deleting that folder undoes
the set-up. MLSTACK_PYTHON names the Python to use. As an ordinary user without --become, environments go to
${XDG_DATA_HOME:-~/.local/share}/mlstack/envs, and what needs root is left out.
"""


def main(arguments: list[str]) -> None:
    if arguments in (["-h"], ["--help"]):
        print(USAGE, end="")
        return
    home = home_folder(os.environ)
    try:
        python = interpreters.find(OLDEST_PYTHON, os.environ.get("MLSTACK_PYTHON"))
        lock = os.path.join(CHECKOUT, "requirements-controller.lock")
        controller = locked_environment.prepare("controller", lock, python, home, say)
        collections = collection_tree(home)
    except Refusal as refusal:
        sys.exit(f"converge: {refusal}")
    environ = controller_environ(dict(os.environ), controller, collections)
    argv = [os.path.join(controller, "bin", "python"), os.path.join(controller, "bin", "ansible-playbook")]
    argv += playbook_arguments(arguments, environ, is_root=os.geteuid() == 0)
    sys.stdout.flush()
    os.execve(argv[0], argv, environ)


def say(text: str) -> None:
    print(f"converge: {text}", flush=True)


def data_folder(environ: t.Mapping[str, str]) -> str:
    """Where this user's programs keep what they need: XDG_DATA_HOME, else ~/.local/share."""
    return environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")


def home_folder(environ: t.Mapping[str, str]) -> str:
    """Where the controller lives: MLSTACK_HOME, else a folder of the user's data."""
    return os.path.abspath(environ.get("MLSTACK_HOME") or os.path.join(data_folder(environ), "gpufleet-mlstack"))


def collection_tree(home: str) -> str:
    """A folder that holds this checkout as gpufleet.mlstack, in the shape in which Ansible looks for collections."""
    above = os.path.dirname(os.path.dirname(CHECKOUT))
    if CHECKOUT.endswith(os.path.join("ansible_collections", "gpufleet", "mlstack")):
        return os.path.dirname(above)  # it was installed as a collection
    tree = os.path.join(home, "collections", hashlib.sha256(CHECKOUT.encode()).hexdigest()[:12])
    link = os.path.join(tree, "ansible_collections", "gpufleet", "mlstack")
    try:
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.islink(link) or os.readlink(link) != CHECKOUT:
            os.symlink(CHECKOUT, f"{link}.{os.getpid()}")
            os.replace(f"{link}.{os.getpid()}", link)
    except OSError as exc:
        raise Refusal(
            f"a link to {CHECKOUT} in {tree}",
            exc.strerror or str(exc),
            "set MLSTACK_HOME to a folder that can be written",
        ) from exc
    return tree


def controller_environ(environ: dict[str, str], controller: str, collections: str) -> dict[str, str]:
    """The environment of ansible-playbook: the user's, with the collection found first and pipelining on."""
    others = environ.get("ANSIBLE_COLLECTIONS_PATH") or "~/.ansible/collections:/usr/share/ansible/collections"
    environ["ANSIBLE_COLLECTIONS_PATH"] = f"{collections}:{others}"
    environ["PATH"] = os.path.join(controller, "bin") + os.pathsep + environ.get("PATH", os.defpath)
    environ.setdefault("ANSIBLE_PIPELINING", "1")
    environ.setdefault("ANSIBLE_DISPLAY_SKIPPED_HOSTS", "0")  # a phase without a desired state is no news
    environ.setdefault("MLSTACK_SYSTEM_PYTHON", system_python())
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environ.pop(name, None)
    if not locale_is_utf8():  # Ansible refuses to start in any other
        environ["LC_ALL"] = "C.UTF-8"
    return environ


def system_python() -> str:
    """The Python that belongs to this machine's operating system, under which modules run here."""
    for path in ("/usr/bin/python3", "/usr/libexec/platform-python"):
        if os.access(path, os.X_OK):
            return path
    return os.path.realpath(sys.executable)


def locale_is_utf8() -> bool:
    try:
        locale.setlocale(locale.LC_ALL, "")
        encoding = locale.nl_langinfo(locale.CODESET)
    except (locale.Error, ValueError):
        return False
    return encoding.lower().replace("-", "") == "utf8"


def playbook_arguments(arguments: list[str], environ: dict[str, str], is_root: bool) -> list[str]:
    """The whole command line after 'ansible-playbook'. Ours come first, so that the user's win."""
    ours = [os.path.join(CHECKOUT, "playbooks", "site.yml")]
    if not names_inventory(arguments) and not environ.get("ANSIBLE_INVENTORY"):
        ours += ["--inventory", THIS_MACHINE]
        if not is_root and not asks_for_root(arguments):
            root = os.path.join(data_folder(environ), "mlstack", "envs")
            at_home = {"site_has_root": False, "python_envs_root": root, "conda_envs_root": root}
            ours += ["--extra-vars", json.dumps(at_home)]
    return ours + arguments


def names_inventory(arguments: list[str]) -> bool:
    """Whether -i, --inventory or --inventory-file is among the arguments, in any of the ways to write them."""
    return any(re.match(r"-i|--inv", argument) for argument in arguments)


def asks_for_root(arguments: list[str]) -> bool:
    """Whether an argument brings privilege escalation along: -b, -K, --become and its relatives, ansible_become."""
    return any(
        re.match(r"-[vCDkJ]*[bK]|--become|--ask-become-pass", argument) or "ansible_become" in argument
        for argument in arguments
    )


if __name__ == "__main__":
    main(sys.argv[1:])
