import { useEffect, useRef, useState } from "preact/hooks";
import { removeAttachment, type Upload } from "../api/forms.ts";
import { asProblem } from "../api/problem.ts";
import { uploadFile } from "../api/upload.ts";
import { FieldError } from "../forms/fields.tsx";
import { Button } from "../frame/button.tsx";
import { t } from "../texts.ts";
import type { Draft } from "./draft.ts";

interface UploadProps {
  readonly ars: string;
  readonly draft: Draft;
  readonly upload: Upload;
  readonly optional: boolean;
  readonly error: string | undefined;
}

const MEGABYTE = 1024 * 1024;
const KINDS: Readonly<Record<string, string>> = { "application/pdf": "PDF", "image/jpeg": "JPG", "image/png": "PNG" };

export const uploadId = (field: string): string => `upload-${field}`;

function sizeOf(bytes: number): string {
  const inMegabytes = bytes >= MEGABYTE;
  const amount = inMegabytes ? bytes / MEGABYTE : Math.ceil(bytes / 1024);
  return `${amount.toLocaleString("de-DE", { maximumFractionDigits: 1 })} ${inMegabytes ? "MB" : "kB"}`;
}

/** What is wrong with a file before it is sent; the server looks into it, this only looks at it. */
export function objection(file: Pick<File, "type" | "size">, upload: Upload): string | null {
  if (!upload.mediaTypes.includes(file.type)) return t("upload.wrong_type", { types: kinds(upload) });
  if (file.size === 0) return t("upload.empty");
  if (file.size > upload.maxBytes)
    return t("upload.too_big", { size: sizeOf(file.size), max: sizeOf(upload.maxBytes) });
  return null;
}

const kinds = (upload: Upload): string => upload.mediaTypes.map((type) => KINDS[type] ?? type).join(", ");

export function UploadField({ ars, draft, upload, optional, error }: UploadProps) {
  const id = uploadId(upload.field);
  const attached = draft.application.attachments.filter((one) => one.field === upload.field);
  const [sent, setSent] = useState<number | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [news, setNews] = useState("");
  const sending = useRef<AbortController | null>(null);
  useEffect(() => () => sending.current?.abort(), []);

  const send = async (file: File, input: HTMLInputElement) => {
    const wrong = objection(file, upload);
    input.value = "";
    setRefusal(wrong);
    if (wrong) return;
    const controller = new AbortController();
    sending.current = controller;
    setSent(0);
    try {
      await draft.exclusively((version) =>
        uploadFile(ars, draft.application.id, version, upload.field, file, setSent, controller.signal),
      );
      setNews(t("upload.done", { name: file.name }));
    } catch (thrown) {
      if (!controller.signal.aborted) setRefusal(asProblem(thrown).sentence);
    } finally {
      setSent(null);
    }
  };
  const remove = async (attachment: string, name: string) => {
    try {
      await draft.exclusively((version) => removeAttachment(ars, draft.application.id, version, attachment));
      setNews(t("upload.removed", { name }));
    } catch (thrown) {
      setRefusal(asProblem(thrown).sentence);
    }
  };
  const shown = refusal ?? error;
  return (
    <div class={`kern-form-input upload${shown ? " kern-form-input--error" : ""}`}>
      <label class="kern-label" for={id}>
        {upload.title}
        {optional && <span class="kern-label__optional"> {t("field.optional")}</span>}
      </label>
      <div class="kern-hint" id={`${id}-hint`}>
        {upload.help} {t("upload.limits", { types: kinds(upload), max: sizeOf(upload.maxBytes) })}
      </div>
      <input
        class="kern-form-input__input"
        id={id}
        type="file"
        accept={upload.mediaTypes.join(",")}
        aria-describedby={`${id}-hint${shown ? ` ${id}-error` : ""}`}
        aria-invalid={shown ? "true" : undefined}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) void send(file, event.currentTarget);
        }}
      />
      <FieldError id={id} error={shown ?? undefined} />
      {sent !== null && (
        <div class="kern-progress">
          <label class="kern-label" for={`${id}-progress`}>
            {t("upload.sending")}
          </label>
          <progress id={`${id}-progress`} max={1} value={sent} />
          <Button kind="tertiary" onClick={() => sending.current?.abort()}>
            {t("upload.give_up")}
          </Button>
        </div>
      )}
      <p class="visually-hidden" role="status">
        {news}
      </p>
      {attached.length > 0 && (
        <ul class="rows attached">
          {attached.map((one) => (
            <li class="row" key={one.id}>
              <span class="kern-body">
                {one.filename} <span class="kern-body--muted">({sizeOf(one.size)})</span>
              </span>
              <Button kind="tertiary" icon="delete" onClick={() => remove(one.id, one.filename)}>
                {t("upload.remove")}
                <span class="visually-hidden"> {one.filename}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
