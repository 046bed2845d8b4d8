import { Agent as HttpsAgent, request } from "node:https";
import type { FromFleet, ToFleet } from "./messages.ts";
import { SimulatedAgent, type Tally } from "./agent.ts";

/** A process full of simulated agents, told what to do over IPC; it reports its state once a second. */
const tally: Tally = {
  connected: 0,
  latencies: [],
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  applied: 0,
  fullStateAsked: 0,
  refused: 0,
  errors: new Map(),
};
const agents: SimulatedAgent[] = [];
const ERRORS_SHOWN_MAX = 10;

process.on("message", (message: ToFleet) => {
  switch (message.type) {
    case "enrol":
      enrol(message).then(report, fail);
      return;
    case "join":
      for (let index = 0; index < message.count; index += 1) {
        const agent = new SimulatedAgent(`${message.prefix}-${index}`, "", tally);
        agent.useToken(message.opampUrl, message.token);
        agents.push(agent);
      }
      return;
    case "drop":
      for (const agent of agents) agent.drop();
      return;
    case "connect":
      connect(message.perSecond, message.heartbeatMs).catch(fail);
      return;
    case "forget_latencies":
      tally.latencies = [];
      return;
  }
});
process.on("disconnect", () => process.exit(0));
setInterval(() => {
  const { errors, ...counts } = tally;
  const shown = [...errors].toSorted((a, b) => b[1] - a[1]).slice(0, ERRORS_SHOWN_MAX);
  report({ type: "state", ...counts, errors: shown.map(([text, count]) => `${count} × ${text}`) });
}, 1_000);

async function enrol({
  agentsUrl,
  token,
  caPem,
  count,
  prefix,
  concurrency,
}: Extract<ToFleet, { type: "enrol" }>): Promise<FromFleet> {
  const keepAlive = new HttpsAgent({ keepAlive: true, maxSockets: concurrency, ca: caPem });
  const post = (body: string) =>
    new Promise<string>((resolve, reject) => {
      const call = request(`${agentsUrl}/v1/enrol`, {
        method: "POST",
        agent: keepAlive,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      });
      call.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve(text));
      });
      call.on("error", reject);
      call.end(body);
    });
  const latencies: number[] = [];
  const waiting = Array.from(
    { length: count },
    (_, index) => new SimulatedAgent(`${prefix}-${index}`, caPem, tally),
  );
  agents.push(...waiting);
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let agent = waiting.pop(); agent !== undefined; agent = waiting.pop()) {
        const start = performance.now();
        await agent.enrol(agentsUrl, post);
        latencies.push(performance.now() - start);
      }
    }),
  );
  keepAlive.destroy();
  return { type: "enrolled", count, latencies };
}

/** Connects at a steady rate; each agent's heartbeats then keep the phase it connected with, so they stay spread. */
async function connect(perSecond: number, heartbeatMs: number): Promise<void> {
  const start = performance.now();
  for (const [index, agent] of agents.entries()) {
    const due = start + (index * 1_000) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    agent.connect();
  }
  const slots = Math.max(1, Math.round(heartbeatMs / 100));
  let slot = 0;
  setInterval(() => {
    for (let index = slot; index < agents.length; index += slots) agents[index]?.heartbeat();
    slot = (slot + 1) % slots;
  }, 100);
}

function report(message: FromFleet): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  process.stderr.write(`fleet: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
