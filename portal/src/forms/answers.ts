import type { Answers } from "../api/forms.ts";
import { nameOf } from "./schema.ts";

const tokens = (pointer: string): string[] => pointer.split("/").slice(1).map(nameOf);

/** What the answers hold at a pointer; undefined when nothing. */
export function answerAt(answers: unknown, pointer: string): unknown {
  let value = answers;
  for (const token of tokens(pointer)) value = (value as Record<string, unknown> | undefined)?.[token];
  return value;
}

/** The answers with another value at a pointer; undefined takes the answer out. The old answers stay as they are. */
export function withAnswer(answers: Answers, pointer: string, value: unknown): Answers {
  return replace(answers, tokens(pointer), value) as Answers;
}

function replace(holder: unknown, path: readonly string[], value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(holder) || (holder === undefined && /^\d+$/.test(first)))
    return replaceItem(holder ?? [], Number(first), rest, value);
  const object = { ...(holder as Record<string, unknown> | undefined) };
  const changed = replace(object[first], rest, value);
  if (changed === undefined) delete object[first];
  else object[first] = changed;
  return object;
}

function replaceItem(list: readonly unknown[], index: number, path: readonly string[], value: unknown): unknown[] {
  const copy = [...list];
  while (copy.length < index) copy.push({});
  copy[index] = replace(copy[index], path, value) ?? {};
  return copy;
}
