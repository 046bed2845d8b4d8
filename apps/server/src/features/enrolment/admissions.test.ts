import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import { newToken, startPlane, type TestPlane } from "../../testing/gateway.ts";
import { verifyChain } from "../audit/audit.ts";
import { Admissions } from "./admissions.ts";
import type { Contact } from "./instances.ts";
import { findToken } from "./store.ts";
import { listTokenAttempts, type TokenRow } from "./tokens.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const FLEET = 300;

test("a fleet that comes with one token is let in by a few transactions, not by one each that wait for one another", async () => {
  const token = await tokenRow();
  const admissions = new Admissions(plane.base);
  const fleet = contacts(FLEET);
  const verdicts = await Promise.all(fleet.map((contact) => admissions.admit(token, contact)));
  expect(verdicts.every(({ ok }) => ok)).toBe(true);
  // Whoever comes first is let in alone; the others have come by then.
  expect(await transactionsOf(token.id)).toEqual({ transactions: 2, agents: FLEET });
  expect((await tokenRow(token.id)).uses).toBe(FLEET);

  const again = await Promise.all(fleet.map((contact) => admissions.admit(token, contact)));
  const idOf = (verdict: (typeof verdicts)[number]) => (verdict.ok ? verdict.agent.id : null);
  expect(again.map(idOf)).toEqual(verdicts.map(idOf));
  expect((await tokenRow(token.id)).uses).toBe(FLEET);

  const { items } = await listTokenAttempts(plane.ctx(), token.id, { limit: 200 });
  expect(items.map(({ outcome, agent_id }) => [outcome, agent_id])).toEqual(
    again
      .map((verdict) => ["connected", idOf(verdict)])
      .slice(-200)
      .toReversed(),
  );
});

test("two gateways let no more in by one token than it has uses, and say so to the others", async () => {
  const token = await tokenRow((await newToken(plane, { uses_max: 150 })).token.id);
  const gateways = [new Admissions(plane.base), new Admissions(plane.base)];
  const verdicts = await Promise.all(
    gateways.flatMap((gateway) => contacts(FLEET / 2).map((contact) => gateway.admit(token, contact))),
  );
  expect(verdicts.filter(({ ok }) => ok)).toHaveLength(150);
  expect(new Set(verdicts.flatMap((verdict) => (verdict.ok ? [] : verdict.problem)))).toEqual(
    new Set(["The enrolment token was good for 150 uses and has had 150. Create a new one."]),
  );
  expect((await tokenRow(token.id)).uses).toBe(150);
  expect(await transactionsOf(token.id)).toMatchObject({ agents: 150 });
});

test("one instance that connects twice at once is one agent, by one token and by two", async () => {
  const [token, other] = [await tokenRow(), await tokenRow()];
  const admissions = new Admissions(plane.base);
  const [contact] = contacts(1);
  if (contact === undefined) throw new Error("no contact");
  const twice = await Promise.all([
    admissions.admit(token, contactOf()),
    ...[contact, contact].map((one) => admissions.admit(token, one)),
  ]);
  const [, first, second] = twice.map((verdict) => (verdict.ok ? verdict.agent.id : verdict.problem));
  expect(first).toBe(second);
  expect((await tokenRow(token.id)).uses).toBe(2);

  const both = contacts(20);
  const verdicts = await Promise.all(
    [token, other].flatMap((each) => both.map((one) => admissions.admit(each, one))),
  );
  const ids = verdicts.flatMap((verdict) => (verdict.ok ? [verdict.agent.id] : []));
  expect(ids).toHaveLength(40);
  expect(new Set(ids).size).toBe(20);
});

test("what is written down of each is its own request and address, and the chain holds", async () => {
  const token = await tokenRow();
  const admissions = new Admissions(plane.base);
  const fleet = contacts(5);
  await Promise.all(fleet.map((contact) => admissions.admit(token, contact)));
  const { rows } = await plane.base.storage.systemPool.query<{ request_id: string; remote_address: string }>(
    "select request_id, remote_address from audit_events where metadata ->> 'enrolment_token_id' = $1 order by seq",
    [token.id],
  );
  expect(rows).toEqual(
    fleet.map(({ requestId, remoteAddress }) => ({ request_id: requestId, remote_address: remoteAddress })),
  );
  expect(await verifyChain(plane.ctx())).toMatchObject({ intact: true });
});

async function tokenRow(id?: string): Promise<TokenRow> {
  const row = await findToken(plane.base.storage.system, id ?? (await newToken(plane)).token.id);
  if (row === undefined) throw new Error("no token");
  return row;
}

let made = 0;

function contactOf(): Contact {
  made += 1;
  return {
    instanceUid: newId(),
    remoteAddress: `192.0.2.${made % 250}`,
    requestId: `req_${made}`,
    isLive: () => false,
  };
}

function contacts(count: number): Contact[] {
  return Array.from({ length: count }, contactOf);
}

/** Audit rows are never changed, so each still carries the transaction that wrote it. */
async function transactionsOf(tokenId: string) {
  const { rows } = await plane.base.storage.systemPool.query<{ transactions: number; agents: number }>(
    `select count(distinct xmin::text)::int as transactions, count(*)::int as agents from audit_events
     where action = 'agent.enrol' and metadata ->> 'enrolment_token_id' = $1`,
    [tokenId],
  );
  return rows[0];
}
