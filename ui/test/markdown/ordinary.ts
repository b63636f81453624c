/** A document such as a model writes when all is well, of about `chars` characters. Hostile ones are compared with it. */
const SECTION = `## How a log is read

Every device keeps a **cursor** of its own, which is a number and not a time. It asks the hub for what comes *after* that number, with
[the same request](https://example.org/docs/replay) whether it was away for a second or for a month.

- The hub answers with a batch, never with more than \`64\` events.
- A batch that does not continue the cursor is refused, so a gap cannot go unseen.
- Then the device waits for the next one.

| step | who | what it costs |
|---|---|---|
| ask | device | one frame |
| read | hub | one index lookup |
| apply | device | a few microseconds an event |

\`\`\`rust
fn apply(&mut self, batch: &Batch) -> Result<(), Gap> {
    if batch.after != self.cursor {
        return Err(Gap { expected: self.cursor, got: batch.after });
    }
    Ok(())
}
\`\`\`

1. Open the session.
2. Replay from the cursor, up to \\(n\\) events at once.

> The log is the truth. Everything else is a copy that can be thrown away.

`;

export function ordinary(chars: number): string {
  return SECTION.repeat(Math.ceil(chars / SECTION.length)).slice(0, chars);
}
