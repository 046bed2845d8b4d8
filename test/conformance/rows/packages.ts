import { createHash, randomBytes } from "node:crypto";
import { AGENT_CAPABILITY, toHex, type PackagesAvailable } from "@flowplane/opamp";
import { TestAgent, type Operator, type Target } from "../target.ts";
import type { Row } from "../row.ts";
import { must } from "../verdict.ts";
import { mustBeWell, send, type Socket } from "../wire.ts";

// Rows 35 to 38: packages that a server offers, to whom its operator says.

const NEEDS = "offers a package";
const TAKES = AGENT_CAPABILITY.AcceptsPackages | AGENT_CAPABILITY.ReportsPackageStatuses;
const CONTENT_BYTES = 100_000;

/** An agent that is known to the server, on a WebSocket. */
async function known(target: Target, bits: bigint) {
  await target.needs("OffersPackages");
  const operator = target.operator(NEEDS);
  const agent = new TestAgent();
  agent.capabilities |= bits;
  const socket = await target.open();
  mustBeWell(await socket.ask(agent.full()), "a first message");
  return { agent, socket, operator };
}

async function offerOn(socket: Socket): Promise<PackagesAvailable> {
  for (;;) {
    const { packagesAvailable } = await socket.next();
    if (packagesAvailable !== undefined) return packagesAvailable;
  }
}

/** Gives the agent a set, and waits for what it is sent. */
async function given(
  { agent, socket, operator }: { agent: TestAgent; socket: Socket; operator: Operator },
  releases: readonly string[],
): Promise<PackagesAvailable> {
  await operator.give(agent.uid, releases);
  return offerOn(socket);
}

function saysItWasOffered(agent: TestAgent, serverProvidedAllPackagesHash: Uint8Array): Uint8Array {
  return agent.message({ packageStatuses: { serverProvidedAllPackagesHash } });
}

