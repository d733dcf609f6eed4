// Writes src/api/generated/*.d.ts from the committed OpenAPI files: `npm run api`. With `--check` it only compares and
// fails where they differ. Another folder of OpenAPI files may be named as the last argument.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const options = process.argv.slice(2);
const check = options.includes("--check");
const folder = options.find((option) => !option.startsWith("--"));
const source = folder ? new URL(`file://${folder}/`) : new URL("../../openapi/", import.meta.url);
const target = new URL("../src/api/generated/", import.meta.url);

let different = 0;
for (const name of readdirSync(source).filter((file) => file.endsWith(".json"))) {
  const text = astToString(await openapiTS(JSON.parse(readFileSync(new URL(name, source), "utf-8"))));
  const file = new URL(name.replace(/\.json$/, ".d.ts"), target);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, "utf-8") !== text) {
    different += 1;
    console.error(`${name}: src/api/generated is not from it; run npm run api`);
  }
}
process.exitCode = different > 0 ? 1 : 0;
