import { decodeLines } from "@flowplane/link";
import { isTerminal, type ChangeNotice, type RunState } from "@flowplane/contract";
import { subjects, type BusMessage, type Subscription } from "../../../platform/bus/bus.ts";
import { inTransaction, newId, type Base, type Ctx } from "../../../platform/context.ts";
import { findRunLog } from "../store.ts";
import { systemContext } from "../system-context.ts";
import { GAP_ASK_EVERY_MS, WATCH_RENEW_MS, WATCH_TTL_MS } from "./limits.ts";
import type { RunLog } from "./read.ts";
import { TailBuffer } from "./tail-buffer.ts";
import type { TailMessage } from "./tail-messages.ts";

/** How a watched run stands, as far as this process has heard. */
export interface LiveState {
  /** Null while the run waits for an agent that fits. */
  readonly agent_id: string | null;
  readonly state: RunState;
  readonly exit_code: number | null;
  readonly log_stored_seq: number;
  readonly log_last_seq: number | null;
}

/** What `subjects.agentWatch` carries; `ttl_ms` of 0 ends the lease. */
interface WatchMessage {
  readonly run_id: string;
  readonly agent_id: string;
  readonly from_seq: number;
  readonly ttl_ms: number;
  readonly sender: string;
}

// The agent is told once per run and process, however many watch.
const shared = new WeakMap<Base["bus"], Map<string, LiveRun>>();

/** Begins to watch a run, or joins those who do, until disposed. */
export function watchRun(ctx: Ctx, run: RunLog, fromSeq: number, signal: AbortSignal): Watch {
  const runs = shared.get(ctx.bus) ?? new Map<string, LiveRun>();
  shared.set(ctx.bus, runs);
  const live = runs.get(run.id) ?? new LiveRun(ctx, run, () => runs.delete(run.id));
  runs.set(run.id, live);
  return new Watch(live, run, fromSeq, signal);
}

/** One watcher's hold on a run; all watchers of a run in this process share what is behind it. */
export class Watch implements Disposable {
  readonly #live: LiveRun;
  readonly #signal: AbortSignal;
  readonly #wake = () => this.#live.wake();

  constructor(live: LiveRun, run: RunLog, fromSeq: number, signal: AbortSignal) {
    this.#live = live;
    this.#signal = signal;
    // One listener for the watcher's whole life: one per wait would pile up.
    signal.addEventListener("abort", this.#wake);
    live.join(this, run, fromSeq);
  }

  get tail(): TailBuffer {
    return this.#live.tail;
  }

  get state(): LiveState {
    return this.#live.state;
  }

  /** Grows with everything that happens to the run; take it before looking, to miss nothing in between. */
  get version(): number {
    return this.#live.version;
  }

  /** Says which line is waited for; resolves when anything happened since `version`, or the signal aborts. */
  async next(seq: number, version: number): Promise<void> {
    if (!this.#signal.aborted) await this.#live.changed(this, seq, version);
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#wake);
    this.#live.leave(this);
  }
}

/**
 * What the watchers of one run share: its live lines, how it stands, and the lease that keeps its agent sending.
 * Notices say only that something changed; what it is, is read. So a lost one costs at most until the next renewal.
 */
class LiveRun {
  readonly tail = new TailBuffer();
  state: LiveState;
  version = 0;
  readonly #ctx: Ctx;
  readonly #sender = newId();
  readonly #runId: string;
  #heardAgent: string | null = null;
  readonly #onEmpty: () => void;
  /** What each watcher waits for. */
  readonly #wanted = new Map<Watch, number>();
  readonly #subscriptions: Subscription[] = [];
  #timer: NodeJS.Timeout | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #askedAt = -Infinity;
  #changed = Promise.withResolvers<void>();
  #isReading = false;
  #isStale = false;

  constructor(ctx: Ctx, run: RunLog, onEmpty: () => void) {
    // Not as the first watcher: it may leave, or lose its rights, long before the others.
    this.#ctx = systemContext(ctx, run.organization_id);
    this.#runId = run.id;
    this.#onEmpty = onEmpty;
    this.state = run;
  }

  join(watch: Watch, run: RunLog, fromSeq: number): void {
    const isFirst = this.#wanted.size === 0;
    this.#wanted.set(watch, fromSeq);
    this.#take(run);
    if (isFirst) this.#open();
  }

  leave(watch: Watch): void {
    this.#wanted.delete(watch);
    if (this.#wanted.size === 0) this.#close();
  }

  async changed(watch: Watch, seq: number, version: number): Promise<void> {
    this.#wanted.set(watch, seq);
    if (this.version !== version) return;
    this.#closeGap();
    await this.#changed.promise;
  }

  wake(): void {
    this.version += 1;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #open(): void {
    const { bus, actor } = this.#ctx;
    this.#subscriptions.push(
      bus.subscribe(subjects.tail(this.#runId), (message) => this.#onTail(message)),
      bus.subscribe(subjects.changes(actor.organization_id), (message) => this.#onChange(message)),
    );
    this.#hearAgent();
    this.#renew();
    this.#timer = setInterval(() => {
      this.#refresh();
      this.#renew();
    }, WATCH_RENEW_MS).unref();
    // Between the caller's look at the run and the subscriptions, something may have happened.
    this.#refresh();
  }

  /** Hears who else watches runs of the agent, from when there is one: a run may wait for an agent that fits. */
  #hearAgent(): void {
    const { agent_id } = this.state;
    if (agent_id === null || this.#heardAgent === agent_id) return;
    this.#heardAgent = agent_id;
    this.#subscriptions.push(
      this.#ctx.bus.subscribe(subjects.agentWatch(agent_id), (message) => this.#onWatch(message)),
    );
  }

  #close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#gapTimer);
    for (const subscription of this.#subscriptions) subscription.close();
    this.#onEmpty();
    this.#publishWatch(1, 0);
  }

  #onTail(message: BusMessage): void {
    const data = message.data as TailMessage; // Published by tail-messages.ts alone.
    switch (data.kind) {
      case "stored":
        this.#take({ ...this.state, log_stored_seq: data.stored_seq });
        return;
      case "lines": {
        const decoded = decodeLines(Buffer.from(data.encoded, "base64"));
        if (!decoded.ok) return;
        this.tail.add(decoded.value);
        this.wake();
      }
    }
  }

  #onChange(message: BusMessage): void {
    const { topic, id } = message.data as ChangeNotice;
    if (topic === "run" && id === this.#runId) this.#refresh();
    // It may have come back, and then knows nothing of who watches.
    if (topic === "agent" && id === this.state.agent_id) this.#renew();
  }

  /** Another process of the control plane has lost its last watcher of this run; this one has not. */
  #onWatch(message: BusMessage): void {
    const { run_id, ttl_ms, sender } = message.data as WatchMessage;
    if (run_id === this.#runId && ttl_ms === 0 && sender !== this.#sender) this.#renew();
  }

  #take(state: LiveState): void {
    const storedSeq = Math.max(state.log_stored_seq, this.state.log_stored_seq);
    const isNews =
      storedSeq !== this.state.log_stored_seq ||
      state.state !== this.state.state ||
      state.log_last_seq !== this.state.log_last_seq;
    const isPlaced = state.agent_id !== this.state.agent_id;
    this.state = { ...state, log_stored_seq: storedSeq };
    if (isPlaced && this.#subscriptions.length > 0) {
      this.#hearAgent();
      this.#renew();
    }
    if (isNews) this.wake();
  }