export const packageRows: readonly Row[] = [
  {
    row: 35,
    source: "spec",
    what: "sends no packages to an agent that lacks AcceptsPackages",
    async check(target) {
      const deaf = await known(target, AGENT_CAPABILITY.ReportsPackageStatuses);
      const unsaid = await known(target, TAKES);
      const release = await deaf.operator.release("p35", "1", randomBytes(10));
      await deaf.operator.give(deaf.agent.uid, [release]);
      for (const { agent, socket } of [deaf, unsaid])
        for (let count = 0; count < 3; count += 1)
          must(
            (await socket.ask(agent.message())).packagesAvailable === undefined,
            agent === deaf.agent
              ? "an agent that takes no packages was sent some"
              : "an agent was sent packages that nobody gave it: it would delete its own",
          );
      // The same set goes to the agent that takes it.
      await given(unsaid, [release]);
      return "none to it, and none to one that nobody gave any; the same release to one that takes it";
    },
  },
  {
    row: 36,
    source: "spec",
    what: "sends the complete set of packages under one hash",
    async check(target) {
      const world = await known(target, TAKES);
      const { operator } = world;
      const content = randomBytes(CONTENT_BYTES);
      const [one, two, newer] = [
        await operator.release("p36-a", "1", content),
        await operator.release("p36-b", "1", randomBytes(10)),
        await operator.release("p36-b", "2", randomBytes(10)),
      ];
      const first = await given(world, [one, two]);
      const [a] = named(first, ["p36-a", "p36-b"]);
      must(first.allPackagesHash.byteLength > 0, "all_packages_hash is empty");
      const sha256 = createHash("sha256").update(content).digest("hex");
      must(
        toHex(a.file?.contentHash ?? new Uint8Array()) === sha256,
        "content_hash is not the SHA-256 of the content",
      );
      const second = await given(world, [one, newer]);
      const [sameA, otherB] = named(second, ["p36-a", "p36-b"]);
      must(
        !isSame(first.allPackagesHash, second.allPackagesHash),
        "another version has the same all_packages_hash",
      );
      must(isSame(a.hash, sameA.hash), "a package has another hash because another package changed");
      const [, b] = named(first, ["p36-a", "p36-b"]);
      must(!isSame(b.hash, otherB.hash), "another version of a package has the same hash");
      const third = await given(world, [two, one]);
      must(
        isSame(first.allPackagesHash, third.allPackagesHash),
        "the same set, given once more, has another hash",
      );
      return "both packages each time; another hash with another version, the first one again with the first";
    },
  },
  {
    row: 37,
    source: "spec",
    what: "sends packages until the agent reports their hash, and not after",
    async check(target) {
      const world = await known(target, TAKES);
      const { agent, socket, operator } = world;
      const offer = await given(world, [await operator.release("p37", "1", randomBytes(10))]);
      const isSent = async (hash: Uint8Array) =>
        (await socket.ask(saysItWasOffered(agent, hash))).packagesAvailable !== undefined;
      must(await isSent(new Uint8Array([1])), "an agent that reports another hash was sent nothing");
      must(!(await isSent(offer.allPackagesHash)), "an agent that reports the hash was sent them again");
      await socket.close();
      const polls = async (data: Uint8Array) => (await target.poll(data)).packagesAvailable !== undefined;
      must(
        await polls(saysItWasOffered(agent, new Uint8Array([2]))),
        "a poll that reports another hash brought nothing",
      );
      must(await polls(agent.message()), "the next poll, which may be the first to arrive, brought nothing");
      must(
        !(await polls(saysItWasOffered(agent, offer.allPackagesHash))),
        "a poll that reports the hash brought them again",
      );
      return "again at another hash, on the WebSocket and with polls, and not at their own";
    },
  },
  {
    row: 38,
    source: "[I]",
    what: "serves packages with Content-Length and Range, with its headers and without",
    async check(target) {
      const world = await known(target, TAKES);
      const content = randomBytes(CONTENT_BYTES);
      const offer = await given(world, [await world.operator.release("p38", "1", content)]);
      const [{ file }] = named(offer, ["p38"]);
      const url = file?.downloadUrl ?? "";
      must(/^https?:\/\//.test(url), `the address is "${url}"`);
      const offered = Object.fromEntries(
        (file?.headers?.headers ?? []).map(({ key, value }) => [key, value]),
      );
      const ask = (headers: Record<string, string>, method = "GET") =>
        send(url, { method, headers, limitMs: target.limitMs });
      for (const headers of [offered, {}]) {
        const whole = await ask(headers);
        must(whole.status === 200, `it answers ${whole.status}`);
        must(whole.headers["content-length"] === String(CONTENT_BYTES), "Content-Length is not the file's");
        must(whole.body.equals(content), "it serves other bytes");
        const part = await ask({ ...headers, range: "bytes=10-19" });
        must(part.status === 206, `a range is answered ${part.status}`);
        must(part.headers["content-range"] === `bytes 10-19/${CONTENT_BYTES}`, "Content-Range is wrong");
        must(part.body.equals(content.subarray(10, 20)), "a range has other bytes");
      }
      const head = await ask({}, "HEAD");
      must(head.status === 200 && head.body.byteLength === 0, "HEAD is not GET without a body");
      const beyond = await ask({ range: `bytes=${CONTENT_BYTES}-` });
      must(beyond.status === 416, `a range beyond the end is answered ${beyond.status}`);
      const changed = url.slice(0, -2) + (url.endsWith("AA") ? "BB" : "AA");
      const other = await send(changed, { method: "GET", headers: {}, limitMs: target.limitMs });
      must(other.status >= 400, "an address that was made up is served");
      return `whole and in part, ${Object.keys(offered).length === 0 ? "no header offered and none needed" : "with the headers and without"}; 416 beyond the end`;
    },
  },
];

type Offered = PackagesAvailable["packages"][string];

/** The packages of an offer, which must be these and no other. */
function named<const Names extends readonly string[]>(
  offer: PackagesAvailable,
  names: Names,
): { [K in keyof Names]: Offered } {
  const has = Object.keys(offer.packages).toSorted();
  must(has.join() === names.join(), `the offer has ${has.join(", ")}, not ${names.join(", ")}`);
  return names.map((name) => offer.packages[name]) as { [K in keyof Names]: Offered };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return toHex(one) === toHex(other);
}
