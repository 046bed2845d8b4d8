import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentToServerSchema, encodeAgentToServer, uidToString, type ServerToAgent } from "@flowplane/opamp";
import { newId } from "../../platform/context.ts";
import {
  agentByUid,
  message,
  newToken,
  open,
  startPlane,
  until,
  type TestPlane,
} from "../../testing/gateway.ts";
import { testOrganization } from "../../testing/base.ts";
import { revokeAgent } from "../enrolment/approval.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { createToken } from "../enrolment/tokens.ts";
import { RELAY_CAPABILITY } from "./relay.ts";

// A gateway that carries many agents over one socket, as the opampgateway extension does: it asks about each agent's
// credentials in a message that names no agent, and passes messages on as they are.

let plane: TestPlane;
let gatewayToken: string;

beforeAll(async () => {
  plane = await startPlane();
  gatewayToken = (await newToken(plane)).secret;
});
afterAll(() => plane[Symbol.asyncDispose]());

const openGateway = (secret = gatewayToken) =>
  open(`ws://127.0.0.1:${plane.httpPort}/v1/opamp`, { headers: { authorization: `Bearer ${secret}` } });

function connect(
  headers: Record<string, string[]>,
  requestUid: string = newId(),
  uid?: Uint8Array<ArrayBuffer>,
): Uint8Array {
  const data = JSON.stringify({ request_uid: requestUid, remote_address: "10.1.2.3:4567", headers });
  return relayed("connect", data, uid);
}

function relayed(type: string, data: string, instanceUid = new Uint8Array()): Uint8Array {
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid,
      customMessage: { capability: RELAY_CAPABILITY, type, data: new TextEncoder().encode(data) },
    }),
  );
}

function resultOf({ customMessage }: ServerToAgent) {
  expect(customMessage).toMatchObject({ capability: RELAY_CAPABILITY, type: "connectResult" });
  return JSON.parse(new TextDecoder().decode(customMessage?.data)) as Record<string, unknown>;
}

const described = (name: string) => ({
  agentDescription: {
    identifyingAttributes: [
      { key: "service.name", value: { value: { case: "stringValue" as const, value: name } } },
    ],
  },
});

async function bearer(name: string) {
  return createBearer(plane.ctx(), plane.enrolment, {
    name,
    kind: "collector",
    labels: {},
    expires_in_seconds: 3_600,
  });
}

test("opamp row 57: several agents behind a gateway are let in one by one and are agents of their own", async () => {
  const gateway = await openGateway();
  const uids = [newId(), newId(), newId()];
  for (const [index, uid] of uids.entries()) {
    const requestUid = newId();
    const reply = await gateway.ask(connect({ Authorization: [`Bearer ${gatewayToken}`] }, requestUid));
    expect(resultOf(reply)).toEqual({
      request_uid: requestUid,
      accept: true,
      http_status_code: 200,
      response_headers: {},
    });
    // Told with the first answer on the socket, and not again.
    expect(reply.customCapabilities?.capabilities.includes(RELAY_CAPABILITY)).toBe(
      index === 0 ? true : undefined,
    );
    const first = await gateway.ask(message(uid, 0, described(`relayed-${index}`)));
    expect(uidToString(first.instanceUid)).toBe(uid);
    expect(first.errorResponse).toBeUndefined();
  }
  for (const [index, uid] of uids.entries())
    expect(await agentByUid(plane, uid)).toMatchObject({
      name: `relayed-${index}`,
      disconnected_at: null,
      credential: "token",
    });
  await gateway.close();
  for (const uid of uids)
    await until("the loss of the socket to be the loss of each", async () =>
      (await agentByUid(plane, uid))?.disconnected_at === null ? undefined : true,
    );
});

test("a credential that is none is refused with 401, and nothing is let in by it", async () => {
  const gateway = await openGateway();
  const { ctx } = await testOrganization(plane.base);
  const elsewhere = await createToken(ctx, plane.enrolment, {
    name: "x",
    labels: {},
    approval: "automatic",
    uses_max: 1,
    expires_in_seconds: 60,
  });
  const cases: [Record<string, string[]>, number][] = [
    [{}, 401],
    [{ Authorization: [] }, 401],
    [{ Authorization: ["Secret-Key 1234"] }, 401],
    [{ Authorization: ["Bearer fpe_nonsense"] }, 401],
    [{ authorization: ["Bearer a.b.c"] }, 401],
    [{ Authorization: [`Bearer ${elsewhere.secret}`] }, 403],
  ];
  for (const [headers, status] of cases)
    expect(resultOf(await gateway.ask(connect(headers)))).toMatchObject({
      accept: false,
      http_status_code: status,
    });
  await gateway.close();
});

