"""Takes the picture of the dashboard for record.sh: the real page of a cluster under work, in a headless Chromium.

`dashboard.py ADDRESS URL FILE`: the addresses of the scheduler and of its dashboard. `make browser` installs Chromium.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from distributed import Client
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PLOTS = """
const canvases = root => [...root.querySelectorAll("*")].reduce(
  (n, e) => n + (e.tagName === "CANVAS") + (e.shadowRoot ? canvases(e.shadowRoot) : 0), 0);
return canvases(document);
"""
"""JavaScript that counts the plots of a page: Bokeh draws on canvases inside of shadow roots."""
_WIDTH, _HEIGHT = 1180, 860
_FILES, _TOGETHER = 96, 4
# When about a half of the work is done.
_SECONDS = 14


def chromium(profile: Path, width: int, height: int) -> Chrome:
    """Debian's Chromium without a window, asking nobody but the page."""
    driver = shutil.which("chromedriver")
    assert driver, "chromedriver is missing: apt-get install chromium chromium-driver"
    options = ChromeOptions()
    quiet = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
    looks = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", f"--window-size={width},{height}")
    for argument in (*quiet, *looks, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    return Chrome(options=options, service=Service(driver))


def read(number: int) -> bytes:
    """A file, as it were."""
    time.sleep(0.5 + number % 5 / 10)
    return bytes(8_000_000)


def clean(data: bytes) -> bytes:
    time.sleep(0.25)
    return data[: len(data) // 2]


def train(parts: list[bytes]) -> int:
    time.sleep(1)
    return sum(map(len, parts))


def compare(models: list[int]) -> int:
    return max(models)


def work(client: Any) -> Any:
    """The last of some tasks of four kinds."""
    cleaned = client.map(clean, client.map(read, range(_FILES), pure=False), pure=False)
    models = [client.submit(train, cleaned[i : i + _TOGETHER]) for i in range(0, _FILES, _TOGETHER)]
    return client.submit(compare, models)


def take(address: str, url: str, file: Path) -> None:
    """Writes the picture of the dashboard while the cluster works."""
    with Client(address, timeout=60) as client, tempfile.TemporaryDirectory() as profile:
        browser = chromium(Path(profile), _WIDTH, _HEIGHT)
        try:
            browser.get(url)
            result = work(client)
            time.sleep(_SECONDS)
            assert browser.execute_script(PLOTS) >= 4, "the dashboard draws no plots"
            assert not result.done(), "the work ended before the picture was taken"
            browser.save_screenshot(str(file))
        finally:
            browser.quit()


if __name__ == "__main__":
    take(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
