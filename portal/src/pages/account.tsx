import { useEffect, useState } from "preact/hooks";
import { isProblem } from "../api/client.ts";
import { beginLink, completeLink, endSession, sessions } from "../api/identity.ts";
import { ErrorSummary } from "../forms/error-summary.tsx";
import { PasswordField } from "../forms/fields.tsx";
import { Button, ButtonLink } from "../frame/button.tsx";
import { Alert, Loading, ProblemNotice } from "../frame/notices.tsx";
import { Loaded, Page } from "../frame/page.tsx";
import { type Town, useTown } from "../frame/town.ts";
import { useAction, useResource } from "../resource.ts";
import { navigate, usePlace } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { optionalText, t } from "../texts.ts";
import { moment } from "../times.ts";
import { useErrors } from "./form-errors.ts";

/** The link that was begun and where to go on when it stands; kept for this tab while the person is at the Landeskonto. */
const BEGUN = "rathaus.link";

export function AccountPage() {
  const town = useTown();
  const session = useSession();
  const signOut = useAction(async () => {
    await session.signOut();
    navigate(town.at("/"));
  });
  if (!session.account) return null;
  const { email, level, linked, linkedAt } = session.account;
  return (
    <Page title={t("account.title")}>
      <ProblemNotice problem={signOut.problem} />
      <dl class="kern-description-list">
        <Entry label={t("account.email")} value={email} />
        <Entry label={t("account.level")} value={optionalText(`account.level.${level}`) ?? level} />
        <Entry
          label={t("account.landeskonto")}
          value={linked ? t("account.linked", { at: linkedAt ? moment(linkedAt) : "" }) : t("account.not_linked")}
        />
      </dl>
      {linked ? <Alert tone="success" title={t("link.done")} /> : <LinkForm town={town} />}
      <Sessions town={town} />
      <div class="actions">
        <Button kind="secondary" icon="logout" busy={signOut.running} onClick={signOut.run}>
          {t("account.sign_out")}
        </Button>
      </div>
    </Page>
  );
}

function Entry({ label, value }: { label: string; value: string }) {
  return (
    <div class="kern-description-list-item">
      <dt class="kern-description-list-item__key">{label}</dt>
      <dd class="kern-description-list-item__value">{value}</dd>
    </div>
  );
}

function LinkForm({ town }: { town: Town }) {
  const { query } = usePlace();
  const [password, setPassword] = useState("");
  const errors = useErrors();
  const send = useAction(async () => {
    const link = await beginLink(town.ars, password);
    sessionStorage.setItem(BEGUN, JSON.stringify({ id: link.id, back: query.get("weiter") }));
    location.assign(link.address);
  });
  const refused = isProblem(send.problem, "password-wrong");
  const list = refused ? [{ href: "#link-password", text: t("link.password.wrong") }] : errors.list;
  return (
    <section class="section box" aria-labelledby="landeskonto">
      <h2 class="kern-heading-large" id="landeskonto">
        {t("link.title")}
      </h2>
      <p class="kern-body">{t("link.text")}</p>
      <ErrorSummary errors={list} attempt={errors.attempt + (send.running ? 0 : 1)} />
      {!refused && <ProblemNotice problem={send.problem} />}
      <form
        class="fields"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const missing = [{ href: "#link-password", text: t("sign_in.password.missing") }];
          if (errors.show(password === "" ? missing : [])) void send.run();
        }}
      >
        <PasswordField
          id="link-password"
          label={t("field.password")}
          hint={t("link.password.hint")}
          autocomplete="current-password"
          value={password}
          onValue={setPassword}
          error={errors.of("link-password", list)}
        />
        <div class="actions">
          <Button type="submit" busy={send.running}>
            {t("link.send")}
          </Button>
        </div>
      </form>
    </section>
  );
}

function Sessions({ town }: { town: Town }) {
  const session = useSession();
  const [list, reload] = useResource(() => sessions(town.ars), [town.ars]);
  const end = useAction(async (id: string, current: boolean) => {
    if (current) await session.signOut();
    else {
      await endSession(town.ars, id);
      reload();
    }
  });
  return (
    <section class="section" aria-labelledby="sitzungen">
      <h2 class="kern-heading-large" id="sitzungen">
        {t("sessions.title")}
      </h2>
      <p class="kern-body">{t("sessions.text")}</p>
      <ProblemNotice problem={end.problem} />
      <Loaded resource={list} retry={reload}>
        {(found) => (
          <ul class="rows">
            {found.map((one) => (
              <li class="row" key={one.id}>
                <span class="kern-body">
                  <strong>{browserOf(one.device)}</strong>
                  {one.current && ` ${t("sessions.current")}`}
                  <span class="kern-body--small kern-body--muted row-note">
                    {t("sessions.since", { at: moment(one.openedAt) })}
                  </span>
                </span>
                <Button kind="tertiary" busy={end.running} onClick={() => end.run(one.id, one.current)}>
                  {t("sessions.end")}
                  <span class="visually-hidden"> {moment(one.openedAt)}</span>
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

/** A browser and its system out of the name it gives itself, good enough to know one's own devices by. */
export function browserOf(agent: string): string {
  const browser = /Firefox|Edg|OPR|Chrome|Safari/.exec(agent.replace(/Chrome\/.*(Edg|OPR)/, "$1"))?.[0];
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0];
  if (!browser) return t("sessions.unknown");
  const name = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser;
  return system ? t("sessions.device", { browser: name, system }) : name;
}

/** Where the Landeskonto sends people back to: `?code&state&iss`, or `?error` when they changed their mind. */
export function LandeskontoPage() {
  const town = useTown();
  const session = useSession();
  const { query } = usePlace();
  const [stored] = useState(() => sessionStorage.getItem(BEGUN));
  const begun = stored ? (JSON.parse(stored) as { id: string; back: string | null }) : null;
  const code = query.get("code");
  const state = query.get("state");
  const back = begun?.back?.startsWith(`/${town.slug}/`) ? begun.back : town.at("/konto");
  const [result] = useResource(async () => {
    if (!begun || !code || !state) return false;
    await completeLink(town.ars, begun.id, code, state, query.get("iss") ?? "");
    sessionStorage.removeItem(BEGUN);
    history.replaceState(null, "", location.pathname); // the code must not stay in the history
    await session.reload();
    return true;
  }, []);
  useEffect(() => {
    if (result.state === "ready" && result.value && back !== town.at("/konto")) navigate(back, { replace: true });
  }, [result, back, town]);
  return (
    <Page title={t("link.title")}>
      {result.state === "loading" && <Loading />}
      {result.state === "failed" && <ProblemNotice problem={result.problem} />}
      {result.state === "ready" &&
        (result.value ? (
          <Alert tone="success" title={t("link.done")} focus>
            <p class="kern-body">{t("link.done.text")}</p>
          </Alert>
        ) : (
          <Alert tone="warning" title={t("link.given_up")} focus>
            <p class="kern-body">{t("link.given_up.text")}</p>
          </Alert>
        ))}
      {result.state !== "loading" && (
        <div class="actions">
          <ButtonLink href={back}>{t("link.go_on")}</ButtonLink>
        </div>
      )}
    </Page>
  );
}
