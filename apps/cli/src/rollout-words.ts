import type { Rollout, RolloutCounts, RolloutWave } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import type { Style } from "./output.ts";

/** How a rollout looks and ends, for people and for scripts. All pure. */

const STYLES: Readonly<Record<Rollout["state"], Style>> = {
  queued: "gray",
  running: "blue",
  paused: "yellow",
  rolling_back: "yellow",
  completed: "green",
  rolled_back: "red",
  aborted: "red",
};

export function rolloutStyle(state: Rollout["state"]): Style {
  return STYLES[state];
}

/** `rolling back`, as people say it. */
export function stateWords(state: string): string {
  return state.replaceAll("_", " ");
}

/** Null while there is something to wait for; a paused one waits for a person, not for time. */
export function exitCodeOf(state: Rollout["state"]): number | null {
  switch (state) {
    case "completed":
      return EXIT.ok;
    case "rolled_back":
    case "aborted":
      return EXIT.rolledBack;
    case "paused":
      return EXIT.paused;
    case "queued":
    case "running":
    case "rolling_back":
      return null;
  }
}

const COUNTED: readonly (readonly [keyof RolloutCounts, string])[] = [
  ["passed", "passed"],
  ["soaking", "soaking"],
  ["applying", "applying"],
  ["offered", "offered"],
  ["waiting", "waiting"],
  ["failed", "failed"],
  ["reverting", "going back"],
  ["reverted", "went back"],
  ["unreachable", "unreachable"],
  ["skipped", "skipped"],
];

/** `3 passed, 1 failed`; states nobody is in are left out. */
export function countWords(counts: RolloutCounts): string {
  const words = COUNTED.filter(([state]) => counts[state] > 0).map(
    ([state, word]) => `${counts[state]} ${word}`,
  );
  return words.length === 0 ? "no agents" : words.join(", ");
}

const BAR_CELLS = 24;
/** In the order of the bar, from the left. */
const BAR: readonly (readonly [letter: string, style: Style, states: readonly (keyof RolloutCounts)[]])[] = [
  ["█", "green", ["passed", "skipped"]],
  ["▓", "blue", ["soaking"]],
  ["▒", "blue", ["applying", "offered"]],
  ["x", "red", ["failed"]],
  ["<", "yellow", ["reverting", "reverted"]],
  ["?", "gray", ["unreachable"]],
  ["·", "gray", ["waiting"]],
];

/** A wave as a bar of so many cells, each part with its style; nobody who is there is left without a cell. */
export function barOf({ counts }: Pick<RolloutWave, "counts">): readonly (readonly [string, Style])[] {
  const parts = BAR.map(([letter, style, states]) => ({
    letter,
    style,
    agents: states.reduce((sum, state) => sum + counts[state], 0),
  })).filter(({ agents }) => agents > 0);
  const total = parts.reduce((sum, { agents }) => sum + agents, 0);
  if (total === 0) return [["·".repeat(BAR_CELLS), "gray"]];
  const shared = BAR_CELLS - parts.length;
  let [before, filled] = [0, 0];
  return parts.map(({ letter, style, agents }) => {
    before += agents;
    // Rounding the running sum, not each part, makes all of them together exactly as long as the bar.
    const until = Math.round((before / total) * shared);
    const cells = 1 + until - filled;
    filled = until;
    return [letter.repeat(cells), style] as const;
  });
}

/** What a watcher is told that saw `before`, one line each. */
export function linesBetween(before: Rollout | null, after: Rollout): string[] {
  const lines = after.waves.flatMap((wave) => waveLine(before?.waves[wave.index], wave, after.waves.length));
  if (before !== null && before.state !== after.state && exitCodeOf(after.state) === null)
    lines.push(`${stateWords(after.state)}${after.reason === null ? "" : `: ${after.reason}`}`);
  if (after.waiting !== null && before?.waiting?.for !== after.waiting.for)
    lines.push(`waiting for ${after.waiting.for}`);
  return lines;
}

function waveLine(before: RolloutWave | undefined, wave: RolloutWave, waves: number): string[] {
  if (before?.state === wave.state || wave.state === "waiting") return [];
  const title = `wave ${wave.index + 1} of ${waves}`;
  if (wave.state === "running") return [`${title}: ${agentsWord(wave.agents)}`];
  return [`${title} ${wave.state}: ${countWords(wave.counts)}`];
}

export function agentsWord(count: number): string {
  return `${count} ${count === 1 ? "agent" : "agents"}`;
}
