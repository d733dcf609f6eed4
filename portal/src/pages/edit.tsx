import { useEffect, useRef, useState } from "preact/hooks";
import { type Application, load, type Service, service } from "../api/forms.ts";
import type { FieldProblem } from "../api/problem.ts";
import type { Draft, SaveState } from "../application/draft.ts";
import { missingFiles, needed, type Step, stepOf, stepsOf } from "../application/steps.ts";
import { UploadField, uploadId } from "../application/upload-field.tsx";
import { useDraft } from "../application/use-draft.ts";
import { withAnswer } from "../forms/answers.ts";
import { ErrorSummary } from "../forms/error-summary.tsx";
import { Element, FormProvider, type FormState, fieldId } from "../forms/form.tsx";
import { withoutHidden } from "../forms/rules.ts";
import { schemaOfPointer } from "../forms/schema.ts";
import { validate } from "../forms/validate.ts";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useAction, useResource } from "../resource.ts";
import { navigate, type Params, usePlace } from "../router.tsx";
import { t } from "../texts.ts";

export interface Opened {
  readonly application: Application;
  readonly service: Service;
}

/** An application with the service it is for. */
export async function open(ars: string, id: string): Promise<Opened> {
  const application = await load(ars, id);
  return { application, service: await service(ars, application.service) };
}

export function EditPage({ id = "" }: Params) {
  const town = useTown();
  const [opened, reload] = useResource(() => open(town.ars, id), [town.ars, id]);
  if (opened.value) return <EditForm key={id} town={town} {...opened.value} />;
  return (
    <Page title={t("edit.title")}>
      <Loaded resource={opened} retry={reload}>
        {() => null}
      </Loaded>
    </Page>
  );
}

/** The answers with the schema's defaults for what nobody has answered. */
function withDefaults(opened: Opened): Application {
  const { application, service } = opened;
  const defaults = Object.entries(service.schema.properties ?? {})
    .filter(([, field]) => field.default !== undefined)
    .map(([name, field]) => [name, field.default]);
  return { ...application, answers: { ...Object.fromEntries(defaults), ...application.answers } };
}

function EditForm({ town, ...opened }: { town: Town } & Opened) {
  const { service, application } = opened;
  const { query, hash } = usePlace();
  const draft = useDraft(town.ars, withDefaults(opened));
  const [answers, setAnswers] = useState(draft.answers);
  const latest = useRef(answers); // several changes may come before the next render
  const [errors, setErrors] = useState<readonly FieldProblem[]>([]);
  const [complaints, setComplaints] = useState<ReadonlyMap<string, string>>(new Map());
  const [attempt, setAttempt] = useState(0);
  const steps = stepsOf(service.ui, answers, service.title);
  const index = Math.min(Math.max(Number(query.get("schritt") ?? 1) - 1 || 0, 0), steps.length - 1);
  const step = steps[index] as Step;
  const address = (number: number) => town.at(`/antraege/${application.id}/bearbeiten?schritt=${number + 1}`);

  const isDraft = application.status === "draft";
  useEffect(() => {
    if (!isDraft) navigate(town.at(`/antraege/${application.id}`), { replace: true });
  }, [isDraft, application.id, town]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page begins without errors; the list below is for this one
  useEffect(() => {
    setErrors([]);
    const field = hash ? document.getElementById(hash.slice(1)) : null;
    field?.focus();
    field?.scrollIntoView({ block: "center" });
  }, [index]);

  const change: FormState["change"] = (pointer, value) => {
    latest.current = withAnswer(latest.current, pointer, value);
    setAnswers(latest.current);
    draft.edit(withoutHidden(latest.current, service.ui));
    setErrors((before) => before.filter((error) => !isBelow(error.pointer, pointer)));
  };
  const complain: FormState["complain"] = (pointer, complaint) =>
    setComplaints((before) => {
      const next = new Map(before);
      if (complaint === null) next.delete(pointer);
      else next.set(pointer, complaint);
      return next;
    });

  const faults = (): FieldProblem[] => {
    const seen = withoutHidden(answers, service.ui);
    const typed = [...complaints].map(([pointer, detail]) => ({ pointer, detail }));
    const missing = missingFiles(service.uploads, seen, draft.application.attachments).map((upload) => ({
      pointer: `/attachments/${upload.field}`,
      detail: t("upload.missing"),
    }));
    const said = new Set(complaints.keys());
    const wrong = validate(service.schema, seen).filter((one) => !said.has(one.pointer));
    return [...typed, ...wrong, ...missing].filter((one) => stepOf(steps, one.pointer) === index);
  };
  const goOn = useAction(async () => {
    const found = inOrder(faults(), step);
    setErrors(found);
    setAttempt((before) => before + 1);
    if (found.length > 0 || !(await draft.flush())) return;
    const last = index === steps.length - 1;
    navigate(last ? town.at(`/antraege/${application.id}/pruefen`) : address(index + 1));
  });
  const settle = async (choice: "mine" | "theirs") => {
    await draft.settle(choice);
    latest.current = draft.answers;
    setAnswers(draft.answers);
  };

  // What the server refused while saving stands at its field, like what we find ourselves.
  const refused = draft.state === "refused" ? (draft.problem?.errors ?? []) : [];
  const shown = [...errors, ...refused.filter((one) => stepOf(steps, one.pointer) === index)];
  const form: FormState = {
    schema: service.schema,
    answers,
    errors: new Map(shown.map((error) => [error.pointer, error.detail])),
    change,
    complain,
    upload: (field) => {
      const upload = service.uploads.find((one) => one.field === field);
      if (!upload) return null;
      const error = shown.find((one) => one.pointer === `/attachments/${field}`)?.detail;
      const optional = !needed(upload, answers);
      return <UploadField ars={town.ars} draft={draft} upload={upload} optional={optional} error={error} />;
    },
  };
  return (
    <Page title={step.title} preline={service.title} prefix={errors.length > 0 ? t("errors.prefix") : undefined}>
      <Progress index={index} count={steps.length} />
      <ErrorSummary errors={errors.map((error) => summaryError(error, service))} attempt={attempt} />
      <Conflict draft={draft} settle={settle} />
      <ProblemNotice problem={goOn.problem} />
      {draft.state === "refused" && refused.length === 0 && <ProblemNotice problem={draft.problem} />}
      <form
        class="fields"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void goOn.run();
        }}
      >
        <FormProvider value={form}>
          <Element element={step.element} around={{ base: "", object: service.schema }} key={index} />
        </FormProvider>
        <div class="actions">
          <Button type="submit" busy={goOn.running}>
            {t("edit.next")}
          </Button>
          {index > 0 && (
            <ButtonLink kind="secondary" href={address(index - 1)}>
              {t("edit.back")}
            </ButtonLink>
          )}
        </div>
        <SaveNote state={draft.state} />
      </form>
    </Page>
  );
}

