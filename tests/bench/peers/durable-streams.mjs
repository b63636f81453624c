// The reference server with its files in a folder. Its log goes to standard error: the first line on standard output is ours.
console.log = console.info = console.error;

const { DurableStreamTestServer, FileBackedStreamStore } = await import("@durable-streams/server");

// The server keeps 100 files open. With more streams than that, a file that is put away between an append and its flush is answered
// with 404 ("handle not found"), so it gets a handle for each stream of the largest case.
const maxFileHandles = 4096;

const [dataDir] = process.argv.slice(2);
const server = new DurableStreamTestServer({ port: 0, host: "127.0.0.1", dataDir });
await server.store.close();
server.store = new FileBackedStreamStore({ dataDir, maxFileHandles });
const url = new URL(await server.start());
process.stdout.write(`${JSON.stringify({ port: Number(url.port) })}\n`);
