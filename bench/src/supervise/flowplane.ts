import { watchLines } from "../log-stream.ts";
import { startWithAgent } from "../site-agent.ts";
import type { Candidate, Launched } from "./candidate.ts";
import { commandLine, descendants } from "./processes.ts";

/** `flowplane up`: the launch crosses HTTP, PostgreSQL and mTLS on its way to the process, and the line comes back by them. */
export async function startFlowplane(): Promise<Candidate> {
  const { plane, agentId } = await startWithAgent();
  const runs = new WeakMap<Launched, string>();
  const { server } = await plane.client.me({});
  return {
    name: "flowplane",
    version: server.version,
    note: "launched over REST, stored in PostgreSQL, first line at a client of the live log",
    async launch(job) {
      const run = await plane.client.runCreate({
        body: {
          name: job.name,
          command: job.command,
          args: [...job.args],
          env: { ...job.env },
          agent_id: agentId,
          grace_ms: 1_600,
        },
      });
      const launched: Launched = {
        job,
        async firstLine() {
          const stop = new AbortController();
          try {
            for await (const { at } of watchLines(plane, run.id, stop.signal)) return at;
          } finally {
            stop.abort();
          }
          throw new Error(`${job.name} printed nothing`);
        },
      };
      runs.set(launched, run.id);
      return launched;
    },
    async stop(launched) {
      const id = runs.get(launched);
      if (id === undefined) throw new Error(`${launched.job.name} was not launched here`);
      await plane.client.runStop({ params: { run_id: id }, body: { reason: "bench" } });
    },
    processes() {
      const own = descendants(plane.child.pid ?? 0);
      const agent = own.filter((pid) => /main\.[jt]s .*--data/.test(commandLine(pid)));
      const postgres = own.filter((pid) => commandLine(pid).includes("postgres"));
      // Runs outlive the agent, so their wrappers may be anybody's children; the data folder is in their arguments.
      const wrappers = descendants(1).filter(
        (pid) => commandLine(pid).includes("wrapper.sh") && commandLine(pid).includes(plane.dataDir),
      );
      return { agent, wrappers, control_plane: [plane.child.pid ?? 0, ...postgres] };
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  };
}
