/** Which code is coloured, and the messages between the window and the worker that finds the colours. */

const LANGUAGES = [
  "bash",
  "c",
  "cpp",
  "csharp",
  "css",
  "diff",
  "docker",
  "go",
  "html",
  "java",
  "javascript",
  "json",
  "jsx",
  "kotlin",
  "lua",
  "markdown",
  "php",
  "python",
  "ruby",
  "rust",
  "sql",
  "swift",
  "toml",
  "tsx",
  "typescript",
  "xml",
  "yaml",
] as const;
export type Language = (typeof LANGUAGES)[number];

const ALIASES: Record<string, Language> = {
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

export interface ColorRequest {
  readonly code: string;
  readonly language: Language;
}
export interface ColorAnswer {
  /** Undefined if the code has too many tokens. */
  readonly lines: CodeLines | undefined;
}

export type CodeLines = readonly (readonly CodeToken[])[];
export interface CodeToken {
  text: string;
  light: string | undefined;
  dark: string | undefined;
}

/** Beyond these limits, colours cost more than they help. */
const CODE_CHARS_MAX = 20_000;
const CODE_LINES_MAX = 400;
/** A longer line is data. Grammars need quadratic time for the length of a line. */
const LINE_CHARS_MAX = 600;

export function isColorable(code: string): boolean {
  if (code.length > CODE_CHARS_MAX) return false;
  const lines = code.split("\n");
  return lines.length <= CODE_LINES_MAX && lines.every((line) => line.length <= LINE_CHARS_MAX);
}

/** The language that a fence names, if it is supported. */
export function languageOf(name: string): Language | undefined {
  const lower = name.toLowerCase();
  return (Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : undefined) ?? LANGUAGES.find((language) => language === lower);
}
