/** Answers as models write them, of the kinds that were once drawn wrongly. */
export const SHARED = {
  references: `Claim one.[^1] Claim two.[^b]

More text, see [the docs][d] and [d].

[^1]: The first source, https://example.com/1
[^b]: The second source.

[d]: https://example.com/docs "Docs"
`,
} as const;
