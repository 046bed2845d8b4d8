import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import { testOrganization } from "../../testing/base.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { createToken } from "../enrolment/tokens.ts";
import { gatewaysWorld, refusal, REGISTRATION, SECOND, type GatewaysWorld } from "./testing.ts";

// How gateways come in: registration tokens, and registration by one, as the reference of the gateway API says it.

let world: GatewaysWorld;
beforeAll(async () => {
  world = await gatewaysWorld();
});
afterAll(() => world.close());
beforeEach(() => world.nextInstance());

describe("registration tokens", () => {
  test("are enrolment tokens, good for one gateway, answered once", async () => {
    const { status, body } = await world.json("POST", `/registration-tokens?org_id=${world.organizationId}`, {
      body: { name: "Gateway Registration", expires_in_days: 30 },
    });
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        org_id: world.organizationId,
        name: "Gateway Registration",
        token: expect.stringMatching(/^fpe_/),
        expires_at: new Date(world.clock + 30 * 86_400 * SECOND).toISOString(),
        is_active: true,
        created_by: expect.any(String),
        created_at: new Date(world.clock).toISOString(),
      },
    ]);
    const listed = await world.json("GET", `/enrolment-tokens/${body.id}`);
    expect(listed.body).toMatchObject({ uses_max: 1, uses: 0, approval: "automatic", state: "usable" });
    expect(JSON.stringify(listed.body)).not.toContain(body["token"]);
  });

  test("of another organization are not to be had", async () => {
    const { status } = await world.json("POST", `/registration-tokens?org_id=${newId()}`, { body: {} });
    expect(status).toBe(404);
  });

  test.each([0, 366, 1.5, "30"])("are not made for %s days", async (expires_in_days) => {
    const { status } = await world.json("POST", "/registration-tokens", { body: { expires_in_days } });
    expect(status).toBe(400);
  });
});

