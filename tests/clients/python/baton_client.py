"""A client of a Baton hub, written from docs/PROTOCOL.md alone; the numbers in comments are its sections.

It exists to prove that the page is enough. It keeps a mirror of the logs that it follows, folds their events with code of its
own, keeps its intents until they have a receipt, and cuts its own connection at seeded points.

    baton_client.py link  STATE CODE NAME           exchange a link code for a token, into the file STATE
    baton_client.py talk  STATE [--seed N --cuts K]  JSON lines in: {"do":"follow"|"command"|"show"|"cut"|"end",…};
                                                     JSON lines out: {"type":"receipt"|"moved"|"state"|…}
"""

import argparse
import asyncio
import hashlib
import http.client
import json
import os
import random
import ssl
import sys
import urllib.parse
import uuid
from functools import partial

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from baton_fold import Account, Diverged, Session

HEARTBEAT_S = 3  # 4: how often a client says that it is there
SILENCE_S_MAX = 10  # 4: after this long without a word the connection is dead
FRAME_BYTES_MAX = 1_048_576  # 4, 10
AGAIN_S = 1  # 5, 7: before what was refused for now is said again
RETRYABLE = {"rate_limited", "heartbeat_missed", "hub_stopping", "storage_unavailable", "internal", "queue_full"}  # 11


class Refused(Exception):
    """The hub refuses this client for good, or is not the hub that was linked."""


def say(**line):
    print(json.dumps(line, ensure_ascii=False), flush=True)


# 3. Linking: whom to trust


