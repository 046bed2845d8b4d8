import type { RolloutAgentState, RolloutCounts } from "@flowplane/contract";
import { noCounts } from "@flowplane/rollouts";
import type { Db } from "../../platform/storage/database.ts";
import { setWaves, type WaveRow } from "./store.ts";
import { sumOf } from "./view.ts";

/** The counts of a rollout's waves while a step moves its agents; written with them, in the same transaction. */
export class Tally {
  waves: WaveRow[];
  readonly #changed = new Set<number>();

  constructor(waves: readonly WaveRow[]) {
    this.waves = waves.map((wave) => ({ ...wave, counts: { ...wave.counts } }));
  }

  move(wave: number, from: RolloutAgentState, to: RolloutAgentState): void {
    const counts = this.waves.find(({ index }) => index === wave)?.counts;
    if (counts === undefined || from === to) return;
    counts[from] -= 1;
    counts[to] += 1;
    this.#changed.add(wave);
  }

  /** Agents that came to a wave. */
  add(wave: number, state: RolloutAgentState, agents: number): void {
    const counts = this.waves.find(({ index }) => index === wave)?.counts;
    if (counts === undefined) return;
    counts[state] += agents;
    this.#changed.add(wave);
  }

  /** Takes over what the agents' own rows say; false when that is what was counted. */
  correct(rows: readonly { wave: number; state: RolloutAgentState; agents: number }[]): boolean {
    let isWrong = false;
    for (const wave of this.waves) {
      const counts = noCounts();
      for (const row of rows) if (row.wave === wave.index) counts[row.state] = row.agents;
      if (
        Object.entries(counts).every(([state, agents]) => wave.counts[state as RolloutAgentState] === agents)
      )
        continue;
      wave.counts = counts;
      this.#changed.add(wave.index);
      isWrong = true;
    }
    return isWrong;
  }

  sum(): RolloutCounts {
    return sumOf(this.waves);
  }

  async write(db: Db, rolloutId: string): Promise<void> {
    const changed = this.waves.filter(({ index }) => this.#changed.has(index));
    if (changed.length > 0) await setWaves(db, rolloutId, changed);
    this.#changed.clear();
  }
}
