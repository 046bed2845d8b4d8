import { hostname, userInfo } from "node:os";
import type { Client, Rollout } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { findConfiguration, findRollout } from "../find.ts";
import { shortId } from "../format.ts";
import { parseCount, parseDurationMs } from "../input.ts";
import { followRollout } from "../rollout-follow.ts";
import { withPlanOptions, type PlanOptions } from "../rollout-input.ts";
import { compareRollout, type CompareOptions } from "../rollout-compare.ts";
import { planRollout, startRollout, withTargetOptions, type TargetOptions } from "../rollout-start.ts";
import { printable } from "../text-width.ts";
import {
  listRolloutAgents,
  listRollouts,
  ROLLOUTS_SHOWN,
  showRollout,
  type AgentsOptions,
  type ListOptions,
} from "./rollouts-read.ts";

const ROLLOUT = "id, a part of it, or @last";

interface StartOptions extends ApiOptions, PlanOptions, TargetOptions {
  message?: string;
  watch?: true;
  timeout?: number;
}

interface ReasonOptions extends ApiOptions {
  reason?: string;
}

/** Bringing a version to agents: planned, started, watched, and taken back. */
export function declareRollouts(program: Command, context: Context): void {
  const rollouts = plainCommand(program, "rollouts", "Bring versions of configurations to agents, in waves");
  const ls = defaultCommand(rollouts, "ls", "List rollouts, newest first")
    .option("--config <configuration>", "only of this configuration")
    .option("--agent <agent>", "only those this agent is or was part of")
    .option("--limit <n>", `at most so many (default: ${ROLLOUTS_SHOWN})`, parseCount)
    .action((options: ListOptions) => listRollouts(context, options));
  ls.addOption(
    ls
      .createOption("--state <state>", "only in this state")
      .choices(["queued", "running", "paused", "rolling_back", "completed", "rolled_back", "aborted"]),
  );
  declareStarts(rollouts, context);
  apiCommand(rollouts, "show", "Show one rollout: its waves, and why agents failed")
    .argument("<rollout>", ROLLOUT)
    .action((wanted: string, options: ApiOptions) => showRollout(context, wanted, options));
  apiCommand(rollouts, "watch", "Watch a rollout until it ends or waits for a person; the exit code says how")
    .argument("<rollout>", ROLLOUT)
    .option("--timeout <duration>", "stop watching after so long; the rollout goes on", parseDurationMs)
    .action(async (wanted: string, options: ApiOptions & { timeout?: number }) => {
      const { client, output } = await openApi(context, options);
      const { id } = await findRollout(client, wanted);
      context.exitCode = await followRollout(client, output, id, options);
    });
  const compare = apiCommand(
    rollouts,
    "compare",
    "Compare both sides of a rollout: health and own telemetry of agents with and without the version",
  )
    .argument("<rollout>", ROLLOUT)
    .action((wanted: string, options: CompareOptions) => compareRollout(context, wanted, options));
  compare.addOption(
    compare
      .createOption("--signal <signal>", "telemetry of this signal alone (default: all three together)")
      .choices(["traces", "metrics", "logs"]),
  );
  const agents = apiCommand(rollouts, "agents", "List the agents of a rollout with their verdicts")
    .argument("<rollout>", ROLLOUT)
    .option("--wave <n>", "only of this wave, from 1", parseCount)
    .action((wanted: string, options: AgentsOptions) => listRolloutAgents(context, wanted, options));
  agents.addOption(
    agents
      .createOption("--state <state>", "only in this state")
      .choices([
        "waiting",
        "offered",
        "applying",
        "soaking",
        "passed",
        "failed",
        "unreachable",
        "skipped",
        "reverting",
        "reverted",
      ]),
  );
  declareSteering(rollouts, context);
}

function declareStarts(rollouts: Command, context: Context): void {
  withPlanOptions(
    withTargetOptions(
      apiCommand(
        rollouts,
        "plan",
        "Show what a rollout would do: which agents, in which waves, what changes",
      ),
    ),
  ).action(async (wanted: string, options: StartOptions) => {
    const { client, output } = await openApi(context, options);
    const { id } = await findConfiguration(client, wanted);
    await planRollout(context, client, output, id, options);
  });
  withPlanOptions(
    withTargetOptions(apiCommand(rollouts, "start", "Bring a version to agents in waves"))
      .option("-m, --message <text>", "why; it is shown with the rollout")
      .option("--everybody", "yes, to every agent there is")
      .option("--queue", "wait for another rollout that has some of these agents, instead of being refused")
      .option("--watch", "watch it until it ends; the exit code says how")
      .option("--timeout <duration>", "with --watch: stop watching after so long", parseDurationMs),
  ).action(async (wanted: string, options: StartOptions) => {
    const { client, output } = await openApi(context, options);
    const { id } = await findConfiguration(client, wanted);
    const rollout = await startRollout(client, id, options, options.message);
    if (options.json === true && options.watch !== true) return output.json(rollout);
    if (options.json !== true) output.print(printable(`${rollout.sentence} (${shortId(rollout.id)})`));
    if (options.watch === true) context.exitCode = await followRollout(client, output, rollout.id, options);
    else output.note(`Watch it with \`flowplane rollouts watch ${shortId(rollout.id)}\`.`);
    return undefined;
  });
}

function declareSteering(rollouts: Command, context: Context): void {
  const act = async (
    wanted: string,
    options: ApiOptions,
    change: (client: Client, params: { rollout_id: string }) => Promise<Rollout>,
  ) => {
    const { client, output } = await openApi(context, options);
    const { id } = await findRollout(client, wanted);
    const after = await change(client, { rollout_id: id });
    if (options.json === true) output.json(after);
    else output.print(printable(after.sentence));
  };
  apiCommand(rollouts, "pause", "Offer it to nobody else; agents under way get their verdict")
    .argument("<rollout>", ROLLOUT)
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string, options: ReasonOptions) =>
      act(wanted, options, (client, params) =>
        client.rolloutPause({ params, body: { reason: reasonOf(options, "pause") } }),
      ),
    );
  apiCommand(rollouts, "resume", "Go on with a paused rollout; what stopped it is passed over")
    .argument("<rollout>", ROLLOUT)
    .option("--retry-failed", "offer it to the failed agents once more")
    .action((wanted: string, options: ApiOptions & { retryFailed?: true }) =>
      act(wanted, options, (client, params) =>
        client.rolloutResume({ params, body: { retry_failed: options.retryFailed === true } }),
      ),
    );
  apiCommand(rollouts, "approve", "Let the next wave begin")
    .argument("<rollout>", ROLLOUT)
    .action((wanted: string, options: ApiOptions) =>
      act(wanted, options, (client, params) => client.rolloutApprove({ params })),
    );
  apiCommand(rollouts, "abort", "End a rollout where it is; agents keep what they have")
    .argument("<rollout>", ROLLOUT)
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string, options: ReasonOptions) =>
      act(wanted, options, (client, params) =>
        client.rolloutAbort({ params, body: { reason: reasonOf(options, "abort") } }),
      ),
    );
  apiCommand(rollouts, "rollback", "Give every agent that got the version what it had before")
    .argument("<rollout>", ROLLOUT)
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string, options: ReasonOptions) =>
      act(wanted, options, (client, params) =>
        client.rolloutRollBack({ params, body: { reason: reasonOf(options, "rollback") } }),
      ),
    );
}

function reasonOf({ reason }: ReasonOptions, verb: string): string {
  return reason ?? `\`flowplane rollouts ${verb}\` by ${userInfo().username} on ${hostname()}`;
}
