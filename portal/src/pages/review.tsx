import { useEffect, useState } from "preact/hooks";
import { isProblem } from "../api/client.ts";
import { type Answers, submit } from "../api/forms.ts";
import type { FieldProblem } from "../api/problem.ts";
import { missingFiles, type Step, stepOf, stepsOf } from "../application/steps.ts";
import { entries } from "../application/summary.ts";
import { ErrorSummary } from "../forms/error-summary.tsx";
import { withoutHidden } from "../forms/rules.ts";
import { validate } from "../forms/validate.ts";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useAction, useResource } from "../resource.ts";
import { navigate, type Params } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";
import { type Opened, open, summaryError } from "./edit.tsx";

export function ReviewPage({ id = "" }: Params) {
  const town = useTown();
  const [opened, reload] = useResource(() => open(town.ars, id), [town.ars, id]);
  return (
    <Page title={t("review.title")} preline={opened.value?.service.title} lead={t("review.lead")}>
      <Loaded resource={opened} retry={reload}>
        {(found) => <Review town={town} opened={found} reload={reload} />}
      </Loaded>
    </Page>
  );
}

function Review({ town, opened, reload }: { town: Town; opened: Opened; reload: () => void }) {
  const { application, service } = opened;
  const { account } = useSession();
  const [errors, setErrors] = useState<readonly FieldProblem[]>([]);
  const [attempt, setAttempt] = useState(0);
  const [changed, setChanged] = useState(false);
  const answers = withoutHidden(application.answers, service.ui);
  const steps = stepsOf(service.ui, answers, service.title);
  const status = town.at(`/antraege/${application.id}`);
  const edit = (number: number) => `${status}/bearbeiten?schritt=${number + 1}`;
  const isDraft = application.status === "draft";
  useEffect(() => {
    // Also after a reload whose submission had got through before.
    if (!isDraft) navigate(status, { replace: true });
  }, [isDraft, status]);

  const show = (found: readonly FieldProblem[]) => {
    setErrors(found);
    setAttempt((before) => before + 1);
  };
  const send = useAction(async () => {
    const missing = missingFiles(service.uploads, answers, application.attachments);
    const found = [
      ...validate(service.schema, answers),
      ...missing.map((upload) => ({ pointer: `/attachments/${upload.field}`, detail: t("upload.missing") })),
    ];
    if (found.length > 0) return show(found);
    try {
      await submit(town.ars, application.id, application.version);
    } catch (error) {
      if (isProblem(error, "422") && error.errors.length > 0) return show(error.errors);
      if (!isProblem(error, "412")) throw error;
      setChanged(true);
      return reload();
    }
    navigate(status);
  });
  const summary = errors.map((error) => {
    const at = stepOf(steps, error.pointer);
    return at < 0 ? { text: error.detail } : summaryError(error, service, edit(at));
  });
  return (
    <>
      <ErrorSummary errors={summary} attempt={attempt} />
      {changed && (
        <Alert tone="warning" title={t("review.changed")} focus>
          <p class="kern-body">{t("review.changed.text")}</p>
        </Alert>
      )}
      <ProblemNotice problem={send.problem} />
      {steps.map((step, index) => (
        <Part key={step.title} step={step} number={index + 1} opened={opened} answers={answers} edit={edit(index)} />
      ))}
      {account && !account.linked && (
        <Alert tone="info" title={t("review.not_linked")}>
          <p class="kern-body">{t("review.not_linked.text")}</p>
        </Alert>
      )}
      <div class="actions">
        <Button busy={send.running} onClick={send.run}>
          {t("review.send")}
        </Button>
        <ButtonLink kind="secondary" href={edit(steps.length - 1)}>
          {t("edit.back")}
        </ButtonLink>
      </div>
    </>
  );
}

interface PartProps {
  readonly step: Step;
  readonly number: number;
  readonly opened: Opened;
  readonly answers: Answers;
  readonly edit: string;
}

function Part({ step, number, opened, answers, edit }: PartProps) {
  const { service, application } = opened;
  const rows = entries(step.element, service, answers, application.attachments).filter((row) => row.text);
  return (
    <section class="kern-summary">
      <div class="kern-summary__header">
        <h2 class="kern-title kern-summary__title-wrapper">
          <span class="kern-number">{number}</span>
          {step.title}
        </h2>
      </div>
      <div class="kern-summary__body">
        {rows.length === 0 ? (
          <p class="kern-body kern-body--muted">{t("review.empty")}</p>
        ) : (
          <dl class="kern-description-list">
            {rows.map((row) => (
              <div class="kern-description-list-item" key={row.pointer}>
                <dt class="kern-description-list-item__key">{row.label}</dt>
                <dd class="kern-description-list-item__value">{row.text}</dd>
              </div>
            ))}
          </dl>
        )}
        <p>
          <a class="kern-link" href={edit}>
            <span class="kern-icon kern-icon--edit" aria-hidden="true" />
            {t("review.edit")}
            <span class="visually-hidden">: {step.title}</span>
          </a>
        </p>
      </div>
    </section>
  );
}
