# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Solving with rattler."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.network import clients, slashed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.records import (
    as_data,
    as_rattlers,
)


async def solve(request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Answer with C(packages), records as in repodata.json."""
    return {"packages": [as_data(record) for record in await solved(request)]}


async def solved(request: t.Mapping[str, t.Any]) -> list[t.Any]:
    """rattler's records of the solution; raises what rattler raises."""
    import rattler
    from rattler.exceptions import SolverError

    scratch = Path(request["scratch"])
    wanted = {
        # Given as text they would be read strictly, and 'pytorch=2.1=cuda*' refused.
        "specs": [rattler.MatchSpec(spec) for spec in request["specs"]],
        "constraints": [rattler.MatchSpec(spec) for spec in request["constraints"]],
        "locked_packages": [as_rattlers(package, scratch) for package in request["locked"]],
        "pinned_packages": [as_rattlers(package, scratch) for package in request["pinned"]],
        "virtual_packages": _virtual_packages(request["virtual_packages"]),
        "platforms": [request["platform"], "noarch"],
    }
    problem: BaseException = ValueError("nothing to try")
    for priority in _priorities(request["sources"]["channel_priority"]):
        for gateway in _gateways(request):
            try:
                channels = _channels(request["sources"])
                return list(await rattler.solve(sources=channels, gateway=gateway, channel_priority=priority, **wanted))
            except SolverError as exc:
                problem = exc
                break  # another mirror has the same packages
            except Exception as exc:
                problem = exc
    raise problem


def _channels(sources: t.Mapping[str, t.Any]) -> list[t.Any]:
    import rattler

    alias = {"channel_alias": slashed(sources["channel_alias"])} if sources["channel_alias"] else {}
    return [rattler.Channel(name, rattler.ChannelConfig(**alias)) for name in sources["channels"]]


def _priorities(priority: str) -> list[t.Any]:
    import rattler

    strict, disabled = rattler.ChannelPriority.Strict, rattler.ChannelPriority.Disabled
    # rattler has no flexible priority: what the strict one finds is right, else take what there is.
    return {"strict": [strict], "flexible": [strict, disabled], "disabled": [disabled]}[priority]


def _gateways(request: t.Mapping[str, t.Any]) -> t.Iterator[t.Any]:
    """One for each mirror. Offline the index lies in the cache in one of two forms, whichever the channel has."""
    import rattler

    offline = request["sources"]["offline"]
    action = "force-cache-only" if offline else "cache-or-fetch"
    for client in clients(request["sources"]):
        for sharded in (True, False) if offline else (True,):
            config = rattler.SourceConfig(sharded_enabled=sharded, cache_action=action)
            yield rattler.Gateway(Path(request["cache_repodata"]), default_config=config, client=client)


def _virtual_packages(wanted: t.Sequence[t.Mapping[str, str]]) -> list[t.Any]:
    import rattler
    from rattler.virtual_package import GenericVirtualPackage

    build: t.Any = getattr(rattler, "BuildString", str)  # py-rattler 0.25 takes text
    if wanted:
        return [
            GenericVirtualPackage(
                rattler.PackageName(item["name"]), rattler.Version(item["version"]), build(item["build"])
            )
            for item in wanted
        ]
    detected = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    return [item.into_generic() for item in detected]
