# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One requirement: what a line of a requirement file, or one item of a list of packages, asks for.

Source: the dependency specifiers specification of packaging.python.org (PEP 508) and pip's requirement specifiers
(direct URLs, local files, options per requirement). Paths and URLs are judged by how they look, never by what a disk
holds, so the same text means the same on the controller and on the host.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote, unquote

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, versions

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import markers

STRONG_HASHES = {"sha256": 64, "sha384": 96, "sha512": 128}  # name -> hexadecimal digits

_PLAIN_PIN = re.compile(rf"({names.NAME})\s*==\s*([0-9]+(?:\.[0-9]+)*)", re.ASCII).fullmatch
# No Python reads a number of more than 4,300 digits unasked, and no version or hash comes near this.
_MOST_DIGITS = 1000
# Compiled on first use: a file of plain pins needs none of these.
_HEAD = rf"(?s)({names.NAME})\s*(?:\[([^\]]*)\])?\s*(.*)"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*:"


class InvalidRequirement(ValueError):
    """The text cannot be meant; ``code`` is stable, ``todo`` says what to write instead."""

    def __init__(self, reason: str, to_fix: str = "correct the line", code: str = "requirement_invalid") -> None:
        super().__init__(reason)
        self.reason = reason
        self.to_fix = to_fix
        self.code = code


class Source(t.NamedTuple):
    """Where a requirement was written: a file and its line, or a named list and the place in it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Requirement(t.NamedTuple):
    """One wanted distribution."""

    name: str | None  # normalised; None where only the archive behind a URL knows it
    written_name: str | None
    extras: tuple[str, ...]  # normalised and sorted
    specifiers: tuple[versions.Specifier, ...]
    marker: markers.Marker | None
    url: str | None  # a file: URL for local paths; without the hash and egg parts of its fragment
    hashes: tuple[str, ...]  # 'sha256:...', sorted
    build_options: tuple[str, ...]  # 'KEY=VALUE' of --config-settings
    source: Source
    text: str  # as written, before environment variables were filled in

    @property
    def version(self) -> str | None:
        """The one version it can be: of its == or === pin, or of the wheel that its URL names."""
        for operator, version in self.specifiers:
            if operator == "===" or (operator == "==" and not version.endswith(".*")):
                return version
        parts = names.wheel_parts(unquote(url_path(self.url).rpartition("/")[2])) if self.url else None
        return parts[1] if parts else None

    @property
    def commit(self) -> str | None:
        """The full commit that a VCS URL names; a branch, a tag or a shortened commit is none."""
        system = vcs(self.url)
        reference = vcs_reference(self.url or "") if system else None
        lengths = {"git": (40, 64), "hg": (40,)}.get(system or "", ())
        if reference and len(reference) in lengths and re.fullmatch(r"[0-9a-f]+", reference.lower()):
            return reference.lower()
        return None

    def applies(self, environment: markers.Environment | None) -> bool:
        """Whether its marker holds; without an environment every requirement is taken to apply."""
        return environment is None or self.marker is None or self.marker.evaluate(environment)

    def __str__(self) -> str:
        return self.text


def pin_of(requirement: Requirement) -> str | None:
    """How the requirement is pinned: ``version``, ``commit``, ``hash``, ``wheel`` (a local one), None where it isn't.

    A hash pins what a URL or path points to. Beside a bare name it pins nothing: pip refuses such a line, and uv takes
    the newest version and ignores the hash. A remote URL without a hash may serve another file tomorrow; a local
    wheel's name binds its version.
    """
    if requirement.url is None:
        return "version" if requirement.version is not None else None
    if vcs(requirement.url):
        return "commit" if requirement.commit else None
    if requirement.hashes:
        return "hash"
    return "wheel" if requirement.url.startswith("file:") and requirement.version else None


def vcs(url: str | None) -> str | None:
    """The version control system that a URL asks for: 'git' of 'git+https://...'."""
    system = re.match(r"(git|hg|svn|bzr)\+", url or "")
    return system.group(1) if system else None


def url_path(url: str) -> str:
    """The path of a URL, without query and fragment."""
    rest = url.partition("#")[0].partition("?")[0].partition(":")[2]
    return "/" + rest[2:].partition("/")[2] if rest.startswith("//") else rest


def vcs_reference(url: str) -> str | None:
    """What stands behind the '@' of a VCS URL's path."""
    _path, at, reference = url_path(url).rpartition("@")
    return reference if at else None


def parse(text: str, source: Source, *, base: str = "/", written: str | None = None) -> Requirement:
    """Read one requirement with its options; raises InvalidRequirement.

    ``base`` is the folder that relative paths start from, ``written`` the text to quote where variables were filled in.
    """
    written = text if written is None else written
    plain = _PLAIN_PIN(text) if len(text) <= _MOST_DIGITS else None
    if plain:  # nearly every line of a pinned file
        name, version = plain.groups()
        pins = (versions.Specifier("==", version),)
        return Requirement(names.normalize(name), name, (), pins, None, None, (), (), source, written)
    if len(text) > _MOST_DIGITS and re.search(rf"[0-9]{{{_MOST_DIGITS}}}", text):
        raise InvalidRequirement(f"it has a number of {_MOST_DIGITS} digits or more", "correct the number")
    body, options = split_options(text)
    hashes, build_options = _requirement_options(options)
    body, marker = _split_marker(body)
    name, extras, specifiers, url = _body(body, base)
    if url is not None:
        url, name, extras, found = _url(url, name, extras)
        hashes += found
    return Requirement(
        names.normalize(name) if name else None,
        name,
        tuple(sorted(set(extras))),
        specifiers,
        marker,
        url,
        tuple(sorted(set(hashes))),
        build_options,
        source,
        written,
    )


