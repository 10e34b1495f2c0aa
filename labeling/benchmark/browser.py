"""Drives a Chromium with key and pointer events (Selenium), for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import psutil

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.review.server import ReviewServer
from labeling.review.service import ReviewService

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1",
)  # fmt: skip
"""Command-line flags of Chromium."""
ADVICE = "apt-get install chromium chromium-driver"
"""How to install the browser, for messages."""
COMMAND_TIMEOUT_S = 60.0
"""Seconds after which a command to an unresponsive browser fails."""
CLOSE_TIMEOUT_S = 2.0
"""Seconds that an attempt to close the browser may take; after four attempts it is killed."""


def find_browser() -> tuple[str, str] | None:
    """Paths of Chromium and of its driver; None if one of them is not installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextlib.contextmanager
def open_browser(
    width_px: int = 1440,
    height_px: int = 900,
    is_dark: bool = False,
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> Iterator[Any]:
    """A Selenium driver of a new browser with an empty profile.

    Args:
        is_dark: the page sees a preference for dark colours.
        timeout_s: seconds after which a command fails.

    Raises:
        UserError: there is no Chromium.
    """
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.remote.command import Command
    from urllib3.exceptions import HTTPError

    found = find_browser()
    if found is None:
        raise UserError(f"no chromium and chromedriver on the PATH: {ADVICE}")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    with tempfile.TemporaryDirectory(prefix="review-browser-", ignore_cleanup_errors=True) as place:
        window = f"--window-size={width_px},{height_px}"
        for flag in (*FLAGS, window, f"--user-data-dir={place}/profile"):
            options.add_argument(flag)
        service = webdriver.ChromeService(found[1], env={**os.environ, "TMPDIR": place})
        try:
            driver: Any = webdriver.Chrome(options=options, service=service)
            driver.command_executor.client_config.timeout = timeout_s
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            yield driver
            driver.command_executor.client_config.timeout = CLOSE_TIMEOUT_S
            with contextlib.suppress(HTTPError, WebDriverException):
                driver.execute(Command.QUIT)
        finally:
            _kill(service.process)


def _kill(driver: subprocess.Popen | None) -> None:
    """Kill a chromedriver with its browsers, because Selenium's `quit` waits for one that hangs."""
    if driver is None or driver.poll() is not None:
        return
    processes = psutil.Process(driver.pid).children(recursive=True)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    driver.kill()
    driver.wait(timeout=10)
    psutil.wait_procs(processes, timeout=10)


@contextlib.contextmanager
def serve_page(dataset: Dataset, reviewer: str) -> Iterator[ReviewServer]:
    """Serve the review page of a dataset on a free port, in a thread of this process."""
    server = ReviewServer(ReviewService(dataset, reviewer), 0)
    # Polls for its shutdown every 20 ms instead of every 500 ms, because tests start many servers.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