describe("registration", () => {
  test("answers what the reference says, and the gateway is an agent like the others", async () => {
    const { status, body } = await world.register(await world.registrationToken());
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        name: "FlowGate Gateway",
        instance_id: world.instance,
        org_id: world.organizationId,
        status: "registered",
        opamp_token: expect.any(String),
        opamp_endpoint: "http://flowplane.example:4300/api/v1/opamp/v1/opamp",
        created_at: new Date(world.clock).toISOString(),
      },
    ]);
    expect(decodeJwt(body["opamp_token"] as string)).toMatchObject({
      sub: body.id,
      org_id: world.organizationId,
      type: "opamp_token",
      iat: world.clock / SECOND,
      exp: world.clock / SECOND + 365 * 86_400,
    });
    const agent = await world.json("GET", `/agents/${body.id}`);
    expect(agent.body).toMatchObject({
      kind: "gateway",
      name: "FlowGate Gateway",
      version: "1.0.0",
      hostname: "gateway.example.com",
      identifying_attributes: { "service.instance.id": world.instance, "service.version": "1.0.0" },
      non_identifying_attributes: { "host.ip": "192.168.1.100", otel_version: "0.88.0" },
    });
    expect(
      (agent.body["capabilities"] as { name: string; present: boolean }[])
        .filter(({ present }) => present)
        .map(({ name }) => name),
    ).toEqual(["ReportsStatus", "AcceptsRemoteConfig", "ReportsEffectiveConfig"]);
  });

  test("needs a token that is there, unused, unexpired and not revoked; the hint says which it is", async () => {
    const invalid = refusal(401, "Invalid or expired registration token");
    expect(await world.json("POST", "/gateways", { token: null, body: REGISTRATION })).toMatchObject(invalid);
    expect(await world.register("fpe_nonsense")).toMatchObject(invalid);
    // A person's key registers nobody.
    expect(await world.register(world.identity.key)).toMatchObject(invalid);

    const used = await world.registrationToken();
    expect(await world.register(used)).toMatchObject({ status: 201 });
    world.instance += "-second";
    const again = await world.register(used);
    expect(again).toMatchObject(invalid);
    expect(again.body["hint"]).toContain("1 use");

    const expired = await world.registrationToken();
    world.clock += 31 * 86_400 * SECOND;
    const late = await world.register(expired);
    expect(late).toMatchObject(invalid);
    expect(late.body["hint"]).toContain("expired");

    const ctx = (await testOrganization(world.identity.base)).ctx;
    const elsewhere = await createToken(ctx, world.enrolment, {
      name: "x",
      labels: {},
      approval: "automatic",
      uses_max: 1,
      expires_in_seconds: 60,
    });
    // It is another organization's: what it lets in is there, and not seen here.
    const theirs = await world.register(elsewhere.secret);
    expect(theirs.body["org_id"]).toBe(ctx.actor.organization_id);
    expect(await world.json("GET", `/gateways/${theirs.body.id}/status`)).toMatchObject(
      refusal(404, "Gateway not found"),
    );

    const revoked = await world.json("POST", "/registration-tokens", { body: {} });
    await world.call("DELETE", `/enrolment-tokens/${revoked.body.id}`);
    const gone = await world.register(revoked.body["token"] as string);
    expect(gone).toMatchObject(invalid);
    expect(gone.body["hint"]).toContain("revoked");
    const attempts = await world.json("GET", `/enrolment-tokens/${revoked.body.id}/attempts`);
    expect(attempts.body["items"]).toMatchObject([{ outcome: "refused" }]);
  });

  test("does not take over a gateway that is there; after its revocation a newer token does", async () => {
    const early = await world.registrationToken();
    const first = await world.registered();
    const taken = await world.register(early);
    expect(taken.status).toBe(409);
    expect(taken.body["detail"]).toContain(world.instance);
    // The refused token was not used up.
    expect(await world.heartbeat(first.token)).toMatchObject({ status: 200 });

    world.clock += SECOND;
    await world.call("POST", `/agents/${first.id}/revoke`, { body: { reason: "its disk is gone" } });
    expect(await world.heartbeat(first.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(await world.register(early)).toMatchObject({ status: 409 });
    world.clock += SECOND;
    const anew = await world.register(await world.registrationToken(), { name: "Gateway again" });
    expect(anew).toMatchObject({ status: 201, body: { id: first.id, name: "Gateway again" } });
    expect(await world.heartbeat(anew.body["opamp_token"] as string)).toMatchObject({ status: 200 });
    expect(await world.heartbeat(first.token)).toMatchObject({ status: 401 });
  });

  test("of one name at the same moment lets one in", async () => {
    const tokens = await Promise.all([
      world.registrationToken(),
      world.registrationToken(),
      world.registrationToken(),
    ]);
    const answers = await Promise.all(tokens.map((token) => world.register(token)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  test("by one token at the same moment lets one in", async () => {
    const token = await world.registrationToken();
    const names = [1, 2, 3].map((number) => `${world.instance}-${number}`);
    const answers = await Promise.all(names.map((instance_id) => world.register(token, { instance_id })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401]);
  });

  test("under the uid of an agent that speaks OpAMP is refused", async () => {
    const uid = newId();
    const { bearer } = await createBearer(
      { ...(await testOrganization(world.identity.base)).ctx, actor: await ownActor() },
      world.enrolment,
      { name: "collector", kind: "collector", labels: {}, expires_in_seconds: 60 },
    );
    await world.identity.base.storage.system
      .updateTable("agents")
      .set({ instance_uid: uid })
      .where("id", "=", bearer.agent_id)
      .execute();
    const answer = await world.register(await world.registrationToken(), { instance_id: uid });
    expect(answer.status).toBe(409);
    expect(answer.body["detail"]).toContain("Another agent has it");
  });

  test("with the same Idempotency-Key answers the same token again and uses none up", async () => {
    const token = await world.registrationToken();
    const send = () =>
      world.json("POST", "/gateways", {
        token,
        body: { ...REGISTRATION, instance_id: world.instance },
        headers: { "idempotency-key": world.instance },
      });
    const first = await send();
    expect(await send()).toEqual(first);
    expect(first.status).toBe(201);
  });

  test.each([
    [{ instance_id: "a b" }],
    [{ instance_id: "../etc" }],
    [{ instance_id: "" }],
    [{ instance_id: "x".repeat(101) }],
    [{ name: "" }],
    [{ metadata: { version: 1 } }],
    [{ metadata: { capabilities: "all" } }],
    [{ metadata: { blob: "x".repeat(20_000) } }],
    [{ metadata: [] }],
  ])("with wrong input %# is refused, and uses no token up", async (wrong) => {
    const token = await world.registrationToken();
    expect(await world.register(token, wrong)).toMatchObject({ status: 400 });
    expect(await world.register(token)).toMatchObject({ status: 201 });
  });

  test("by a token that wants approval: it may report, and gets no configuration before", async () => {
    const { body } = await world.json("POST", "/enrolment-tokens", { body: { approval: "manual" } });
    const answer = await world.register(body["secret"] as string);
    const token = answer.body["opamp_token"] as string;
    expect(answer.status).toBe(201);
    expect(await world.heartbeat(token)).toMatchObject({ status: 200 });
    expect(await world.json("GET", `/opamp/config/${world.instance}`, { token })).toMatchObject({
      status: 403,
    });
    await world.call("POST", `/agents/${answer.body.id}/approve`);
    expect(await world.json("GET", `/opamp/config/${world.instance}`, { token })).toMatchObject({
      status: 200,
    });
  });
});

async function ownActor() {
  const { actor } = await testOrganization(world.identity.base);
  return { ...actor, organization_id: world.organizationId };
}
