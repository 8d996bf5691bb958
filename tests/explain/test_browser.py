"""The page in a real browser: what lights up, what unfolds, what can be read, and by whom."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kgzsl.explain.explanation import Explanation
from kgzsl.explain.page import write_page
from kgzsl.ontology.facts import Fact

pytest.importorskip("selenium", reason="selenium is not installed (make install does it)")
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
PHONE, DESKTOP = 360, 1280


class Page:
    """The page as a reader has it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url

    def open(self, *, width: int = DESKTOP, height: int = 900, **media: str) -> Page:
        """Load it anew, in a window of some size and with the reader's settings (``prefers_color_scheme="dark"``)."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(self.url)
        self.run("window.same = true")
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        """The elements that can be seen."""
        visible = "[...document.querySelectorAll(arguments[0])].filter(e => e.getClientRects().length)"
        return self.run(f"return {visible}", selector)

    def one(self, selector: str) -> Any:
        return self.all(selector)[0]

    def fact(self, phrase: str) -> Any:
        text = "e.querySelector('.phrase').textContent.includes(arguments[0])"
        visible = f"[...document.querySelectorAll('.fact')].find(e => e.getClientRects().length && {text})"
        return self.run(f"return {visible}", phrase)

    def point(self, element: Any) -> None:
        ActionChains(self.driver).move_to_element(element).perform()

    def press(self, *keys: str) -> Any:
        """Press keys; what then has the focus."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        return self.driver.switch_to.active_element

    @property
    def lit(self) -> list[str]:
        """The layers that are lit."""
        return [layer.get_attribute("id") for layer in self.driver.find_elements(By.CSS_SELECTOR, ".layer.on")]

    @property
    def wide(self) -> list[str]:
        """What makes the page scroll sideways."""
        beyond = self.run(
            "return [...document.querySelectorAll('body *')].filter(e => e.getClientRects().length && "
            "!e.closest('.off-screen, .sprites, .skip, .axis') && e.getBoundingClientRect().right > innerWidth + 0.5)"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        return beyond + ["scrolls"] * self.run("return +(document.documentElement.scrollWidth > innerWidth)")

    @property
    def caption(self) -> str:
        return self.driver.find_element(By.ID, "where").text


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no chromium and chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def file(
    make_full: Callable[..., Explanation],
    image: np.ndarray,
    verbalize: Callable[[Fact], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    pictures = {f"okapi/{k}.png": Image.new("RGB", (60, 40), (90 * k, 40, 40)) for k in (1, 2)}
    several = [make_full(), make_full("okapi", margin=0.4), make_full("tapir", margin=0.2, warnings=())]
    path = tmp_path_factory.mktemp("page") / "page.html"
    return write_page(path, several, image, verbalize=verbalize, pictures=pictures)


@pytest.fixture
def page(driver: Any, file: Path) -> Iterator[Page]:
    """The page; whatever a test does with it, the console stays empty."""
    yield Page(driver, file.as_uri()).open()
    assert driver.get_log("browser") == []


def test_pointing_at_a_fact_lights_where_it_was_found(page: Page) -> None:
    assert page.lit == []
    assert page.caption == "Point at a fact, or tap it, to see where it was found."
    stripes, neck = page.fact("stripes"), page.fact("long_neck")
    for row, caption in (
        (stripes, "zebra has as its pattern stripes: found here"),
        (neck, "zebra has part long_neck: looked for here and not found"),
        (page.fact("no horns"), "zebra has no horns: looked for here and not found, as it says"),
    ):
        page.point(row.find_element(By.CSS_SELECTOR, ".phrase"))
        assert page.lit == [row.get_attribute("data-layer")]
        assert page.caption == caption
    page.point(stripes.find_element(By.CSS_SELECTOR, "summary"))  # all of the row counts
    assert page.lit == [stripes.get_attribute("data-layer")]
    page.point(page.one("h1"))
    assert page.lit == []


def test_a_lit_layer_can_be_seen(page: Page) -> None:
    page.run("document.querySelector('.picture').scrollIntoView()")
    before = page.one(".picture").screenshot_as_png
    page.point(page.fact("stripes"))
    layer = page.driver.find_element(By.CSS_SELECTOR, ".layer.on")
    assert page.run("return arguments[0].querySelector('img').naturalWidth", layer) == 96
    assert layer.rect["width"] == page.one(".picture").rect["width"] == 320
    box = layer.find_element(By.CSS_SELECTOR, "b").rect
    assert box["width"] == pytest.approx(320 * 0.35, abs=1)
    assert page.one(".picture").screenshot_as_png != before


def test_by_keyboard_alone(page: Page) -> None:
    assert page.press(Keys.TAB).text == "To the facts"
    radio = page.press(Keys.TAB)
    assert radio.get_attribute("name") == "rival"
    line = page.press(Keys.TAB)
    row = page.fact("stripes")
    assert line.text.startswith("has as its pattern stripes")
    assert page.lit == [row.get_attribute("data-layer")]
    summary = page.press(Keys.TAB)
    assert summary.tag_name == "summary"
    assert page.lit == [row.get_attribute("data-layer")]
    details = row.find_element(By.CSS_SELECTOR, "dl")
    assert not details.is_displayed()
    page.press(Keys.ENTER)
    assert details.is_displayed()
    assert "+0.700 to +1.100" in details.text
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    page.press(Keys.ENTER)
    assert line.get_attribute("aria-pressed") == "true"
    page.press(Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB)  # the next fact and on
    assert page.lit != [row.get_attribute("data-layer")]
    page.run("document.activeElement.blur()")
    assert page.lit == [row.get_attribute("data-layer")]  # pinned
    page.press(Keys.ESCAPE)
    assert page.lit == []
    assert line.get_attribute("aria-pressed") == "false"


def test_the_focus_can_be_seen_and_is_not_covered(page: Page) -> None:
    for width in (DESKTOP, PHONE):
        page.open(width=width, height=700)
        for _ in range(16):
            focused = page.press(Keys.TAB)
            if focused.tag_name in ("button", "summary"):
                style = page.run("return getComputedStyle(arguments[0]).outlineStyle", focused)
                assert style == "solid"
                top = page.run(
                    "var r = arguments[0].getBoundingClientRect(); "
                    "return document.elementFromPoint(r.left + 12, r.top + r.height / 2)",
                    focused,
                )
                assert page.run("return arguments[0].contains(arguments[1])", focused, top), focused.text


def test_tapping_pins_a_fact(page: Page) -> None:
    page.open(width=PHONE, height=740)
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        row = page.fact("long_neck")
        page.run("arguments[0].scrollIntoView({block: 'center'})", row)
        place = page.run("var r = arguments[0].getBoundingClientRect(); return [r.left + 40, r.top + 15]", row)
        points = [{"x": place[0], "y": place[1]}]
        for _ in range(2):
            before = page.lit
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            assert page.lit == ([] if before else [row.get_attribute("data-layer")])
            picture = page.one(".picture").rect
            scrolled = page.run("return window.scrollY")
            assert 0 <= picture["y"] - scrolled < 30  # the picture stays in sight
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_proofs_unfold_down_to_what_is_asserted(page: Page) -> None:
    row = page.fact("hooves")
    assert "Equid is a kind of Ungulate" not in row.text
    row.find_element(By.CSS_SELECTOR, "summary").click()
    told = row.text
    assert "Equid is a kind of Ungulate" in told
    assert "Grazer has part hooves" in told  # the other derivation
    assert "makes up for the loss of the first" in told
    inner = row.find_element(By.CSS_SELECTOR, ".tree summary")
    inner.click()
    assert "Equid is a kind of Ungulate" not in row.text


def test_the_other_rival_is_shown_without_loading_anything(page: Page) -> None:
    page.fact("stripes").find_element(By.CSS_SELECTOR, "button").click()
    layer = page.fact("stripes").get_attribute("data-layer")
    assert page.driver.title == "Why zebra, not horse"
    assert "two animals" in page.one("header").text
    radio = page.all("input[name=rival]")[0]
    radio.send_keys(Keys.ARROW_RIGHT)
    assert page.driver.title == "Why zebra, not okapi"
    assert page.one("h1").text == "Why zebra, not okapi"
    assert len(page.all("h1 > span")) == 1
    headings = [heading.text for heading in page.all(".facts h2")]
    assert headings[:2] == ["What the knowledge graph says of zebra", "What the knowledge graph says of okapi"]
    assert "+0.400" in page.one(".lead").text
    assert "margin over okapi" in page.one(".sum").text
    assert page.one(".ranking .against .name").text == "okapi rival"
    assert (
        page.driver.find_element(By.ID, "status").get_attribute("textContent") == "Why zebra, not okapi, margin +0.400"
    )
    pinned = page.fact("stripes").find_element(By.CSS_SELECTOR, "button")
    assert pinned.get_attribute("aria-pressed") == "true"  # the same fact, of the other comparison
    assert page.lit == [layer]
    page.all(".rivals label")[2].click()
    assert page.driver.title == "Why zebra, not tapir"
    assert not page.all(".warnings")
    assert page.run("return window.same") is True
    assert (
        page.run("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length") == 0
    )


def test_nothing_sticks_out_on_a_phone(page: Page) -> None:
    page.open(width=PHONE, height=740)
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for label in page.all(".rivals label"):
        label.click()
        assert page.wide == []
    small = page.run(
        "return [...document.querySelectorAll('button, summary, .rivals label')]"
        ".filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 20).map(e => e.textContent)"
    )
    assert small == []


def test_very_long_names_break(
    driver: Any, make_full: Callable[..., Explanation], image: np.ndarray, tmp_path: Path
) -> None:
    labels = {f"http://example.org/creatures#{name}": "Wolpertinger" * 12 for name in ("zebra", "horse", "Equid")}
    told = write_page(tmp_path / "long.html", make_full(labels=labels), image, verbalize=lambda fact: "has" * 60)
    page = Page(driver, told.as_uri()).open(width=PHONE)
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.wide == []


CONTRAST = """
function channel(c) { c /= 255; return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); }
function rgb(color) { return color.match(/[\\d.]+/g).map(Number); }
function light(c) { return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]); }
function ground(e) {
  for (; e; e = e.parentElement) {
    var c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) { return c; }
  }
}
var walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [], count = 0;
while (walker.nextNode()) {
  var e = walker.currentNode.parentElement;
  var off = !e.getClientRects().length || e.closest("script, .off-screen, .skip");
  if (off || !walker.currentNode.textContent.trim()) { continue; }
  var a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
  var ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  count += 1;
  if (ratio < 4.5) { found.push([e.className, walker.currentNode.textContent, ratio]); }
}
return [count, found];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: Page, scheme: str) -> None:
    page.open(prefers_color_scheme=scheme)
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.point(page.fact("stripes"))
    count, faint = page.run(CONTRAST)
    assert count > 150
    assert faint == []  # 4.5:1, WCAG AA
    paper = page.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(paper) < 60) == (scheme == "dark")


def test_nothing_moves_for_those_who_do_not_want_it(page: Page) -> None:
    duration = "return getComputedStyle(document.querySelector('.layer')).transitionDuration"
    assert page.run(duration) != "0s"
    page.open(prefers_reduced_motion="reduce")
    assert page.run(duration) == "0s"


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    page.driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    page.driver.execute_cdp_cmd("Accessibility.disable", {})
    told = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]
    roles = [role for role, _ in told]
    for landmark in ("banner", "main", "contentinfo", "radiogroup"):
        assert roles.count(landmark) == 1, landmark
    assert ("radiogroup", "held against") in told
    assert [name for role, name in told if role == "radio"] == ["horse +1.57", "okapi +0.40", "tapir +0.20"]
    assert ("note", "Warning") in told
    assert ("heading", "Why zebra, not horse") in told
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert ("button", "has as its pattern stripes speaks for zebra: +0.912") in told
    assert ("button", "has part long_neck speaks for horse: \u22120.240") in told
    assert ("image", "The image that is explained, zebra_012.png") in told
    assert not [name for role, name in told if role in ("button", "radio", "region", "image", "link") and not name]
    live = page.run("return [...document.querySelectorAll('[aria-live], [role=status]')].map(e => e.id)")
    assert sorted(live) == ["status", "where"]


def test_without_scripts_every_rival_is_there_to_read(page: Page) -> None:
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get(page.url)
        titles = [title.text for title in page.all("h1 > span")]
        assert titles == ["Why zebra, not horse", "Why zebra, not okapi", "Why zebra, not tapir"]
        assert len(page.all(".sum")) == 3
        assert not page.all(".rivals")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
