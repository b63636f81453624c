/**
 * Colours for settled code. Loaded when the first settled block needs it: the engine is JavaScript's own regular expressions (the content
 * security policy allows no WASM) and each language comes as a file of its own.
 */
import type { GrammarState, HighlighterCore, ThemedToken } from "shiki/core";
import { turn } from "./work";

export type CodeLines = readonly (readonly CodeToken[])[];
export interface CodeToken {
  text: string;
  light: string | undefined;
  dark: string | undefined;
}

/** Beyond this, colours cost more than they help. */
const CODE_CHARS_MAX = 20_000;
const CODE_LINES_MAX = 400;
/** Each is an element. Code has about ten a line. */
const CODE_TOKENS_MAX = 6_000;
/** A longer line is data. Grammars need time with the square of a line. */
const LINE_CHARS_MAX = 600;
/** After so long the grammar gives a line up. */
const LINE_MS_MAX = 20;
/** Lines that are coloured in one go, before the queue of work looks at the clock again. */
const LINES_AT_ONCE = 10;
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

/** The code's tokens, or nothing where the language is not known or the block is too large. Calculated a little at a time. */
export async function highlight(code: string, language: string, stop: AbortSignal): Promise<CodeLines | undefined> {
  const name = languageName(language);
  if (name === undefined || !isColourable(code)) return undefined;
  const known = cachedHighlight(code, language);
  if (known) return known;
  highlighter ??= createHighlighter();
  const shiki = await highlighter;
  await loadLanguage(shiki, name);
  const lines = await tokenize(shiki, code, name, stop);
  if (!lines) return undefined;
  if (cache.size >= CACHED_BLOCKS_MAX) cache.delete(cache.keys().next().value ?? "");
  cache.set(keyOf(code, language), lines);
  return lines;
}

function isColourable(code: string): boolean {
  if (code.length > CODE_CHARS_MAX) return false;
  const lines = code.split("\n");
  return lines.length <= CODE_LINES_MAX && lines.every((line) => line.length <= LINE_CHARS_MAX);
}

function loadLanguage(shiki: HighlighterCore, name: string): Promise<void> {
  let loading = loaded.get(name);
  if (!loading) {
    const load = LANGUAGES[name] ?? (() => Promise.reject(new Error(`no language \`${name}\``)));
    loading = load().then((module) => shiki.loadLanguage(module.default as Parameters<typeof shiki.loadLanguage>[0]));
    loaded.set(name, loading);
  }
  return loading;
}

async function tokenize(shiki: HighlighterCore, code: string, lang: string, stop: AbortSignal): Promise<CodeLines | undefined> {
  const source = code.split("\n");
  const lines: CodeToken[][] = [];
  let state: GrammarState | undefined;
  let count = 0;
  for (let from = 0; from < source.length; from += LINES_AT_ONCE) {
    await turn();
    if (stop.aborted) return undefined;
    const { tokens, grammarState } = shiki.codeToTokens(source.slice(from, from + LINES_AT_ONCE).join("\n"), {
      lang,
      themes: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
      defaultColor: false,
      tokenizeTimeLimit: LINE_MS_MAX,
      ...(state && { grammarState: state }),
    });
    state = grammarState;
    for (const line of tokens) {
      count += line.length;
      lines.push(line.map(toToken));
    }
    if (count > CODE_TOKENS_MAX) return undefined;
  }
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