def der(data, at):
    """The DER element at `at`: its tag, and where it, its content and the next element begin."""
    length, content = data[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, content = int.from_bytes(data[content : content + octets], "big"), content + octets
    return data[at], at, content, content + length


def key_fingerprint(certificate):
    """3: SHA-256 over the SubjectPublicKeyInfo, the seventh field of a v3 TBSCertificate (its `[0]` version may be absent)."""
    _, _, tbs, _ = der(certificate, 0)
    _, _, field, _ = der(certificate, tbs)
    if der(certificate, field)[0] == 0xA0:
        field = der(certificate, field)[3]
    for _ in ("serial", "signature", "issuer", "validity", "subject"):
        field = der(certificate, field)[3]
    _, begin, _, end = der(certificate, field)
    return hashlib.sha256(certificate[begin:end]).hexdigest()


def tls(key):
    """3: names, issuers and dates do not matter; the key is compared before anything is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context if key else None


def check_key(ssl_object, key):
    if key and key_fingerprint(ssl_object.getpeercert(binary_form=True)) != key:
        raise Refused("this is not the hub that was linked: it has another key")


class PinnedConnection(ClientConnection):
    def __init__(self, *args, key, **options):
        super().__init__(*args, **options)
        self.key = key

    async def handshake(self, *args, **options):
        check_key(self.transport.get_extra_info("ssl_object"), self.key)
        await super().handshake(*args, **options)


def link(path, code, name):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(code).query)
    hub, key = query["hub"][0], query.get("key", [None])[0]
    connection = http.client.HTTPSConnection(hub, context=tls(key)) if key else http.client.HTTPConnection(hub)
    connection.connect()
    check_key(connection.sock, key)
    body = json.dumps({"code": query["code"][0], "name": name})
    connection.request("POST", "/v1/link", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != 200:
        raise Refused(answer["code"])
    save(path, {"hub": hub, "key": key, "token": answer["token"], "account": answer["account"], "outbox": []})
    say(type="linked", account=answer["account"], principal=answer["principal"])


def save(path, state):
    with open(path + ".new", "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


# 4, 5, 7. The socket: follow, send, come back


class Client:
    def __init__(self, path, seed, cuts):
        self.path, self.random, self.cuts = path, random.Random(seed), cuts
        with open(path, encoding="utf-8") as file:
            self.state = json.load(file)
        self.outbox = self.state["outbox"]
        self.logs = {}
        self.tasks = set()
        self.speaking = asyncio.Lock()  # intents go in their order, also while all of them are said again
        self.asked = set()  # logs with a `subscribe` whose first batch has not come
        self.socket, self.over = None, False
        self.frames_to_cut = self.random.randint(1, 8)

    async def stay_connected(self):
        """4: comes back with jitter, and says everything again."""
        misses = 0
        while not self.over:
            try:
                await self.one_connection()
                misses = 0
            except InvalidStatus as error:
                code = json.loads(error.response.body)["code"]
                if code not in RETRYABLE:
                    raise Refused(code) from error
            except ConnectionClosed as error:
                code = error.rcvd.reason.split(":")[0] if error.rcvd else "heartbeat_missed"
                misses = 0
                if error.rcvd and error.rcvd.code >= 4000 and code not in RETRYABLE:
                    raise Refused(code) from error
            except (OSError, InvalidHandshake, asyncio.TimeoutError):
                misses += 1
            if not self.over:
                await asyncio.sleep(self.random.uniform(0.02, 0.1) * 2 ** min(misses, 5))

    async def one_connection(self):
        scheme = "wss" if self.state["key"] else "ws"
        async with connect(
            f"{scheme}://{self.state['hub']}/v1/socket",
            additional_headers={"Authorization": "Bearer " + self.state["token"]},
            create_connection=partial(PinnedConnection, key=self.state["key"]),
            ssl=tls(self.state["key"]), compression=None, ping_interval=None, proxy=None, max_size=FRAME_BYTES_MAX, close_timeout=1,
        ) as socket:
            await socket.send(json.dumps({"type": "hello", "protocol": 1, "capabilities": []}))
            heartbeat = None
            try:
                while not self.over:
                    frame = json.loads(await asyncio.wait_for(socket.recv(), SILENCE_S_MAX))
                    if frame["type"] == "welcome":
                        self.socket, heartbeat = socket, asyncio.create_task(self.beat(socket))
                        await self.say_everything()
                    if self.cut_perhaps("frame lost"):
                        return
                    await self.take(frame)
                    if self.cut_perhaps("frame taken"):
                        return
            finally:
                self.socket = None
                self.asked.clear()
                if heartbeat:
                    heartbeat.cancel()

    async def beat(self, socket):
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await socket.send('{"type":"heartbeat"}')

    async def say_everything(self):
        for name in list(self.logs):
            await self.subscribe(name)
        async with self.speaking:
            for command in self.outbox:
                await self.send({"type": "command", "command": command})

    def cut_perhaps(self, when):
        """A seeded cut: before a frame that has come is taken, after it, or right after a command was sent."""
        if self.cuts == 0 or self.socket is None:
            return False
        self.frames_to_cut -= self.random.random() < 0.5
        if self.frames_to_cut > 0:
            return False
        self.cuts, self.frames_to_cut = self.cuts - 1, self.random.randint(1, 8)
        self.cut(when)
        return True

    def cut(self, when):
        say(type="cut", when=when, left=self.cuts)
        if self.socket:
            self.socket.transport.abort()

    async def send(self, frame):
        if self.socket:
            try:
                await self.socket.send(json.dumps(frame))
            except ConnectionClosed:
                pass  # what was lost is said again on the next connection

    async def subscribe(self, name):
        log = self.logs[name]
        cursor = {"cursor": {"incarnation": log.incarnation, "seq": log.seq}} if log.incarnation else {}
        self.asked.add(name)
        await self.send({"type": "subscribe", "log": name, **cursor})

    async def later(self, work):
        await asyncio.sleep(AGAIN_S)
        await work

    async def take(self, frame):
        kind, name = frame["type"], frame.get("log")
        if kind == "batch" and name in self.logs:
            await self.take_batch(name, frame)
        elif kind == "missing" and name in self.logs:
            say(type="missing", log=name, incarnation=frame.get("incarnation"))
            if "incarnation" in frame:
                await self.start_over(name)
        elif kind == "receipt":
            self.settle(frame["receipt"]["command"])
            say(type="receipt", **frame["receipt"])
        elif kind == "refused":
            say(**frame)
            await self.refused(frame)
        # 2: any other frame is ignored, also one that this version does not know

    async def refused(self, frame):
        """5, rule 6 and 7: what may succeed later is said again, what may not is answered."""
        may_succeed, command = frame["error"]["code"] in RETRYABLE, frame.get("command")
        again = None
        if command and may_succeed:
            kept = next((kept for kept in self.outbox if kept["id"] == command), None)
            again = self.send({"type": "command", "command": kept}) if kept else None
        elif command:
            self.settle(command)
        elif may_succeed and frame.get("log") in self.logs:
            again = self.subscribe(frame["log"])
        if again:
            self.tasks.add(asyncio.create_task(self.later(again)))

    async def take_batch(self, name, batch):
        log = self.logs[name]
        if log.incarnation not in (None, batch["incarnation"]) or batch["after"] != log.seq:  # 5, rule 2
            is_old = log.incarnation == batch["incarnation"] and batch["upto"] <= log.seq
            if name not in self.asked and not is_old:
                say(type="gap", log=name, after=batch["after"], cursor=log.seq)
                await self.subscribe(name)
            return
        self.asked.discard(name)
        try:
            log.apply(batch)
        except Diverged as error:
            say(type="diverged", log=name, why=str(error))
            await self.start_over(name)  # 6: drop the log and read it again
            return
        say(type="moved", log=name, seq=log.seq, head=batch["head"], **log.progress())

    async def start_over(self, name):
        self.logs[name] = type(self.logs[name])()
        await self.subscribe(name)

    def settle(self, command):
        self.outbox[:] = [kept for kept in self.outbox if kept["id"] != command]
        save(self.path, self.state)

    async def do(self, order):
        if order["do"] == "follow":
            self.logs.setdefault(order["log"], Account() if order["log"].startswith("account:") else Session())
            await self.subscribe(order["log"])
        elif order["do"] == "command":
            command = {"id": order.get("id", str(uuid.uuid4())), "log": order["log"], "body": order["body"]}
            async with self.speaking:
                self.outbox.append(command)
                save(self.path, self.state)  # 7: store the intent, then send it
                say(type="stored", id=command["id"])
                await self.send({"type": "command", "command": command})
            self.cut_perhaps("command sent")
        elif order["do"] == "show":
            say(type="state", tag=order["tag"], state=self.logs[order["log"]].show())
        elif order["do"] == "cut":
            self.cut("asked")


async def talk(path, seed, cuts):
    client = Client(path, seed, cuts)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    connection = asyncio.create_task(client.stay_connected())

    async def obey():
        while (line := await orders.readline()) and (order := json.loads(line))["do"] != "end":
            await client.do(order)

    obeying = asyncio.create_task(obey())
    await asyncio.wait({connection, obeying}, return_when=asyncio.FIRST_COMPLETED)
    client.over = True
    obeying.cancel()
    if connection.done():
        connection.result()
    connection.cancel()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["link", "talk"])
    parser.add_argument("state")
    parser.add_argument("link", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    given = parser.parse_args()
    try:
        if given.what == "link":
            link(given.state, *given.link)
        else:
            asyncio.run(talk(given.state, given.seed, given.cuts))
    except Refused as error:
        say(type="refusedForGood", why=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
