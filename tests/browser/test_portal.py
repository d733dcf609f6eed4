"""The whole job in a real browser on the whole stack: what a citizen sees, with axe on every page and at 320 px."""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, ViewportSize, sync_playwright

from rathaus.citizen import PDF
from rathaus.stack.stack import REPOSITORY, Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.timeout(300)]

FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root otherwise
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=320, height=640)
CUT_OFF = """() => {
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const hidden = texts.currentNode.parentElement.closest(".visually-hidden");
    if (!hidden && range.getBoundingClientRect().right > innerWidth) found.push(texts.currentNode.textContent);
  }
  return found;
}"""
"""Texts that reach beyond the window: the portal clips them, so that nothing scrolls and nobody can read them."""
PASSWORD = "ein langes gutes Passwort"
SCREENSHOTS = REPOSITORY / ".rathaus" / "screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """Somebody in front of a browser."""

    def __init__(self, browser: Browser, town_hall: Stack, folder: Path = SCREENSHOTS) -> None:
        self.town_hall, self.folder = town_hall, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.context = browser.new_context(viewport=WIDE, locale="de-DE", timezone_id="Europe/Berlin")
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.email = f"mia.beispiel+{secrets.token_hex(6)}@example.org"
        self.number = 0

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused call (a wrong code, say) is written to the console by the browser itself.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.town_hall.public_url}/tangerhuette{path}")

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def sees(self, heading: str) -> None:
        self.page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()
        self.page.wait_for_function("heading => document.title.includes(heading)", arg=heading)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def date(self, question: str, day: str, month: str, year: str) -> None:
        group = self.page.get_by_role("group", name=question)
        for label, text in (("Tag", day), ("Monat", month), ("Jahr", year)):
            group.get_by_label(label).fill(text)

    def next(self, heading: str) -> None:
        self.press("Weiter")
        self.sees(heading)

    def check_page(self, name: str) -> None:
        """No finding of axe, nothing in the console, no sideways scrolling at 320 px; a picture of both widths."""
        self.number += 1
        self.page.evaluate("document.fonts.ready")
        violations = Axe().run(self.page, options={"runOnly": RULES}).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == [], name
        for size in (WIDE, NARROW):
            self.page.set_viewport_size(size)
            over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{name} scrolls sideways by {over} px at {size['width']} px"
            assert self.page.evaluate(CUT_OFF) == [], f"{name} is cut off at {size['width']} px"
            self.page.screenshot(path=self.folder / f"{self.number:02} {name} {size['width']}.png", full_page=True)
        self.page.set_viewport_size(WIDE)
        assert self.complaints == [], name

    def code(self) -> str:
        """The code out of the mail."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            mails = httpx.get(f"{self.town_hall.mailbox}/api/messages", params={"to": self.email})
            for mail in mails.raise_for_status().json():
                if code := re.search(r"\b\d{6}\b", mail["text"]):
                    return code[0]
            time.sleep(0.2)
        raise AssertionError("no code came by mail within 30 s")

    def register(self) -> None:
        self.go("/")
        self.sees("Willkommen im Digitalen Rathaus")
        self.page.get_by_role("heading", name="Erstuntersuchung für jugendliche Azubis").wait_for()
        self.check_page("start")
        self.page.get_by_role("link", name="Konto anlegen").first.click()
        self.sees("Konto anlegen")
        self.press("Konto anlegen")
        self.page.locator("[data-error-summary]:focus").wait_for()
        self.check_page("register, errors")
        self.fill("E-Mail-Adresse", self.email)
        self.fill("Passwort", PASSWORD)
        self.press("Konto anlegen")
        self.sees("Code eingeben")
        code = self.code()
        self.fill("Code aus der E-Mail", "000000" if code != "000000" else "111111")
        self.press("Bestätigen")
        self.page.get_by_text("Der Code stimmt nicht").first.wait_for()
        self.check_page("code, wrong")
        self.fill("Code aus der E-Mail", code)
        self.press("Bestätigen")
        self.sees("Konto bestätigt")
        self.check_page("code, right")

    def sign_in(self) -> None:
        self.go("/konto")
        self.sees("Anmelden")
        self.fill("E-Mail-Adresse", self.email)
        self.fill("Passwort", PASSWORD)
        self.check_page("sign in")
        self.press("Anmelden")
        self.sees("Mein Konto")

    def link(self) -> None:
        self.page.get_by_text("dieses Gerät").wait_for()
        self.check_page("account")
        self.fill("Passwort", PASSWORD)
        self.press("Weiter zum Landeskonto")
        self.page.get_by_role("heading", name="Landeskonto: Anmelden").wait_for()
        self.page.locator("input[name=person][value=mia-beispiel]").check()
        self.page.get_by_label("Kennung").fill(self.email.partition("+")[2][:12])
        self.press("Anmelden")
        self.page.get_by_text("Ihr Landeskonto ist verknüpft").wait_for()
        self.check_page("linked")

    def fill_in(self) -> None:
        page = self.page
        self.go("/dienste/youth-medical-exam")
        self.sees("Erstuntersuchung für jugendliche Azubis")
        page.get_by_role("button", name="Antrag beginnen").wait_for()
        self.check_page("service")
        self.press("Antrag beginnen")
        self.sees("Worum geht es?")
        self.press("Weiter")
        page.get_by_text("Bitte prüfen Sie 2 Angaben").wait_for()
        self.check_page("form, errors")
        page.get_by_label("Nachuntersuchung", exact=True).check()
        page.get_by_role("group", name="Datum der letzten Untersuchung").wait_for()
        page.get_by_label("Erstuntersuchung", exact=True).check()
        page.get_by_role("group", name="Datum der letzten Untersuchung").wait_for(state="detached")
        page.get_by_label("die oder der Jugendliche").check()
        self.next("Die oder der Jugendliche")
        self.fill("Vorname(n)", "Mia Sophie")
        self.fill("Familienname", "Beispiel")
        self.date("Geburtsdatum", "4", "5", "2010")
        self.fill("Geburtsort", "Musterstadt")
        self.check_page("form, person")
        self.next("Adresse")
        self.fill("Straße", "Erfundene Straße")
        self.fill("Hausnummer", "12a")
        self.fill("Postleitzahl", "39517")
        self.fill("Ort", "Tangerhütte")
        page.get_by_text("Der Entwurf ist gespeichert.").wait_for()
        page.reload()
        self.sees("Adresse")
        assert page.get_by_label("Straße", exact=True).input_value() == "Erfundene Straße"
        self.next("Gesetzliche Vertretung")
        self.fill("Vorname(n)", "Jörg")
        self.fill("Familienname", "Beispiel")
        page.get_by_label("gemeinsam").check()
        page.get_by_label("mit der Untersuchung einverstanden").check()
        self.check_page("form, guardians")
        self.next("Arbeit oder Ausbildung")
        page.get_by_label("Beschäftigung").select_option(label="Ausbildung")
        self.fill("Beruf", "Tischlerin")
        self.date("Beginn der Arbeit", "1", "8", "2027")
        self.next("Unterlagen")

    def upload(self) -> None:
        page = self.page
        field = page.get_by_label("Kopie des Ausweises")
        field.set_input_files({"name": "kein.pdf", "mimeType": "application/pdf", "buffer": b"only a name"})
        page.locator(".upload .kern-error").first.wait_for()
        self.check_page("upload, refused")
        field.set_input_files({"name": "ausweis-mia.pdf", "mimeType": "application/pdf", "buffer": PDF})
        page.get_by_role("button", name="Entfernen ausweis-mia.pdf").wait_for()
        self.check_page("upload")
        self.next("Antwort und Kontakt")
        page.get_by_label("abholen").check()
        page.get_by_label("Ja", exact=True).check()
        self.fill("E-Mail", self.email)  # necessary now, so its label no longer says that it is not
        assert page.get_by_label("E-Mail", exact=True).get_attribute("type") == "email", "an address is one line"
        self.next("Erklärungen")
        page.get_by_label("Hinweise zum Datenschutz").check()
        page.get_by_label("richtig und vollständig").check()
        self.check_page("form, declarations")
        self.next("Prüfen und abschicken")

    def submit(self) -> None:
        page = self.page
        page.get_by_text("ausweis-mia.pdf").wait_for()
        self.check_page("review")
        page.get_by_role("button", name="Antrag abschicken").dblclick()
        page.get_by_text("Der Weg Ihres Antrags").wait_for()
        self.check_page("status")
        page.get_by_text("Ihr Antrag ist bei der Behörde angekommen").wait_for(timeout=60_000)
        self.check_page("status, accepted")

    def reserve(self) -> None:
        page = self.page
        page.get_by_role("link", name="Abholtermin reservieren").click()
        self.sees("Termin reservieren")
        page.get_by_role("group", name="Welcher Tag").get_by_role("radio").last.check()
        page.get_by_role("group", name="Welche Uhrzeit").get_by_role("radio").first.check()
        self.check_page("appointments")
        self.press("Verbindlich reservieren")
        page.get_by_text("Ihr Termin ist reserviert").wait_for()
        self.check_page("reservation")

    def look_back(self) -> None:
        page = self.page
        page.get_by_role("link", name="Zu meiner Übersicht").click()
        self.sees("Meine Übersicht")
        applications = page.get_by_role("region", name="Anträge").get_by_role("listitem")
        applications.first.wait_for()
        assert applications.count() == 1, "a double click handed in twice"
        page.get_by_role("region", name="Termine").get_by_role("listitem").first.wait_for()
        message = page.get_by_role("region", name="Nachrichten").get_by_role("link").first
        message.wait_for()
        self.check_page("overview")
        message.click()
        page.locator(".letter").wait_for()
        self.check_page("message")


