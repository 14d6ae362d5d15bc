# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's configuration file: what is ours is put in and taken out, and everything else stays. Pure.

As Docker's own reader has it (daemon/config), an empty file is no configuration, and of a key that comes twice the last
one counts. ``nvidia-ctk runtime configure`` refuses the first, drops all but the last of the second without a word, and
with ``--cdi.enabled`` all other ``features`` (1.20.0, tried).
"""

from __future__ import annotations

import json
import math
import re
import typing as t

NAME = "nvidia"
PROGRAM = "nvidia-container-runtime"
ENTRY: dict[str, t.Any] = {"path": PROGRAM, "args": []}  # as nvidia-ctk writes it
STOCK = "runc"
_OURS = (PROGRAM, f"/usr/bin/{PROGRAM}")
_BOM = "\ufeff"
_INDENT = re.compile(r"^[{\[]\s*\n(?P<indent>[ \t]+)\S")

Data = dict[str, t.Any]


class NotMergeable(Exception):
    """Why a file is left as it is: ``code`` is stable, ``found`` a clause, ``to_fix`` another."""

    def __init__(self, code: str, found: str, to_fix: str) -> None:
        super().__init__(found)
        self.code, self.found, self.to_fix = code, found, to_fix


def parse(text: str | None) -> Data:
    """The file's content; of none and of an empty one, nothing. Raises NotMergeable for what must not be rewritten."""
    body = (text or "").removeprefix(_BOM)
    if not body.strip():
        return {}
    try:
        data = json.loads(
            body, object_pairs_hook=_without_doubles, parse_constant=_no_number, parse_float=_within_range
        )
    except NotMergeable:
        raise
    except RecursionError:
        raise _invalid("it is nested too deeply") from None
    except ValueError as exc:
        hint = "; comments are not part of JSON" if re.search(r"^\s*(?://|#|/\*)", body, re.MULTILINE) else ""
        raise _invalid(f"{exc}{hint}") from None
    if not isinstance(data, dict):
        raise _invalid(f"it holds a {type(data).__name__} where Docker reads an object")
    for key in ("runtimes", "features"):
        if not isinstance(data.get(key, {}), dict):
            raise _invalid(f"{key} is {json.dumps(data[key])} where Docker reads an object")
    return data


def merged(text: str | None, *, default: bool | None = None, cdi: bool = False) -> str | None:
    """The file with the runtime, the very same text where it has all that is wanted.

    ``default`` makes the runtime the default one, False takes that back, None leaves it. ``cdi`` switches CDI on,
    unless somebody switched it off. Raises NotMergeable.
    """
    data = parse(text)
    runtimes = data.get("runtimes", {})
    present = runtimes.get(NAME)
    if present is not None and not is_ours(present):
        raise NotMergeable(
            "runtime_of_others",
            f"it has a runtime {NAME} of somebody else: {json.dumps(present)}",
            "see who put it there (the GPU operator does), and take that entry out if the packages' one shall be used",
        )
    wanted = dict(data)
    if present is None:
        wanted["runtimes"] = {**runtimes, NAME: ENTRY}
    current = data.get("default-runtime")
    if default and current not in (None, NAME):
        raise NotMergeable(
            "default_runtime_taken",
            f"its default-runtime is {json.dumps(current)}",
            "take default-runtime out of the file, or leave default_runtime out of the task",
        )
    if default:
        wanted["default-runtime"] = NAME
    elif default is False and current == NAME:
        del wanted["default-runtime"]
    if cdi and "cdi" not in data.get("features", {}):
        wanted["features"] = {**data.get("features", {}), "cdi": True}
    return text if wanted == data else _written(wanted, text)


def without_ours(text: str | None, before: str | None, *, known: bool) -> str | None:
    """The file without what we put in; None where it shall not be there.

    ``before`` is what it held before our first change, where that is ``known``: what it had of these keys is the
    user's. Where nothing else has changed since, that text itself comes back.
    """
    if text is None:
        return None
    data, earlier = parse(text), parse(before) if known else {}
    wanted = dict(data)
    runtime = data.get("runtimes", {}).get(NAME)
    if is_ours(runtime) and NAME not in earlier.get("runtimes", {}):
        _take_out(wanted, "runtimes", NAME, earlier)
    if data.get("default-runtime") == NAME and earlier.get("default-runtime") != NAME:
        del wanted["default-runtime"]
    # Without a note of ours the switch may be the user's: CDI is not NVIDIA's alone.
    if known and data.get("features", {}).get("cdi") is True and "cdi" not in earlier.get("features", {}):
        _take_out(wanted, "features", "cdi", earlier)
    # A run that was cut off while it told the daemon has left these.
    if known and wanted.get("runtimes") == {} and "runtimes" not in earlier:
        del wanted["runtimes"]
    if known and wanted.get("default-runtime") == STOCK and "default-runtime" not in earlier:
        del wanted["default-runtime"]
    if wanted.get("default-runtime") == NAME and NAME not in wanted.get("runtimes", {}):
        raise NotMergeable(
            "default_runtime_taken",
            "its default-runtime is nvidia, not by us, and Docker dies when that runtime goes",
            "take default-runtime out of the file by hand, restart docker, and run this again",
        )
    if known and wanted == earlier:
        return before
    return text if wanted == data else _written(wanted, text)


def spelt_out(text: str | None, *, runtimes: bool, default: bool) -> str | None:
    """The file with what it only implies said in words: that there are no further ``runtimes``, and which the
    ``default`` one is. None where it says that itself.

    A running dockerd that reads its file again takes what stands there, and lets all else be as it was; one that finds
    its default runtime gone dies, and its containers with it (20.10.24, both tried). So both are always said together.
    """
    data = parse(text)
    wanted = dict(data)
    if runtimes:
        wanted.setdefault("runtimes", {})
    if default:
        wanted.setdefault("default-runtime", STOCK)
    return None if wanted == data else _written(wanted, text)


def is_ours(entry: t.Any) -> bool:
    """Whether a runtime is the one that the toolkit's packages bring, whatever its arguments."""
    return isinstance(entry, dict) and entry.get("path") in _OURS and "runtimeType" not in entry


def _take_out(data: Data, key: str, name: str, earlier: Data) -> None:
    left = {other: value for other, value in data[key].items() if other != name}
    if left or key in earlier:
        data[key] = left
    else:
        del data[key]


def _written(data: Data, like: str | None) -> str:
    """As JSON in the manner of the text that it replaces: its indentation, order, line ends and mark."""
    like = like or ""
    body = like.removeprefix(_BOM)
    match = _INDENT.match(body.replace("\r\n", "\n").lstrip())
    one_line = bool(body.strip()) and "\n" not in body.strip()
    indent: str | None = match.group("indent") if match else None if one_line else "    "
    try:
        text = json.dumps(data, indent=indent, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
        text = json.dumps(data, indent=indent)
    if not body.strip() or body.endswith("\n"):
        text += "\n"
    if "\r\n" in body:
        text = text.replace("\n", "\r\n")
    return (_BOM if like.startswith(_BOM) else "") + text


def _without_doubles(pairs: list[tuple[str, t.Any]]) -> Data:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _value in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise _invalid(f"the key {json.dumps(double)} comes twice, and Docker takes the last one alone")
    return data


def _within_range(word: str) -> float:
    number = float(word)
    if math.isinf(number):
        raise _invalid(f"the number {word} is too large to be kept")
    return number


def _no_number(word: str) -> t.Any:
    raise _invalid(f"{word} is no number in JSON")


def _invalid(found: str) -> NotMergeable:
    return NotMergeable("daemon_json_invalid", found, "correct the file by hand; nothing was written to it")
