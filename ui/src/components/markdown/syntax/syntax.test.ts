import { toHtml } from "hast-util-to-html";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { describe, expect, it } from "vitest";
import { PLUGINS } from "../plugins";
import { isDrawable } from "./formulas.logic";

const toHast = unified().use(remarkParse).use(PLUGINS).use(remarkRehype);
const htmlOf = (text: string) => toHtml(toHast.runSync(toHast.parse(text)));
const formulasOf = (text: string) => [...htmlOf(text).matchAll(/<x-formula display="(\w+)">([^<]*)</g)].map(([, display, source]) => `${display}: ${source}`);

describe("formulas", () => {
  it.each([
    ["so \\(a^2\\) is", ["inline: a^2"]],
    ["\\(x\\), \\(n\\) and \\(ABC\\)", ["inline: x", "inline: n", "inline: ABC"]],
    ["so\n\\[\na = b\n\\]\nis", ["block: a = b"]],
    ["\\[ E = mc^2 \\]", ["block: E = mc^2"]],
    ["$$x$$", ["block: x"]],
    ["$$\nx = 1\n$$", ["block: x = 1"]],
    ["so $$ \\frac{a}{b} $$ is", ["block: \\frac{a}{b}"]],
    ["\\[\na\n+ b\n- c\n> d\n\\]", ["block: a\n+ b\n- c\n> d"]],
    ["\\[\\begin{matrix}1 \\\\[2pt] 2\\end{matrix}\\]", ["block: \\begin{matrix}1 \\\\[2pt] 2\\end{matrix}"]],
    ["1. First:\n   \\[\n   x = 1\n   \\]\n   then go on.", ["block: x = 1"]],
    ["- Energy:\n\n    \\[ E = mc^2 \\]\n\n    where m is mass.", ["block: E = mc^2"]],
    ["> Quote:\n> \\[ a = b \\]\n> goes on.", ["block: a = b"]],
    ["> > - \\[\n> >   a\n> >   \\]", ["block: a"]],
    ["| \\(x^2\\) | b |\n|---|---|\n| \\(y_1\\) | c |", ["inline: x^2", "inline: y_1"]],
    ["**\\(x\\)** and [\\(y\\)](https://example.org)", ["inline: x", "inline: y"]],
    ["其中\\(x\\)是", ["inline: x"]],
    ["die Größe \\(ä\\)", ["inline: ä"]],
  ])("are found: %j", (text, formulas) => expect(formulasOf(text)).toEqual(formulas));

  it.each([
    "tool \\[OPTIONS\\] file",
    "tool \\[--output=FILE\\] \\[KEY=VALUE\\] \\[-v\\]",
    "\\[OPTIONS\\]",
    "a citation \\[1\\] and an index a\\[i\\]",
    "\\[x\\] is done",
    "print\\(x\\) and f\\(\\)",
    "\\(optional\\)",
    "$5 and $10",
    "from $5 to $10, or $$20",
    "kill $$ and echo $$",
    "echo $$",
    "$$",
    "$$\n\nnever closed",
    "\\[\n\nnever closed \\]",
    "\\( never closed",
    "$$$x$$$",
    "`\\(x\\)` and ``a ` \\[b = c\\]``",
    "```tex\n\\[x = 1\\]\n```",
    "    \\[\n    x = 1\n    \\]",
    "\\\\(x^2\\\\)",
  ])("are not made of other things: %j", (text) => expect(formulasOf(text)).toEqual([]));

  it("leave the text as it is where they are none", () => {
    expect(htmlOf("tool \\[OPTIONS\\] for $5 and $$")).toBe("<p>tool [OPTIONS] for $5 and $$</p>");
    expect(htmlOf("$$\n```sh\necho\n```")).toContain('<pre><code class="language-sh">echo');
  });

  it("are drawn when they are small enough", () => {
    expect(isDrawable("\\frac{1}{\\sqrt{2}}")).toBe(true);
    expect(isDrawable("\\sqrt{".repeat(30) + "}".repeat(30))).toBe(false);
    expect(isDrawable("x+".repeat(2_000))).toBe(false);
  });
});

describe("emphasis and links beside Chinese, Japanese and Korean", () => {
  it.each([
    ["**「太字」**です", "<p><strong>「太字」</strong>です</p>"],
    ["**この文は太字（ふとじ）。**次の文です。", "<p><strong>この文は太字（ふとじ）。</strong>次の文です。</p>"],
    ["**重要提示：**请注意。", "<p><strong>重要提示：</strong>请注意。</p>"],
    ["**“강조 문자”**는 좋습니다.", "<p><strong>“강조 문자”</strong>는 좋습니다.</p>"],
    ["*斜体（带括号）。*继续", "<p><em>斜体（带括号）。</em>继续</p>"],
    ["~~删除（括号）。~~继续", "<p><del>删除（括号）。</del>继续</p>"],
    ["见https://example.org/a。请看", '<p>见<a href="https://example.org/a">https://example.org/a</a>。请看</p>'],
    ["（https://example.org/a）次", '<p>（<a href="https://example.org/a">https://example.org/a</a>）次</p>'],
    ["見[文書](https://example.org/あ)を", '<p>見<a href="https://example.org/%E3%81%82">文書</a>を</p>'],
    ["这是**粗体**文字 and **bold.** tail", "<p>这是<strong>粗体</strong>文字 and <strong>bold.</strong> tail</p>"],
  ])("%s", (text, html) => expect(htmlOf(text)).toBe(html));
});

describe("HTML", () => {
  it.each([
    ["H<sub>2</sub>O x<sup>2</sup> <kbd>Ctrl</kbd> <mark>m</mark>", "<p>H<sub>2</sub>O x<sup>2</sup> <kbd>Ctrl</kbd> <mark>m</mark></p>"],
    ["a<br>b<br/>c<BR />d", "<p>a<br>\nb<br>\nc<br>\nd</p>"],
    ["<sub>**a** <sup>b</sup></sub>", "<p><sub><strong>a</strong> <sup>b</sup></sub></p>"],
    ["<sub>a", "<p>&#x3C;sub>a</p>"],
    ["a</sub>", "<p>a&#x3C;/sub></p>"],
    ["<sub><sup>a</sub></sup>", "<p>&#x3C;sub><sup>a&#x3C;/sub></sup></p>"],
    ['<sub class="x">a</sub>', '<p>&#x3C;sub class="x">a&#x3C;/sub></p>'],
    ["<b>a</b> <img src=x onerror=y> <script>z</script>", "<p>&#x3C;b>a&#x3C;/b> &#x3C;img src=x onerror=y> &#x3C;script>z&#x3C;/script></p>"],
    ["<div>\n**a**\n</div>", "<p>&#x3C;div>\n<strong>a</strong>\n&#x3C;/div></p>"],
    ["<!-- a\n\n**b**", "<p>&#x3C;!-- a</p>\n<p><strong>b</strong></p>"],
    ["<https://example.org>", '<p><a href="https://example.org">https://example.org</a></p>'],
    ["`<sub>a</sub>`", "<p><code>&#x3C;sub>a&#x3C;/sub></code></p>"],
  ])("%s", (text, html) => expect(htmlOf(text)).toBe(html));
});