def split_options(text: str) -> tuple[str, list[str]]:
    """Divide a line before its first word that begins with a dash; the options come unquoted, word by word."""
    match = re.search(r"(?:^|\s)(?=-)", text)
    if match is None:
        return text.strip(), []
    return text[: match.start()].strip(), split_words(text[match.end() :])


def split_words(text: str) -> list[str]:
    """Divide options into words as a shell would; raises InvalidRequirement."""
    if not re.search(r"[\\'\"]", text):
        return text.split()
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidRequirement(f"its options cannot be divided into words ({error})", "close the quotes") from None


def _requirement_options(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    hashes, settings = [], []
    pending = list(words)
    while pending:
        option, equals, value = pending.pop(0).partition("=")
        if option == "-C" or (option.startswith("-C") and not option.startswith("--")):
            option, equals, value = "--config-settings", "=", option[2:] + equals + value
        if option not in ("--hash", "--config-settings", "--config-setting"):
            raise InvalidRequirement(*_refused_option(option), code="requirement_option_refused")
        if not value:
            if not pending:
                raise InvalidRequirement(f"{option} lacks its value")
            value = pending.pop(0)
        if option == "--hash":
            hashes.append(_checked_hash(value))
        else:
            settings.append(value)
    return hashes, tuple(settings)


def _refused_option(option: str) -> tuple[str, str]:
    if option in ("--global-option", "--install-option", "--build-option"):
        return f"{option} passes arguments to setup.py, which pip and uv no longer do", "use --config-settings"
    if not option.startswith("-"):
        return f"{option!r} follows the options of the requirement", "put one requirement on a line, options last"
    return f"{option} is not an option of a single requirement", "put it on a line of its own, or leave it out"


def _checked_hash(value: str) -> str:
    algorithm, colon, digest = value.partition(":")
    algorithm, digest = algorithm.lower(), digest.lower()
    if colon and algorithm in ("md5", "sha1", "sha224"):
        raise InvalidRequirement(
            f"{algorithm} is too weak to vouch for a file", "give its sha256", code="requirement_hash_weak"
        )
    if not colon or algorithm not in STRONG_HASHES:
        raise InvalidRequirement(f"{value!r} is not a hash", "write --hash=sha256:<64 hexadecimal digits>")
    if not re.fullmatch(r"[0-9a-f]*", digest, re.ASCII) or len(digest) != STRONG_HASHES[algorithm]:
        raise InvalidRequirement(
            f"the {algorithm} {digest!r} does not have {STRONG_HASHES[algorithm]} hexadecimal digits", "copy it again"
        )
    return f"{algorithm}:{digest}"


def _split_marker(body: str) -> tuple[str, markers.Marker | None]:
    """Divide where pip and uv do.

    In a URL or path, which may hold semicolons itself, that is one with a blank on either side. Where it has none, pip
    takes what follows a path or NAME @ URL for a marker, too, and uv refuses it."""
    if ";" not in body:
        return body, None
    bare_url = re.match(_URL, body) is not None
    if bare_url or re.match(r"[^;@]*@", body) or looks_like_path(body):
        places = [at for at, letter in enumerate(body) if letter == ";"]
        apart = [at for at in places if body[at - 1 : at].isspace() or body[at + 1 : at + 2].isspace()]
        if not apart and not _is_marker(body[places[0] + 1 :]):
            return body, None
        if bare_url and not apart:
            raise InvalidRequirement(
                "its URL ends in a semicolon and a marker, which pip takes for a part of the URL",
                "put a blank before the semicolon",
            )
        at = apart[0] if apart else places[0]
    else:
        at = body.index(";")
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import markers

    try:
        return body[:at].strip(), markers.parse(body[at + 1 :].strip())
    except markers.InvalidMarker as error:
        raise InvalidRequirement(f"its marker is wrong: {error}", "correct what follows the semicolon") from None


def _is_marker(text: str) -> bool:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import markers

    try:
        markers.parse(text.strip())
    except markers.InvalidMarker:
        return False
    return True


def looks_like_path(body: str) -> bool:
    """Whether a text means a file or folder: it has a separator before any comparison, or an archive's suffix."""
    head = re.split(r"(?<!\s)\s*[;@<>=!~]|\s\[", body.lstrip("~"), maxsplit=1)[0]
    bare = re.sub(r"\[[^\[\]]*\]\Z", "", head)
    return body.startswith((".", "/", "~/")) or "/" in head or bare.endswith(names.ARCHIVE_SUFFIXES)


def _body(body: str, base: str) -> tuple[str | None, list[str], tuple[versions.Specifier, ...], str | None]:
    """Name, extras, specifiers and URL of the part before the marker."""
    if re.match(_URL, body):
        return None, [], (), body
    if looks_like_path(body):
        path, extras = _path_and_extras(body)
        return None, extras, (), _file_url(path, base)
    match = re.fullmatch(_HEAD, body, re.ASCII)
    if match is None:
        raise InvalidRequirement(f"{body!r} does not begin with the name of a package", "write NAME==VERSION")
    name, extras_text, rest = match.groups()
    extras = _extras(extras_text)
    if rest.startswith("@"):
        target = rest[1:].strip()
        if not re.match(_URL, target):
            target = _file_url(target, base) if looks_like_path(target) else target
        return name, extras, (), target
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1].strip()
    if rest and rest[0] not in "<>=!~":
        raise InvalidRequirement(f"{rest!r} follows the name {name!r}", "put one requirement on a line")
    try:
        specifiers = versions.parse_specifiers(rest)
    except versions.InvalidSpecifier as error:
        raise InvalidRequirement(f"its version is wrong: {error}", "write NAME==VERSION") from None
    if any(not version for _operator, version in specifiers):  # PEP 440 allows it behind ===
        raise InvalidRequirement("=== names no version", "write NAME==VERSION")
    return name, extras, specifiers, None


