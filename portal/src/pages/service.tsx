import { service, start } from "../api/forms.ts";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { useTown } from "../frame/town.ts";
import { useAction, useResource } from "../resource.ts";
import { navigate, type Params } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";

/** What an online service is about, before anybody signs in for it. */
export function ServicePage({ slug = "" }: Params) {
  const town = useTown();
  const { account } = useSession();
  const [loaded, reload] = useResource(() => service(town.ars, slug), [town.ars, slug]);
  const begin = useAction(async () => {
    navigate(town.at(`/antraege/${await start(town.ars, slug)}/bearbeiten`));
  });
  const here = town.at(`/dienste/${slug}`);
  return (
    <Page title={loaded.value?.title ?? t("service.title")} preline={t("service.preline")} lead={loaded.value?.summary}>
      <ProblemNotice problem={begin.problem} />
      <Loaded resource={loaded} retry={reload}>
        {(found) => (
          <>
            <section class="section" aria-labelledby="bereit">
              <h2 class="kern-heading-medium" id="bereit">
                {t("service.need")}
              </h2>
              <ul class="kern-list kern-list--bullet">
                <li>{t("service.need.time")}</li>
                {found.uploads.map((upload) => (
                  <li key={upload.field}>
                    {upload.title}. {upload.help}
                  </li>
                ))}
              </ul>
            </section>
            {account && !account.linked && (
              <Alert tone="info" title={t("service.link_first")}>
                <p class="kern-body">{t("service.link_first.text")}</p>
                <p class="kern-body">
                  <a class="kern-link" href={`${town.at("/konto")}?weiter=${encodeURIComponent(here)}`}>
                    {t("service.link_first.go")}
                  </a>
                </p>
              </Alert>
            )}
            <div class="actions">
              {account ? (
                <Button busy={begin.running} onClick={begin.run}>
                  {t("service.start")}
                </Button>
              ) : (
                <>
                  <ButtonLink href={`${town.at("/anmelden")}?weiter=${encodeURIComponent(here)}`}>
                    {t("service.sign_in")}
                  </ButtonLink>
                  <ButtonLink kind="secondary" href={town.at("/registrieren")}>
                    {t("register.title")}
                  </ButtonLink>
                </>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
