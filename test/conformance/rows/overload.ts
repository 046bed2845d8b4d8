import { createConnection } from "node:net";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";
import { TestAgent, type Target } from "../target.ts";
import { mustBeWell } from "../wire.ts";

// Rows 61, 62 and 64: too many at once, and a server that goes away.

const UPGRADES = 4_000;
const POLLS = 12_000;
const AT_ONCE = 100;
const RETRY_SECONDS_MIN = 30;

export const overloadRows: readonly Row[] = [
  {
    row: 61,
    source: "[I]",
    what: "answers upgrades it cannot take with 503 or 429 and Retry-After",
    async check(target) {
      mustBeAllowed(target);
      const { pathname, host } = new URL(target.url);
      const head = [
        `GET ${pathname} HTTP/1.1`,
        `Host: ${host}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        // Not let in, so that the flood leaves no sockets behind; a server may judge this before or after its load.
        "Authorization: Bearer nonsense",
      ];
      return judgeFlood(await flood(target, UPGRADES, `${head.join("\r\n")}\r\n\r\n`), UPGRADES, "upgrades");
    },
  },
  {
    row: 62,
    source: "[I]",
    what: "answers polls it cannot take with 429 or 503 and whole seconds of at least 30, never with 500",
    async check(target) {
      mustBeAllowed(target);
      const { pathname, host } = new URL(target.httpUrl);
      const head = [
        `POST ${pathname} HTTP/1.1`,
        `Host: ${host}`,
        "Connection: close",
        // Refused for its type where there is no load, so that the flood costs the server little.
        "Content-Type: text/plain",
        "Content-Length: 0",
        ...(target.authorization === undefined ? [] : [`Authorization: ${target.authorization}`]),
      ];
      return judgeFlood(await flood(target, POLLS, `${head.join("\r\n")}\r\n\r\n`), POLLS, "polls");
    },
  },
  {
    row: 64,
    source: "[I]",
    what: "closes sockets with a Close frame when it stops, and takes agents again afterwards",
    async check(target) {
      const { restartServer } = target.options;
      if (restartServer === undefined)
        throw new NotApplicable("needs somebody who restarts the server: --restart-command");
      const sockets = [];
      for (let count = 0; count < 10; count += 1) {
        const socket = await target.open();
        mustBeWell(await socket.ask(new TestAgent().full()), "an agent");
        sockets.push(socket);
      }
      await restartServer();
      const codes = new Set<number | undefined>();
      for (const socket of sockets) codes.add(await socket.closedWithin());
      must(!codes.has(undefined), "a socket outlived its server");
      must(!codes.has(1006), "a socket was cut without a Close frame");
      await target.mustBeAlive("the restart");
      return `closed with ${[...codes].join(", ")}`;
    },
  },
];

function mustBeAllowed(target: Target): void {
  if (target.options.mayFlood !== true)
    throw new NotApplicable("floods the server: only with --flood, and never one that is in use");
}

interface Flooded {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Sends one request text on many connections of their own, some at once, and gathers what comes back. */
async function flood(target: Target, count: number, text: string): Promise<Flooded[]> {
  const { hostname, port, protocol } = new URL(target.url);
  if (protocol !== "ws:") throw new NotApplicable("floods plain sockets only");
  const answers: Flooded[] = [];
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await exchange(hostname, Number(port), text, target.limitMs);
      if (answer !== undefined) answers.push(answer);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return answers;
}

function exchange(host: string, port: number, text: string, limitMs: number): Promise<Flooded | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: host.replace(/^\[|\]$/g, ""), port });
    let received = "";
    socket.setTimeout(limitMs, () => socket.destroy());
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (received.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1];
      const retryAfter = /^retry-after: *(.+?)\r$/im.exec(received)?.[1];
      resolve(status === undefined ? undefined : { status: Number(status), retryAfter });
    });
  });
}

function judgeFlood(answers: readonly Flooded[], count: number, what: string): string {
  must(answers.length > count / 2, `only ${answers.length} of ${count} ${what} were answered at all`);
  const failed = answers.filter(({ status }) => status === 500).length;
  must(failed === 0, `${failed} ${what} were answered 500`);
  const away = answers.filter(({ status }) => status === 503 || status === 429);
  if (away.length === 0) throw new NotApplicable(`${count} ${what} in a row were no load for it`);
  const wrong = away.find(({ retryAfter }) => !/^\d+$/.test(retryAfter ?? ""));
  must(wrong === undefined, `${wrong?.status} came with Retry-After ${JSON.stringify(wrong?.retryAfter)}`);
  const seconds = away.map(({ retryAfter }) => Number(retryAfter));
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
  must(least >= RETRY_SECONDS_MIN, `Retry-After was ${least}`);
  must(away.length < 10 || most > least, `all ${away.length} were told to come back at the same moment`);
  return `${away.length} of ${count} were told to come back in ${least} to ${most} s`;
}
