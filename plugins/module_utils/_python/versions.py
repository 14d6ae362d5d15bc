# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions and version specifiers as PEP 440 defines them, with the standard library alone.

Source: the version specifiers specification of packaging.python.org (PEP 440). Pre-releases always take part in a
comparison: what is judged here is installed or pinned, never chosen from an index.
"""

from __future__ import annotations

import functools
import re
import typing as t

_PRE_SPELLINGS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_RELEASE_ONLY = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII).fullmatch
# Sort before and after every tuple that a version can have in the same place.
_FIRST: tuple[t.Any, ...] = (-1,)
_LAST: tuple[t.Any, ...] = (2,)


class InvalidVersion(ValueError):
    """The text is no PEP 440 version."""


class InvalidSpecifier(ValueError):
    """The text is no PEP 440 version specifier."""


@functools.cache
def _version_pattern() -> re.Pattern[str]:
    return re.compile(
        r"""v?(?:(?P<epoch>[0-9]+)!)?
        (?P<release>[0-9]+(?:\.[0-9]+)*)
        (?P<pre>[-_.]?(?P<pre_letter>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?
        (?P<post>-(?P<post_bare>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?
        (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]+)?)?
        (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
        re.VERBOSE | re.ASCII,
    )


@functools.total_ordering
class Version:
    """A parsed version: ordered, equal to every other spelling of itself, and canonical as text."""

    __slots__ = ("_key", "dev", "epoch", "local", "post", "pre", "release")

    def __init__(
        self,
        release: tuple[int, ...],
        epoch: int = 0,
        pre: tuple[str, int] | None = None,
        post: int | None = None,
        dev: int | None = None,
        local: tuple[str | int, ...] = (),
    ) -> None:
        self.epoch = epoch
        self.release = release
        self.pre = pre
        self.post = post
        self.dev = dev
        self.local = local
        self._key: tuple[t.Any, ...] | None = None

    @property
    def is_prerelease(self) -> bool:
        return self.pre is not None or self.dev is not None

    @property
    def base(self) -> Version:
        """Epoch and release alone."""
        return Version(self.release, self.epoch)

    @property
    def public(self) -> Version:
        """Everything but the local part: ``2.0.1`` of ``2.0.1+cu118``."""
        return Version(self.release, self.epoch, self.pre, self.post, self.dev) if self.local else self

    def key(self) -> tuple[t.Any, ...]:
        """What versions are ordered by."""
        if self._key is None:
            if self.pre is not None:
                pre: tuple[t.Any, ...] = (0, *self.pre)
            elif self.dev is not None and self.post is None:
                pre = _FIRST  # 1.0.dev1 comes before 1.0a1
            else:
                pre = _LAST
            # Within a local part numbers are newer than words; no local part is oldest.
            local = tuple((1, part, "") if isinstance(part, int) else (0, 0, part) for part in self.local)
            self._key = (
                self.epoch,
                _without_trailing_zeros(self.release),
                pre,
                -1 if self.post is None else self.post,
                (1, 0) if self.dev is None else (0, self.dev),
                local,
            )
        return self._key

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self.key() < other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __str__(self) -> str:
        text = f"{self.epoch}!" if self.epoch else ""
        text += ".".join(map(str, self.release))
        if self.pre is not None:
            text += f"{self.pre[0]}{self.pre[1]}"
        if self.post is not None:
            text += f".post{self.post}"
        if self.dev is not None:
            text += f".dev{self.dev}"
        if self.local:
            text += "+" + ".".join(map(str, self.local))
        return text

    def __repr__(self) -> str:
        return f"<Version {self}>"


def _without_trailing_zeros(release: tuple[int, ...]) -> tuple[int, ...]:
    end = len(release)
    while end and not release[end - 1]:
        end -= 1
    return release[:end]


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """Read a version; raises InvalidVersion."""
    text = text.strip().lower()
    if _RELEASE_ONLY(text):
        return Version(tuple(map(int, text.split("."))))
    match = _version_pattern().fullmatch(text)
    if match is None:
        raise InvalidVersion(f"{text!r} is not a PEP 440 version")
    part = match.group
    letter = part("pre_letter")
    return Version(
        release=tuple(map(int, part("release").split("."))),
        epoch=int(part("epoch") or 0),
        pre=(_PRE_SPELLINGS.get(letter, letter), int(part("pre_number") or 0)) if part("pre") else None,
        post=int(part("post_bare") or part("post_number") or 0) if part("post") else None,
        dev=int(part("dev_number") or 0) if part("dev") else None,
        local=tuple(int(item) if item.isdigit() else item for item in re.split(r"[-_.]", part("local") or "") if item),
    )


def same(a: str, b: str) -> bool:
    """Whether two texts name exactly the same version, local part included; what is no version must be equal text."""
    if a == b:
        return True
    try:
        return parse(a) == parse(b)
    except InvalidVersion:
        return a.strip().lower() == b.strip().lower()


def canonical(text: str) -> str:
    """The one spelling of a version, trailing zeros dropped; a text that is no version comes back in lower case."""
    try:
        version = parse(text)
    except InvalidVersion:
        return text.strip().lower()
    release = _without_trailing_zeros(version.release) or (0,)
    return str(Version(release, version.epoch, version.pre, version.post, version.dev, version.local))


class Specifier(t.NamedTuple):
    """One comparison, such as ``>=`` with ``1.3``."""

    operator: str
    version: str

    def __str__(self) -> str:
        return self.operator + self.version


@functools.lru_cache(maxsize=4096)
def parse_specifiers(text: str) -> tuple[Specifier, ...]:
    """Read ``>=1.3,<1.4``; the empty text is the empty tuple. Raises InvalidSpecifier."""
    items = [item.strip() for item in text.split(",")]
    if items[-1] == "":
        items.pop()  # a trailing comma is allowed, and the empty text means any version
    return tuple(map(_specifier, items))


def _specifier(text: str) -> Specifier:
    for operator in ("===", "==", "~=", "!=", "<=", ">=", "<", ">"):
        if text.startswith(operator):
            break
    else:
        raise InvalidSpecifier(f"{text!r} does not begin with a comparison such as == or >=")
    version = text[len(operator) :].strip()
    if operator == "===":
        if re.search(r"[\s;)]", version):
            raise InvalidSpecifier(f"{text!r} names no version")
        return Specifier(operator, version)
    wildcard = version.endswith(".*")
    if wildcard and operator not in ("==", "!="):
        raise InvalidSpecifier(f"{text!r}: '.*' goes only with == and !=")
    try:
        parsed = parse(version[:-2] if wildcard else version)
    except InvalidVersion as error:
        raise InvalidSpecifier(str(error)) from None
    if wildcard and (parsed.is_prerelease or parsed.post is not None or parsed.local):
        raise InvalidSpecifier(f"{text!r}: '.*' follows a release number only")
    if parsed.local and operator not in ("==", "!="):
        raise InvalidSpecifier(f"{text!r}: a local version ('+...') goes only with == and !=")
    if operator == "~=" and len(parsed.release) < 2:
        raise InvalidSpecifier(f"{text!r}: ~= needs at least two numbers, as in ~=1.4")
    return Specifier(operator, version)


def satisfies(version: str | Version, specifiers: str | t.Iterable[Specifier]) -> bool:
    """Whether a version meets every specifier; pre-releases are not held back.

    A version that PEP 440 cannot read meets nothing but an ``===`` of the same spelling. Raises InvalidSpecifier where
    ``specifiers`` is a text that cannot be read.
    """
    if isinstance(specifiers, str):
        specifiers = parse_specifiers(specifiers)
    if isinstance(version, Version):
        parsed: Version | None = version
    else:
        try:
            parsed = parse(version)
        except InvalidVersion:
            parsed = None
    return all(_meets(str(version), parsed, specifier) for specifier in specifiers)


def _meets(text: str, version: Version | None, specifier: Specifier) -> bool:
    operator, wanted_text = specifier
    if operator == "===":
        return text.strip().lower() == wanted_text.strip().lower()
    if version is None:
        return False
    if wanted_text.endswith(".*"):
        return _has_prefix(version, parse(wanted_text[:-2])) == (operator == "==")
    wanted = parse(wanted_text)
    if operator in ("==", "!="):
        return ((version if wanted.local else version.public) == wanted) == (operator == "==")
    if operator == "~=":
        stem = Version(wanted.release[:-1], wanted.epoch)
        return version.public >= wanted and _has_prefix(version, stem)
    if operator in ("<=", ">="):
        public = version.public
        return public <= wanted if operator == "<=" else public >= wanted
    return _exclusive(version, wanted, less=operator == "<")


def _has_prefix(version: Version, stem: Version) -> bool:
    """Whether the release begins with all numbers of the stem, missing numbers being zeros."""
    padded = version.release + (0,) * (len(stem.release) - len(version.release))
    return version.epoch == stem.epoch and padded[: len(stem.release)] == stem.release


def _exclusive(version: Version, wanted: Version, *, less: bool) -> bool:
    """``<`` leaves out pre-releases of the very version it names, ``>`` its post-releases and local builds."""
    release, epoch, pre, post, dev = wanted.release, wanted.epoch, wanted.pre, wanted.post, wanted.dev
    if less:
        return version < (wanted if wanted.is_prerelease else Version(release, epoch, pre, post, dev=0))
    if dev is not None:
        return version >= Version(release, epoch, pre, post, dev + 1)
    if post is not None:
        return version >= Version(release, epoch, pre, post + 1, dev=0)
    return version > wanted and (version.base != wanted.base or version.pre != pre)
