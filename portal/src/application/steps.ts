import type { Answers, Attachment, Upload } from "../api/forms.ts";
import { visible } from "../forms/rules.ts";
import { pointerOf, type UiElement } from "../forms/schema.ts";

/** One page of the form: a group of the layout. */
export interface Step {
  readonly title: string;
  readonly element: UiElement;
}

/** The groups of a layout that are to be seen now, one page each; a layout without groups is one page. */
export function stepsOf(ui: UiElement, answers: Answers, title: string): Step[] {
  const elements = ui.elements ?? [];
  const groups = elements.filter((element) => element.type === "Group");
  if (groups.length < 2 || groups.length < elements.length) return [{ title, element: ui }];
  return groups
    .filter((group) => visible(group, answers))
    .map((group, index) => ({
      title: String(group.label ?? index + 1),
      element: { ...group, type: "VerticalLayout" },
    }));
}

/** The pointers and uploads that an element asks for. */
function asked(element: UiElement): string[] {
  if (element.type === "Upload") return [`/attachments/${element.field}`];
  const own = element.scope ? [pointerOf(element.scope)] : [];
  return [...own, ...(element.elements ?? []).flatMap(asked)];
}

const holds = (element: UiElement, pointer: string): boolean =>
  asked(element).some((own) => pointer === own || pointer.startsWith(`${own}/`));

/** The number of the step that asks for a pointer, -1 when none does. */
export function stepOf(steps: readonly Step[], pointer: string): number {
  return steps.findIndex((step) => holds(step.element, pointer));
}

/** Whether the answers make a file necessary. */
export function needed(upload: Upload, answers: Answers): boolean {
  const when = Object.entries(upload.requiredWhen);
  return upload.required || (when.length > 0 && when.every(([name, values]) => values.includes(answers[name])));
}

/** The pointers of files that are necessary and not there. */
export function missingFiles(uploads: readonly Upload[], answers: Answers, attached: readonly Attachment[]): Upload[] {
  return uploads.filter(
    (upload) => needed(upload, answers) && !attached.some((attachment) => attachment.field === upload.field),
  );
}
