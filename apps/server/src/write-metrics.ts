import { writeFileSync } from "node:fs";
import { join } from "node:path";
import "./server.ts";
import { describeMetrics, metricsReference } from "./features/figures/reference.ts";
import { metrics } from "./platform/metrics.ts";

/** Writes docs/reference/metrics.md. Run it after a change of a metric. */
const file = join(import.meta.dirname, "../../../docs/reference/metrics.md");
writeFileSync(file, metricsReference(await describeMetrics(metrics)));
