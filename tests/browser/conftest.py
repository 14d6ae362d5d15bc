# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium, without a window, and pages of audited fleets in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import html_page, page_data
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.context import Context
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000", "--lang=en")


class Browser:
    """What tests do with a page. ``shots`` is where pictures of it go, for people to look at."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        self.shots = folder

    def open(self, fleet: Fleet, address: str = "", known: Context | None = None) -> None:
        page = self.shots / "page.html"
        page.write_text(html_page.render(page_data.page_data(fleet, known)), encoding="utf-8")
        self.driver.get("about:blank")  # else an address that differs in its end alone opens nothing
        self.driver.get(f"{page.as_uri()}{address}")
        assert self.js("document.documentElement.dataset.ready") == "yes"

    def js(self, expression: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def cdp(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def rows(self) -> list[str]:
        """The first cells of the table."""
        return [str(text) for text in self.js("[...document.querySelectorAll('tr.row td.lead')].map(e => e.innerText)")]

    def text(self, selector: str = "body") -> str:
        return str(self.js("document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str, containing: str = "") -> None:
        """Click the first visible element of a selector that has a text."""
        found = self.js(
            "[...document.querySelectorAll(arguments[0])]"
            ".find(e => e.innerText.includes(arguments[1]) && e.getClientRects().length)",
            selector,
            containing,
        )
        assert found is not None, f"there is no {selector} with {containing!r}"
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.click()

    def tab(self, title: str) -> None:
        self.click(".tab", title)

    def search(self, text: str) -> None:
        self.driver.execute_script(
            "const e = document.getElementById('search'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))",
            text,
        )
        self.driver.execute_async_script("setTimeout(arguments[0], 150)")

    def complaints(self) -> list[str]:
        """What the browser wrote into its log: refused loads, errors of scripts."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def shoot(self, name: str) -> None:
        self.driver.save_screenshot(str(self.shots / f"{name}.png"))


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = shutil.which("chromedriver")
    assert options.binary_location and found, "chromium and chromedriver are needed (Debian: chromium, chromium-driver)"
    started = webdriver.Chrome(options, Service(found))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome, tmp_path: Path) -> Browser:
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get_log("browser")
    driver.get_log("performance")
    return Browser(driver, tmp_path)
