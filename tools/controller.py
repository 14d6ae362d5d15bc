# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./converge does: a private Ansible controller here, then a playbook of the collection through it."""

from __future__ import annotations

import difflib
import hashlib
import json
import locale
import os
import re
import shlex
import signal
import subprocess
import sys
import typing as t

import interpreters
import locked_environment
from locked_environment import CHECKOUT
from refusal import Refusal

OLDEST_PYTHON = (3, 10)  # of ansible-core 2.17, the oldest in the lock
PLAYBOOKS = os.path.join(CHECKOUT, "playbooks")
THIS_MACHINE = os.path.join(PLAYBOOKS, "inventories", "this_machine")
INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended
ANSIBLE_INTERRUPTED = 99
USAGE = """\
usage: ./converge [playbook] [arguments of ansible-playbook]

Without an inventory it converges this machine: build tools, then the Python environment 'ml' (see
playbooks/inventories/this_machine). With one (-i hosts.yml) it converges the hosts in there.
  ./converge --check --diff      what would change here
  ./converge -i hosts.yml -l db1 one host of a fleet
  ./converge --become -K         as an ordinary user, with sudo for what needs root
  ./converge plan -i hosts.yml   another playbook

playbooks, of which site is the one that runs when none is named:
{playbooks}
A run is shown by the callback gpufleet.mlstack.progress: -v shows everything, MLSTACK_PROGRESS=plain, quiet or json
other ways (docs/progress.md).

The controller lives in ${MLSTACK_HOME:-${XDG_DATA_HOME:-~/.local/share}/gpufleet-mlstack}; deleting that folder undoes
the set-up. MLSTACK_PYTHON names the Python to use. As an ordinary user without --become, environments go to
${XDG_DATA_HOME:-~/.local/share}/mlstack/envs, and what needs root is left out.
"""


def main(arguments: list[str]) -> None:
    if arguments in (["-h"], ["--help"]):
        print(usage(), end="")
        return
    home = home_folder(os.environ)
    try:
        playbook, arguments = chosen(arguments)
        python = interpreters.find(OLDEST_PYTHON, os.environ.get("MLSTACK_PYTHON"))
        lock = os.path.join(CHECKOUT, "requirements-controller.lock")
        controller = locked_environment.prepare("controller", lock, python, home, say)
        collections = collection_tree(home)
    except Refusal as refusal:
        sys.exit(f"converge: {refusal}")
    environ = controller_environ(dict(os.environ), controller, collections)
    environ.setdefault("MLSTACK_COMMAND", command_line(playbook, os.getcwd()))
    argv = [os.path.join(controller, "bin", "python"), os.path.join(controller, "bin", "ansible-playbook")]
    argv += playbook_arguments(arguments, environ, is_root=os.geteuid() == 0, playbook=playbook)
    sys.stdout.flush()
    sys.exit(run(argv, environ))


def usage() -> str:
    return USAGE.replace("{playbooks}", "".join(f"  {name:15} {about}\n" for name, about in playbooks().items()))


def playbooks() -> dict[str, str]:
    """The playbooks of the collection by name, each with the name of its first play."""
    found = {}
    for name in sorted(os.listdir(PLAYBOOKS)):
        if name.endswith(".yml"):
            with open(os.path.join(PLAYBOOKS, name), encoding="utf-8") as stream:
                play = re.search(r"^- name: (.+)$", stream.read(), re.MULTILINE)
            found[name[: -len(".yml")]] = play.group(1) if play else ""
    return found


def chosen(arguments: list[str]) -> tuple[str, list[str]]:
    """The playbook that the first argument names, else 'site', and the other arguments. Raises Refusal."""
    if not arguments or arguments[0].startswith("-"):
        return "site", arguments
    known = list(playbooks())
    if arguments[0] in known:
        return arguments[0], arguments[1:]
    near = difflib.get_close_matches(arguments[0], known, 1)
    raise Refusal(
        "the name of a playbook of this collection: " + ", ".join(known),
        f"'{printable(arguments[0])}'",
        f"did you mean '{near[0]}'?" if near else "./converge --help says what each is for",
    )


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:80])


def command_line(playbook: str, folder: str) -> str:
    """What somebody in a folder types to run this."""
    command = os.path.join(CHECKOUT, "converge")
    command = "./converge" if folder == CHECKOUT else shlex.quote(command)
    return command if playbook == "site" else f"{command} {playbook}"


def run(argv: list[str], environ: dict[str, str]) -> int:
    """Run Ansible to its end, the status for our caller. Ctrl-C reaches it by the terminal: it ends, and so do we."""
    child: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: t.Any) -> None:
        if child and number != signal.SIGINT:
            child[0].send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    child.append(subprocess.Popen(argv, env=environ))
    status = child[0].wait()
    if status in (ANSIBLE_INTERRUPTED, -signal.SIGINT):
        print("converge: interrupted; the next run finds out what is left to do", file=sys.stderr)
        return INTERRUPTED
    return 128 - status if status < 0 else status


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
    environ.setdefault("ANSIBLE_STDOUT_CALLBACK", "gpufleet.mlstack.progress")
    environ.setdefault("MLSTACK_COMMAND_INVENTORY", THIS_MACHINE)
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


def playbook_arguments(
    arguments: list[str], environ: dict[str, str], is_root: bool, playbook: str = "site"
) -> list[str]:
    """The whole command line after 'ansible-playbook'. Ours come first, so that the user's win."""
    ours = [os.path.join(PLAYBOOKS, f"{playbook}.yml")]
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
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        print("\nconverge: interrupted; what was begun is removed, and the next run begins anew", file=sys.stderr)
        sys.exit(INTERRUPTED)
