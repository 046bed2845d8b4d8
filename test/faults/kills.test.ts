import { expect, test } from "vitest";
import { runCampaign } from "./campaign/campaign.ts";

/** A long one is `pnpm faults --kills 1000`; what it counted stands in docs/faults.md. */
const KILLS = 25;

test("kill -9 of agents, wrappers, server and database at random, while jobs of every kind run", async () => {
  const report = await runCampaign({ kills: KILLS, seed: Number(process.env["FAULTS_SEED"] ?? 42), load: 8 });
  console.log(`kill campaign: ${JSON.stringify({ ...report, verdict: { ...report.verdict, said: [] } })}`);
  expect(report.verdict.said).toEqual([]);
  expect(report.kills_total).toBe(KILLS);
  expect(report.runs).toBeGreaterThan(KILLS / 5);
}, 300_000);
