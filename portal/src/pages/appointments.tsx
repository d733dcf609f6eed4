import { useState } from "preact/hooks";
import { loadReservation, type Office, offices, release, reserve, type Slot, slots } from "../api/appointments.ts";
import { isProblem } from "../api/client.ts";
import { ErrorSummary } from "../forms/error-summary.tsx";
import { RadioField } from "../forms/fields.tsx";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useAction, useResource } from "../resource.ts";
import { navigate, type Params, usePlace } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { plural, t } from "../texts.ts";
import { dayOf, longDay, shortDay, time } from "../times.ts";
import { useErrors } from "./form-errors.ts";

const DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The calendar day so many days after another, both `YYYY-MM-DD`. */
const dayLater = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** Choose an office, a day, a time. Looking is open to everybody, reserving needs a sign-in. */
export function AppointmentsPage() {
  const town = useTown();
  const { query } = usePlace();
  const [list, reload] = useResource(() => offices(town.ars), [town.ars]);
  const chosen = query.get("ort");
  const office = (found: readonly Office[]) =>
    found.find((one) => one.slug === chosen) ?? (found.length === 1 ? found[0] : undefined);
  return (
    <Page title={t("appointments.title")} lead={t("appointments.lead")}>
      <Loaded resource={list} retry={reload}>
        {(found) => {
          const one = office(found);
          if (one) return <Times key={one.slug} town={town} office={one} />;
          return <OfficeList town={town} offices={found} />;
        }}
      </Loaded>
    </Page>
  );
}

