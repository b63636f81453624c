// WebKitGTK, the desktop's own engine: its MiniBrowser under WebKitWebDriver, spoken to over W3C WebDriver. Needs a display.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";

const FOLDERS = ["/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1", "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1", "/usr/libexec/webkit2gtk-4.1"];
const READY_WITHIN_MS = 20_000;
/** Far beyond anything that still works. */
const UNTIL_MS = 20_000;
/** What a function in the page may take, on a machine that does other things as well: WebDriver's own 30 s are too few. */
const SCRIPT_MS_MAX = 170_000;
const ASK_AGAIN_MS = 50;

/** Keys that write nothing, as WebDriver names them. */
export const KEYS = { Enter: "\uE007", Shift: "\uE008", Control: "\uE009", Escape: "\uE00C", Backspace: "\uE003", Tab: "\uE004" };

/** Opens a window on an address. `MINIBROWSER` names another program. */
export async function launchWebKit(address) {
  const binary = process.env.MINIBROWSER ?? FOLDERS.map((folder) => `${folder}/MiniBrowser`).find((path) => existsSync(path));
  if (!binary) throw new Error("WebKitGTK's MiniBrowser is not installed (Debian: libwebkit2gtk-4.1-0 has it, webkit2gtk-driver the driver)");
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
    stdio: "ignore",
    env: { ...process.env, WEBKIT_DISABLE_DMABUF_RENDERER: "1" },
  });
  const ask = speakTo(`http://127.0.0.1:${port}`);
  await ready(ask);
  const options = { binary, args: ["--automation"] };
  const { sessionId } = await ask("POST", "/session", { capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } } });
  const session = (method, path, body) => ask(method, `/session/${sessionId}${path}`, body);
  await session("POST", "/timeouts", { script: SCRIPT_MS_MAX });
  await session("POST", "/url", { url: address });
  const evaluate = (work, ...args) => session("POST", "/execute/sync", { script: `return (${work})(...arguments)`, args });
  return {
    /** Runs a function in the page, and gives what it returns or resolves to. */
    evaluate,
    /** Asks the page until the function returns something. */
    until: async (work, ...args) => {
      const deadline = Date.now() + UNTIL_MS;
      for (;;) {
        const found = await evaluate(work, ...args);
        if (found) return found;
        if (Date.now() > deadline) throw new Error(`never so in the page: ${work}`);
        await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
      }
    },
    /** Presses keys one after another; `["Shift", "Enter"]` is a chord. */
    press: (...keys) => session("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions: keys.flatMap(strokes) }] }),
    click: async (css) => {
      const element = await session("POST", "/element", { using: "css selector", value: css });
      await session("POST", `/element/${Object.values(element)[0]}/click`, {});
    },
    close: async () => {
      await session("DELETE", "").catch(() => undefined);
      driver.kill();
    },
  };
}

function strokes(key) {
  const chord = (Array.isArray(key) ? key : [key]).map((each) => KEYS[each] ?? each);
  return [...chord.map((value) => ({ type: "keyDown", value })), ...chord.toReversed().map((value) => ({ type: "keyUp", value }))];
}

function speakTo(origin) {
  return async (method, path, body) => {
    const response = await fetch(origin + path, { method, ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value?.error} ${value?.message}`);
    return value;
  };
}

async function ready(ask) {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const status = await ask("GET", "/status").catch(() => undefined);
    if (status?.ready) return;
    if (Date.now() > deadline) throw new Error("WebKitWebDriver does not answer: is it installed (Debian: webkit2gtk-driver)?");
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}