def test_a_citizen_does_the_whole_job_in_the_portal(town_hall: Stack, browser: Browser) -> None:
    mia = Visitor(browser, town_hall)
    mia.register()
    mia.sign_in()
    mia.link()
    mia.fill_in()
    mia.upload()
    mia.submit()
    mia.reserve()
    mia.look_back()
    mia.go("/konto")
    mia.sees("Mein Konto")
    mia.press("Abmelden")
    mia.page.get_by_role("link", name="Anmelden").first.wait_for()
    mia.go("/uebersicht")
    mia.sees("Anmelden")
    mia.context.close()


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/termine", "Termin reservieren"),
        ("/impressum", "Impressum"),
        ("/datenschutz", "Datenschutz"),
        ("/barrierefreiheit", "Barrierefreiheit"),
        ("/gibt-es-nicht", "Diese Seite gibt es nicht"),
    ],
)
def test_pages_for_everybody(town_hall: Stack, browser: Browser, path: str, heading: str) -> None:
    visitor = Visitor(browser, town_hall)
    visitor.go(path)
    visitor.sees(heading)
    visitor.check_page(path.strip("/"))
    visitor.context.close()


def test_the_keyboard_reaches_the_content_and_the_focus_follows_the_page(town_hall: Stack, browser: Browser) -> None:
    visitor = Visitor(browser, town_hall)
    page = visitor.page
    visitor.go("/")
    visitor.sees("Willkommen im Digitalen Rathaus")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Zum Inhalt springen"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "inhalt"
    page.get_by_role("navigation", name="Hauptmenü").get_by_role("link", name="Anmelden").press("Enter")
    visitor.sees("Anmelden")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    visitor.context.close()


def test_the_second_municipality_has_a_portal_of_its_own(town_hall: Stack, browser: Browser) -> None:
    visitor = Visitor(browser, town_hall)
    visitor.page.goto(f"{town_hall.public_url}/musterland/")
    visitor.page.get_by_text("Musterdorf · Beispielhausen").wait_for()
    visitor.check_page("musterland")
    visitor.context.close()
