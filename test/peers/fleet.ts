import type { AgentConfiguration, AgentDetail } from "@flowplane/contract";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { eventually, type ControlPlane } from "../harness/index.ts";
import {
  startSupervisor,
  type Supervisor,
  type SupervisorOptions,
  type SupervisorPrograms,
} from "./supervisor.ts";

const CONNECT_LIMIT_MS = 90_000;

export interface MemberOptions extends Pick<
  SupervisorOptions,
  "validateConfig" | "capabilities" | "collectorEnv" | "configApplyTimeoutSeconds"
> {
  readonly name: string;
  readonly transport: "ws" | "http";
}

/** One Collector under its supervisor, as one of a fleet. */
export interface Member {
  readonly name: string;
  readonly transport: "ws" | "http";
  readonly agentId: string;
  /** What `${env:OTLP_PORT}` is to this Collector alone: all run on one machine. */
  readonly otlpPort: number;
  readonly supervisor: Supervisor;
  read(): Promise<AgentDetail>;
  configuration(): Promise<AgentConfiguration>;
}

export interface Fleet extends AsyncDisposable {
  readonly members: readonly Member[];
  /** What each printed last, for the message of a test that failed. */
  output(): string;
}

/** Supervisors that enrol by one token a transport, with the labels `env: prod` and `transport`; all connected and well. */
export async function startFleet(
  plane: Pick<ControlPlane, "url" | "client">,
  programs: SupervisorPrograms,
  options: readonly MemberOptions[],
): Promise<Fleet> {
  const tokens = { ws: await tokenFor(plane, "ws"), http: await tokenFor(plane, "http") };
  const started: { options: MemberOptions; supervisor: Supervisor; otlpPort: number }[] = [];
  const stopAll = () =>
    Promise.all(started.map(({ supervisor }) => supervisor[Symbol.asyncDispose]())).then(() => undefined);
  const output = () =>
    started
      .map(({ options: { name }, supervisor }) => `${name}:\n${supervisor.output().slice(-1_000)}`)
      .join("\n");
  try {
    for (const member of options) {
      const otlpPort = await ownPort();
      const supervisor = startSupervisor(programs, {
        endpoint: `${plane.url.replace(/^http/, member.transport)}/v1/opamp`,
        token: tokens[member.transport],
        hostName: member.name,
        configApplyTimeoutSeconds: 1,
        ...member,
        collectorEnv: { OTLP_PORT: String(otlpPort), ...member.collectorEnv },
      });
      started.push({ options: member, supervisor, otlpPort });
    }
    const members = await Promise.all(
      started.map(async ({ options: { name, transport }, supervisor, otlpPort }) => {
        const agentId = await connected(plane, name);
        const params = { agent_id: agentId };
        return {
          name,
          transport,
          agentId,
          otlpPort,
          supervisor,
          read: () => plane.client.agentRead({ params }),
          configuration: () => plane.client.agentConfiguration({ params }),
        };
      }),
    );
    return { members, output, [Symbol.asyncDispose]: stopAll };
  } catch (cause) {
    const printed = output();
    await stopAll();
    throw new Error(`starting the fleet:\n${printed}`, { cause });
  }
}

const OWN_PORTS = { from: 15_000, until: 30_000 } as const;
const PORT_TRIES_MAX = 100;

/**
 * A free port that stays free until a Collector asks for it: not one of those that the system gives to whoever connects
 * somewhere, as everybody here does all the time.
 */
export async function ownPort(): Promise<number> {
  for (let tried = 0; tried < PORT_TRIES_MAX; tried += 1) {
    const port = randomInt(OWN_PORTS.from, OWN_PORTS.until);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
  throw new Error(`no port is free from ${OWN_PORTS.from} to ${OWN_PORTS.until}`);
}

async function tokenFor({ client }: Pick<ControlPlane, "client">, transport: "ws" | "http"): Promise<string> {
  const { secret } = await client.enrolmentTokenCreate({
    body: { name: `edge by ${transport}`, uses_max: 100, labels: { env: "prod", transport } },
  });
  return secret;
}

function connected({ client }: Pick<ControlPlane, "client">, name: string): Promise<string> {
  return eventually(
    `${name} to be connected and well`,
    async () => {
      const { items } = await client.agentList({ query: { q: name } });
      return items.find((agent) => agent.hostname === name && agent.state === "connected" && agent.healthy)
        ?.id;
    },
    CONNECT_LIMIT_MS,
  );
}