def _extras(text: str | None) -> list[str]:
    items = [item.strip() for item in text.split(",")] if text and text.strip() else []
    for item in items:
        if not names.is_valid(item):
            raise InvalidRequirement(f"{item!r} is not the name of an extra", "write NAME[EXTRA,EXTRA]==VERSION")
    return [names.normalize(item) for item in items]


def _path_and_extras(body: str) -> tuple[str, list[str]]:
    path, bracket, inside = body[:-1].rpartition("[")
    if not body.endswith("]") or not bracket or not path or "]" in inside or "/" in inside:
        return body, []
    return path.rstrip(), _extras(inside)


def _file_url(path: str, base: str) -> str:
    import posixpath

    if path.startswith("~"):
        raise InvalidRequirement(f"{path!r} depends on whose home is meant", "write the whole path")
    path, hash_sign, fragment = path.partition("#")
    whole = posixpath.normpath(posixpath.join(base, path))
    # normpath keeps two leading slashes, which a URL would take for a host
    return "file:///" + quote(whole.lstrip("/"), safe="/+~") + hash_sign + fragment


def _url(url: str, name: str | None, extras: list[str]) -> tuple[str, str | None, list[str], list[str]]:
    """URL without egg and hashes, name, extras and hashes."""
    scheme = url.partition(":")[0].lower()
    if scheme.partition("+")[0] in ("git", "hg", "svn", "bzr") and "+" in scheme:
        pass
    elif scheme not in ("http", "https", "file"):
        raise InvalidRequirement(
            f"{url.partition('@')[0]!r} is not a URL that pip and uv know", "write NAME @ git+ssh://HOST/PATH@COMMIT"
        )
    if re.search(r"\s", url):
        raise InvalidRequirement("its URL has a blank", "write %20 for it")
    if scheme == "file" and not re.match(r"file:(?://(?:localhost)?)?/(?!/)", url, re.IGNORECASE):
        raise InvalidRequirement("its file URL names a host", "write file:///PATH")
    bare, _sign, fragment = url.partition("#")
    kept, hashes = [], []
    for item in filter(None, fragment.split("&")):
        key, _equals, value = item.partition("=")
        if key == "egg":
            name, extras = _egg(unquote(value), name, extras)
        elif key in STRONG_HASHES or key in ("md5", "sha1", "sha224"):
            hashes.append(_checked_hash(f"{key}:{value}"))
        elif key == "subdirectory":
            kept.append(item)
        else:
            raise InvalidRequirement(f"{key!r} means nothing in a URL's fragment", "keep egg, subdirectory or a hash")
    parts = _archive_parts(bare)
    if parts and name and names.normalize(name) != parts[0] and bare.endswith(".whl"):
        raise InvalidRequirement(f"the wheel is of {parts[0]!r}, not of {name!r}", "name the package that it holds")
    return bare + ("#" + "&".join(kept) if kept else ""), name or (parts[0] if parts else None), extras, hashes


def _archive_parts(bare: str) -> tuple[str, str] | None:
    filename = unquote(url_path(bare).rpartition("/")[2])
    if vcs(bare):
        return None
    return names.wheel_parts(filename) or names.sdist_parts(filename)


def _egg(value: str, name: str | None, extras: list[str]) -> tuple[str, list[str]]:
    match = re.fullmatch(rf"({names.NAME})(?:\[([^\]]*)\])?", value, re.ASCII)
    if match is None:
        raise InvalidRequirement(f"'#egg={value}' is not a name with extras", "write NAME @ URL")
    if name and names.normalize(name) != names.normalize(match.group(1)):
        raise InvalidRequirement(f"it is named {name!r} and '#egg={match.group(1)}'", "keep one of the names")
    return name or match.group(1), extras + _extras(match.group(2))
