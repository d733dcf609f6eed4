import { ButtonLink } from "../frame/button.tsx";
import { Page } from "../frame/page.tsx";
import { t } from "../texts.ts";

export function NotFoundPage({ home }: { home: string }) {
  return (
    <Page title={t("not_found.title")} lead={t("not_found.text")}>
      <div class="actions">
        <ButtonLink href={home}>{t("not_found.home")}</ButtonLink>
      </div>
    </Page>
  );
}
