import type { ComponentChildren } from "preact";
import { usePlace } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { t } from "../texts.ts";
import { type Town, useTown } from "./town.ts";

/** The strip that marks official sites, as plain markup: KERN's own element needs styles that our policy forbids. */
export function OfficialStrip() {
  return (
    <div class="kern-kopfzeile">
      <div class="width kern-kopfzeile__content">
        <span class="kern-kopfzeile__flagge" aria-hidden="true">
          <svg
            xmlns="http://www.w3.org/2000/svg"
            viewBox="0 0 5 3"
            width="24"
            height="16"
            focusable="false"
            role="presentation"
          >
            <path fill="#000" d="M0 0h5v1H0z" />
            <path fill="#D00" d="M0 1h5v1H0z" />
            <path fill="#FFCE00" d="M0 2h5v1H0z" />
          </svg>
        </span>
        <span class="kern-kopfzeile__label">{t("official")}</span>
      </div>
    </div>
  );
}

function Emblem() {
  return (
    <svg class="emblem" viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" focusable="false">
      <path d="M24 4 44 16v4H4v-4zM8 23h6v14H8zm13 0h6v14h-6zm13 0h6v14h-6zM4 40h40v4H4z" />
    </svg>
  );
}

interface NavigationLink {
  readonly path: string;
  readonly label: string;
}

function Navigation({ town, links }: { town: Town; links: readonly NavigationLink[] }) {
  const { path } = usePlace();
  return (
    <nav aria-label={t("nav.label")}>
      <ul class="nav">
        {links.map((link) => {
          const address = town.at(link.path);
          const here = link.path === "/" ? path === `/${town.slug}` : path.startsWith(address);
          return (
            <li key={link.path}>
              <a class="nav-link" href={address} aria-current={here ? "page" : undefined}>
                {link.label}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

const PUBLIC_LINKS = (): NavigationLink[] => [
  { path: "/", label: t("nav.start") },
  { path: "/termine", label: t("nav.appointments") },
];

export function Frame({ children }: { children: ComponentChildren }) {
  const town = useTown();
  const { account } = useSession();
  const links = [
    ...PUBLIC_LINKS(),
    ...(account
      ? [
          { path: "/uebersicht", label: t("nav.overview") },
          { path: "/konto", label: t("nav.account") },
        ]
      : [{ path: "/anmelden", label: t("nav.sign_in") }]),
  ];
  return (
    <>
      <a class="skip kern-link" href="#inhalt">
        {t("skip")}
      </a>
      <header class="head">
        <OfficialStrip />
        <div class="width head-inner">
          <a class="brand" href={town.at("/")}>
            <Emblem />
            <span>
              <span class="brand-product">{t("product")}</span>
              <span class="brand-town">{town.name}</span>
            </span>
          </a>
          <Navigation town={town} links={links} />
        </div>
      </header>
      <main class="width main" id="inhalt" tabIndex={-1}>
        {children}
      </main>
      <Foot town={town} />
    </>
  );
}

function Foot({ town }: { town: Town }) {
  const legal = [
    ["/impressum", t("imprint.title")],
    ["/datenschutz", t("privacy.title")],
    ["/barrierefreiheit", t("accessibility.title")],
  ] as const;
  return (
    <footer class="foot">
      <div class="width foot-inner">
        <div>
          <p class="kern-body kern-body--bold">{town.name}</p>
          <address class="kern-body kern-body--muted">
            {town.contact.address}
            <br />
            <a class="kern-link" href={`tel:${town.contact.phone.replace(/[^+\d]/g, "")}`}>
              {town.contact.phone}
            </a>
            <br />
            <a class="kern-link" href={`mailto:${town.contact.email}`}>
              {town.contact.email}
            </a>
          </address>
        </div>
        <nav aria-label={t("nav.legal")}>
          <ul class="foot-links">
            {legal.map(([path, label]) => (
              <li key={path}>
                <a class="kern-link" href={town.at(path)}>
                  {label}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </div>
    </footer>
  );
}
