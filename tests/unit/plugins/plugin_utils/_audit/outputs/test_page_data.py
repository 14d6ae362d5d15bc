# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: one file, nothing loaded, nothing of others executed. What it shows is tested in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
from html.parser import HTMLParser

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import html_page, page_data
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.plugin_utils._audit.outputs import fleets


class Elements(HTMLParser):
    """Elements with their attributes, and the contents of scripts and styles, as a browser's parser divides them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.contents = {}
        self._inside = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs).get("id")) if tag in ("script", "style", "title") else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.contents[self._inside] = self.contents.get(self._inside, "") + data


@pytest.fixture(params=["small", "hostile"])
def page(request):
    return Elements(html_page.render(page_data.page_data(getattr(fleets, request.param)())))


def test_it_loads_nothing_and_runs_only_what_its_policy_names(page):
    assert [tag for tag, _attributes in page.elements if tag in ("img", "iframe", "object", "embed", "form")] == []
    assert [attributes for _tag, attributes in page.elements if "src" in attributes or "style" in attributes] == []
    assert [attributes for tag, attributes in page.elements if tag == "link"] == [{"rel": "icon", "href": "data:,"}]
    assert [name for _tag, attributes in page.elements for name in attributes if name.startswith("on")] == []
    [policy] = [a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    for element in (("script", None), ("style", None)):
        digest = base64.b64encode(hashlib.sha256(page.contents[element].encode()).digest()).decode()
        assert f"{element[0]}-src 'sha256-{digest}'" in policy
    assert len([tag for tag, _attributes in page.elements if tag == "script"]) == 2


def test_the_data_survives_whatever_is_in_it():
    text = html_page.render(page_data.page_data(fleets.hostile()))
    read = json.loads(Elements(text).contents["script", "data"])
    assert read["hosts"][0]["name"] == f"h{fleets.HOSTILE}"
    assert read["packages"][0][0] == f"evil{fleets.HOSTILE}"
    assert fleets.HOSTILE not in text
    assert Elements(text).contents["title", None] == fleets.HOSTILE


def test_what_many_hosts_have_in_common_stands_there_once():
    audited = fleets.large(1000, 300)
    data = page_data.page_data(audited)
    assert len(data["packages"]) <= 900
    assert len(data["environments"]) == 1000
    assert len(html_page.render(data)) < 4_000_000
    for environment, placed in zip(data["environments"][:20], audited.environments()):
        given = placed.environment
        names = [data["packages"][number][0] for number in data["sets"][environment["set"]]]
        assert names == [item.name for item in given.packages]
        asked = {data["packages"][number][0] for number in data["requested"][environment["requested"]]}
        assert asked == {item.name for item in given.packages if item.requested}


def test_equal_hosts_share_one_set():
    data = page_data.page_data(fleets.small())
    assert len(data["sets"]) == 4
    assert [one["set"] for one in data["environments"]] == [0, 1, 2, 3]
    assert data["environments"][2]["ignored"] == [[0, "templates are ours (until 2027-01-01)"]]
