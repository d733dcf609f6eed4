import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";

/** Where the visitor is: path without the trailing slash, query, hash. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly hash: string;
}

export type Params = Readonly<Record<string, string>>;

const PlaceContext = createContext<Place>({ path: "/", query: new URLSearchParams(), hash: "" });
const CHANGED = "rathaus:place";

function currentPlace(): Place {
  const path = location.pathname.replace(/\/+$/, "") || "/";
  return { path, query: new URLSearchParams(location.search), hash: location.hash };
}

/** Goes to an address of the portal without loading the page anew. */
export function navigate(address: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  dispatchEvent(new Event(CHANGED));
}

/** The parameters of `/a/:b` in a path, or null when it does not match. */
export function match(pattern: string, path: string): Params | null {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const part = parts[index] ?? "";
    if (name.startsWith(":")) {
      if (part === "") return null;
      params[name.slice(1)] = decode(part);
    } else if (name !== part) return null;
  }
  return params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Links to the portal's own pages are followed in place; everything else is the browser's business. */
function followInPlace(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  const onThisPage = link.pathname === location.pathname && link.search === location.search && link.hash !== "";
  if (onThisPage || link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  navigate(link.pathname + link.search + link.hash);
}

export function Router({ children }: { children: ComponentChildren }) {
  const [place, setPlace] = useState(currentPlace);
  useEffect(() => {
    const update = () => setPlace(currentPlace());
    addEventListener(CHANGED, update);
    addEventListener("popstate", update);
    document.addEventListener("click", followInPlace);
    return () => {
      removeEventListener(CHANGED, update);
      removeEventListener("popstate", update);
      document.removeEventListener("click", followInPlace);
    };
  }, []);
  return <PlaceContext.Provider value={place}>{children}</PlaceContext.Provider>;
}

export function usePlace(): Place {
  return useContext(PlaceContext);
}

/** The first of the routes that fits the path, with its parameters. */
export function useRoute<T>(routes: readonly (readonly [pattern: string, target: T])[]): [T, Params] | null {
  const { path } = usePlace();
  return useMemo(() => {
    for (const [pattern, target] of routes) {
      const params = match(pattern, path);
      if (params) return [target, params];
    }
    return null;
  }, [routes, path]);
}
