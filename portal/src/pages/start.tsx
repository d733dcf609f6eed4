import { reservations } from "../api/appointments.ts";
import { services } from "../api/forms.ts";
import { ButtonLink } from "../frame/button.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useResource } from "../resource.ts";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";
import { longDay, time } from "../times.ts";

export function StartPage() {
  const town = useTown();
  const { account } = useSession();
  const doors = (
    <div class="actions">
      {account ? (
        <ButtonLink href={town.at("/uebersicht")}>{t("start.overview")}</ButtonLink>
      ) : (
        <>
          <ButtonLink href={town.at("/registrieren")}>{t("start.register")}</ButtonLink>
          <ButtonLink kind="secondary" href={town.at("/anmelden")}>
            {t("start.sign_in")}
          </ButtonLink>
        </>
      )}
    </div>
  );
  return (
    <Page title={t("start.title")} lead={t("start.lead")} hero={doors} wide>
      {account && <NextAppointment town={town} />}
      <Services town={town} />
      <HowItWorks />
      {town.members.length > 0 && (
        <section class="section">
          <h2 class="kern-heading-large">{t("start.members")}</h2>
          <p class="kern-body">{town.members.map((member) => member.name).join(" · ")}</p>
        </section>
      )}
    </Page>
  );
}

function Services({ town }: { town: Town }) {
  const [list, reload] = useResource(() => services(town.ars), [town.ars]);
  return (
    <section class="section" aria-labelledby="dienste">
      <h2 class="kern-heading-large" id="dienste">
        {t("start.services")}
      </h2>
      <Loaded resource={list} retry={reload}>
        {(found) => (
          <ul class="cards">
            {found.map((service) => (
              <li key={service.slug}>
                <article class="kern-card">
                  <div class="kern-card__container">
                    <header class="kern-card__header">
                      <h3 class="kern-title">
                        <a class="kern-link kern-link--stretched" href={town.at(`/dienste/${service.slug}`)}>
                          {service.title}
                        </a>
                      </h3>
                    </header>
                    <section class="kern-card__body">
                      <p class="kern-body">{service.summary}</p>
                    </section>
                  </div>
                </article>
              </li>
            ))}
            <li>
              <article class="kern-card">
                <div class="kern-card__container">
                  <header class="kern-card__header">
                    <h3 class="kern-title">
                      <a class="kern-link kern-link--stretched" href={town.at("/termine")}>
                        {t("appointments.title")}
                      </a>
                    </h3>
                  </header>
                  <section class="kern-card__body">
                    <p class="kern-body">{t("start.appointment.summary")}</p>
                  </section>
                </div>
              </article>
            </li>
          </ul>
        )}
      </Loaded>
    </section>
  );
}

function NextAppointment({ town }: { town: Town }) {
  const [list] = useResource(() => reservations(town.ars), [town.ars]);
  const next = list.value?.[0];
  if (!next) return null;
  return (
    <section class="section next" aria-labelledby="naechster-termin">
      <h2 class="kern-heading-medium" id="naechster-termin">
        {t("start.next_appointment")}
      </h2>
      <p class="kern-body kern-body--large">
        <a class="kern-link" href={town.at(`/termine/${next.id}`)}>
          {t("appointment.when", { day: longDay(next.startsAt), time: time(next.startsAt) })}
        </a>
      </p>
      <p class="kern-body">
        {next.officeName}, {next.place}
      </p>
    </section>
  );
}

const STEPS = ["account", "link", "apply", "follow"] as const;

function HowItWorks() {
  return (
    <section class="section" aria-labelledby="so-geht-es">
      <h2 class="kern-heading-large" id="so-geht-es">
        {t("start.how")}
      </h2>
      <ol class="how">
        {STEPS.map((step, index) => (
          <li key={step}>
            <span class="kern-number" aria-hidden="true">
              {index + 1}
            </span>
            <div>
              <h3 class="kern-heading-small">{t(`start.how.${step}`)}</h3>
              <p class="kern-body">{t(`start.how.${step}.text`)}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
