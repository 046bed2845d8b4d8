import { afterEach, expect, test } from "vitest";
import { AGENT_CAPABILITY, newAgentState, type ServerToAgent } from "@flowplane/opamp";
import { collectorMetrics, metricsBody, metricsRequest } from "@flowplane/telemetry/testing";
import { message, newVisitor, send, startPlane, type TestPlane } from "../../testing/gateway.ts";
import { subjects } from "../../platform/bus/bus.ts";
import type { AgentSession } from "../gateway/sessions.ts";
import { telemetryOffers } from "./offer.ts";
import { changeSettings } from "./settings.ts";
import { OwnTelemetrySettings } from "@flowplane/contract";

const ALL =
  AGENT_CAPABILITY.ReportsStatus |
  AGENT_CAPABILITY.ReportsOwnMetrics |
  AGENT_CAPABILITY.ReportsOwnLogs |
  AGENT_CAPABILITY.ReportsOwnTraces |
  AGENT_CAPABILITY.AcceptsOpAMPConnectionSettings;

let plane: TestPlane;
afterEach(() => plane[Symbol.asyncDispose]());

const start = async () => {
  plane = await startPlane({ sourcesOf: (base, enrolment) => [telemetryOffers(base, enrolment)] });
};
const settingsOf = (reply: ServerToAgent | null) => reply?.connectionSettings;
const credentialOf = (reply: ServerToAgent | null) =>
  settingsOf(reply)?.ownMetrics?.headers?.headers.find(({ key }) => key === "Authorization")?.value ?? "";
const change = (settings: Partial<OwnTelemetrySettings>) =>
  changeSettings(plane.ctx(), OwnTelemetrySettings.parse(settings));

test("opamp rows 39 and 40: the first reply offers what the agent can send, and nothing of its OpAMP connection", async () => {
  await start();
  const agent = await newVisitor(plane, "dashboard");
  const socket = await agent.open();
  const first = await socket.ask(message(agent.uid, 0, { capabilities: ALL }));
  const offer = settingsOf(first);
  expect(offer?.hash).toHaveLength(32);
  expect(offer?.opamp).toBeUndefined();
  expect(offer?.ownMetrics?.destinationEndpoint).toBe(`http://127.0.0.1:${plane.httpPort}/v1/metrics`);
  expect(offer?.ownLogs?.destinationEndpoint).toBe(`http://127.0.0.1:${plane.httpPort}/v1/logs`);
  expect(offer?.ownTraces).toBeUndefined();
  expect(settingsOf(await socket.ask(message(agent.uid, 1, { capabilities: ALL })))).toBeUndefined();
  // What was offered opens the door it is for.
  const body = metricsBody(
    metricsRequest(Date.now(), Date.now() - 1_000, collectorMetrics({ accepted: 1, sent: 1 })),
  );
  const answer = await send(offer?.ownMetrics?.destinationEndpoint ?? "", {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", authorization: credentialOf(first) },
    body: Buffer.from(body),
  });
  expect(answer.status).toBe(200);
  const rows = await plane.base.storage.system.selectFrom("own_reports").select("agent_id").execute();
  expect(rows).toEqual([{ agent_id: agent.agentId }]);
  await socket.close();

  const mute = await newVisitor(plane, "dashboard");
  const reply = await mute.poll(message(mute.uid, 0, { capabilities: AGENT_CAPABILITY.ReportsStatus }));
  expect(reply.message?.connectionSettings).toBeUndefined();
});