  /** Reads how the run stands; while it does, further wishes become one further reading. */
  #refresh(): void {
    this.#isStale = true;
    if (!this.#isReading) void this.#readUntilFresh();
  }

  async #readUntilFresh(): Promise<void> {
    this.#isReading = true;
    while (this.#isStale) {
      this.#isStale = false;
      try {
        const run = await inTransaction(this.#ctx, (ctx) => findRunLog(ctx.db, this.#runId));
        if (run !== undefined) this.#take(run);
      } catch (error) {
        // The next renewal reads again.
        this.#ctx.log.warn({ err: error, run_id: this.#runId }, "how a watched run stands could not be read");
      }
    }
    this.#isReading = false;
  }

  /** When live lines came from behind a hole that is not stored yet, asks the agent for those in it. */
  #closeGap(): void {
    const { first } = this.tail;
    const missed = this.#lowestWanted();
    if (first === undefined || missed === undefined || missed >= first) return;
    const waitMs = this.#askedAt + GAP_ASK_EVERY_MS - performance.now();
    if (waitMs <= 0) {
      // An agent goes on where it is when a lease is renewed; a new one begins where it is asked to.
      this.#publishWatch(missed, 0);
      this.#publishWatch(missed, WATCH_TTL_MS);
    } else
      this.#gapTimer ??= setTimeout(() => {
        this.#gapTimer = undefined;
        this.#closeGap();
      }, waitMs).unref();
  }

  /** The first line that somebody waits for and that is not stored: stored ones need no agent. */
  #lowestWanted(): number | undefined {
    const unstored = [...this.#wanted.values()].filter((seq) => seq > this.state.log_stored_seq);
    return unstored.length === 0 ? undefined : Math.min(...unstored);
  }

  #renew(): void {
    const { state, log_last_seq, log_stored_seq } = this.state;
    if (isTerminal(state) && log_last_seq !== null && log_stored_seq >= log_last_seq) return;
    const from = this.tail.last ?? Math.max(log_stored_seq, (this.#lowestWanted() ?? 1) - 1);
    this.#publishWatch(from + 1, WATCH_TTL_MS);
  }

  #publishWatch(fromSeq: number, ttlMs: number): void {
    const { agent_id } = this.state;
    if (agent_id === null) return;
    this.#askedAt = performance.now();
    const message: WatchMessage = {
      run_id: this.#runId,
      agent_id,
      from_seq: fromSeq,
      ttl_ms: ttlMs,
      sender: this.#sender,
    };
    this.#ctx.bus.publish(subjects.agentWatch(agent_id), message, { retain: false });
  }
}
