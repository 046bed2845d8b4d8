import { monitorEventLoopDelay } from "node:perf_hooks";
import { newId, type Base } from "../../platform/context.ts";
import { listBeats, wasAnother, writeBeat, type Beat } from "./beat-store.ts";

/** How often a gateway says that it is there. */
export const BEAT_MS = 5_000;
/** Between two beats that are further apart nobody was heard: the process stood still, or the database did. */
export const LATE_MS = 20_000;
/** After trouble agents are on their way back for so long at least: each waits a while before it tries again. */
export const RETURN_MS = 60_000;

/**
 * Since when agents could be heard without a break, in ms; it is in the future while they are on their way back from trouble of ours, and
 * `now` while no gateway is there.
 */
export function heardSince(beats: readonly Beat[], now: number): number {
  if (!beats.some(({ beatAt }) => now - beatAt <= LATE_MS)) return now;
  return Math.max(
    0,
    ...beats.map(({ beatAt, returningUntil }) =>
      // One that ended left its agents behind, to find another.
      Math.max(returningUntil ?? 0, now - beatAt <= LATE_MS ? 0 : beatAt + RETURN_MS),
    ),
  );
}

export async function readHeardSince({ storage, now }: Pick<Base, "storage" | "now">): Promise<number> {
  return heardSince(await listBeats(storage.system), now());
}

/** What a gateway knows of its own trouble. */
export interface Trouble {
  /** Whether what agents say is written. */
  readonly isWriting: () => boolean;
  /** How long the event loop may stand still. */
  readonly stalledAfterMs: number;
  /** When the last that was told to come later comes back, in ms; 0 when nobody was. */
  readonly awayUntil: () => number;
}

/** Writes down that a gateway is there, and what kept agents from being heard since it did so last. */
export class GatewayBeats {
  readonly #base: Pick<Base, "storage" | "now">;
  readonly #trouble: Trouble;
  readonly #id = newId();
  readonly #lag = monitorEventLoopDelay();
  #lastAt: number | undefined;

  constructor(base: Pick<Base, "storage" | "now">, trouble: Trouble) {
    this.#base = base;
    this.#trouble = trouble;
    this.#lag.enable();
  }

  /** Rejects when it cannot be written: the next one that can says so. */
  async beat(): Promise<void> {
    const { system } = this.#base.storage;
    const at = this.#base.now();
    const isStalled = this.#lag.max / 1e6 > this.#trouble.stalledAfterMs;
    this.#lag.reset();
    const isTroubled =
      isStalled ||
      !this.#trouble.isWriting() ||
      // At the very first start nobody is on the way back.
      (this.#lastAt === undefined ? await wasAnother(system, this.#id) : at - this.#lastAt > LATE_MS);
    const until = Math.max(isTroubled ? at + RETURN_MS : 0, this.#trouble.awayUntil());
    await writeBeat(system, this.#id, { beatAt: at, returningUntil: until === 0 ? null : until });
    this.#lastAt = at;
  }

  close(): void {
    this.#lag.disable();
  }
}
