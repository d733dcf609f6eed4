import { useState } from "preact/hooks";
import { register, verify } from "../api/identity.ts";
import { ErrorSummary, type SummaryError } from "../forms/error-summary.tsx";
import { PasswordField, TextField } from "../forms/fields.tsx";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Page } from "../frame/page.tsx";
import { useTown } from "../frame/town.ts";
import { useAction } from "../resource.ts";
import { navigate } from "../router.tsx";
import { t } from "../texts.ts";
import { fieldErrors, looksLikeEmail, useErrors } from "./form-errors.ts";

/** Whose code is awaited. The account's id is no secret and no personal data; the address is kept for this tab only. */
const AWAITED = "rathaus.verification";
/** As the identity service has it; the service decides. */
const PASSWORD_MIN = 8;

interface Awaited {
  readonly account: string;
  readonly email: string;
}

function awaited(): Awaited | null {
  const stored = sessionStorage.getItem(AWAITED);
  return stored ? (JSON.parse(stored) as Awaited) : null;
}

export function RegisterPage() {
  const town = useTown();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const errors = useErrors();
  const send = useAction(async () => {
    const account = await register(town.ars, email.trim(), password);
    sessionStorage.setItem(AWAITED, JSON.stringify({ account, email: email.trim() } satisfies Awaited));
    navigate(town.at("/registrieren/code"));
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found: SummaryError[] = [];
    if (!looksLikeEmail(email)) found.push({ href: "#email", text: t("field.error.format.email") });
    if (password.length < PASSWORD_MIN)
      found.push({ href: "#password", text: t("register.password.short", { min: PASSWORD_MIN }) });
    if (errors.show(found)) void send.run();
  };
  const shown = [...errors.list, ...fieldErrors(send.problem, { "/email": "email", "/password": "password" })];
  return (
    <Page
      title={t("register.title")}
      lead={t("register.lead")}
      prefix={shown.length > 0 ? t("errors.prefix") : undefined}
    >
      <ErrorSummary errors={shown} attempt={errors.attempt + (send.running ? 0 : 1)} />
      {shown.length === 0 && <ProblemNotice problem={send.problem} />}
      <form class="fields" noValidate onSubmit={submit}>
        <TextField
          id="email"
          label={t("field.email")}
          hint={t("register.email.hint")}
          type="email"
          autocomplete="email"
          value={email}
          onValue={setEmail}
          error={errors.of("email", shown)}
        />
        <PasswordField
          id="password"
          label={t("field.password")}
          hint={t("register.password.hint", { min: PASSWORD_MIN })}
          autocomplete="new-password"
          value={password}
          onValue={setPassword}
          error={errors.of("password", shown)}
        />
        <div class="actions">
          <Button type="submit" busy={send.running}>
            {t("register.send")}
          </Button>
        </div>
      </form>
      <p class="kern-body">
        {t("register.have_account")}{" "}
        <a class="kern-link" href={town.at("/anmelden")}>
          {t("sign_in.title")}
        </a>
      </p>
    </Page>
  );
}

export function CodePage() {
  const town = useTown();
  const [waiting] = useState(awaited);
  const [code, setCode] = useState("");
  const [done, setDone] = useState(false);
  const errors = useErrors();
  const send = useAction(async () => {
    if (!waiting) return;
    await verify(town.ars, waiting.account, code.replace(/\s/g, ""));
    sessionStorage.removeItem(AWAITED);
    setDone(true);
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const six = /^\d{6}$/.test(code.replace(/\s/g, ""));
    if (errors.show(six ? [] : [{ href: "#code", text: t("code.six") }])) void send.run();
  };
  if (done)
    return (
      <Page title={t("code.done.title")}>
        <Alert tone="success" title={t("code.done")} focus>
          <p class="kern-body">{t("code.done.text")}</p>
        </Alert>
        <div class="actions">
          <ButtonLink href={town.at("/anmelden")}>{t("sign_in.title")}</ButtonLink>
        </div>
      </Page>
    );
  if (!waiting)
    return (
      <Page title={t("code.title")}>
        <Alert tone="info" title={t("code.nothing")} />
        <div class="actions">
          <ButtonLink href={town.at("/registrieren")}>{t("register.title")}</ButtonLink>
        </div>
      </Page>
    );
  const shown = [
    ...errors.list,
    ...fieldErrors(send.problem, { "/code": "code" }, ["code-wrong", "code-expired"], "code"),
  ];
  return (
    <Page
      title={t("code.title")}
      lead={t("code.lead", { email: waiting.email })}
      prefix={shown.length > 0 ? t("errors.prefix") : undefined}
    >
      <ErrorSummary errors={shown} attempt={errors.attempt + (send.running ? 0 : 1)} />
      {shown.length === 0 && <ProblemNotice problem={send.problem} />}
      <form class="fields" noValidate onSubmit={submit}>
        <TextField
          id="code"
          label={t("code.field")}
          hint={t("code.hint")}
          inputMode="numeric"
          autocomplete="one-time-code"
          width="short"
          value={code}
          onValue={setCode}
          error={errors.of("code", shown)}
        />
        <div class="actions">
          <Button type="submit" busy={send.running}>
            {t("code.send")}
          </Button>
          <ButtonLink kind="tertiary" href={town.at("/registrieren")}>
            {t("code.again")}
          </ButtonLink>
        </div>
      </form>
    </Page>
  );
}
