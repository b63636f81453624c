/**
 * TeX formulas as part of the Markdown grammar: `\(…\)`, `\[…\]` and `$$…$$` in running text, and `\[` or `$$` alone on a line with the
 * closing mark alone on a later line. The parser strips quotes and list indentation before this code runs, and code takes precedence.
 *
 * A formula must be closed before the next blank line and must look like one (`formulas.logic.ts`); otherwise its marks are text. The scan
 * from an opening mark ends at the next mark of its kind, so a run of unclosed marks takes linear time.
 */
import type { Literal } from "mdast";
import type { CompileContext, Extension as FromMarkdownExtension, Token as FromMarkdownToken } from "mdast-util-from-markdown";
import { markdownLineEnding, markdownSpace } from "micromark-util-character";
import type { Code, Construct, Effects, Extension, State, Token, TokenizeContext } from "micromark-util-types";
import { type FormulaMarks, looksLikeFormula } from "./formulas.logic";

export interface FormulaNode extends Literal {
  type: "formula";
  data: { hName: "x-formula"; hProperties: { display: "block" | "inline" }; hChildren: { type: "text"; value: string }[] };
}

declare module "mdast" {
  interface PhrasingContentMap {
    formula: FormulaNode;
  }
  interface RootContentMap {
    formula: FormulaNode;
  }
}

declare module "micromark-util-types" {
  interface TokenTypeMap {
    formula: "formula";
    formulaMark: "formulaMark";
    formulaData: "formulaData";
  }
}

const EOF = null;
const DOLLAR = 36;
const PAREN_OPEN = 40;
const PAREN_CLOSE = 41;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACKET_CLOSE = 93;
const TICK = 96;
const TILDE = 126;

/** The second character of the closing mark, by the second character of the opening mark. */
const CLOSES: Record<number, number> = { [DOLLAR]: DOLLAR, [PAREN_OPEN]: PAREN_CLOSE, [BRACKET_OPEN]: BRACKET_CLOSE };
const MARKS: Record<number, FormulaMarks> = { [DOLLAR]: "dollars", [PAREN_OPEN]: "parentheses", [BRACKET_OPEN]: "brackets" };

export function formulaSyntax(): Extension {
  const inText: Construct = { name: "formula", tokenize: tokenizeInText };
  const inFlow: Construct = { name: "formulaLines", tokenize: tokenizeLines, concrete: true };
  return { text: { [BACKSLASH]: inText, [DOLLAR]: inText }, flow: { [BACKSLASH]: inFlow, [DOLLAR]: inFlow } };
}

function tokenizeInText(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
  const before = this.previous;
  let second = 0;
  let content = "";
  let token: Token | undefined;
  return opening(effects, nok, (code, next) => {
    second = code;
    // `name\(x\)` is an escaped parenthesis after a word; `$$$` is not a mark.
    const isGlued = code === DOLLAR ? before === DOLLAR || next === DOLLAR : code === PAREN_OPEN && isWord(before);
    return isGlued ? nok(next) : between(next);
  });

  function between(code: Code): State | undefined {
    if (code === EOF) return nok(code);
    if (!markdownLineEnding(code)) return dataStart(code);
    endLine(effects, code);
    content += "\n";
    return between;
  }

  function dataStart(code: Code): State | undefined {
    token = effects.enter("formulaData");
    if (!isMark(code, second)) return data(code);
    effects.consume(code);
    return afterMark;
  }

  function data(code: Code): State | undefined {
    if (code === EOF || markdownLineEnding(code) || isMark(code, second)) {
      effects.exit("formulaData");
      return between(code);
    }
    content += textOf(code);
    effects.consume(code);
    return code === BACKSLASH ? escaped : data;
  }

  function escaped(code: Code): State | undefined {
    if (code !== BACKSLASH && code !== DOLLAR) return data(code);
    content += textOf(code);
    effects.consume(code);
    return data;
  }

  function afterMark(code: Code): State | undefined {
    if (code === CLOSES[second] && token) {
      effects.consume(code);
      token.type = "formulaMark";
      effects.exit("formulaMark");
      effects.exit("formula");
      return looksLikeFormula(content, MARKS[second] ?? "brackets") ? ok : nok;
    }
    // After a second opening mark, or at the end, nothing closes the first one.
    if (code === EOF || code === second || markdownLineEnding(code)) return nok(code);
    content += `${second === DOLLAR ? "$" : "\\"}${textOf(code)}`;
    effects.consume(code);
    return data;
  }
}

