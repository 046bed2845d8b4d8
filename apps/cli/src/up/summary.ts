import { formatWhen } from "../format.ts";
import type { Output } from "../output.ts";

export interface Summary {
  readonly url: string;
  readonly signInUrl: string;
  readonly signInExpiresAt: string;
  readonly dataDir: string;
  /** The agent's sentence; null when none was started. */
  readonly agent: string | null;
  readonly tookMs: number;
}

/** What `flowplane up` says when everything runs. */
export function printSummary(output: Output, summary: Summary, now: number): void {
  const seconds = (summary.tookMs / 1_000).toFixed(1);
  const rows: [string, string | null][] = [
    ["Dashboard", summary.url],
    ["Sign in", summary.signInUrl],
    [
      "",
      output.style(
        "dim",
        `works once, until ${localTime(summary.signInExpiresAt)} (${formatWhen(summary.signInExpiresAt, now)})`,
      ),
    ],
    ["Agent", summary.agent],
    ["Data", summary.dataDir],
    ["Try", "npx flowplane run -- sh -c 'for i in 1 2 3; do echo line $i; sleep 1; done'"],
    ["Stop", "Ctrl-C"],
  ];
  output.print(
    `\n${output.style("bold", "Flowplane is ready")} ${output.style("dim", `after ${seconds} s`)}\n`,
  );
  for (const [title, value] of rows) if (value !== null) output.print(`  ${title.padEnd(11)}${value}`);
  output.print("");
}

function localTime(timestamp: string): string {
  return new Date(timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
