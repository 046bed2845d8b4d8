import type { Run, RunSample } from "@flowplane/contract";
import { iso } from "./random.ts";

const EVERY_MS = 5_000;
const LIMIT = 2_147_483_648;

/** What a run used, made up: a plausible beginning, a gap while the agent was away, then the loop. */
export function samplesOf(run: Run, points: number, now: number): { items: RunSample[]; every_ms: number } {
  if (run.started_at === null) return { items: [], every_ms: EVERY_MS };
  const start = Date.parse(run.started_at);
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  const every = Math.max(EVERY_MS, Math.ceil((end - start) / points / EVERY_MS) * EVERY_MS);
  const count = Math.floor((end - start) / every);
  const gap = [Math.floor(count * 0.42), Math.floor(count * 0.48)] as const;
  let [cpu, read, write, log] = [0, 0, 0, 0];
  const items: RunSample[] = [];
  for (let index = 0; index <= count; index += 1) {
    const share = index / Math.max(1, count);
    const wave = Math.abs(Math.sin(index / 7)) * 0.5 + Math.abs(Math.sin(index / 2.3)) * 0.3;
    const busy = share < 0.6 ? 0.35 + wave : 0.06 + wave * 0.08;
    cpu += every * busy;
    read += every * 900 * wave;
    write += every * 420 * (share < 0.6 ? wave : 0.02);
    log += every * (share < 0.6 ? 1.2 * wave : 7.5);
    if (index >= gap[0] && index < gap[1]) continue;
    items.push({
      at: iso(start + index * every),
      cpu_ms: Math.round(cpu),
      memory_bytes: Math.round(180_000_000 + share * 900_000_000 + wave * 60_000_000),
      memory_limit_bytes: LIMIT,
      read_bytes: Math.round(read),
      write_bytes: Math.round(write),
      processes: 3 + (index % 5 === 0 ? 2 : 0) + (share > 0.3 ? 4 : 0),
      log_bytes: Math.round(log),
    });
  }
  return { items, every_ms: every };
}
