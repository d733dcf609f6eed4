import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Municipality } from "../api/municipalities.ts";

const TownContext = createContext<Municipality | null>(null);
export const TownProvider = TownContext.Provider;

export interface Town extends Municipality {
  /** The address of a page of this municipality. */
  readonly at: (path: string) => string;
}

export function useTown(): Town {
  const municipality = useContext(TownContext);
  if (!municipality) throw new Error("a page of a municipality outside of one");
  return { ...municipality, at: (path) => `/${municipality.slug}${path}` };
}
