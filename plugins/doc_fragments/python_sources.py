# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for the program that builds Python environments and for where it finds distributions."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  engine:
    description:
      - The program that builds environments. V(auto) takes uv, or pip where uv cannot be had.
    type: str
    choices: [auto, uv, pip]
    default: auto
  executable:
    description:
      - The uv to use, a path or a name that is looked for on E(PATH). By default a pinned uv is installed into
        O(toolbox) by version and hash.
    type: str
  toolbox:
    description: The folder for our own pinned tools. By default C(.toolbox) in O(root).
    type: path
  index_url:
    description:
      - The package index. By default what the engine's own configuration on the host says. Credentials in it never
        reach output, logs, records or process lists.
    type: str
  extra_index_urls:
    description:
      - Further indexes. Both engines then take the best version that any index has.
      - Whoever can publish on one of them can offer a newer version of a dependency that you do not pin. Pin all of
        them with hashes, as a lock does, where one of the indexes is public.
    type: list
    elements: str
    default: []
  find_links:
    description: Folders or pages with distributions.
    type: list
    elements: str
    default: []
  no_index:
    description: Whether to ignore every index and use O(find_links) alone.
    type: bool
    default: false
  trusted_hosts:
    description: Hosts whose certificates are not verified.
    type: list
    elements: str
    default: []
  ca_bundle:
    description: A file of certificates to trust instead of the host's own.
    type: path
  offline:
    description: Whether to do without the network. Distributions then come from the cache and from O(find_links).
    type: bool
    default: false
  no_cache:
    description: Whether to leave no cache behind, as one would in an image.
    type: bool
    default: false
  cache_dir:
    description: The cache of the engine. Its own default is used otherwise.
    type: path
  python_downloads:
    description: Whether uv may download a managed Python where the host has none that fits.
    type: bool
    default: true
  python_mirror:
    description: The URL of a mirror of the managed Python builds.
    type: str
  python_downloads_json:
    description: The URL or path of a list of managed Python builds that replaces the one built into uv.
    type: str
  timeout:
    description: How many seconds one run of the engine may take.
    type: float
    default: 3600
"""
