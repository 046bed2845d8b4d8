import { parseArgs } from "node:util";
import type { Bench } from "./bench.ts";
import { machine } from "./machine.ts";

/**
 * `pnpm bench NAME [--OPTION VALUE …]`: runs one benchmark against a control plane of its own and prints one JSON
 * line: its figures, the sizes it ran with and the machine. Progress goes to stderr. See README.md on reading them.
 */
const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  launch: () => import("./launch.ts"),
  stop: () => import("./stop.ts"),
  tail: () => import("./tail.ts"),
  rollout: () => import("./rollout.ts"),
  gateway: () => import("./gateway/gateway.ts"),
  api: () => import("./api.ts"),
  selectors: () => import("./selectors.ts"),
  detect: () => import("./detect.ts"),
  logs: () => import("./logs.ts"),
  validate: () => import("./validate.ts"),
  otlp: () => import("./otlp.ts"),
  supervise: () => import("./supervise/supervise.ts"),
};

const [name = "", ...rest] = process.argv.slice(2);
const load = BENCHES[name];
if (load === undefined) {
  process.stderr.write(`usage: pnpm bench ${Object.keys(BENCHES).join("|")} [--option number …]\n`);
  process.exit(2);
}
const { bench } = await load();
const options = readOptions(bench, rest);
const figures = await bench.run(options);
process.stdout.write(
  `${JSON.stringify({ bench: name, at: new Date().toISOString(), ...figures, options, machine: machine() })}\n`,
);
process.exit(0);

function readOptions(bench: Bench, args: string[]): Record<string, number> {
  const { values } = parseArgs({
    args,
    options: Object.fromEntries(
      Object.keys(bench.options).map((option) => [option, { type: "string" as const }]),
    ),
  });
  return Object.fromEntries(
    Object.entries(bench.options).map(([option, standard]) => {
      const value = values[option] === undefined ? standard : Number(values[option]);
      if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${option} takes a whole number`);
      return [option, value];
    }),
  );
}