test("opamp rows 41 and 43: the hash is the same over restarts, is repeated until it is reported, and moves with any change", async () => {
  await start();
  const agent = await newVisitor(plane, "dashboard");
  const reporting = ALL | AGENT_CAPABILITY.ReportsConnectionSettingsStatus;
  const ask = async (sequence: number, hash?: Uint8Array) => {
    const { message: reply } = await agent.poll(
      message(agent.uid, sequence, {
        capabilities: reporting,
        ...(hash === undefined
          ? {}
          : { connectionSettingsStatus: { lastConnectionSettingsHash: hash, status: 1 } }),
      }),
    );
    return reply;
  };
  const [first, again] = [await ask(0), await ask(1)];
  expect(settingsOf(again)?.hash).toEqual(settingsOf(first)?.hash);
  expect(credentialOf(again)).toBe(credentialOf(first));
  const hash = settingsOf(first)?.hash ?? new Uint8Array();
  // Another process, asked about an agent that it has offered something or nothing, comes to the same.
  const elsewhere = telemetryOffers(plane.base, plane.enrolment);
  for (const sent of [null, "00"]) {
    const state = newAgentState(agent.uid);
    const session = {
      identity: {
        agent_id: agent.agentId,
        organization_id: plane.organizationId,
        site_id: plane.siteId,
        credential: "bearer",
      },
      state: { ...state, sent: { ...state.sent, connectionSettings: sent } },
    } as unknown as AgentSession;
    const wanted = await elsewhere.load([session]);
    expect(wanted.get(agent.agentId)?.connectionSettings?.hash).toEqual(Buffer.from(hash));
  }
  expect(settingsOf(await ask(2, hash))).toBeUndefined();

  await change({ traces: true });
  await plane.gateway.catchUp();
  const changed = settingsOf(await ask(3));
  expect(changed?.ownTraces?.destinationEndpoint).toMatch(/\/v1\/traces$/);
  expect(changed?.hash).not.toEqual(hash);

  await change({ endpoint: "https://telemetry.example/otlp/" });
  await plane.gateway.catchUp();
  const moved = settingsOf(await ask(4));
  expect(moved?.ownMetrics?.destinationEndpoint).toBe("https://telemetry.example/otlp/v1/metrics");
  expect([hash, changed?.hash]).not.toContainEqual(moved?.hash);
});

test("turned off, for all or for a site, agents are told to stop; those that were told nothing are told nothing", async () => {
  await start();
  const agent = await newVisitor(plane, "dashboard");
  const socket = await agent.open();
  const first = await socket.ask(message(agent.uid, 0, { capabilities: ALL }));
  await change({ sites_off: [plane.siteId] });
  await plane.gateway.catchUp();
  const stop = settingsOf(await socket.next());
  expect([stop?.ownMetrics?.destinationEndpoint, stop?.ownLogs?.destinationEndpoint]).toEqual(["", ""]);
  expect(stop?.hash).not.toEqual(settingsOf(first)?.hash);
  const newcomer = await newVisitor(plane, "dashboard");
  const { message: reply } = await newcomer.poll(message(newcomer.uid, 0, { capabilities: ALL }));
  expect(reply?.connectionSettings).toBeUndefined();
  await change({});
  await plane.gateway.catchUp();
  const back = settingsOf(await socket.next());
  expect(back?.ownMetrics).toEqual(settingsOf(first)?.ownMetrics);
  expect(back?.ownTraces?.destinationEndpoint).toBe("");
  await socket.close();
});

async function eventually<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
  }
}

test("opamp row 42: one that came by certificate is given the authority to verify the listener with", async () => {
  await start();
  const agent = await newVisitor(plane, "agents");
  let sequence = 0;
  // Site agents, which are what enrols in tests, have other ways to tell of themselves.
  expect(
    (await agent.poll(message(agent.uid, 0, { capabilities: ALL }))).message?.connectionSettings,
  ).toBeUndefined();
  await plane.base.storage.system
    .updateTable("agents")
    .set({ kind: "collector" })
    .where("id", "=", agent.agentId)
    .execute();
  plane.base.bus.publish(subjects.agentsDesired, { agent_ids: [agent.agentId] });
  const { ownMetrics } = await eventually(async () => {
    const { message: reply } = await agent.poll(message(agent.uid, (sequence += 1), { capabilities: ALL }));
    return reply?.connectionSettings;
  });
  expect(ownMetrics).toMatchObject({
    destinationEndpoint: `https://127.0.0.1:${plane.agentsPort}/v1/metrics`,
    tls: { caPemContents: plane.enrolment.authority.certificatePem, insecureSkipVerify: false },
  });
});