const isBelow = (pointer: string, above: string): boolean =>
  pointer === above || pointer.startsWith(`${above}/`) || above.startsWith(`${pointer}/`);

/** The errors in the order in which their fields stand on the page. */
function inOrder(found: readonly FieldProblem[], step: Step): FieldProblem[] {
  const alone = (step.element.elements ?? []).map((element) => ({ title: "", element }));
  return [...found].sort((a, b) => stepOf(alone, a.pointer) - stepOf(alone, b.pointer));
}

export function summaryError(error: FieldProblem, service: Service, base = "") {
  const upload = service.uploads.find((one) => error.pointer === `/attachments/${one.field}`);
  const label = upload?.title ?? schemaOfPointer(error.pointer, service.schema).title;
  const anchor = upload ? uploadId(upload.field) : fieldId(error.pointer);
  return { label, text: error.detail, href: `${base}#${anchor}` };
}

function Progress({ index, count }: { index: number; count: number }) {
  const text = t("edit.progress", { step: index + 1, count });
  return (
    <div class="kern-progress steps">
      <label class="kern-label kern-label--small" for="fortschritt">
        {text}
      </label>
      <progress id="fortschritt" max={count} value={index + 1} />
    </div>
  );
}

function SaveNote({ state }: { state: SaveState }) {
  return (
    <p class={`save-note save-note--${state}`} role="status">
      <span
        class={`kern-icon kern-icon--small kern-icon--${state === "saved" ? "success" : state === "unreachable" ? "warning" : "autorenew"}`}
        aria-hidden="true"
      />
      <span class="kern-body kern-body--small">{t(`edit.state.${state}`)}</span>
    </p>
  );
}

function Conflict({ draft, settle }: { draft: Draft; settle: (choice: "mine" | "theirs") => Promise<void> }) {
  const action = useAction(settle);
  if (draft.state !== "conflict") return null;
  return (
    <Alert tone="warning" title={t("conflict.title")} focus>
      <p class="kern-body">{t("conflict.text")}</p>
      <ProblemNotice problem={action.problem} />
      <div class="actions">
        <Button busy={action.running} onClick={() => action.run("theirs")}>
          {t("conflict.theirs")}
        </Button>
        <Button kind="secondary" busy={action.running} onClick={() => action.run("mine")}>
          {t("conflict.mine")}
        </Button>
      </div>
    </Alert>
  );
}
