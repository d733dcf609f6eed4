import type { ComponentChildren } from "preact";
import { type Reservation, reservations } from "../api/appointments.ts";
import { type ApplicationSummary, applications, type ServiceSummary, services } from "../api/forms.ts";
import { type MessageSummary, messages } from "../api/notify.ts";
import { ButtonLink } from "../frame/button.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useResource } from "../resource.ts";
import { t } from "../texts.ts";
import { longDay, moment, time } from "../times.ts";

/** Everything of mine: applications, appointments, messages. */
export function OverviewPage() {
  const town = useTown();
  return (
    <Page title={t("overview.title")} lead={t("overview.lead")}>
      <Applications town={town} />
      <Appointments town={town} />
      <Messages town={town} />
    </Page>
  );
}

function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="section" aria-labelledby={id}>
      <h2 class="kern-heading-large" id={id}>
        {title}
      </h2>
      {children}
    </section>
  );
}

function Rows<T>({ items, none, row }: { items: readonly T[]; none: string; row: (item: T) => ComponentChildren }) {
  if (items.length === 0) return <p class="kern-body kern-body--muted">{none}</p>;
  return <ul class="rows">{items.map(row)}</ul>;
}

const BADGES = {
  draft: "warning",
  submitted: "info",
  forwarded: "info",
  accepted: "success",
  rejected: "danger",
} as const;

function Applications({ town }: { town: Town }) {
  const [list, reload] = useResource(() => Promise.all([applications(town.ars), services(town.ars)]), [town.ars]);
  const title = (known: readonly ServiceSummary[], slug: string) =>
    known.find((one) => one.slug === slug)?.title ?? slug;
  const row = (known: readonly ServiceSummary[]) => (one: ApplicationSummary) => (
    <li class="row" key={one.id}>
      <span>
        <a class="kern-link" href={town.at(`/antraege/${one.id}${one.status === "draft" ? "/bearbeiten" : ""}`)}>
          {title(known, one.service)}
        </a>
        <span class="kern-body kern-body--small kern-body--muted row-note">
          {one.reference} · {moment(one.changedAt)}
        </span>
      </span>
      <span class={`kern-badge kern-badge--${BADGES[one.status]}`}>
        <span class={`kern-icon kern-icon--${BADGES[one.status]}`} aria-hidden="true" />
        <span class="kern-label kern-label--small">{t(`status.${one.status}`)}</span>
      </span>
    </li>
  );
  return (
    <Section id="antraege" title={t("overview.applications")}>
      <Loaded resource={list} retry={reload}>
        {([found, known]) => <Rows items={found} none={t("overview.no_applications")} row={row(known)} />}
      </Loaded>
    </Section>
  );
}

function Appointments({ town }: { town: Town }) {
  const [list, reload] = useResource(() => reservations(town.ars), [town.ars]);
  const row = (one: Reservation) => (
    <li class="row" key={one.id}>
      <span>
        <a class="kern-link" href={town.at(`/termine/${one.id}`)}>
          {t("appointment.when", { day: longDay(one.startsAt), time: time(one.startsAt) })}
        </a>
        <span class="kern-body kern-body--small kern-body--muted row-note">{one.officeName}</span>
      </span>
    </li>
  );
  return (
    <Section id="termine" title={t("overview.appointments")}>
      <Loaded resource={list} retry={reload}>
        {(found) => <Rows items={found} none={t("overview.no_appointments")} row={row} />}
      </Loaded>
      <div class="actions">
        <ButtonLink kind="secondary" icon="calendar-today" href={town.at("/termine")}>
          {t("appointments.title")}
        </ButtonLink>
      </div>
    </Section>
  );
}

function Messages({ town }: { town: Town }) {
  const [list, reload] = useResource(() => messages(town.ars), [town.ars]);
  const row = (one: MessageSummary) => (
    <li class="row" key={one.id}>
      <span>
        <a class="kern-link" href={town.at(`/nachrichten/${one.id}`)}>
          {one.subject}
        </a>
        <span class="kern-body kern-body--small kern-body--muted row-note">{moment(one.madeAt)}</span>
      </span>
    </li>
  );
  return (
    <Section id="nachrichten" title={t("overview.messages")}>
      <Loaded resource={list} retry={reload}>
        {(found) => <Rows items={found} none={t("overview.no_messages")} row={row} />}
      </Loaded>
    </Section>
  );
}