function OfficeList({ town, offices: found }: { town: Town; offices: readonly Office[] }) {
  if (found.length === 0) return <Alert tone="info" title={t("appointments.no_office")} />;
  return (
    <ul class="rows">
      {found.map((office) => (
        <li class="row" key={office.slug}>
          <span>
            <a class="kern-link" href={`${town.at("/termine")}?ort=${encodeURIComponent(office.slug)}`}>
              {office.name}
            </a>
            <span class="kern-body kern-body--small kern-body--muted row-note">{office.place}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Times({ town, office }: { town: Town; office: Office }) {
  const { account } = useSession();
  const { path, query } = usePlace();
  const [page, setPage] = useState(0);
  const from = dayLater(office.firstDay, page * DAYS);
  const [list, reload] = useResource(() => slots(town.ars, office.slug, from, DAYS), [town.ars, office.slug, from]);
  const [day, setDay] = useState<string | null>(null);
  const [startsAt, setStartsAt] = useState<string | null>(null);
  const [taken, setTaken] = useState(0);
  const errors = useErrors();
  const book = useAction(async () => {
    if (!startsAt) return;
    try {
      const reservation = await reserve(town.ars, office.slug, startsAt);
      navigate(`${town.at(`/termine/${reservation.id}`)}?neu=1`);
    } catch (error) {
      if (!isProblem(error, "slot-taken", "no-such-slot")) throw error;
      setStartsAt(null);
      setTaken((before) => before + 1);
      reload(); // shows what is free now
    }
  });
  const turn = (by: number) => {
    setPage(page + by);
    setDay(null);
    setStartsAt(null);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const missing = day === null ? "#tag" : startsAt === null ? "#zeit" : null;
    const text = day === null ? t("appointments.day.missing") : t("appointments.time.missing");
    if (errors.show(missing ? [{ href: missing, text }] : [])) void book.run();
  };
  const signIn = `${town.at("/anmelden")}?weiter=${encodeURIComponent(`${path}?${query}`)}`;
  return (
    <>
      <div class="kern-card kern-card--hug">
        <div class="kern-card__container">
          <h2 class="kern-title">{office.name}</h2>
          <p class="kern-body">{office.place}</p>
        </div>
      </div>
      {taken > 0 && (
        <Alert tone="warning" title={t("appointments.taken")} focus key={taken}>
          <p class="kern-body">{t("appointments.taken.text")}</p>
        </Alert>
      )}
      <ErrorSummary errors={errors.list} attempt={errors.attempt} />
      <ProblemNotice problem={book.problem} />
      <form class="fields" noValidate onSubmit={submit}>
        <Loaded resource={list} retry={reload}>
          {(found) => (
            <DayAndTime
              found={found}
              day={day}
              startsAt={startsAt}
              errorOf={(id) => errors.of(id, errors.list)}
              onDay={(chosen) => {
                setDay(chosen);
                setStartsAt(null);
                errors.show([]);
              }}
              onTime={(chosen) => {
                setStartsAt(chosen);
                errors.show([]);
              }}
            />
          )}
        </Loaded>
        <div class="actions">
          {account ? (
            <Button type="submit" busy={book.running}>
              {t("appointments.reserve")}
            </Button>
          ) : (
            <ButtonLink href={signIn}>{t("appointments.sign_in")}</ButtonLink>
          )}
          {page > 0 && (
            <Button kind="tertiary" icon="chevron-left" onClick={() => turn(-1)}>
              {t("appointments.earlier")}
            </Button>
          )}
          {dayLater(from, DAYS) <= office.lastDay && (
            <Button kind="tertiary" icon="chevron-right" onClick={() => turn(1)}>
              {t("appointments.later")}
            </Button>
          )}
        </div>
      </form>
    </>
  );
}

interface DayAndTimeProps {
  readonly found: readonly Slot[];
  readonly day: string | null;
  readonly startsAt: string | null;
  readonly errorOf: (id: string) => string | undefined;
  readonly onDay: (day: string) => void;
  readonly onTime: (startsAt: string) => void;
}

function DayAndTime({ found, day, startsAt, errorOf, onDay, onTime }: DayAndTimeProps) {
  const days = new Map<string, Slot[]>();
  for (const slot of found) days.set(dayOf(slot.startsAt), [...(days.get(dayOf(slot.startsAt)) ?? []), slot]);
  if (days.size === 0) return <Alert tone="info" title={t("appointments.none")} />;
  const times = day === null ? [] : (days.get(day) ?? []);
  return (
    <>
      <div class="tiles">
        <RadioField
          id="tag"
          label={t("appointments.day")}
          value={day}
          error={errorOf("tag")}
          choices={[...days].map(([date, free]) => ({
            value: date,
            label: `${shortDay(free[0]?.startsAt ?? date)} – ${plural("appointments.free", free.length)}`,
          }))}
          onValue={(value) => onDay(String(value))}
        />
      </div>
      {day !== null && (
        <div class="tiles tiles--small">
          <RadioField
            id="zeit"
            label={t("appointments.time", { day: longDay(times[0]?.startsAt ?? `${day}T12:00:00Z`) })}
            value={startsAt}
            error={errorOf("zeit")}
            choices={times.map((slot) => ({ value: slot.startsAt, label: time(slot.startsAt) }))}
            onValue={(value) => onTime(String(value))}
          />
        </div>
      )}
    </>
  );
}

export function ReservationPage({ id = "" }: Params) {
  const town = useTown();
  const { query } = usePlace();
  const [loaded, reload] = useResource(() => loadReservation(town.ars, id), [town.ars, id]);
  const give = useAction(async () => {
    await release(town.ars, id);
    reload();
  });
  const gone = loaded.value?.released ?? false;
  return (
    <Page title={t("appointment.title")}>
      <ProblemNotice problem={give.problem} />
      <Loaded resource={loaded} retry={reload}>
        {(found) => (
          <>
            {gone && <Alert tone="info" title={t("appointment.released")} focus />}
            {!gone && query.has("neu") && (
              <Alert tone="success" title={t("appointment.reserved")}>
                <p class="kern-body">{t("appointment.reserved.text")}</p>
              </Alert>
            )}
            <dl class="kern-description-list">
              <div class="kern-description-list-item">
                <dt class="kern-description-list-item__key">{t("appointment.time")}</dt>
                <dd class="kern-description-list-item__value">
                  {t("appointment.when", { day: longDay(found.startsAt), time: time(found.startsAt) })}
                </dd>
              </div>
              <div class="kern-description-list-item">
                <dt class="kern-description-list-item__key">{t("appointment.place")}</dt>
                <dd class="kern-description-list-item__value">
                  {found.officeName}, {found.place}
                </dd>
              </div>
            </dl>
            <div class="actions">
              <ButtonLink href={town.at("/uebersicht")}>{t("status.overview")}</ButtonLink>
              {!gone && (
                <Button kind="secondary" busy={give.running} onClick={give.run}>
                  {t("appointment.release")}
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
