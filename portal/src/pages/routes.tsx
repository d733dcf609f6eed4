import type { ComponentType } from "preact";
import { lazyPage } from "../frame/lazy-page.tsx";
import type { Params } from "../router.tsx";
import { AccountPage, LandeskontoPage } from "./account.tsx";
import { AppointmentsPage, ReservationPage } from "./appointments.tsx";
import { AccessibilityPage, ImprintPage, PrivacyPage } from "./legal.tsx";
import { MessagePage } from "./message.tsx";
import { OverviewPage } from "./overview.tsx";
import { CodePage, RegisterPage } from "./register.tsx";
import { ServicePage } from "./service.tsx";
import { SignInPage } from "./sign-in.tsx";
import { StartPage } from "./start.tsx";
import { StatusPage } from "./status.tsx";

const EditPage = lazyPage(async () => (await import("./edit.tsx")).EditPage);
const ReviewPage = lazyPage(async () => (await import("./review.tsx")).ReviewPage);

export interface Target {
  readonly page: ComponentType<Params>;
  readonly signedIn?: boolean;
}

/** Every page of a municipality. */
export const ROUTES: readonly (readonly [pattern: string, target: Target])[] = [
  ["/:town", { page: StartPage }],
  ["/:town/registrieren", { page: RegisterPage }],
  ["/:town/registrieren/code", { page: CodePage }],
  ["/:town/anmelden", { page: SignInPage }],
  ["/:town/konto", { page: AccountPage, signedIn: true }],
  ["/:town/landeskonto", { page: LandeskontoPage, signedIn: true }],
  ["/:town/dienste/:slug", { page: ServicePage }],
  ["/:town/uebersicht", { page: OverviewPage, signedIn: true }],
  ["/:town/antraege/:id", { page: StatusPage, signedIn: true }],
  ["/:town/antraege/:id/bearbeiten", { page: EditPage, signedIn: true }],
  ["/:town/antraege/:id/pruefen", { page: ReviewPage, signedIn: true }],
  ["/:town/termine", { page: AppointmentsPage }],
  ["/:town/termine/:id", { page: ReservationPage, signedIn: true }],
  ["/:town/nachrichten/:id", { page: MessagePage, signedIn: true }],
  ["/:town/impressum", { page: ImprintPage }],
  ["/:town/datenschutz", { page: PrivacyPage }],
  ["/:town/barrierefreiheit", { page: AccessibilityPage }],
];