test("agents with bearers of their own come through one gateway, each as itself", async () => {
  const [one, two] = [await bearer("relayed one"), await bearer("relayed two")];
  const uids = [newId(), newId()];
  const gateway = await openGateway();
  for (const [index, { secret }] of [one, two].entries()) {
    await gateway.ask(connect({ Authorization: [`Bearer ${secret}`] }));
    const first = await gateway.ask(message(uids[index] ?? "", 0, described("collector")));
    expect(first.errorResponse).toBeUndefined();
  }
  expect((await agentByUid(plane, uids[0] ?? ""))?.id).toBe(one.bearer.agent_id);
  expect(await agentByUid(plane, uids[1] ?? "")).toMatchObject({
    id: two.bearer.agent_id,
    credential: "bearer",
  });
  await gateway.close();

  // Known by now, they are told apart whatever the order they speak in.
  const again = await openGateway();
  for (const { secret } of [one, two]) await again.ask(connect({ Authorization: [`Bearer ${secret}`] }));
  for (const uid of uids.toReversed())
    expect((await again.ask(message(uid, 1))).errorResponse).toBeUndefined();

  // One of them is shut out: the socket is closed, since nothing else ends it, and it is not let in again.
  await revokeAgent(plane.ctx(), one.bearer.agent_id, "because");
  await again.closed;
  const after = await openGateway();
  expect(resultOf(await after.ask(connect({ Authorization: [`Bearer ${one.secret}`] })))).toMatchObject({
    accept: false,
    http_status_code: 401,
  });
  expect(resultOf(await after.ask(connect({ Authorization: [`Bearer ${two.secret}`] })))).toMatchObject({
    accept: true,
  });
  expect((await after.ask(message(uids[1] ?? "", 2))).errorResponse).toBeUndefined();
  expect((await after.ask(message(uids[0] ?? "", 2))).errorResponse?.errorMessage).toContain("was revoked");
  await after.close();
});

test("an agent that leaves its gateway and comes directly keeps its instance_uid", async () => {
  const { secret } = await bearer("roaming");
  const uid = newId();
  const gateway = await openGateway();
  await gateway.ask(connect({ Authorization: [`Bearer ${secret}`] }));
  await gateway.ask(message(uid, 0, described("roaming")));
  const direct = await openGateway(secret);
  const reply = await direct.ask(message(uid, 1, described("roaming")));
  expect(reply.agentIdentification).toBeUndefined();
  expect(reply.flags).toBe(0n);
  await gateway.close();
  expect(await agentByUid(plane, uid)).toMatchObject({ disconnected_at: null });
  await direct.close();
});

test("a gateway that is an agent itself is answered among its own messages", async () => {
  const uid = newId();
  const gateway = await openGateway();
  await gateway.ask(message(uid, 0, { customCapabilities: { capabilities: [RELAY_CAPABILITY] } }));
  const requestUid = newId();
  const ask = message(uid, 1, {
    customMessage: {
      capability: RELAY_CAPABILITY,
      type: "connect",
      data: new TextEncoder().encode(
        JSON.stringify({ request_uid: requestUid, headers: { Authorization: ["Bearer nonsense"] } }),
      ),
    },
  });
  const replies = [await gateway.ask(ask), await gateway.next()];
  const answer = replies.find(({ customMessage }) => customMessage !== undefined);
  expect(answer === undefined ? null : resultOf(answer)).toMatchObject({
    request_uid: requestUid,
    accept: false,
    http_status_code: 401,
  });
  expect(replies.map(({ instanceUid }) => uidToString(instanceUid))).toEqual([uid, uid]);
  await gateway.close();
});

test("what is no connect message is refused with the reason, and the socket lives on", async () => {
  const gateway = await openGateway();
  const wrong = [
    [relayed("connect", "{"), "JSON"],
    [relayed("connect", "[]"), "not valid"],
    [relayed("connect", "{}"), "request_uid"],
    [relayed("connect", JSON.stringify({ request_uid: "1", headers: { a: "b" } })), "headers"],
    [relayed("connect", JSON.stringify({ request_uid: "1", headers: { a: ["x".repeat(70_000)] } })), "bytes"],
    [relayed("disconnect", "{}"), "no message"],
    // Fifteen bytes are no uid, and no missing one either.
    [connect({}, "1", new Uint8Array(15)), "instance_uid"],
  ] as const;
  for (const [data, reason] of wrong) {
    const reply = await gateway.ask(data);
    expect(reply.errorResponse?.errorMessage).toContain(reason);
    expect(reply.customMessage).toBeUndefined();
  }
  expect(resultOf(await gateway.ask(connect({ Authorization: [`Bearer ${gatewayToken}`] })))).toMatchObject({
    accept: true,
  });
  await gateway.close();
});
