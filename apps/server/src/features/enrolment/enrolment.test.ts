import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { decodeEnrolmentToken, enrolResponseSchema } from "@flowplane/link";
import { newId } from "../../platform/context.ts";
import { createSecrets } from "../../platform/secrets/secrets.ts";
import { verifyChain } from "../audit/audit.ts";
import { testOrganization } from "../../testing/base.ts";
import {
  agentRow,
  enrolBody,
  enrolMachine,
  newCsr,
  newKey,
  newToken,
  postEnrol,
  startPlane,
  type TestPlane,
} from "../../testing/gateway.ts";
import { approveAgent, revokeAgent } from "./approval.ts";
import { createBearer, listAgentBearers } from "./bearers.ts";
import { readAuthority } from "./certificates.ts";
import { openOwnAuthority } from "./own-authority.ts";
import { ATTEMPTS_PER_TOKEN_MAX } from "./store.ts";
import { listEnrolmentTokens, listTokenAttempts, readToken, revokeEnrolmentToken } from "./tokens.ts";
import { BasicConstraintsExtension, X509Certificate as Certificate, X509Crl } from "./x509.ts";

let clockAhead = 0;
let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane({ now: () => Date.now() + clockAhead });
});
afterAll(() => plane[Symbol.asyncDispose]());
afterEach(() => {
  clockAhead = 0;
});

const attempts = async (tokenId: string) =>
  (await listTokenAttempts(plane.ctx(), tokenId, { limit: 200 })).items.map(({ outcome, detail }) => ({
    outcome,
    detail,
  }));

describe("the authority", () => {
  test("is made once, however many start at the same time, and opened by the same master key alone", async () => {
    await using fresh = await startPlane();
    await fresh.base.storage.systemPool.query("select 1");
    const opened = await Promise.all(Array.from({ length: 8 }, () => openOwnAuthority(fresh.base)));
    expect(new Set(opened.map(({ fingerprint }) => fingerprint))).toEqual(
      new Set([fresh.enrolment.authority.fingerprint]),
    );
    const stranger = { ...fresh.base, secrets: createSecrets(Buffer.alloc(32, 7)) };
    await expect(openOwnAuthority(stranger)).rejects.toThrow(/master key/);
  });

  test("its key is sealed where it is stored", async () => {
    const { rows } = await plane.base.storage.systemPool.query<{ value: Buffer }>(
      "select value from installation where key = 'certificate-authority'",
    );
    expect(rows[0]?.value.includes("privateKey")).toBe(false);
    expect(rows[0]?.value.includes("CERTIFICATE")).toBe(false);
  });

  test("its revocation list is signed and names what was revoked", async () => {
    const machine = await enrolMachine(plane);
    const { serialNumber } = new X509Certificate(machine.certificate);
    const before = await readAuthority(plane.ctx(), plane.enrolment);
    expect(new X509Crl(before.crl).findRevoked(serialNumber.toLowerCase())).toBeNull();
    await revokeAgent(plane.ctx(), machine.agentId, "test");
    const after = await readAuthority(plane.ctx(), plane.enrolment);
    const list = new X509Crl(after.crl);
    expect(list.findRevoked(serialNumber.toLowerCase())).not.toBeNull();
    expect(await list.verify({ publicKey: new Certificate(after.certificate) })).toBe(true);
    expect(after.fingerprint).toBe(
      new X509Certificate(after.certificate).fingerprint256.replaceAll(":", "").toLowerCase(),
    );
  });
});

