import { judgeAgent } from "@flowplane/rollouts";
import { notify, type Tx } from "../../platform/context.ts";
import { readFlights, welcomeReturned } from "./advance.ts";
import { REASON_CHARS_MAX } from "./limits.ts";
import type { Ports } from "./ports.ts";
import { writeVerdicts } from "./agents-store.ts";
import { listWaves, lockFreeRollout } from "./store.ts";
import { Tally } from "./tally.ts";

/**
 * Verdicts on agents of a rollout that has ended: those that were away and come back, those that were under way when it was aborted, and
 * those that are new to it. They decide nothing any more; they say what became of each.
 */
export async function settleRollout(ctx: Tx, ports: Ports, id: string): Promise<void> {
  const row = await lockFreeRollout(ctx.db, id);
  if (row === undefined || row.ended_at === null) return;
  const tally = new Tally(await listWaves(ctx.db, [row.id]));
  const isBusy = await welcomeReturned(ctx, row, tally, new Date(ctx.now()));
  const flights = await readFlights(ctx, ports, row);
  const verdicts = flights.flatMap((flight) => judgeAgent(flight, row.plan, ctx.now()) ?? []);
  await writeVerdicts(ctx.db, row.id, verdicts, REASON_CHARS_MAX);
  for (const { wave, from, state } of verdicts) tally.move(wave, from, state);
  await tally.write(ctx.db, row.id);
  if (isBusy || verdicts.some(({ from, state }) => from !== state))
    notify(ctx, { topic: "rollout", id: row.id });
}
