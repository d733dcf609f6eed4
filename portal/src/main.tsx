import "./styles/portal.scss";
import { render } from "preact";
import { Portal } from "./portal.tsx";
import { startLanguage } from "./texts.ts";

await startLanguage();
const root = document.getElementById("portal");
if (root) render(<Portal />, root);
