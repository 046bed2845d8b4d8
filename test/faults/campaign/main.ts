import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";

// `pnpm faults --kills 1000 --seed 1 --load 12`: a long campaign, for people with a quarter of an hour.

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    load: { type: "string", default: "12" },
  },
});
const report = await runCampaign({
  kills: Number(values.kills),
  seed: Number(values.seed),
  load: Number(values.load),
  onProgress: (sentence) => void process.stderr.write(`${sentence}\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const { said } = report.verdict;
process.exit(said.length === 0 ? 0 : 1);
