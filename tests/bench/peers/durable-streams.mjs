// The reference server with its files in a folder. Its log goes to standard error: the first line on standard output is ours.
console.log = console.info = console.error;

const { DurableStreamTestServer } = await import("@durable-streams/server");

const [dataDir] = process.argv.slice(2);
const server = new DurableStreamTestServer({ port: 0, host: "127.0.0.1", dataDir });
const url = new URL(await server.start());
process.stdout.write(`${JSON.stringify({ port: Number(url.port) })}\n`);
