import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { navigate, usePlace } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Loading } from "./notices.tsx";
import { useTown } from "./town.ts";

/** Pages for signed-in people. Others are sent to sign in and come back to where they wanted to go. */
export function SignedIn({ children }: { children: ComponentChildren }) {
  const town = useTown();
  const { path, query } = usePlace();
  const { known, account } = useSession();
  const away = known && !account;
  useEffect(() => {
    if (!away) return;
    const search = query.toString();
    const back = encodeURIComponent(path + (search && `?${search}`));
    navigate(`${town.at("/anmelden")}?weiter=${back}`, { replace: true });
  }, [away, path, query, town]);
  return account ? <>{children}</> : <Loading />;
}

/** The address to go on with after signing in: a page of this municipality, nothing else. */
export function safeReturn(wanted: string | null, slug: string): string {
  return wanted?.startsWith(`/${slug}/`) ? wanted : `/${slug}/uebersicht`;
}
