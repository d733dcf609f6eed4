import type { Municipality } from "../api/municipalities.ts";
import { OfficialStrip } from "../frame/frame.tsx";
import { Page } from "../frame/page.tsx";
import { t } from "../texts.ts";

/** The page at `/`, and at every address that names no municipality. */
export function ChooseTownPage({ towns }: { towns: readonly Municipality[] }) {
  return (
    <>
      <header>
        <OfficialStrip />
      </header>
      <main class="width main" id="inhalt">
        <Page title={t("choose.title")} lead={t("choose.lead")}>
          <ul class="cards">
            {towns.map((town) => (
              <li key={town.slug}>
                <article class="kern-card">
                  <div class="kern-card__container">
                    <h2 class="kern-title">
                      <a class="kern-link kern-link--stretched" href={`/${town.slug}/`}>
                        {town.name}
                      </a>
                    </h2>
                    <p class="kern-body">{town.contact.address}</p>
                  </div>
                </article>
              </li>
            ))}
          </ul>
        </Page>
      </main>
    </>
  );
}
