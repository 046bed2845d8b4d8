import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { startFleet, type Member } from "./fleet.ts";
import { supervisorPrograms } from "./supervisor.ts";

// A real `opampsupervisor` is given another credential, and comes with it. It makes its next connection from the offer alone, tells
// nobody what became of it, and keeps it in memory: all three are what the control plane has to live with.

const programs = await supervisorPrograms();
if (programs === undefined)
  console.log("skipped: the connection settings of a supervisor need Go on PATH to build one");
const LIMIT_MS = 60_000;

describe.skipIf(programs === undefined)(
  "connection settings for opampsupervisor",
  { timeout: 240_000 },
  () => {
    let plane: ControlPlane;
    beforeAll(async () => {
      plane = await startControlPlane();
    }, 120_000);
    afterAll(async () => {
      await plane?.[Symbol.asyncDispose]();
    });

    const connectionOf = ({ agentId }: Member) =>
      plane.client.agentConnectionRead({ params: { agent_id: agentId } });
    const offer = ({ agentId }: Member, body: { retire_old?: boolean; endpoint?: string } = {}) =>
      plane.client.agentConnectionOffer({
        params: { agent_id: agentId },
        body: { reason: "rotation", ...body },
      });
    const applied = (member: Member) =>
      eventually(
        `${member.name} to come with its new credential`,
        async () => ((await connectionOf(member)).offer?.state === "applied" ? true : undefined),
        LIMIT_MS,
      );
    const isConnected = (member: Member, credential: string) =>
      eventually(
        `${member.name} to be connected by ${credential}`,
        async () => {
          const agent = await member.read();
          return agent.state === "connected" && agent.credential === credential ? agent : undefined;
        },
        LIMIT_MS,
      );

    test.each(["ws", "http"] as const)(
      "opamp rows 42 and 44: over %s it comes with the new credential, as the same agent",
      async (transport) => {
        if (programs === undefined) throw new Error("not built");
        await using fleet = await startFleet(plane, programs, [
          {
            name: `rotated-${transport}`,
            transport,
            capabilities: { accepts_opamp_connection_settings: true },
          },
        ]);
        const [member] = fleet.members as [Member];
        const before = await isConnected(member, "token");
        expect((await connectionOf(member)).why_not).toBeNull();

        // It may forget the new one: so the old one stays unless somebody says otherwise.
        const first = await offer(member);
        expect(first.offer).toMatchObject({ retire_old: false });
        expect(first.warnings.join()).toContain("as opampsupervisor, keeps them in memory alone");
        await applied(member);
        const after = await isConnected(member, "bearer");
        expect([after.id, after.instance_uid]).toEqual([before.id, before.instance_uid]);
        // Restarted it has forgotten, and its old credential lets it in.
        await member.supervisor.stop();
        member.supervisor.start();
        await isConnected(member, "token");

        const second = await offer(member, { retire_old: true });
        expect(second.offer.bearer_id).not.toBe(first.offer.bearer_id);
        await applied(member);
        await isConnected(member, "bearer");
        const { items } = await plane.client.bearerList({ query: { limit: 200 } });
        const isRevoked = (id: string) => items.find((bearer) => bearer.id === id)?.revoked_at !== null;
        expect([isRevoked(first.offer.bearer_id), isRevoked(second.offer.bearer_id)]).toEqual([true, false]);
        // Its Collector goes on, though the supervisor calls it unwell until it next says something of itself.
        expect(member.supervisor.collectorArguments()).toBeDefined();
      },
    );
  },
);
