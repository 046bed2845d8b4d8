import { afterEach, beforeEach, expect, test } from "vitest";
import { testBase, type TestBase } from "../../testing/base.ts";
import {
  BEAT_MS,
  GatewayBeats,
  heardSince,
  LATE_MS,
  readHeardSince,
  RETURN_MS,
  type Trouble,
} from "./beats.ts";

let clock: number;
let testing: TestBase;
const opened: GatewayBeats[] = [];
beforeEach(async () => {
  clock = Date.UTC(2026, 10, 20, 16, 0);
  testing = await testBase({ now: () => clock });
});
afterEach(async () => {
  for (const gateway of opened.splice(0)) gateway.close();
  await testing[Symbol.asyncDispose]();
});

function start(trouble: Partial<Trouble> = {}): GatewayBeats {
  const gateway = new GatewayBeats(testing.base, {
    isWriting: () => true,
    stalledAfterMs: Number.POSITIVE_INFINITY,
    awayUntil: () => 0,
    ...trouble,
  });
  opened.push(gateway);
  return gateway;
}

const read = () => readHeardSince(testing.base);

async function beatFor(ms: number, ...gateways: GatewayBeats[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += BEAT_MS) {
    clock += BEAT_MS;
    for (const gateway of gateways) await gateway.beat();
  }
}

test("while a gateway is there and well agents have been heard for ever; without one, not until now", async () => {
  expect(await read()).toBe(clock);
  const gateway = start();
  await gateway.beat();
  await beatFor(600_000, gateway);
  expect(await read()).toBe(0);
  clock += LATE_MS + 1;
  expect(await read()).toBe(clock);
});

test("one that starts again, stood still or could not write gives agents the time to come back", async () => {
  await start().beat();
  clock += 300_000;
  let isWriting = true;
  const again = start({ isWriting: () => isWriting });
  await again.beat();
  expect(await read()).toBe(clock + RETURN_MS);
  await beatFor(120_000, again);
  clock += LATE_MS + 1;
  await again.beat();
  expect(await read()).toBe(clock + RETURN_MS);
  await beatFor(120_000, again);
  isWriting = false;
  await again.beat();
  const troubled = clock;
  isWriting = true;
  await beatFor(120_000, again);
  expect(await read()).toBe(troubled + RETURN_MS);
});

test("an event loop that stood still lets nobody be heard", async () => {
  const gateway = start({ stalledAfterMs: 0 });
  await gateway.beat();
  // Some delay is measured in any process that lives; here any is too long.
  await expect
    .poll(async () => {
      await gateway.beat();
      return read();
    })
    .toBe(clock + RETURN_MS);
});

test("who was told to come later has until then, and what is known of that is not taken back", async () => {
  let awayUntil = clock + 200_000;
  const gateway = start({ awayUntil: () => awayUntil });
  await gateway.beat();
  const told = awayUntil;
  awayUntil = 0;
  await beatFor(60_000, gateway);
  expect(await read()).toBe(told);
});

test("a gateway that ended leaves its agents to the others, a while after it was heard last", async () => {
  const [one, other] = [start(), start()];
  await other.beat();
  await one.beat();
  await beatFor(600_000, one, other);
  const last = clock;
  await beatFor(120_000, other);
  expect(await read()).toBe(last + RETURN_MS);
  expect(heardSince([], 5)).toBe(5);
});
