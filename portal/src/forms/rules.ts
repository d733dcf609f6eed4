import type { Answers } from "../api/forms.ts";
import { answerAt, withAnswer } from "./answers.ts";
import { type Condition, holds, pointerOf, type UiElement } from "./schema.ts";

/** Whether an element's rule lets it be seen. What nobody has answered yet fulfils no condition. */
export function visible(element: UiElement, answers: Answers): boolean {
  if (!element.rule) return true;
  const fulfilled = meets(element.rule.condition, answers);
  if (element.rule.effect === "SHOW") return fulfilled;
  if (element.rule.effect === "HIDE") return !fulfilled;
  return true;
}

function meets(condition: Condition, answers: Answers): boolean {
  const parts = condition.conditions ?? [];
  if (condition.type === "AND") return parts.every((part) => meets(part, answers));
  if (condition.type === "OR") return parts.some((part) => meets(part, answers));
  const value = answerAt(answers, pointerOf(condition.scope ?? "#"));
  return value !== undefined && holds(condition.schema ?? {}, value);
}

/** The answers without those of hidden fields: what nobody sees is not sent. */
export function withoutHidden(answers: Answers, element: UiElement): Answers {
  if (!visible(element, answers)) return without(answers, element);
  return (element.elements ?? []).reduce(withoutHidden, answers);
}

function without(answers: Answers, element: UiElement): Answers {
  const rest = element.scope ? withAnswer(answers, pointerOf(element.scope), undefined) : answers;
  return (element.elements ?? []).reduce(without, rest);
}
