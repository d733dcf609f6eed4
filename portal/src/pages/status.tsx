import { useEffect, useState } from "preact/hooks";
import { type Application, load, type Status, service } from "../api/forms.ts";
import { evidence } from "../api/osi-gateway.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { type Channel, isFinal, watchStatus } from "../api/status-stream.ts";
import { ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useResource } from "../resource.ts";
import { navigate, type Params } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";
import { moment } from "../times.ts";

export function StatusPage({ id = "" }: Params) {
  const town = useTown();
  const [loaded, reload] = useResource(async () => {
    const application = await load(town.ars, id);
    return { application, title: (await service(town.ars, application.service)).title };
  }, [town.ars, id]);
  return (
    <Page title={loaded.value?.title ?? t("status.title")} preline={t("status.preline")}>
      <Loaded resource={loaded} retry={reload}>
        {({ application }) => <Progress key={application.id} town={town} application={application} />}
      </Loaded>
    </Page>
  );
}

const WAY: readonly Exclude<Status, "draft">[] = ["submitted", "forwarded", "accepted"];
const PLACE: Readonly<Record<Status, number>> = { draft: -1, submitted: 0, forwarded: 1, accepted: 2, rejected: 2 };

/** Follows the application as long as the page is open. */
function useStatus(town: Town, application: Application) {
  const [status, setStatus] = useState(application.status);
  const [changedAt, setChangedAt] = useState(application.changedAt);
  const [channel, setChannel] = useState<Channel>("live");
  const [problem, setProblem] = useState<Problem | null>(null);
  const { id } = application;
  useEffect(() => {
    if (application.status === "draft" || isFinal(application.status)) return;
    return watchStatus(town.ars, id, {
      changed: (change) => {
        setProblem(null);
        setStatus(change.status);
        setChangedAt(change.changedAt);
      },
      channel: setChannel,
      failed: (error) => setProblem(asProblem(error)),
    });
  }, [application, id, town.ars]);
  return { status, changedAt, channel, problem };
}

function Progress({ town, application }: { town: Town; application: Application }) {
  const { account } = useSession();
  const { id } = application;
  const { status, changedAt, channel, problem } = useStatus(town, application);
  const [found] = useResource(() => evidence(town.ars, id), [town.ars, id, status]);
  const [reasons] = useResource(
    async () => (status === "rejected" ? (await load(town.ars, id)).reasons : []),
    [town.ars, id, status],
  );
  const isDraft = status === "draft";
  useEffect(() => {
    if (isDraft) navigate(town.at(`/antraege/${id}/bearbeiten`), { replace: true });
  }, [isDraft, id, town]);
  const times: Partial<Record<Status, string | null | undefined>> = {
    submitted: application.submittedAt,
    forwarded: found.value?.sentAt,
    ...(status === "submitted" ? {} : { [status]: changedAt }),
  };
  return (
    <>
      <Outcome status={status} reasons={reasons.value ?? []} />
      {account && !account.linked && status === "submitted" && (
        <Alert tone="warning" title={t("status.waits_for_link")}>
          <p class="kern-body">
            <a class="kern-link" href={`${town.at("/konto")}?weiter=${encodeURIComponent(town.at(`/antraege/${id}`))}`}>
              {t("service.link_first.go")}
            </a>
          </p>
        </Alert>
      )}
      <ProblemNotice problem={problem} />
      <section class="section" aria-labelledby="weg">
        <h2 class="kern-heading-medium" id="weg">
          {t("status.way")}
        </h2>
        <ol class="way" data-status={status}>
          {WAY.map((step, index) => (
            <WayStep
              key={step}
              step={step === "accepted" && status === "rejected" ? "rejected" : step}
              place={index - PLACE[status]}
              at={times[step === "accepted" && isFinal(status) ? status : step]}
            />
          ))}
        </ol>
        {!isFinal(status) && (
          <p class="kern-body kern-body--muted kern-body--small">{t(`status.channel.${channel}`)}</p>
        )}
      </section>
      <dl class="kern-description-list">
        <Entry label={t("status.reference")} value={application.reference} />
        <Entry label={t("status.destination")} value={found.value?.destination} />
        <Entry label={t("status.case")} value={found.value?.caseId} />
      </dl>
      <div class="actions">
        {status !== "rejected" && <ButtonLink href={town.at("/termine")}>{t("status.reserve")}</ButtonLink>}
        <ButtonLink kind="secondary" href={town.at("/uebersicht")}>
          {t("status.overview")}
        </ButtonLink>
      </div>
    </>
  );
}

function Entry({ label, value }: { label: string; value: string | null | undefined }) {
  if (!value) return null;
  return (
    <div class="kern-description-list-item">
      <dt class="kern-description-list-item__key">{label}</dt>
      <dd class="kern-description-list-item__value">{value}</dd>
    </div>
  );
}

/** What the status means, said aloud whenever it changes. */
function Outcome({ status, reasons }: { status: Status; reasons: readonly string[] }) {
  const tone = status === "accepted" ? "success" : status === "rejected" ? "danger" : "info";
  if (status === "draft") return null;
  return (
    <div class={`kern-alert kern-alert--${tone}`} role="status">
      <div class="kern-alert__header">
        <span class={`kern-icon kern-icon--${tone}`} aria-hidden="true" />
        <p class="kern-title">{t(`status.${status}.headline`)}</p>
      </div>
      <div class="kern-alert__body">
        <p class="kern-body">{t(`status.${status}.text`)}</p>
        {reasons.length > 0 && (
          <ul class="kern-list kern-list--bullet">
            {reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

function WayStep({
  step,
  place,
  at,
}: {
  step: Exclude<Status, "draft">;
  place: number;
  at: string | null | undefined;
}) {
  const state = place < 0 || (place === 0 && isFinal(step)) ? "done" : place === 0 ? "now" : "open";
  const icon = step === "rejected" ? "danger" : state === "done" ? "success" : "autorenew";
  return (
    <li
      class={`way-step way-step--${step === "rejected" ? "rejected" : state}`}
      aria-current={place === 0 ? "step" : undefined}
    >
      <span class="way-mark" aria-hidden="true">
        {state !== "open" && <span class={`kern-icon kern-icon--${icon}`} />}
      </span>
      <span>
        <span class="kern-body kern-body--bold">{t(`status.${step}`)}</span>
        <span class="visually-hidden">, {t(`status.step.${state}`)}</span>
        {at && <span class="kern-body kern-body--small kern-body--muted way-time">{moment(at)}</span>}
      </span>
    </li>
  );
}
