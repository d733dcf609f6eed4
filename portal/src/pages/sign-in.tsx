import { useEffect, useState } from "preact/hooks";
import { isProblem } from "../api/client.ts";
import { ErrorSummary } from "../forms/error-summary.tsx";
import { PasswordField, TextField } from "../forms/fields.tsx";
import { Button } from "../frame/button.tsx";
import { Alert, ProblemNotice } from "../frame/notices.tsx";
import { Page } from "../frame/page.tsx";
import { safeReturn } from "../frame/signed-in.tsx";
import { useTown } from "../frame/town.ts";
import { useAction } from "../resource.ts";
import { navigate, usePlace } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";
import { looksLikeEmail, useErrors } from "./form-errors.ts";

export function SignInPage() {
  const town = useTown();
  const { query } = usePlace();
  const session = useSession();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const errors = useErrors();
  const [expired] = useState(session.expired);
  const back = safeReturn(query.get("weiter"), town.slug);
  const signedIn = session.account !== null;
  useEffect(() => {
    if (signedIn) navigate(back, { replace: true });
  }, [signedIn, back]);
  const send = useAction(() => session.signIn(email.trim(), password));
  const submit = (event: Event) => {
    event.preventDefault();
    const found = [];
    if (!looksLikeEmail(email)) found.push({ href: "#email", text: t("field.error.format.email") });
    if (password === "") found.push({ href: "#password", text: t("sign_in.password.missing") });
    if (errors.show(found)) void send.run();
  };
  const refused = isProblem(send.problem, "sign-in-refused");
  return (
    <Page
      title={t("sign_in.title")}
      lead={t("sign_in.lead")}
      prefix={errors.list.length > 0 || send.problem ? t("errors.prefix") : undefined}
    >
      {expired && !send.problem && errors.list.length === 0 && (
        <Alert tone="warning" title={t("sign_in.expired")}>
          <p class="kern-body">{t("sign_in.expired.text")}</p>
        </Alert>
      )}
      <ErrorSummary errors={errors.list} attempt={errors.attempt} />
      {refused ? (
        <Alert tone="danger" title={t("sign_in.refused")} focus>
          <p class="kern-body">{t("sign_in.refused.text")}</p>
        </Alert>
      ) : (
        <ProblemNotice problem={send.problem} />
      )}
      <form class="fields" noValidate onSubmit={submit}>
        <TextField
          id="email"
          label={t("field.email")}
          type="email"
          autocomplete="username"
          value={email}
          onValue={setEmail}
          error={errors.of("email", errors.list)}
        />
        <PasswordField
          id="password"
          label={t("field.password")}
          autocomplete="current-password"
          value={password}
          onValue={setPassword}
          error={errors.of("password", errors.list)}
        />
        <div class="actions">
          <Button type="submit" busy={send.running}>
            {t("sign_in.send")}
          </Button>
        </div>
      </form>
      <p class="kern-body">
        {t("sign_in.no_account")}{" "}
        <a class="kern-link" href={town.at("/registrieren")}>
          {t("register.title")}
        </a>
      </p>
    </Page>
  );
}
