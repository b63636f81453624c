/** Answers as models write them, of the kinds that were once drawn wrongly or froze the window. */

const lines = (count: number, line: (number: number) => string) => Array.from({ length: count }, (_, number) => line(number)).join("");
const fiveDigits = (number: number) => String(number).padStart(5, "0");

export const SHARED = {
  /** Emphasis that closes beside Chinese, Japanese and Korean text. */
  cjk: `**この文は太字（ふとじ）。**次の文です。

**重要提示：**请注意。

**“공개 문서”**는 원칙입니다.

*斜体（带括号）。*继续。 ~~删除（括号）。~~继续。

Control: 这是**粗体**文字 and **bold.** tail
`,
  /** Formulas within list items and quotes. */
  formulas: `1. First:
   \\[
   x = 1
   \\]
   then go on.
2. Second

Text.

- Energy:

    \\[ E = mc^2 \\]

    where m is mass.
- Next

> Quote:
> \\[ a = b \\]
> goes on.
`,
  references: `Claim one.[^1] Claim two.[^b]

More text, see [the docs][d] and [d].

[^1]: The first source, https://example.com/1
[^b]: The second source.

[d]: https://example.com/docs "Docs"
`,
  /** What was always drawn well. */
  usual: `1. Do this:
   \`\`\`bash
   echo a
   \`\`\`
2. Then

   \`\`\`js
   x
   \`\`\`

   done
3. End

\`\`\`\`markdown
\`\`\`js
x
\`\`\`
\`\`\`\`

about ~5 to ~10; ~~gone~~; 👩‍👩‍👧‍👦 family; מרחבא שלום RTL

\`\`\`py
never closed __init__ **x**
`,
  /** 4.8 KB that ask for 360,000 cells. */
  tableFilledUp: `${"|a".repeat(600)}|\n${"|-".repeat(600)}|\n${"|a|\n".repeat(600)}`,
  /** Deeper than a parser's stack. */
  quotesNested: `${">".repeat(2_000)} deep\n`,
  tableLong: `| # | name | value | code | text |\n|---|---|---|---|---|\n${lines(
    1_200,
    (row) => `| ${row} | name ${row} | **value** ${row * 3} | \`code_${row}\` | some longer text ${row} |\n`,
  )}`,
  /** Longer than a part: a runner cuts it within the code. */
  codeLong: `Here is the file:\n\n\`\`\`js\n${lines(
    4_000,
    (line) => `const value_${fiveDigits(line)} = compute(${line}); // line ${fiveDigits(line)} of a long file\n`,
  )}\`\`\`\n\nThat is all.\n`,
} as const;
