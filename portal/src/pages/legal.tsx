import { Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { t } from "../texts.ts";

function Contact({ town }: { town: Town }) {
  return (
    <address class="kern-body">
      {town.name}
      <br />
      {town.contact.address}
      <br />
      {t("contact.phone")}: {town.contact.phone}
      <br />
      {t("contact.email")}:{" "}
      <a class="kern-link" href={`mailto:${town.contact.email}`}>
        {town.contact.email}
      </a>
    </address>
  );
}

export function ImprintPage() {
  const town = useTown();
  return (
    <Page title={t("imprint.title")}>
      <h2 class="kern-heading-medium">{t("imprint.provider")}</h2>
      <Contact town={town} />
      <p class="kern-body">{t("imprint.text")}</p>
      <h2 class="kern-heading-medium">{t("imprint.software")}</h2>
      <p class="kern-body">{t("imprint.software.text")}</p>
    </Page>
  );
}

const PRIVACY = ["purpose", "cookies", "recipients", "rights"] as const;

export function PrivacyPage() {
  const town = useTown();
  return (
    <Page title={t("privacy.title")}>
      <h2 class="kern-heading-medium">{t("privacy.controller")}</h2>
      <Contact town={town} />
      {PRIVACY.map((part) => (
        <section class="section" key={part}>
          <h2 class="kern-heading-medium">{t(`privacy.${part}`)}</h2>
          <p class="kern-body">{t(`privacy.${part}.text`)}</p>
        </section>
      ))}
    </Page>
  );
}

const ACCESSIBILITY = ["state", "feedback", "ombudsman"] as const;

export function AccessibilityPage() {
  const town = useTown();
  return (
    <Page title={t("accessibility.title")}>
      <p class="kern-body">{t("accessibility.text", { town: town.name })}</p>
      {ACCESSIBILITY.map((part) => (
        <section class="section" key={part}>
          <h2 class="kern-heading-medium">{t(`accessibility.${part}`)}</h2>
          <p class="kern-body">{t(`accessibility.${part}.text`)}</p>
        </section>
      ))}
      <Contact town={town} />
    </Page>
  );
}
