import type { Outcome } from "./row.ts";

/** `12 pass, 3 fail, 2 skip`. */
export function summaryOf(outcomes: readonly Outcome[]): string {
  const count = (result: Outcome["result"]) => outcomes.filter((each) => each.result === result).length;
  return `${count("pass")} pass, ${count("fail")} fail, ${count("skip")} skip`;
}

export function lineOf({ row, source, what, result, why }: Outcome): string {
  return `${String(row).padStart(3)} · ${source.padEnd(4)} · ${result} · ${what}\n      ${why}`;
}

/** The same as a table in Markdown. */
export function markdownOf(outcomes: readonly Outcome[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const lines = outcomes.map(
    ({ row, source, what, result, why }) =>
      `| ${row} | ${source} | ${cell(what)} | ${result} | ${cell(why)} |`,
  );
  return ["| row | from | the server … | result | why |", "| --- | --- | --- | --- | --- |", ...lines].join(
    "\n",
  );
}
