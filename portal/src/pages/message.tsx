import { message } from "../api/notify.ts";
import { ButtonLink } from "../frame/button.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { useTown } from "../frame/town.ts";
import { useResource } from "../resource.ts";
import type { Params } from "../router.tsx";
import { t } from "../texts.ts";
import { moment } from "../times.ts";

export function MessagePage({ id = "" }: Params) {
  const town = useTown();
  const [loaded, reload] = useResource(() => message(town.ars, id), [town.ars, id]);
  return (
    <Page title={loaded.value?.subject ?? t("message.title")} preline={t("message.title")}>
      <Loaded resource={loaded} retry={reload}>
        {(found) => (
          <>
            <p class="kern-body kern-body--muted">{moment(found.madeAt)}</p>
            <div class="kern-body letter">{found.text}</div>
          </>
        )}
      </Loaded>
      <div class="actions">
        <ButtonLink kind="secondary" href={town.at("/uebersicht")}>
          {t("status.overview")}
        </ButtonLink>
      </div>
    </Page>
  );
}
