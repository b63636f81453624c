/** The Markdown dialect of answers: CommonMark and GFM, with formulas, a little HTML, and emphasis that works next to CJK text. */
import type { Root } from "mdast";
import remarkCjkFriendly from "remark-cjk-friendly/parseOnly";
import remarkCjkStrikethrough from "remark-cjk-friendly-gfm-strikethrough/parseOnly";
import remarkGfm from "remark-gfm";
import "remark-parse";
import type { PluggableList, Plugin } from "unified";
import { endAutolinks } from "./syntax/autolinks";
import { formulaFromMarkdown, formulaSyntax } from "./syntax/formulas";
import { pairTags, safeTagFromMarkdown, safeTagSyntax } from "./syntax/safe-tags";

/** `~5 to ~10` is not strikethrough. */
const STRIKETHROUGH = { singleTilde: false };

const remarkOwnSyntax: Plugin<[], Root> = function remarkOwnSyntax() {
  const data = this.data();
  (data.micromarkExtensions ??= []).push(formulaSyntax(), safeTagSyntax());
  (data.fromMarkdownExtensions ??= []).push(formulaFromMarkdown(), safeTagFromMarkdown());
};

export const PLUGINS: PluggableList = [
  [remarkGfm, STRIKETHROUGH],
  remarkCjkFriendly,
  [remarkCjkStrikethrough, STRIKETHROUGH],
  remarkOwnSyntax,
  endAutolinks,
  pairTags,
];
