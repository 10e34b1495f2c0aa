"""A real Chromium, driven by real key and pointer events (Selenium), for tests and measures."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from ingest.dataset import Dataset
from ingest.errors import UserError
from labeling.review_server import ReviewServer
from labeling.review_service import ReviewService

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1",
)  # fmt: skip
ADVICE = "apt-get install chromium chromium-driver"


def find_browser() -> tuple[str, str] | None:
    """Paths of Chromium and of its driver; None where one of them is not installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextlib.contextmanager
def open_browser(
    width_px: int = 1440, height_px: int = 900, is_dark: bool = False
) -> Iterator[Any]:
    """A Selenium driver with an empty profile. Raises UserError where there is no Chromium."""
    from selenium import webdriver

    found = find_browser()
    if found is None:
        raise UserError(f"no chromium and chromedriver on the PATH: {ADVICE}")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    with tempfile.TemporaryDirectory(prefix="review-browser-") as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width_px},{height_px}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(found[1]))
        try:
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            yield driver
        finally:
            driver.quit()


@contextlib.contextmanager
def served(dataset: Dataset, reviewer: str) -> Iterator[ReviewServer]:
    """The review page of a dataset on a free port, in a thread of this process."""
    server = ReviewServer(ReviewService(dataset, reviewer), 0)
    # Asked for its end fifty times a second instead of twice: tests start many.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
