"""Looks at every page of the built portal over its test double: screenshots at 320 and 1280 px, axe, width, console.

Needs `npm run build`, then `npm run preview:fake -- --port 4173` in another window, and Chromium:
`.venv/bin/python portal/tests/look.py http://localhost:4173 .rathaus/screenshots/fake`.
"""

import sys
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
Scheme = Literal["light", "dark"]
WIDTHS = {320: 640, 1280: 900}
PASSWORD = "ein langes gutes Passwort"
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]


class Look:
    """One walk through all pages at one width."""

    def __init__(self, browser: Browser, base: str, folder: Path, width: int, scheme: Scheme) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]}, color_scheme=scheme, locale="de-DE"
        )
        self.page: Page = context.new_page()
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.say(f"page error: {error}"))
        self.base, self.folder, self.width, self.scheme = f"{base}/tangerhuette", folder, width, scheme
        self.faults = 0

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load"):
            self.say(f"console: {message.text}")

    def say(self, text: str) -> None:
        self.faults += 1
        sys.stdout.write(f"{self.width} {self.scheme}: {text}\n")

    def shot(self, name: str) -> None:
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("document.fonts.ready")
        self.page.screenshot(path=self.folder / f"{name}-{self.width}-{self.scheme}.png", full_page=True)
        for violation in Axe().run(self.page, options={"runOnly": TAGS}).response["violations"]:
            nodes = [node["html"][:160] for node in violation["nodes"]][:3]
            self.say(f"{name}: axe {violation['id']}: {violation['help']} {nodes}")
        scroll = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if scroll > 0:
            self.say(f"{name}: scrolls sideways by {scroll} px")

    def go(self, path: str, name: str) -> None:
        self.page.goto(self.base + path)
        self.page.wait_for_selector("h1")
        self.shot(name)

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def walk(self) -> None:
        for path, name in [("/", "start"), ("/registrieren", "register"), ("/anmelden", "sign-in"),
                           ("/dienste/youth-medical-exam", "service"), ("/termine", "appointments"),
                           ("/impressum", "imprint"), ("/datenschutz", "privacy"),
                           ("/barrierefreiheit", "accessibility"), ("/gibt-es-nicht", "not-found")]:  # fmt: skip
            self.go(path, name)
        self.register_and_sign_in()
        self.go("/konto", "account")
        self.apply()
        self.reserve()
        self.go("/uebersicht", "overview")
        self.page.get_by_role("link", name="Ihr Antrag ist bei der Behörde angekommen").click()
        self.page.get_by_text("Mit freundlichen Grüßen").wait_for()
        self.shot("message")
        self.go("/", "start-signed-in")
        self.go("/konto", "account-linked")
        self.press("Abmelden")
        self.page.get_by_role("link", name="Konto anlegen").first.wait_for()

    def register_and_sign_in(self) -> None:
        page = self.page
        page.goto(self.base + "/registrieren")
        self.press("Konto anlegen")
        self.shot("register-errors")
        page.get_by_label("E-Mail-Adresse").fill("mia@example.org")
        page.get_by_label("Passwort", exact=True).fill(PASSWORD)
        self.press("Konto anlegen")
        page.get_by_label("Code aus der E-Mail").fill("000000")
        self.shot("code")
        self.press("Bestätigen")
        page.get_by_text("Sie haben noch 4 Versuche").first.wait_for()
        self.shot("code-wrong")
        page.get_by_label("Code aus der E-Mail").fill("123456")
        self.press("Bestätigen")
        page.get_by_text("Ihre E-Mail-Adresse ist bestätigt").wait_for()
        self.shot("code-done")
        page.goto(self.base + "/anmelden")
        page.get_by_label("E-Mail-Adresse").fill("mia@example.org")
        page.get_by_label("Passwort", exact=True).fill("falsch")
        self.press("Anmelden")
        page.get_by_text("Passwort stimmt nicht").wait_for()
        self.shot("sign-in-refused")
        page.get_by_label("Passwort", exact=True).fill(PASSWORD)
        self.press("Anmelden")
        page.get_by_role("heading", name="Meine Übersicht").wait_for()
        self.shot("overview-empty")

    def apply(self) -> None:
        page = self.page
        page.goto(self.base + "/dienste/youth-medical-exam")
        self.press("Antrag beginnen")
        page.get_by_role("heading", name="Worum geht es?").wait_for()
        self.press("Weiter")
        self.shot("edit-errors")
        page.get_by_label("Nachuntersuchung", exact=True).check()
        page.get_by_role("group", name="Datum der letzten Untersuchung").wait_for()
        self.shot("edit-rule")
        page.get_by_label("Erstuntersuchung", exact=True).check()
        page.get_by_label("die oder der Jugendliche").check()
        self.next("Die oder der Jugendliche")
        self.shot("edit-person")
        page.get_by_label("Vorname").fill("Mia Sophie")
        page.get_by_label("Familienname").fill("Beispiel")
        self.date("Geburtsdatum", "4", "5", "2010")
        page.get_by_label("Geburtsort").fill("Musterstadt")
        self.next("Adresse")
        self.shot("edit-address")
        page.get_by_label("Straße").fill("Erfundene Straße")
        page.get_by_label("Hausnummer").fill("12a")
        page.get_by_label("Postleitzahl").fill("39517")
        page.get_by_label("Ort", exact=True).fill("Tangerhütte")
        self.next("Gesetzliche Vertretung")
        page.get_by_label("Vorname").fill("Jörg")
        page.get_by_label("Familienname").fill("Beispiel")
        page.get_by_label("gemeinsam").check()
        page.get_by_label("mit der Untersuchung einverstanden").check()
        self.shot("edit-guardians")
        self.next("Arbeit oder Ausbildung")
        page.get_by_label("Beschäftigung").select_option(label="Ausbildung")
        page.get_by_label("Beruf").fill("Tischlerin")
        self.date("Beginn der Arbeit", "31", "2", "2027")
        self.press("Weiter")
        self.shot("edit-date-wrong")
        self.date("Beginn der Arbeit", "1", "8", "2027")
        self.next("Unterlagen")
        page.get_by_label("Kopie des Ausweises").set_input_files(
            {"name": "notiz.txt", "mimeType": "text/plain", "buffer": b"x"}
        )
        self.shot("upload-refused")
        page.get_by_label("Kopie des Ausweises").set_input_files(
            {"name": "Ausweis Mia.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 " + b"0" * 200_000}
        )
        page.get_by_role("button", name="Entfernen").wait_for()
        self.shot("upload")
        self.next("Antwort und Kontakt")
        page.get_by_label("abholen").check()
        page.get_by_role("textbox", name="E-Mail").fill("mia@example.org")
        page.get_by_label("Nein").check()
        self.shot("edit-contact")
        self.next("Erklärungen")
        page.get_by_label("Hinweise zum Datenschutz").check()
        page.get_by_label("richtig und vollständig").check()
        self.shot("edit-declarations")
        self.next("Prüfen und abschicken")
        self.shot("review")
        self.link()
        page.goto(page.url)
        self.press("Antrag abschicken")
        page.get_by_text("Ihr Antrag ist bei uns eingegangen").wait_for()
        self.shot("status-submitted")
        page.get_by_text("Ihr Antrag ist bei der Behörde angekommen").wait_for()
        self.shot("status-accepted")

    def link(self) -> None:
        page, back = self.page, self.page.url
        page.goto(f"{self.base}/konto")
        if page.get_by_role("button", name="Weiter zum Landeskonto").count():
            page.get_by_label("Passwort", exact=True).fill(PASSWORD)
            self.press("Weiter zum Landeskonto")
            page.get_by_text("Ihr Landeskonto ist verknüpft").wait_for()
            self.shot("linked")
        page.goto(back)

    def next(self, heading: str) -> None:
        self.press("Weiter")
        self.page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()

    def date(self, question: str, day: str, month: str, year: str) -> None:
        group = self.page.get_by_role("group", name=question)
        group.get_by_label("Tag").fill(day)
        group.get_by_label("Monat").fill(month)
        group.get_by_label("Jahr").fill(year)

    def reserve(self) -> None:
        page = self.page
        page.goto(f"{self.base}/termine")
        page.get_by_role("radio").nth(1).check()
        page.get_by_role("group", name="Welche Uhrzeit").get_by_role("radio").nth(1).check()
        self.shot("appointments-chosen")
        self.press("Verbindlich reservieren")
        page.get_by_text("Ihr Termin ist reserviert").wait_for()
        self.shot("reservation")


def main() -> int:
    """Walk at both widths in the light, and at the wide one in the dark."""
    base, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    faults = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        walks: list[tuple[int, Scheme]] = [(1280, "light"), (320, "light"), (1280, "dark")]
        for width, scheme in walks:
            look = Look(browser, base, folder, width, scheme)
            look.walk()
            faults += look.faults
        browser.close()
    sys.stdout.write(f"{faults} findings\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
