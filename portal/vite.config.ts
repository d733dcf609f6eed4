import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Connect, defineConfig, type Plugin } from "vite";
import { parse } from "yaml";

/** The response headers the portal is built for; the gateway sends the same (see README). */
export const SECURITY_HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:", // KERN's icons are data: masks
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

const MUNICIPALITIES = join(import.meta.dirname, "../municipalities");

/** What the portal shows of each municipality. */
export function municipalities(): unknown[] {
  return readdirSync(MUNICIPALITIES)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => parse(readFileSync(join(MUNICIPALITIES, name), "utf-8")))
    .map(({ ars, slug, name, kind, members, contact }) => ({ ars, slug, name, kind, members, contact }));
}

/** Serves `/municipalities.json` while developing, as the town hall does by `rathaus.portalfiles`. */
function municipalitiesFile(): Plugin {
  const answer: Connect.NextHandleFunction = (request, response, next) => {
    if (request.url !== "/municipalities.json") return next();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(municipalities()));
  };
  return {
    name: "municipalities",
    configureServer: (server) => void server.middlewares.use(answer),
    configurePreviewServer: (server) => void server.middlewares.use(answer),
  };
}

export default defineConfig({
  plugins: [municipalitiesFile()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  css: { preprocessorOptions: { scss: { quietDeps: true } } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // a data: font or script would break the content security policy
    modulePreload: { polyfill: false },
  },
  preview: { host: "localhost", headers: SECURITY_HEADERS },
  server: { host: "localhost" },
});
