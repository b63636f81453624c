// `produce REDIS_PORT ID CHUNKS`: a stream that stands still after its first chunks, half-written.
// `resume REDIS_PORT ID BYTES TIMES`: opens it anew so often, each time on connections of its own, until it has all of them.
import { createClient } from "redis";
import { createResumableStreamContext } from "resumable-stream/generic";

const [mode, port, id, amount, times] = process.argv.slice(2);

async function openContext() {
  const clients = [0, 1].map(() => createClient({ socket: { host: "127.0.0.1", port: Number(port) } }));
  for (const client of clients) client.on("error", () => {});
  await Promise.all(clients.map((client) => client.connect()));
  const [publisher, subscriber] = clients;
  const context = createResumableStreamContext({ waitUntil: null, publisher, subscriber });
  return { context, close: () => clients.forEach((client) => client.destroy()) };
}

if (mode === "produce") {
  const { context } = await openContext();
  let next = 0;
  const make = () =>
    new ReadableStream({
      pull(controller) {
        if (next < Number(amount)) controller.enqueue(String(next++ % 10_000).padStart(4, "0"));
        else return new Promise(() => {});
      },
    });
  const stream = await context.createNewResumableStream(id, make);
  const reader = stream.getReader();
  for (let read = 0; read < Number(amount); read += 1) await reader.read();
  process.stdout.write(`${JSON.stringify({ port: 0 })}\n`);
} else {
  const milliseconds = [];
  let bytes = 0;
  for (let time = 0; time < Number(times); time += 1) {
    const began = performance.now();
    const { context, close } = await openContext();
    const reader = (await context.resumeExistingStream(id)).getReader();
    let text = "";
    while (text.length < Number(amount)) text += (await reader.read()).value;
    milliseconds.push(performance.now() - began);
    if (text.length !== Number(amount) || !text.endsWith("9999")) throw new Error("the stream came back wrong");
    bytes = Buffer.byteLength(text);
    close();
  }
  process.stdout.write(`${JSON.stringify({ milliseconds, bytes })}\n`);
  process.exit(0);
}
