import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Markdown } from "../src/components/markdown/Markdown";
import { Row } from "../src/features/session/Row";
import { answerOf } from "../src/features/session/rows.logic";
import type { RowBody } from "../src/generated/RowBody";
import type { TranscriptRow } from "../src/generated/TranscriptRow";
import { useConversation } from "../src/state/conversation";
import { emptyConversation, openedSession } from "../src/state/conversation.logic";
import { SHARED } from "./markdown/fixtures";
import { HOSTILE } from "./markdown/hostile";

const PART_BYTES = 160 * 1024;

let copied: string[] = [];
beforeEach(async () => {
  // What may be drawn at once is counted by the task: each test begins with a new one.
  await new Promise((done) => setTimeout(done, 0));
  copied = [];
  userEvent.setup();
  vi.spyOn(navigator.clipboard, "writeText").mockImplementation((text) => {
    copied.push(text);
    return Promise.resolve();
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  useConversation.setState(emptyConversation, true);
});

/** Draws Markdown to its end. */
async function drawn(text: string): Promise<HTMLElement> {
  const { container } = render(<Markdown text={text} progress="whole" />);
  await waitFor(() => expect(container.querySelector("[data-undrawn]")).toBeNull(), { timeout: 20_000 });
  return container;
}

function rowsOf(...bodies: RowBody[]): readonly TranscriptRow[] {
  const rows = bodies.map((body, place) => ({ id: `r1/p${place}`, seq: place, at: 0, run: "r1", body }));
  useConversation.setState({ open: { ...openedSession(1, "s1"), rows } });
  return rows;
}

function drawRows(rows: readonly TranscriptRow[]): HTMLElement {
  return render(rows.map((row) => <Row key={row.id} session="s1" row={row} mark="none" onSettled={() => {}} />)).container;
}

const text = (value: string, state: "open" | "complete" = "complete"): RowBody => ({ type: "text", text: value, state });

describe("code", () => {
  it.each([
    ["a newline at the end, tabs and spaces", "```sh\n\techo a  \n\n```\n", "\techo a  \n\n"],
    ["Windows' line ends", "```\r\na\r\n\tb\r\n```\r\n", "a\r\n\tb\r\n"],
    ["a block that is not closed", "```py\nnever closed __init__ **x**", "never closed __init__ **x**"],
    ["fences in fences", "````markdown\n```js\nx\n```\n````\n", "```js\nx\n```\n"],
    ["a fence that is indented", "  ```\n  a\n    b\n c\n  ```\n", "a\n  b\nc\n"],
    ["a block in a list", "1. a\n   ```sh\n   echo\n   \tb\n   ```\n", "echo\n\tb\n"],
    ["nothing", "```\n```\n", ""],
  ])("is copied as the model wrote it: %s", async (_, source, code) => {
    await drawn(source);
    await userEvent.click(screen.getByTestId("code-copy"));
    expect(copied).toEqual([code]);
  });

  it("is one block where the runner cut it into parts, and is copied as one", async () => {
    const line = "const value = compute(1); // a line of a long file\n";
    const before = "Here is the file:\n\n```js\n";
    const code = line.repeat(Math.ceil((PART_BYTES * 1.5) / line.length));
    const whole = `${before}${code}\`\`\`\n\nThat is all.`;
    const rows = rowsOf(text(whole.slice(0, PART_BYTES)), text(whole.slice(PART_BYTES)));
    const container = drawRows(rows);
    await waitFor(() => expect(within(container).getByText("That is all.")).toBeTruthy());
    expect(within(container).getAllByTestId("code-block")).toHaveLength(1);
    await userEvent.click(within(container).getByTestId("code-copy"));
    expect(copied[0] === code).toBe(true);
    expect(answerOf(rows, "r1") === whole).toBe(true);
  });

  it("of two texts is two blocks where no part was full", () => {
    const rows = rowsOf(text("```\na\n"), text("b\n```\n"));
    expect(within(drawRows(rows)).getAllByTestId("code-block")).toHaveLength(2);
    expect(answerOf(rows, "r1")).toBe("```\na\n\n\nb\n```\n");
  });
});

describe("references", () => {
  it("work across blocks, before and behind", async () => {
    const container = await drawn(SHARED.references);
    const links = within(container).getAllByRole("link");
    expect(links.map((link) => link.getAttribute("href"))).toContain("https://example.com/docs");
    expect(links.filter((link) => link.getAttribute("href") === "https://example.com/docs")).toHaveLength(2);
    expect(within(container).getAllByTestId("footnote-call").map((call) => call.textContent)).toEqual(["1", "2"]);
    expect(within(container).getAllByTestId("footnote").map((note) => note.textContent)).toEqual([
      "1.The first source, https://example.com/1",
      "2.The second source.",
    ]);
  });

  it("are found when their definitions come, and leave the other blocks alone", () => {
    const { container, rerender } = render(<Markdown text={"See [the docs][d].[^1]\n\nAlone.\n\n"} progress="growing" />);
    const alone = screen.getByText("Alone.");
    rerender(<Markdown text={"See [the docs][d].[^1]\n\nAlone.\n\n[d]: https://example.org\n[^1]: A note.\n\nEnd"} progress="whole" />);
    expect(within(container).getByRole("link").getAttribute("href")).toBe("https://example.org/");
    expect(within(container).getByTestId("footnote-call").textContent).toBe("1");
    expect(screen.getByText("Alone.")).toBe(alone);
  });
});

describe("HTML", () => {
  it("has details that hold other blocks, also while they grow, and draws them when they are opened", () => {
    const open = "Before\n\n<details>\n<summary>More</summary>\n\n- a\n- b\n\n```sh\necho\n```\n";
    const { container, rerender } = render(<Markdown text={open} progress="growing" />);
    expect(container.querySelector("details summary")?.textContent).toBe("More");
    rerender(<Markdown text={`${open}\n</details>\n\nAfter`} progress="whole" />);
    const details = container.querySelector("details");
    expect(details?.querySelectorAll("li")).toHaveLength(0);
    fireEvent.click(screen.getByText("More"));
    expect(details?.querySelectorAll("li")).toHaveLength(2);
    expect(details?.textContent).not.toContain("After");
    expect(container.textContent).not.toContain("<");
  });
});

it("what a person opened or wrapped in an answer is so again when its row comes back", () => {
  const rows = rowsOf(text("<details>\n<summary>More</summary>\n\nInside\n\n</details>\n\n```sh\necho\n```\n\n```sh\nls\n```\n"));
  const first = render(rows.map((row) => <Row key={row.id} session="s-kept" row={row} mark="none" onSettled={() => {}} />));
  fireEvent.click(screen.getByText("More"));
  fireEvent.click(screen.getAllByTestId("code-wrap")[1] as HTMLElement);
  first.unmount();
  render(rows.map((row) => <Row key={row.id} session="s-kept" row={row} mark="none" onSettled={() => {}} />));
  expect(screen.getByText("Inside")).toBeTruthy();
  expect(screen.getAllByTestId("code-wrap").map((button) => button.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
});

describe("long answers", () => {
  it("keep one list and one table, piece by piece", async () => {
    const list = await drawn("1. an item of a list that is long enough to be cut\n".repeat(120));
    const pieces = [...list.querySelectorAll("ol")];
    expect(pieces.length).toBeGreaterThan(1);
    let next = 1;
    for (const piece of pieces) {
      expect(piece.start).toBe(next);
      next += piece.querySelectorAll(":scope > li").length;
    }
    const table = await drawn(`| a | b |\n|---|---|\n${"| 1 | **2** |\n".repeat(700)}`);
    expect(table.querySelectorAll("tbody tr")).toHaveLength(700);
    expect(table.querySelectorAll("thead")).toHaveLength(1);
  });

  it("of tens of thousands of blocks bring few elements to the page at once, with all of the text", () => {
    const { container } = render(<Markdown text={"# a\n".repeat(20_000)} progress="whole" />);
    expect(container.querySelectorAll("*").length).toBeLessThan(2_500);
    expect(container.textContent?.replace(/[^a]/g, "")).toHaveLength(20_000);
  });

  it("show every character of what costs too much to draw", async () => {
    const source = HOSTILE["table, wide and filled up"]?.(4_000) ?? "";
    const container = await drawn(source);
    expect(within(container).getByTestId("markdown-plain").textContent).toBe(source.trimEnd());
  });
});

describe("a row that cannot be drawn", () => {
  it("shows its text, and the rows around it are as they were", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = { type: "toolCall", call: "c", tool: "t", text: "the arguments", state: "complete", get isBroken() { return true; } } as RowBody;
    const throwing = new Proxy(broken, {
      get: (target, key) => {
        if (key === "tool") throw new Error("cannot be drawn");
        return Reflect.get(target, key) as unknown;
      },
    });
    const container = drawRows(rowsOf(text("before"), throwing, text("after")));
    expect(within(container).getByText("before")).toBeTruthy();
    expect(within(container).getByText("after")).toBeTruthy();
    const raw = within(container).getByTestId("row-raw");
    expect(raw.textContent).toContain("the arguments");
    await userEvent.click(within(raw).getByTestId("row-raw-copy"));
    expect(copied).toEqual(["the arguments"]);
  });
});
