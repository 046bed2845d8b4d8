import { createHash } from "node:crypto";
import type { Point } from "@flowplane/telemetry";
import type { Base } from "../../platform/context.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { SERIES_REMEMBERED_MAX } from "./limits.ts";
import { numberSeries, touchSeries, type NewSeries } from "./store.ts";

const DAY_MS = 86_400_000;

interface Known {
  readonly id: number;
  day: number;
}

/**
 * The numbers of series. A fleet of one kind of Collector has a few hundred names between all its agents, so nearly every
 * look-up is one in memory, however many agents there are.
 */
export class SeriesNumbers {
  readonly #base: Base;
  #known = new Map<string, Known>();

  constructor(base: Base) {
    this.#base = base;
  }

  /** The number of each point's series; undefined where the limits left no room for a new one. */
  async of(identity: AgentIdentity, points: readonly Point[]): Promise<(number | undefined)[]> {
    const now = this.#base.now();
    const today = Math.floor(now / DAY_MS);
    const { organization_id: organizationId, agent_id: agentId } = identity;
    const keys = points.map(({ series }) => `${organizationId}${series.kind}${series.key}`);
    const wanted: NewSeries[] = [];
    const stale: Known[] = [];
    for (const [index, key] of keys.entries()) {
      const remembered = this.#known.get(key);
      // What nobody reported for days may have been deleted meanwhile.
      const known = remembered !== undefined && remembered.day >= today - 1 ? remembered : undefined;
      const point = points[index];
      if (known === undefined && point !== undefined)
        wanted.push({ hash: hashOf(point), series: point.series, measure: point.measure });
      else if (known !== undefined && known.day !== today) stale.push(known);
    }
    if (wanted.length > 0) {
      const system = this.#base.storage.system;
      const numbers = await numberSeries(system, organizationId, agentId, wanted, new Date(now));
      if (this.#known.size + numbers.size > SERIES_REMEMBERED_MAX) this.#known.clear();
      for (const { hash, series } of wanted) {
        const id = numbers.get(hash);
        if (id !== undefined)
          this.#known.set(`${organizationId}${series.kind}${series.key}`, { id, day: today - 1 });
      }
    }
    if (stale.length > 0) {
      for (const known of stale) known.day = today;
      await touchSeries(
        this.#base.storage.system,
        stale.map(({ id }) => id),
        new Date(now),
      );
    }
    return keys.map((key) => this.#known.get(key)?.id);
  }
}

function hashOf({ series }: Point): string {
  return createHash("sha256").update(`${series.kind} ${series.key}`).digest("hex").slice(0, 32);
}
