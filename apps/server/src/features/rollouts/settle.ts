import { judgeAgent } from "@flowplane/rollouts";
import { notify, type Tx } from "../../platform/context.ts";
import { readFlights, welcomeReturned } from "./advance.ts";
import { BATCH_AGENTS_MAX, REASON_CHARS_MAX } from "./limits.ts";
import type { Look } from "./looks.ts";
import type { Ports } from "./ports.ts";
import { writeVerdicts } from "./agents-store.ts";
import { listWaves, lockFreeRollout } from "./store.ts";
import { Tally } from "./tally.ts";

/**
 * Verdicts on agents of a rollout that has ended: those that were away and come back, those that were under way when it was aborted, and
 * those that are new to it. They decide nothing any more; they say what became of each. True when more may have come back.
 */
export async function settleRollout(
  ctx: Tx,
  ports: Ports,
  id: string,
  { returned, heardSince }: { returned: Look; heardSince: number },
): Promise<boolean> {
  const row = await lockFreeRollout(ctx.db, id);
  if (row === undefined || row.ended_at === null) return false;
  const tally = new Tally(await listWaves(ctx.db, [row.id]));
  const back = await welcomeReturned(ctx, row, tally, returned, new Date(ctx.now()));
  const flights = await readFlights(ctx, ports, row, heardSince);
  const verdicts = flights.flatMap((flight) => judgeAgent(flight, row.plan, ctx.now()) ?? []);
  await writeVerdicts(ctx.db, row.id, verdicts, REASON_CHARS_MAX);
  for (const { wave, from, state } of verdicts) tally.move(wave, from, state);
  await tally.write(ctx.db, row.id);
  if (back > 0 || verdicts.some(({ from, state }) => from !== state))
    notify(ctx, { topic: "rollout", id: row.id });
  return back === BATCH_AGENTS_MAX;
}
