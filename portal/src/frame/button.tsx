import type { ComponentChildren } from "preact";
import { t } from "../texts.ts";

interface ButtonProps {
  readonly kind?: "primary" | "secondary" | "tertiary";
  readonly icon?: string;
  readonly type?: "button" | "submit";
  /** Its work is under way: it stays reachable by keyboard and says so. */
  readonly busy?: boolean;
  readonly onClick?: () => void;
  readonly children: ComponentChildren;
}

export function Button({ kind = "primary", icon, type = "button", busy, onClick, children }: ButtonProps) {
  return (
    <button
      type={type}
      class={`kern-btn kern-btn--${kind}`}
      aria-disabled={busy ? "true" : undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {icon && <span class={`kern-icon kern-icon--${icon}`} aria-hidden="true" />}
      <span class="kern-label">{busy ? t("button.busy") : children}</span>
    </button>
  );
}

/** A link that looks like a button: it goes somewhere, it does nothing. */
export function ButtonLink({
  kind = "primary",
  icon,
  href,
  children,
}: Pick<ButtonProps, "kind" | "icon" | "children"> & { href: string }) {
  return (
    <a class={`kern-btn kern-btn--${kind}`} href={href}>
      {icon && <span class={`kern-icon kern-icon--${icon}`} aria-hidden="true" />}
      <span class="kern-label">{children}</span>
    </a>
  );
}