describe("an enrolment token", () => {
  test("carries where to go, whom to believe and the secret, of which only a hash is stored", async () => {
    const { secret, token, ca_fingerprint, agents_url } = await newToken(plane);
    const decoded = decodeEnrolmentToken(secret);
    expect(decoded).toMatchObject({
      ok: true,
      value: { o: plane.organizationId, f: ca_fingerprint, u: agents_url },
    });
    const row = await plane.base.storage.system
      .selectFrom("enrolment_tokens")
      .selectAll()
      .where("id", "=", token.id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(decoded.ok ? decoded.value.s : secret);
    expect(token).toMatchObject({ state: "usable", uses: 0 });
  });

  test("its state is judged when it is read", async () => {
    const { secret, token } = await newToken(plane, { uses_max: 1, expires_in_seconds: 60 });
    await enrolMachine(plane, secret);
    const state = async () => (await readToken(plane.ctx(), token.id)).state;
    expect(await state()).toBe("used_up");
    clockAhead = 61_000;
    expect(await state()).toBe("expired");
    await revokeEnrolmentToken(plane.ctx(), token.id);
    expect(await state()).toBe("revoked");
  });

  test("is listed page by page, newest first, to its own organization only", async () => {
    await using fresh = await startPlane();
    const made = [];
    for (let count = 0; count < 5; count += 1) made.push((await newToken(fresh)).token.id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listEnrolmentTokens(fresh.ctx(), { limit: 2, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(made.toReversed());
    const other = await testOrganization(fresh.base);
    expect((await listEnrolmentTokens(other.ctx, { limit: 10 })).items).toEqual([]);
    await expect(readToken(other.ctx, made[0] ?? "")).rejects.toMatchObject({ code: "not_found" });
    await expect(revokeEnrolmentToken(other.ctx, made[0] ?? "")).rejects.toMatchObject({ code: "not_found" });
    await expect(listTokenAttempts(other.ctx, made[0] ?? "", { limit: 1 })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test.each([
    ["unknown", async () => (await newTokenOfNobody()).secret, /unknown here/],
    ["no token at all", async () => "something", /unknown here/],
    [
      "expired",
      async () => {
        const { secret } = await newToken(plane, { expires_in_seconds: 1 });
        clockAhead = 2_000;
        return secret;
      },
      /expired at/,
    ],
    [
      "used up",
      async () => {
        const { secret } = await newToken(plane, { uses_max: 1 });
        await enrolMachine(plane, secret);
        return secret;
      },
      /good for 1 use and has had 1/,
    ],
    [
      "revoked",
      async () => {
        const { secret, token } = await newToken(plane);
        await revokeEnrolmentToken(plane.ctx(), token.id);
        return secret;
      },
      /was revoked/,
    ],
  ])("that is %s lets nobody in, and says why", async (_name, make, sentence) => {
    const token = await make();
    const answer = await postEnrol(plane, token, await enrolBody(newId(), await newKey()));
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: "unauthenticated", detail: expect.stringMatching(sentence) });
  });

  test("relabelled with another organization's id is unknown", async () => {
    const { secret } = await newToken(plane);
    const wire = JSON.parse(Buffer.from(secret.slice(4), "base64url").toString()) as Record<string, unknown>;
    const forged = `fpe_${Buffer.from(JSON.stringify({ ...wire, o: newId() })).toString("base64url")}`;
    expect((await postEnrol(plane, forged, await enrolBody(newId(), await newKey()))).status).toBe(401);
  });

  test("of one use lets one in of many who come at once", async () => {
    const { secret, token } = await newToken(plane, { uses_max: 1 });
    const bodies = await Promise.all(
      Array.from({ length: 12 }, async () => enrolBody(newId(), await newKey())),
    );
    const answers = await Promise.all(bodies.map((body) => postEnrol(plane, secret, body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(11);
    expect((await readToken(plane.ctx(), token.id)).uses).toBe(1);
  });

  test("keeps a bounded memory of what it was shown for", async () => {
    const { secret, token } = await newToken(plane, { uses_max: 1 });
    await enrolMachine(plane, secret);
    const key = await newKey();
    const row = {
      organization_id: plane.organizationId,
      token_id: token.id,
      outcome: "refused",
      detail: "filler",
      agent_id: null,
      remote_address: null,
      hostname: null,
    } as const;
    for (let count = 0; count < ATTEMPTS_PER_TOKEN_MAX + 20; count += 1)
      await plane.base.storage.system
        .insertInto("enrolment_attempts")
        .values({ ...row, id: newId() })
        .execute();
    await postEnrol(plane, secret, await enrolBody(newId(), key));
    const kept = await attempts(token.id);
    expect(kept).toHaveLength(ATTEMPTS_PER_TOKEN_MAX);
    expect(kept[0]).toMatchObject({ outcome: "refused", detail: expect.stringContaining("good for 1 use") });
  });
});

describe("POST /v1/enrol", () => {
  test("answers what the agent's end understands: a client certificate of a day for the agent's own key", async () => {
    const { secret, token } = await newToken(plane, { labels: { env: "prod", team: "ours" } });
    const [uid, key] = [newId(), await newKey()];
    const { status, body } = await postEnrol(
      plane,
      secret,
      await enrolBody(uid, key, { labels: { env: "mine", rack: "7" } }),
    );
    expect(status).toBe(200);
    const answer = enrolResponseSchema.parse(body);
    if (answer.state !== "issued") throw new Error("pending");
    const leaf = new X509Certificate(answer.certificate);
    expect(leaf.verify(new X509Certificate(answer.ca_certificates[0] ?? "").publicKey)).toBe(true);
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(leaf.ca).toBe(false);
    expect(leaf.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(24 * 3_600_000);
    expect(leaf.subject).toContain(answer.agent_id);
    const row = await agentRow(plane, answer.agent_id);
    expect(row).toMatchObject({
      kind: "site",
      approval: "approved",
      name: "host-1",
      instance_uid: uid,
      site_id: plane.siteId,
    });
    // A person's labels stand above the agent's own.
    expect(row.labels).toEqual({ env: "prod", team: "ours", rack: "7" });
    expect(await attempts(token.id)).toEqual([
      { outcome: "enrolled", detail: "Enrolled; a certificate was issued." },
    ]);
  });

  test("repeated with the same token, instance and key it is the same agent and no second use", async () => {
    const { secret, token } = await newToken(plane, { uses_max: 1 });
    const body = await enrolBody(newId(), await newKey());
    const answers = await Promise.all(Array.from({ length: 4 }, () => postEnrol(plane, secret, body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answers.map((answer) => answer.body.agent_id)).size).toBe(1);
    expect((await readToken(plane.ctx(), token.id)).uses).toBe(1);
    clockAhead = 30 * 86_400_000;
    // The token is long past, but this is the agent it let in, and the key proves it.
    expect((await postEnrol(plane, secret, body)).status).toBe(200);
  });

  test("a known instance with another key is refused, until it is revoked and enrolled by a newer token", async () => {
    const machine = await enrolMachine(plane);
    const stranger = await enrolBody(machine.uid, await newKey());
    const { secret: older } = await newToken(plane);
    const refused = await postEnrol(plane, older, stranger);
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain("with another key");
    await revokeAgent(plane.ctx(), machine.agentId, "reinstalled");
    expect((await postEnrol(plane, older, stranger)).status).toBe(409);
    clockAhead = 1_000;
    const { secret: newer } = await newToken(plane);
    const { status, body } = await postEnrol(plane, newer, stranger);
    expect(status).toBe(200);
    expect(body.agent_id).toBe(machine.agentId);
    expect(await agentRow(plane, machine.agentId)).toMatchObject({ revoked_at: null });
  });

  test("waits for a person where the token says so; the same call then brings the certificate", async () => {
    const { secret, token } = await newToken(plane, { approval: "manual", uses_max: 1 });
    const body = await enrolBody(newId(), await newKey());
    const first = await postEnrol(plane, secret, body);
    expect(first.status).toBe(202);
    expect(enrolResponseSchema.parse(first.body).state).toBe("pending");
    expect((await postEnrol(plane, secret, body)).body).toEqual(first.body);
    const other = await testOrganization(plane.base);
    await expect(approveAgent(other.ctx, first.body.agent_id)).rejects.toMatchObject({ code: "not_found" });
    await approveAgent(plane.ctx(), first.body.agent_id);
    expect((await postEnrol(plane, secret, body)).status).toBe(200);
    expect((await readToken(plane.ctx(), token.id)).uses).toBe(1);
    expect((await attempts(token.id)).map(({ outcome }) => outcome)).toEqual(["enrolled", "pending"]);
  });

  test("a waiting agent that is revoked instead gets nothing", async () => {
    const { secret } = await newToken(plane, { approval: "manual" });
    const body = await enrolBody(newId(), await newKey());
    const { body: pending } = await postEnrol(plane, secret, body);
    await revokeAgent(plane.ctx(), pending.agent_id, "not ours");
    expect((await postEnrol(plane, secret, body)).status).toBe(409);
    await expect(approveAgent(plane.ctx(), pending.agent_id)).rejects.toMatchObject({ code: "conflict" });
  });

  test("a request that cannot be signed is refused with the reason and noted at its token", async () => {
    const { secret, token } = await newToken(plane);
    const [uid, key, other] = [newId(), await newKey(), await newKey()];
    const good = await newCsr(key, uid);
    // Another request's name and key over this one's signature.
    const [mine, theirs] = [der(good), der(await newCsr(other, uid))];
    const mixed = Buffer.concat([theirs.subarray(0, theirs.length - 60), mine.subarray(mine.length - 60)]);
    const bad: [string, string][] = [
      ["", "is not one PEM block"],
      [`${good}\n${good}`, "is not one PEM block"],
      [pem(Buffer.from("garbage")), "cannot be read"],
      [pem(mixed), "The certificate signing request"],
      [await newCsr(key, newId()), "names the instance"],
    ];
    for (const [csr, sentence] of bad) {
      const answer = await postEnrol(plane, secret, { ...(await enrolBody(uid, key)), csr });
      expect(answer.status).toBe(400);
      expect(answer.body.detail).toContain(sentence);
    }
    expect((await attempts(token.id)).every(({ outcome }) => outcome === "refused")).toBe(true);
    expect((await readToken(plane.ctx(), token.id)).uses).toBe(0);
    const greedy = await newCsr(key, uid, [new BasicConstraintsExtension(true, 0, true)]);
    const { body } = await postEnrol(plane, secret, { ...(await enrolBody(uid, key)), csr: greedy });
    expect(new X509Certificate(body.state === "issued" ? body.certificate : "").ca).toBe(false);
  });

  test("bodies of the wrong shape are refused before anything is looked up", async () => {
    const { secret } = await newToken(plane);
    for (const body of [
      null,
      [],
      {},
      { csr: 1 },
      { ...(await enrolBody(newId(), await newKey())), instance_uid: "x" },
    ]) {
      const answer = await postEnrol(plane, secret, body);
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBe("invalid_input");
    }
    expect((await postEnrol(plane, secret, { csr: "x".repeat(100_000) })).status).toBe(413);
  });
});

describe("bearers", () => {
  test("make an expected agent, are listed with its name, and belong to one organization", async () => {
    const { bearer, secret, opamp_url } = await createBearer(plane.ctx(), plane.enrolment, {
      name: "edge",
      kind: "collector",
      labels: { a: "b" },
      expires_in_seconds: 60,
    });
    expect(opamp_url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/v1\/opamp$/);
    expect(secret.split(".")).toHaveLength(3);
    expect(await agentRow(plane, bearer.agent_id)).toMatchObject({
      approval: "expected",
      name: "edge",
      instance_uid: null,
    });
    const { items } = await listAgentBearers(plane.ctx(), { limit: 50 });
    expect(items.find(({ id }) => id === bearer.id)).toMatchObject({ agent_name: "edge" });
    const other = await testOrganization(plane.base);
    expect((await listAgentBearers(other.ctx, { limit: 50 })).items).toEqual([]);
    await expect(
      createBearer(other.ctx, plane.enrolment, {
        agent_id: bearer.agent_id,
        kind: "collector",
        labels: {},
        expires_in_seconds: 60,
      }),
    ).rejects.toMatchObject({ code: "not_found" });
    await expect(
      createBearer(plane.ctx(), plane.enrolment, { kind: "collector", labels: {}, expires_in_seconds: 60 }),
    ).rejects.toMatchObject({ code: "invalid_input" });
  });
});

test("everything that was done stands in the audit log, whose chain is whole", async () => {
  const machine = await enrolMachine(plane);
  await revokeAgent(plane.ctx(), machine.agentId, "because");
  const verdict = await verifyChain(plane.ctx());
  expect(verdict).toMatchObject({ intact: true });
  const events = await plane.base.storage.system
    .selectFrom("audit_events")
    .select(["action", "reason"])
    .where("target_id", "=", machine.agentId)
    .orderBy("seq")
    .execute();
  expect(events).toEqual([
    { action: "agent.enrol", reason: null },
    { action: "agent.revoke", reason: "because" },
  ]);
});

async function newTokenOfNobody() {
  await using other = await startPlane();
  return newToken(other);
}

function der(text: string): Buffer {
  return Buffer.from(text.replace(/-----[^-]+-----|\s/g, ""), "base64");
}

function pem(bytes: Buffer): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
}
