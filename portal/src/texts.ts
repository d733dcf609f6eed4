import german from "../texts/de.json";

/** Languages that have a file in `texts/`; BCP 47 tags, `de-simple` is the registered variant for plain German. */
export const LANGUAGES = ["de", "en", "de-simple"] as const;
export type Language = (typeof LANGUAGES)[number];

export type TextKey = keyof typeof german;
type PluralBase<K> = K extends `${infer Base}.other` ? Base : never;
export type PluralKey = PluralBase<TextKey>;
export type Values = Record<string, string | number>;
type Texts = Partial<Record<string, string>>;

const STORED_LANGUAGE = "rathaus.language";
const LOADERS: Record<Exclude<Language, "de">, () => Promise<{ default: Texts }>> = {
  en: () => import("../texts/en.json"),
  "de-simple": () => import("../texts/de-simple.json"),
};

let chosen: { language: Language; texts: Texts } = { language: "de", texts: german };

/** The language to start with: `?sprache=` of the address, else the last choice, else German. */
export function preferredLanguage(search: string, stored: string | null): Language {
  const wanted = new URLSearchParams(search).get("sprache") ?? stored;
  return LANGUAGES.find((language) => language === wanted) ?? "de";
}

/** Loads a language's texts and puts its tag on the document. Keys it lacks are answered in German. */
export async function setLanguage(language: Language): Promise<void> {
  chosen = { language, texts: language === "de" ? german : (await LOADERS[language]()).default };
  document.documentElement.lang = language;
  localStorage.setItem(STORED_LANGUAGE, language);
}

export function startLanguage(): Promise<void> {
  return setLanguage(preferredLanguage(location.search, localStorage.getItem(STORED_LANGUAGE)));
}

function find(key: string): string | undefined {
  return chosen.texts[key] ?? (german as Texts)[key];
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a key, with `{name}` replaced. */
export function t(key: TextKey, values: Values = {}): string {
  return fill(find(key) ?? key, values);
}

/** The text for a count: `<key>.one`, `<key>.other` as the language's plural rules say, `{count}` filled in. */
export function plural(key: PluralKey, count: number, values: Values = {}): string {
  const form = new Intl.PluralRules(chosen.language).select(count);
  return fill(find(`${key}.${form}`) ?? find(`${key}.other`) ?? key, { count, ...values });
}

/** A text whose key is made at run time (a status, an error code); undefined when there is none. */
export function optionalText(key: string, values: Values = {}): string | undefined {
  const text = find(key);
  return text === undefined ? undefined : fill(text, values);
}