function tokenizeLines(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
  const { interrupt, parser } = this;
  const now = () => this.now();
  let second = 0;
  return opening(effects, nok, (code, next) => {
    second = code;
    return code === PAREN_OPEN ? nok(next) : openingEnd(next);
  });

  function openingEnd(code: Code): State | undefined {
    // A mark alone on its line ends a paragraph, even if no closing mark follows.
    if (interrupt === true && (code === EOF || markdownLineEnding(code))) return ok(code);
    if (code === EOF) return nok(code);
    if (markdownLineEnding(code)) return lineEnd(code);
    return space(code, openingEnd);
  }

  function lineEnd(code: Code): State | undefined {
    endLine(effects, code);
    return lineStart;
  }

  function lineStart(code: Code): State | undefined {
    if (parser.lazy[now().line] === true) return nok(code);
    return indentation(code);
  }

  function indentation(code: Code): State | undefined {
    if (code === EOF || markdownLineEnding(code)) return nok(code);
    if (markdownSpace(code)) return space(code, indentation);
    if (code === TICK || code === TILDE) return effects.check({ tokenize: tokenizeFence, partial: true }, nok, dataStart)(code);
    if (!isMark(code, second)) return dataStart(code);
    return effects.attempt({ tokenize: tokenizeClosing, partial: true }, closed, reopening)(code);
  }

  /** After a second opening mark at the start of a line, nothing closes the first one. */
  function reopening(code: Code): State | undefined {
    return effects.check({ tokenize: tokenizeOpening, partial: true }, nok, dataStart)(code);
  }

  function dataStart(code: Code): State | undefined {
    effects.enter("formulaData");
    return data(code);
  }

  function data(code: Code): State | undefined {
    if (code === EOF) return nok(code);
    if (!markdownLineEnding(code)) {
      effects.consume(code);
      return data;
    }
    effects.exit("formulaData");
    return lineEnd(code);
  }

  function closed(code: Code): State | undefined {
    effects.exit("formula");
    return ok(code);
  }

  function tokenizeOpening(inner: Effects, opens: State, goesOn: State): State {
    return opening(inner, goesOn, (mark, code) => (mark === second ? opens(code) : goesOn(code)));
  }

  /** A code block below an unclosed mark is code. */
  function tokenizeFence(inner: Effects, fences: State, goesOn: State): State {
    let marks = 0;
    let mark: Code = EOF;
    return function sequence(code: Code): State | undefined {
      if (marks === 3) return fences(code);
      if (marks > 0 && code !== mark) return goesOn(code);
      if (marks === 0) inner.enter("formulaMark");
      mark = code;
      marks += 1;
      inner.consume(code);
      if (marks === 3) inner.exit("formulaMark");
      return sequence;
    };
  }

  function tokenizeClosing(inner: Effects, closes: State, goesOn: State): State {
    return (code) => {
      inner.enter("formulaMark");
      inner.consume(code);
      return (next) => {
        if (next !== CLOSES[second]) return goesOn(next);
        inner.consume(next);
        inner.exit("formulaMark");
        return trailing;
      };
    };
    function trailing(code: Code): State | undefined {
      if (code === EOF || markdownLineEnding(code)) return closes(code);
      return markdownSpace(code) ? space(code, trailing) : goesOn(code);
    }
  }

  function space(code: Code, next: State): State {
    effects.enter("whitespace");
    effects.consume(code);
    effects.exit("whitespace");
    return next;
  }
}

/** Reads the two characters of an opening mark, then calls `next` with the second of them and the character after it. */
function opening(effects: Effects, nok: State, next: (second: number, code: Code) => State | undefined): State {
  return (code) => {
    effects.enter("formula");
    effects.enter("formulaMark");
    effects.consume(code);
    return (second) => {
      const opens = code === DOLLAR ? second === DOLLAR : second === PAREN_OPEN || second === BRACKET_OPEN;
      if (!opens || second === null) return nok(second);
      effects.consume(second);
      effects.exit("formulaMark");
      return (behind) => next(second, behind);
    };
  };
}

function endLine(effects: Effects, code: Code): void {
  effects.enter("lineEnding");
  effects.consume(code);
  effects.exit("lineEnding");
}

/** Whether a closing mark may begin here. */
function isMark(code: Code, second: number): boolean {
  return code === (second === DOLLAR ? DOLLAR : BACKSLASH);
}

function isWord(code: Code): boolean {
  return code !== null && code > 0 && /[\p{Script=Latin}\p{N}_]/u.test(String.fromCharCode(code));
}

function textOf(code: Code): string {
  return code !== null && code >= 0 ? String.fromCharCode(code) : " ";
}

export function formulaFromMarkdown(): FromMarkdownExtension {
  function enterFormula(this: CompileContext, token: FromMarkdownToken): void {
    this.enter({ type: "formula", value: "", data: { hName: "x-formula", hProperties: { display: "inline" }, hChildren: [] } }, token);
    this.buffer();
  }
  function exitFormula(this: CompileContext, token: FromMarkdownToken): void {
    const value = this.resume().trim();
    const node = this.stack.at(-1);
    if (node?.type === "formula") {
      node.value = value;
      const isInline = this.sliceSerialize(token).startsWith("\\(");
      // `$$` can be either: alone in its paragraph it is a display formula (`placeDisplays`).
      node.data.hProperties.display = isInline ? "inline" : "block";
      node.data.hChildren = [{ type: "text", value }];
    }
    this.exit(token);
  }
  function exitData(this: CompileContext, token: FromMarkdownToken): void {
    this.config.enter["data"]?.call(this, token);
    this.config.exit["data"]?.call(this, token);
  }
  return { enter: { formula: enterFormula }, exit: { formula: exitFormula, formulaData: exitData } };
}
