import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { permille, ramp } from "./fixed.ts";
import type { OutputWatch } from "./output-state.ts";

/** How little of what is printed was never seen before. */
export function repetitionReading(watch: OutputWatch, config: DetectorConfig): FamilyReading {
  const novelty = permille(watch.novelty);
  const { noveltyShare } = config;
  return {
    family: "repetition",
    strength: ramp(1000 - novelty, 1000 - 2 * noveltyShare, 1000 - Math.floor(noveltyShare / 2)),
    value: novelty,
    threshold: noveltyShare,
    unit: "‰ of records new",
  };
}

/** How little of it is news of any kind, counters included. */
export function progressReading(watch: OutputWatch, config: DetectorConfig): FamilyReading {
  const news = permille(watch.news);
  return {
    family: "no_progress",
    strength: 1000 - ramp(news, 0, config.progressShare * 2),
    value: news,
    threshold: config.progressShare,
    unit: "‰ of lines with news",
  };
}
