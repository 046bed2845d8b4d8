import type { Client, Rollout } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";
import { shortId } from "./format.ts";
import { watchInterrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";
import { barOf, countWords, exitCodeOf, linesBetween, rolloutStyle } from "./rollout-words.ts";
import { printable } from "./text-width.ts";

const LOOK_EVERY_MS = 1_000;
/** Groups of failures that are printed; the rest is a number. */
const FAILURES_SHOWN = 10;
const WAVE_TITLE_CELLS = 8;

export interface FollowOptions {
  readonly json?: true;
  /** Milliseconds; the rollout goes on when they are over. */
  readonly timeout?: number;
}

/**
 * Watches a rollout until it ends or waits for a person, and gives the exit code that says which. On a terminal its waves fill in
 * place; elsewhere each change is a line, with `--json` each is the rollout as an object. Ctrl-C leaves it to go on alone.
 */
export async function followRollout(
  client: Client,
  output: Output,
  rolloutId: string,
  options: FollowOptions,
): Promise<number> {
  const stop = new AbortController();
  using interrupts = watchInterrupts(() => stop.abort());
  const signal = AbortSignal.any([
    stop.signal,
    interrupts.left,
    ...(options.timeout === undefined ? [] : [AbortSignal.timeout(options.timeout)]),
  ]);
  const screen = screenOf(output, options);
  for (let before: Rollout | null = null; ;) {
    const rollout: Rollout = await client.rolloutRead({ params: { rollout_id: rolloutId } });
    screen.show(before, rollout);
    before = rollout;
    const exitCode = exitCodeOf(rollout.state);
    if (exitCode !== null) {
      if (options.json !== true) await sayEnd(client, output, rollout);
      return exitCode;
    }
    if (!(await pause(signal))) return leave(stop.signal.aborted, rollout);
  }
}

function leave(wasInterrupted: boolean, rollout: Rollout): number {
  if (wasInterrupted) return EXIT.interrupted;
  throw new CliError(`The rollout has not ended in time: ${rollout.sentence}`, {
    exitCode: EXIT.timedOut,
    advice: `It goes on. \`flowplane rollouts watch ${shortId(rollout.id)}\` shows it, \`flowplane rollouts rollback ${shortId(rollout.id)}\` takes it back.`,
  });
}

/** Says false when `signal` aborted meanwhile. */
function pause(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = () => (clearTimeout(timer), resolve(false));
    const timer = setTimeout(() => (signal.removeEventListener("abort", end), resolve(true)), LOOK_EVERY_MS);
    signal.addEventListener("abort", end, { once: true });
  });
}

interface Screen {
  show(before: Rollout | null, rollout: Rollout): void;
}

function screenOf(output: Output, options: FollowOptions): Screen {
  if (options.json === true) {
    let last = "";
    return {
      show: (_, rollout) => {
        const text = JSON.stringify(rollout);
        if (text !== last) output.jsonLine(rollout);
        last = text;
      },
    };
  }
  if (!output.interactive)
    return {
      show: (before, rollout) => {
        for (const line of linesBetween(before, rollout)) output.print(printable(line));
      },
    };
  let drawn = 0;
  return {
    show: (_, rollout) => {
      const lines = [rollout.sentence, ...waveLines(output, rollout)];
      // Back up over what was drawn; each line is cleared to its end, so that a shorter one leaves nothing behind.
      process.stdout.write(
        (drawn === 0 ? "" : `\u001b[${drawn}A`) + lines.map((line) => `${line}\u001b[K\n`).join(""),
      );
      drawn = lines.length;
    },
  };
}

/** A bar and the numbers of every wave. */
export function waveLines(output: Output, rollout: Rollout): string[] {
  return rollout.waves.map((wave) => {
    const bar = barOf(wave).map(([cells, style]) => output.style(style, cells));
    const title = `wave ${wave.index + 1}`.padEnd(WAVE_TITLE_CELLS);
    return `${title} ${bar.join("")} ${countWords(wave.counts)}`;
  });
}

async function sayEnd(client: Client, output: Output, rollout: Rollout): Promise<void> {
  const { sentence, reason } = rollout;
  output.print(output.style(rolloutStyle(rollout.state), printable(sentence)));
  if (reason !== null && !sentence.includes(reason)) output.print(printable(reason));
  await printFailures(client, output, rollout);
  if (rollout.state === "paused")
    output.note(
      `Go on with \`flowplane rollouts resume ${shortId(rollout.id)}\`, or take it back with \`flowplane rollouts rollback ${shortId(rollout.id)}\`.`,
    );
}

/** The failed agents by reason, each with its own words. */
export async function printFailures(client: Client, output: Output, rollout: Rollout): Promise<void> {
  const { items } = await client.rolloutFailures({ params: { rollout_id: rollout.id } });
  for (const { reason_code, reason, agents, examples } of items.slice(0, FAILURES_SHOWN)) {
    const names = examples.map(({ name }) => name).join(", ");
    const more = agents > examples.length ? ` and ${agents - examples.length} more` : "";
    output.print(printable(`${reason_code}: ${names}${more}`));
    for (const line of reason.split("\n").filter((each) => each.trim() !== ""))
      output.print(printable(`  ${line}`));
  }
  if (items.length > FAILURES_SHOWN)
    output.note(
      `${items.length - FAILURES_SHOWN} more kinds of failure: \`flowplane rollouts agents ${shortId(rollout.id)} --state failed\``,
    );
}
