/**
 * Colours for settled code. Loaded when the first settled block needs it: the engine is JavaScript's own regular expressions (the content
 * security policy allows no WASM) and each language comes as a file of its own.
 */
import type { HighlighterCore, ThemedToken } from "shiki/core";

export type CodeLines = readonly (readonly CodeToken[])[];
export interface CodeToken {
  text: string;
  light: string | undefined;
  dark: string | undefined;
}

/** Beyond this, colours cost more than they help. */
const CODE_CHARS_MAX = 20_000;
const CODE_LINES_MAX = 400;
/** Rows that scroll away and come back find their colours here. */
const CACHED_BLOCKS_MAX = 200;

const LANGUAGES: Record<string, () => Promise<{ default: unknown }>> = {
  bash: () => import("shiki/langs/bash.mjs"),
  c: () => import("shiki/langs/c.mjs"),
  cpp: () => import("shiki/langs/cpp.mjs"),
  csharp: () => import("shiki/langs/csharp.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
  docker: () => import("shiki/langs/docker.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  html: () => import("shiki/langs/html.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  javascript: () => import("shiki/langs/javascript.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  jsx: () => import("shiki/langs/jsx.mjs"),
  kotlin: () => import("shiki/langs/kotlin.mjs"),
  lua: () => import("shiki/langs/lua.mjs"),
  markdown: () => import("shiki/langs/markdown.mjs"),
  php: () => import("shiki/langs/php.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  ruby: () => import("shiki/langs/ruby.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  swift: () => import("shiki/langs/swift.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  typescript: () => import("shiki/langs/typescript.mjs"),
  xml: () => import("shiki/langs/xml.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
};

const ALIASES: Record<string, string> = {
  "c++": "cpp",
  "c#": "csharp",
  cs: "csharp",
  dockerfile: "docker",
  js: "javascript",
  kt: "kotlin",
  md: "markdown",
  py: "python",
  rb: "ruby",
  rs: "rust",
  sh: "bash",
  shell: "bash",
  ts: "typescript",
  yml: "yaml",
  zsh: "bash",
};

const cache = new Map<string, CodeLines>();
let highlighter: Promise<HighlighterCore> | undefined;
const loaded = new Map<string, Promise<void>>();

export function cachedHighlight(code: string, language: string): CodeLines | undefined {
  return cache.get(keyOf(code, language));
}

/** The code's tokens, or nothing where the language is not known or the block is too large. */
export async function highlight(code: string, language: string): Promise<CodeLines | undefined> {
  const name = languageName(language);
  const load = name === undefined ? undefined : LANGUAGES[name];
  if (name === undefined || load === undefined || code.length > CODE_CHARS_MAX || code.split("\n").length > CODE_LINES_MAX) {
    return undefined;
  }
  const known = cachedHighlight(code, language);
  if (known) return known;
  highlighter ??= createHighlighter();
  const shiki = await highlighter;
  let loading = loaded.get(name);
  if (!loading) {
    loading = load().then((module) => shiki.loadLanguage(module.default as Parameters<typeof shiki.loadLanguage>[0]));
    loaded.set(name, loading);
  }
  await loading;
  const { tokens } = shiki.codeToTokens(code, {
    lang: name,
    themes: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    defaultColor: false,
  });
  const lines = tokens.map((line) => line.map(toToken));
  if (cache.size >= CACHED_BLOCKS_MAX) cache.delete(cache.keys().next().value ?? "");
  cache.set(keyOf(code, language), lines);
  return lines;
}

export function languageName(language: string): string | undefined {
  const lower = language.toLowerCase();
  const name = ALIASES[lower] ?? lower;
  return Object.hasOwn(LANGUAGES, name) ? name : undefined;
}

async function createHighlighter(): Promise<HighlighterCore> {
  const [{ createHighlighterCore }, { createJavaScriptRegexEngine }, light, dark] = await Promise.all([
    import("shiki/core"),
    import("shiki/engine/javascript"),
    import("shiki/themes/github-light-high-contrast.mjs"),
    import("shiki/themes/github-dark-high-contrast.mjs"),
  ]);
  return createHighlighterCore({
    themes: [light.default, dark.default],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
}

function toToken(token: ThemedToken): CodeToken {
  const style = token.htmlStyle;
  return { text: token.content, light: style?.["--shiki-light"], dark: style?.["--shiki-dark"] };
}

function keyOf(code: string, language: string): string {
  return `${language}\n${code}`;
}
