/** The fake hub's data and the words of its agent. */
import type { AccountView } from "../../generated/AccountView";
import type { Principal } from "../../generated/Principal";

const ACCOUNT = "0192f0c0-0000-7000-8000-0000000000aa";
export const LAPTOP = "0192f0c0-0000-7000-8000-0000000000d1";
export const DESK_PC = "0192f0c0-0000-7000-8000-0000000000d2";
export const PHONE = "0192f0c0-0000-7000-8000-0000000000d3";
export const BUILD_BOX = "0192f0c0-0000-7000-8000-0000000000e1";

export const me: Principal = { type: "device", account: ACCOUNT, device: DESK_PC };
export const laptop: Principal = { type: "device", account: ACCOUNT, device: LAPTOP };

export const account: AccountView = {
  me,
  log: `account:${ACCOUNT}`,
  names: { [LAPTOP]: "Laptop", [DESK_PC]: "Desk-PC", [PHONE]: "Kitchen tablet", [BUILD_BOX]: "build-box" },
  online: [DESK_PC, LAPTOP, BUILD_BOX],
  agents: [
    { runner: BUILD_BOX, agent: { id: "assistant", name: "Assistant", model: "qwen3:14b", canSteer: true } },
    { runner: BUILD_BOX, agent: { id: "reviewer", name: "Reviewer", model: "qwen3:14b", canSteer: false } },
  ],
};

export const emptyAccount: AccountView = { ...account, online: [DESK_PC], agents: account.agents.slice(0, 1) };

export const REASONING =
  "The person wants a plan that survives a lost connection. I should separate what is durable from what is shown, name the order of steps, and give a small example in code.\n\nA table helps to compare the two ways.";

export const ANSWER = `Yes. The trick is to let **no answer belong to a connection**. The agent writes into a log, and every device reads from it.

## What happens, step by step

1. The laptop sends a prompt. The hub stores it *before* it says so.
2. The runner streams the answer in small appends, each with an offset.
3. A device that comes later reads from its own cursor, so it sees

   - everything that was said,
   - the half-written part,
   - and then the rest as it grows.

Here is the heart of it:

\`\`\`rust
/// Applies a batch only if it continues what the reader has.
fn apply(&mut self, batch: &Batch) -> Result<(), Gap> {
    if batch.after != self.cursor {
        return Err(Gap { expected: self.cursor, got: batch.after });
    }
    for event in &batch.events {
        self.state.fold(event);
    }
    self.cursor = batch.upto;
    Ok(())
}
\`\`\`

| way | after a cut | calls to the model | what the other device sees |
|---|---|---|---|
| relay through the first device | text is lost | 2 | nothing, until the first one is back |
| log between them | goes on | 1 | the same bytes, a moment later |

> Closing a lid is not a stop. Only a stop is a stop.

See the [sealing law](https://example.org/baton/sealing-law) for why a reader may join in the middle of a part. With \`synchronous=FULL\`, what you were shown is what a power cut leaves.
`;

export const STEERED = `Right, in short then:

- **Store first, show second.** Nobody sees what a power cut could take back.
- **One cursor per reader.** A gap or a duplicate shows at once.
- **A stop is an event**, so it holds on every device.
`;

export const SHORT_ANSWERS = [
  "Both work. I would take the second one: it has fewer moving parts, and its failure is visible at once.",
  "The short answer is *no*; the longer one depends on how often you close the lid.",
  "Here is the list you asked for:\n\n- flour\n- two eggs\n- a pinch of salt\n- 200 ml of milk",
];
