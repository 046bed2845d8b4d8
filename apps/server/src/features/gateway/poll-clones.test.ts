import { afterEach, expect, test } from "vitest";
import { uidToString } from "@flowplane/opamp";
import { newId } from "../../platform/context.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { agentByUid, message, newToken, poll, startPlane, type TestPlane } from "../../testing/gateway.ts";

// Row 53 over plain HTTP, with real requests; how it is decided is simulated in packages/opamp/src/server/streams.test.ts.

let plane: TestPlane;
let clockAhead = 0;
afterEach(async () => {
  clockAhead = 0;
  await plane[Symbol.asyncDispose]();
});

/** Two processes with one uid and one credential that poll in turn; gives the uid the second was told to use. */
async function untilTold(secret: string, uid: string): Promise<{ given: string; sequence: number }> {
  const url = `http://127.0.0.1:${plane.httpPort}/v1/opamp`;
  const headers = { authorization: `Bearer ${secret}` };
  for (let round = 0; round < 12; round += 1) {
    for (const [name, first] of [
      ["original", 100],
      ["copy", 0],
    ] as const) {
      clockAhead += 7_000;
      const said = message(uid, first + round, { health: { healthy: true, status: name } });
      const { message: reply } = await poll(url, said, { headers });
      const given = reply?.agentIdentification?.newInstanceUid;
      if (given === undefined) continue;
      expect(name).toBe("copy");
      return { given: uidToString(given), sequence: first + round };
    }
  }
  throw new Error("nobody was told to use another uid");
}

test("opamp row 53: of two that poll under one uid by a token, the second becomes an agent of its own", async () => {
  plane = await startPlane({ now: () => Date.now() + clockAhead });
  const { secret } = await newToken(plane);
  const uid = newId();
  const { given, sequence } = await untilTold(secret, uid);
  const url = `http://127.0.0.1:${plane.httpPort}/v1/opamp`;
  const headers = { authorization: `Bearer ${secret}` };
  // The reply was lost: it is told the same again.
  const again = await poll(url, message(uid, sequence + 1), { headers });
  expect(uidToString(again.message?.agentIdentification?.newInstanceUid ?? new Uint8Array())).toBe(given);
  const moved = await poll(url, message(given, sequence + 2, { health: { healthy: true, status: "copy" } }), {
    headers,
  });
  expect(moved.message?.errorResponse).toBeUndefined();
  const original = await poll(
    url,
    message(uid, 100 + sequence + 1, { health: { healthy: true, status: "original" } }),
    {
      headers,
    },
  );
  expect(original.message?.agentIdentification).toBeUndefined();
  const [one, other] = [await agentByUid(plane, uid), await agentByUid(plane, given)];
  expect(one?.id).not.toBe(other?.id);
  expect([one?.health_status, other?.health_status]).toEqual(["original", "copy"]);
});

test("opamp row 53: with one bearer for both, the second is told to get one of its own, and takes nothing over", async () => {
  plane = await startPlane({ now: () => Date.now() + clockAhead });
  const { secret } = await createBearer(plane.ctx(), plane.enrolment, {
    name: "twice",
    kind: "collector",
    labels: {},
    expires_in_seconds: 86_400,
  });
  const uid = newId();
  const { given, sequence } = await untilTold(secret, uid);
  const refused = await poll(`http://127.0.0.1:${plane.httpPort}/v1/opamp`, message(given, sequence + 1), {
    headers: { authorization: `Bearer ${secret}` },
  });
  expect(refused.message?.errorResponse?.errorMessage).toContain("Give this one a credential of its own");
  expect((await agentByUid(plane, uid))?.name).toBe("twice");
  expect(await agentByUid(plane, given)).toBeUndefined();
});
