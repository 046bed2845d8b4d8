// Following what live runs write: their output goes to the pump, and what their wrappers write is looked at.

import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { Commits } from "../logs/commits.ts";
import { Freeing } from "../logs/freeing.ts";
import { LogTail } from "../logs/tail.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Supervision } from "./supervision.ts";

export class Following {
  readonly #on: Supervision;
  readonly #watches = new Map<string, FSWatcher>();
  readonly #freeing: Freeing;
  readonly #commits: Commits;

  constructor(on: Supervision) {
    const { db, log } = on.options;
    this.#on = on;
    this.#commits = new Commits(db);
    this.#freeing = new Freeing((problem) => log.warn(problem));
  }

  /** Output goes to the pump, `pid` and `exit` to `look`. */
  follow(run: ActiveRun): void {
    const { pump, options } = this.#on;
    const { db, redactors, observer, log, onSegment } = options;
    const tail = new LogTail({
      db,
      runId: run.id,
      files: run.files,
      position: run.log,
      redactor: redactors.of(run.spec),
      freeing: this.#freeing,
      isReady: () => run.state.kind !== "starting",
      commits: this.#commits,
      observer,
      onObserverError: (error) => log.error({ err: error, runId: run.id }, "a run's watcher failed"),
      onSegment,
      onSealProblem: (error) => pump.sealed(run.id, error),
    });
    pump.add(run.id, tail);
    try {
      const watcher = watch(run.files.dir, { persistent: false }, (_event, name) => {
        if (name === "stdout" || name === "stderr") pump.nudge(run.id);
        else if (name === "pid" || name === "exit") this.#on.look(run);
      });
      watcher.on("error", () => this.#watches.delete(run.id));
      this.#watches.set(run.id, watcher);
    } catch (error) {
      // Watches are a limited resource of the host; polling alone is slower, not wrong.
      log.debug({ err: error }, "no watch for a run's folder");
    }
    pump.nudge(run.id);
  }

  unfollow(runId: string): void {
    this.#watches.get(runId)?.close();
    this.#watches.delete(runId);
    this.#on.pump.remove(runId);
  }

  /** To be called for a run that is over: all of its output is in segments by now. */
  removeOutput({ files }: ActiveRun): void {
    files.removeOutput();
    for (const name of ["stdout", "stderr"] as const) this.#freeing.forget(files.path(name));
  }

  close(): void {
    this.#commits.close();
  }
}
