import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EnrolRequest, EnrolResponse } from "@flowplane/link";
import { newId } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { enrolBody, newKey, newToken, startPlane, type TestPlane } from "../../testing/gateway.ts";
import { verifyChain } from "../audit/audit.ts";
import { revokeAgent } from "./approval.ts";
import { readAgentUri } from "./authority.ts";
import { CERTIFICATES_PER_HOUR_MAX } from "./certificates.ts";
import { Enrolments } from "./enrol.ts";
import { listTokenAttempts, readToken } from "./tokens.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const FLEET = 200;
const USES = 150;

test("of a fleet that enrols at once at two gateways as many get in as the token has uses, together and each with its own", async () => {
  const { secret, token } = await newToken(plane, { uses_max: USES });
  const gateways = [0, 1].map(() => new Enrolments(plane.base, plane.enrolment));
  const bodies = await Promise.all(
    Array.from({ length: FLEET }, async () => enrolBody(newId(), await newKey())),
  );
  const answers = await Promise.all(
    bodies.map((body, index) => ask(gateways[index % 2] as Enrolments, secret, body, `req_${index}`)),
  );
  const issued = answers.flatMap((answer, index) => (isIssued(answer) ? [{ ...answer, index }] : []));
  expect(issued).toHaveLength(USES);
  expect(new Set(answers.filter((answer) => !isIssued(answer)))).toEqual(
    new Set([
      "unauthenticated: The enrolment token was good for 150 uses and has had 150. Create a new one.",
    ]),
  );
  expect((await readToken(plane.ctx(), token.id)).uses).toBe(USES);
  for (const { agent_id, certificate } of issued)
    expect(readAgentUri(new X509Certificate(certificate).subjectAltName ?? "")?.agentId).toBe(agent_id);

  const { rows } = await plane.base.storage.systemPool.query<{
    agent: string;
    request: string;
    serial: string;
    transaction: string;
  }>(
    `select e.target_id as agent, e.request_id as request, c.serial, e.xmin::text as transaction
     from audit_events e join agent_certificates c on c.agent_id = e.target_id::uuid
     where e.action = 'agent.enrol' and e.metadata ->> 'enrolment_token_id' = $1 order by e.seq`,
    [token.id],
  );
  const serialOf = (certificate: string) => new X509Certificate(certificate).serialNumber.toLowerCase();
  expect(rows.map(({ agent, request, serial }) => `${agent} ${request} ${serial}`).toSorted()).toEqual(
    issued
      .map(
        ({ agent_id, index, certificate }) =>
          `${agent_id} req_${index} ${serialOf(certificate).replace(/^0+/, "")}`,
      )
      .toSorted(),
  );
  expect(new Set(rows.map(({ transaction }) => transaction)).size).toBeLessThan(USES / 2);
  expect(await verifyChain(plane.ctx())).toMatchObject({ intact: true });
});

test("an instance that asks many times at once is one agent and one use, and gets no more certificates than in an hour", async () => {
  const { secret, token } = await newToken(plane, { uses_max: 2 });
  const enrolments = new Enrolments(plane.base, plane.enrolment);
  const body = await enrolBody(newId(), await newKey());
  const answers = await Promise.all(
    Array.from({ length: CERTIFICATES_PER_HOUR_MAX + 5 }, () => ask(enrolments, secret, body)),
  );
  const issued = answers.filter(isIssued);
  expect(new Set(issued.map(({ agent_id }) => agent_id)).size).toBe(1);
  expect(issued).toHaveLength(CERTIFICATES_PER_HOUR_MAX);
  expect(
    answers.filter((answer) => typeof answer === "string" && answer.startsWith("rate_limited: ")),
  ).toHaveLength(5);
  expect((await readToken(plane.ctx(), token.id)).uses).toBe(1);
});

test("two keys that come under one instance at once are not one agent: the first has it", async () => {
  const { secret, token } = await newToken(plane);
  const enrolments = new Enrolments(plane.base, plane.enrolment);
  const uid = newId();
  const bodies = await Promise.all([0, 1, 2].map(async () => enrolBody(uid, await newKey())));
  const answers = await Promise.all(bodies.map((body) => ask(enrolments, secret, body)));
  expect(answers.filter(isIssued)).toHaveLength(1);
  expect(
    answers.filter((answer) => typeof answer === "string" && answer.includes("with another key")),
  ).toHaveLength(2);
  expect((await readToken(plane.ctx(), token.id)).uses).toBe(1);
});

test("nothing is locked while certificates are signed, and who is revoked meanwhile gets none", async () => {
  const { secret, token } = await newToken(plane);
  const { authority } = plane.enrolment;
  const enrolments = new Enrolments(plane.base, {
    ...plane.enrolment,
    authority: {
      ...authority,
      async issueAgentCertificate(request) {
        // It waits for the agent's lock, so it would never end if that were held.
        await revokeAgent(plane.ctx(), request.agentId, "stolen");
        return authority.issueAgentCertificate(request);
      },
    },
  });
  const answer = await ask(enrolments, secret, await enrolBody(newId(), await newKey()));
  expect(answer).toBe("conflict: The agent was revoked.");
  const { items } = await listTokenAttempts(plane.ctx(), token.id, { limit: 10 });
  expect(items.map(({ outcome, detail }) => [outcome, detail])).toEqual([
    ["refused", "The agent was revoked."],
  ]);
  const { rows } = await plane.base.storage.systemPool.query(
    "select from agent_certificates where agent_id = $1",
    [items[0]?.agent_id],
  );
  expect(rows).toEqual([]);
});

/** What it was given, or `CODE: SENTENCE`. */
async function ask(
  enrolments: Enrolments,
  secret: string,
  body: EnrolRequest,
  requestId = "req",
): Promise<EnrolResponse | string> {
  try {
    return await enrolments.enrol(secret, body, { requestId, remoteAddress: "192.0.2.1" });
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function isIssued(answer: EnrolResponse | string): answer is Extract<EnrolResponse, { state: "issued" }> {
  return typeof answer !== "string" && answer.state === "issued";
}
