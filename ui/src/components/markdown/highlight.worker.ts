/**
 * The grammars, off the main thread: the first line of C++ alone takes one of them a second. The engine uses JavaScript's own regular
 * expressions (the content security policy allows no WASM), and each language is a file of its own.
 */
import { createHighlighterCore, type HighlighterCore, type ThemedToken } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import dark from "shiki/themes/github-dark-high-contrast.mjs";
import light from "shiki/themes/github-light-high-contrast.mjs";
import type { ColorAnswer, ColorRequest, CodeToken, Language } from "./highlight.logic";

/** Each token is an element. Code has about ten per line. */
const CODE_TOKENS_MAX = 6_000;

const GRAMMARS: Record<Language, () => Promise<{ default: unknown }>> = {
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

let highlighter: Promise<HighlighterCore> | undefined;
const loaded = new Map<Language, Promise<void>>();

addEventListener("message", ({ data }: MessageEvent<ColorRequest>) => {
  color(data).then(answer, () => answer({ lines: undefined }));
});

function answer(message: ColorAnswer): void {
  postMessage(message);
}

async function color({ code, language }: ColorRequest): Promise<ColorAnswer> {
  highlighter ??= createHighlighterCore({ themes: [light, dark], langs: [], engine: createJavaScriptRegexEngine({ forgiving: true }) });
  const shiki = await highlighter;
  await loadLanguage(shiki, language);
  const { tokens } = shiki.codeToTokens(code, {
    lang: language,
    themes: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    defaultColor: false,
  });
  const count = tokens.reduce((sum, line) => sum + line.length, 0);
  return { lines: count > CODE_TOKENS_MAX ? undefined : tokens.map((line) => line.map(toToken)) };
}

function loadLanguage(shiki: HighlighterCore, language: Language): Promise<void> {
  let loading = loaded.get(language);
  if (!loading) {
    loading = GRAMMARS[language]().then((module) => shiki.loadLanguage(module.default as Parameters<typeof shiki.loadLanguage>[0]));
    loaded.set(language, loading);
  }
  return loading;
}

function toToken(token: ThemedToken): CodeToken {
  const style = token.htmlStyle;
  return { text: token.content, light: style?.["--shiki-light"], dark: style?.["--shiki-dark"] };
}
