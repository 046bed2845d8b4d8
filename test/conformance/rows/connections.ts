import { AGENT_CAPABILITY, ConnectionSettingsStatuses, type OpAMPConnectionSettings } from "@flowplane/opamp";
import { opampOfferProblems } from "@flowplane/opamp";
import { eventually, TestAgent, type Target } from "../target.ts";
import { mustBeWell, type Socket } from "../wire.ts";
import type { Row } from "../row.ts";
import { must } from "../verdict.ts";

// Rows 42, 44 and 45: another credential, and perhaps another address, that an operator offers an agent.

const NEEDS = "offers connection settings";
const SEEN_MS = 10_000;
const FAILED = ConnectionSettingsStatuses.ConnectionSettingsStatuses_FAILED;

/** An agent that takes connection settings and says what becomes of them. */
async function offered(target: Target, path = target.url) {
  await target.needs("OffersConnectionSettings");
  const operator = target.operator(NEEDS);
  const agent = new TestAgent();
  agent.capabilities |=
    AGENT_CAPABILITY.AcceptsOpAMPConnectionSettings | AGENT_CAPABILITY.ReportsConnectionSettingsStatus;
  const socket = await target.open();
  mustBeWell(await socket.ask(agent.full()), "a first message");
  await operator.reconnect(agent.uid, path);
  const { settings, hash } = await settingsOn(socket);
  return { agent, socket, operator, settings, hash };
}

async function settingsOn(socket: Socket): Promise<{ settings: OpAMPConnectionSettings; hash: Uint8Array }> {
  for (;;) {
    const { connectionSettings } = await socket.next();
    if (connectionSettings?.opamp !== undefined)
      return { settings: connectionSettings.opamp, hash: Uint8Array.from(connectionSettings.hash) };
  }
}

function authorizationIn({ headers }: OpAMPConnectionSettings): string {
  const header = headers?.headers.find(({ key }) => key.toLowerCase() === "authorization");
  must(header !== undefined, "the settings have no credential");
  return header.value;
}

/** Whether the server still takes messages of this agent by this credential. */
async function isTaken(
  target: Target,
  authorization: string | undefined,
  agent: TestAgent,
): Promise<boolean> {
  const opened = await target.tryOpen(authorization);
  if (!("socket" in opened)) return false;
  const reply = await opened.ask(agent.message());
  await opened.close();
  return reply.errorResponse === undefined;
}

export const connectionRows: readonly Row[] = [
  {
    row: 42,
    source: "[I]",
    what: "offers complete opamp settings only: endpoint, headers, certificate, heartbeat",
    async check(target) {
      const { settings } = await offered(target);
      const problems = opampOfferProblems(settings);
      must(problems.length === 0, problems.join("; "));
      must(
        settings.certificate !== undefined,
        "certificate is missing, at which opampsupervisor verifies nobody",
      );
      authorizationIn(settings);
      return `${settings.destinationEndpoint}, a credential, a certificate, a heartbeat every ${settings.heartbeatIntervalSeconds} s`;
    },
  },
  {
    row: 44,
    source: "spec",
    what: "keeps old credentials until the agent comes with the new",
    async check(target) {
      const { agent, settings, operator, socket } = await offered(target);
      must(
        await isTaken(target, undefined, agent),
        "the old credential was refused before the agent had come",
      );
      const moved = await target.open(authorizationIn(settings), undefined, settings.destinationEndpoint);
      mustBeWell(await moved.ask(agent.full()), "the first message with the new credential");
      await eventually(
        "the operator to see the settings applied",
        async () => ((await operator.connection(agent.uid)).state === "applied" ? "" : undefined),
        SEEN_MS,
      );
      must((await socket.closedWithin()) !== undefined, "the old socket stays open");
      must(!(await isTaken(target, undefined, agent)), "the old credential is still good");
      mustBeWell(
        await moved.ask(agent.message()),
        "a message with the new credential, after the old one's end",
      );
      return "good until the agent came with the new one, refused after";
    },
  },
  {
    row: 45,
    source: "spec",
    what: "keeps old credentials when the agent never comes with the new, and shows it",
    async check(target) {
      const { agent, operator, socket, hash } = await offered(target);
      const waiting = await operator.connection(agent.uid);
      must(waiting.state === "offered", `the operator sees it as ${waiting.state}`);
      const reply = await socket.ask(
        agent.message({
          connectionSettingsStatus: {
            lastConnectionSettingsHash: hash,
            status: FAILED,
            errorMessage: "no route",
          },
        }),
      );
      must(reply.connectionSettings === undefined, "the refused settings came again");
      const failed = await eventually(
        "the operator to see the failure",
        async () => {
          const seen = await operator.connection(agent.uid);
          return seen.state === "failed" ? seen : undefined;
        },
        SEEN_MS,
      );
      must(failed.sentence.includes("no route"), "the operator is not told why");
      must(await isTaken(target, undefined, agent), "the old credential was refused");
      return `the old one is good; the operator reads "${failed.sentence}"`;
    },
  },
];
