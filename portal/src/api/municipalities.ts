import { readProblem, unreachable } from "./problem.ts";

export interface Municipality {
  readonly ars: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: string;
  readonly members: readonly { readonly ars: string; readonly name: string }[];
  readonly contact: { readonly email: string; readonly phone: string; readonly address: string };
}

/** The municipalities of this town hall, out of their YAML files by the process that serves the portal. */
export async function municipalities(): Promise<Municipality[]> {
  const answer = await fetch("/municipalities.json").catch(() => {
    throw unreachable();
  });
  if (!answer.ok) throw readProblem(answer.status, null, answer.headers);
  return answer.json();
}
