import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { isProblem, SESSION_ENDED } from "../api/client.ts";
import { type Account, account, endSession, signIn } from "../api/identity.ts";
import { forgetKeys } from "../api/keys.ts";

/** Remembers that this browser is signed in, and where: the cookies themselves cannot be seen, by design. */
const SIGNED_IN_AT = "rathaus.signed-in";

export interface Session {
  /** False until it is known whether somebody is signed in. */
  readonly known: boolean;
  readonly account: Account | null;
  /** True when the session ended by itself. */
  readonly expired: boolean;
  readonly signIn: (email: string, password: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
  readonly reload: () => Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("no session around");
  return session;
}

interface State {
  readonly known: boolean;
  readonly account: Account | null;
  readonly expired: boolean;
}

const SIGNED_OUT: State = { known: true, account: null, expired: false };

export function SessionProvider({ ars, children }: { ars: string; children: ComponentChildren }) {
  const [state, setState] = useState<State>(() => ({
    ...SIGNED_OUT,
    known: localStorage.getItem(SIGNED_IN_AT) !== ars,
  }));

  const reload = useCallback(async () => {
    setState({ known: true, account: await account(ars), expired: false });
    localStorage.setItem(SIGNED_IN_AT, ars);
  }, [ars]);

  useEffect(() => {
    const ended = () => {
      localStorage.removeItem(SIGNED_IN_AT);
      setState({ ...SIGNED_OUT, expired: true });
    };
    // Signing out in one tab signs out in all.
    const elsewhere = (event: StorageEvent) => {
      if (event.key === SIGNED_IN_AT && event.newValue === null) setState(SIGNED_OUT);
    };
    addEventListener(SESSION_ENDED, ended);
    addEventListener("storage", elsewhere);
    if (localStorage.getItem(SIGNED_IN_AT) === ars) reload().catch(() => setState(SIGNED_OUT));
    return () => {
      removeEventListener(SESSION_ENDED, ended);
      removeEventListener("storage", elsewhere);
    };
  }, [ars, reload]);

  const session = useMemo<Session>(
    () => ({
      ...state,
      reload,
      signIn: async (email, password) => {
        await signIn(ars, email, password);
        await reload();
      },
      signOut: async () => {
        try {
          await endSession(ars, "current");
        } catch (error) {
          if (!isProblem(error, "401")) throw error; // the session had ended already
        }
        localStorage.removeItem(SIGNED_IN_AT);
        forgetKeys();
        setState(SIGNED_OUT);
      },
    }),
    [state, reload, ars],
  );
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}
