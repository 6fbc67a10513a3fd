"""A real browser for the pages: headless Chromium with an empty profile, which must load nothing from anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1360,1000",
)


def installed(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A driver of the installed browser; without a browser, its tests are skipped, and CI installs one."""
    browser = os.environ.get("CHROMIUM") or installed("chromium", "chromium-browser", "google-chrome", "chrome")
    driver = os.environ.get("CHROMEDRIVER") or installed("chromedriver", "chromium-driver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its chromedriver is installed (Debian: chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver, log_output=subprocess.DEVNULL))
    chrome.set_script_timeout(60)
    yield chrome
    chrome.quit()


class Page:
    """A page in the browser, and what the browser says about it."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.address = path.as_uri()

    def open(self, fragment: str = "") -> Page:
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(f"{self.address}#{fragment}" if fragment else self.address)
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        element = self.one(selector)
        self.run("arguments[0].scrollIntoView({ block: 'center' })", element)
        # What comes into view is laid out only then, and may move.
        self.settle()
        element.click()

    def visible(self, selector: str) -> int:
        return int(
            self.run("return [...document.querySelectorAll(arguments[0])].filter(e => !e.hidden).length", selector)
        )

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def type(self, text: str) -> None:
        box = self.one("[data-filter=text]")
        box.clear()
        box.send_keys(text)
        self.settle()

    def complaints(self) -> list[str]:
        """What the console holds: errors and warnings alike, a refused load among them."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "DEBUG"]

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened, but for the page itself."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        addresses = (
            str(message["params"]["request"]["url"])
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        )
        return [address for address in addresses if address.split("#")[0] not in (self.address, "about:blank")]


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Callable[[str], Page]:
    """Puts a page's text into a file, to be opened from there as a user does."""

    def write(text: str) -> Page:
        path = tmp_path / "page.html"
        path.write_text(text, "utf-8")
        return Page(chromium, path)

    return write
