/**
 * A person's draft of one configuration while a page is open: what is typed is kept by the control plane a moment later, and
 * by this browser until the control plane has it. It draws nothing and asks nobody but its ports, so that it can be tried.
 */
import { ApiError, type ConfigurationDraft } from "@flowplane/contract";
import { sameText, type ConfigurationText } from "./configurationText.ts";

export interface Draft extends ConfigurationText {
  /** The version it was begun from. */
  readonly base: number;
}

export type Saving =
  /** There is no draft. */
  | { readonly kind: "none" }
  | { readonly kind: "saved"; readonly at: string }
  /** Typed, or on its way. */
  | { readonly kind: "saving" }
  /** It is in this browser alone; null: it will not be tried again by itself. */
  | { readonly kind: "failed"; readonly error: unknown; readonly retryInMs: number | null }
  /** The draft went on, or ended, in another window; what this one has is in this browser alone. */
  | { readonly kind: "elsewhere"; readonly there: ConfigurationDraft | null };

export interface DraftState {
  readonly draft: Draft | undefined;
  /** Of the draft that the control plane has; 0: it has none. */
  readonly revision: number;
  readonly saving: Saving;
}

/** What is kept in this browser: what the control plane does not have yet, and what it lies on. */
export interface Unsent {
  readonly draft: Draft;
  readonly revision: number;
}

export interface DraftPorts {
  put(draft: Draft, revision: number | undefined): Promise<ConfigurationDraft>;
  read(): Promise<ConfigurationDraft | null>;
  discard(): Promise<void>;
  /** Whether it says what the newest version says: then it is no draft. */
  saysNothing(draft: Draft): boolean;
  /** Keeps it in this browser, or forgets what is there. */
  keepHere(unsent: Unsent | undefined): void;
  /** Calls back once; the answer calls it off. */
  after(ms: number, run: () => void): () => void;
}

/** After the last word. */
export const SEND_AFTER_MS = 800;
/** After the first word that is not kept, however fast one goes on. */
export const SEND_AT_LEAST_EVERY_MS = 5_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 30_000;

export class DraftKeeper {
  #state: DraftState;
  readonly #ports: DraftPorts;
  readonly #listeners = new Set<() => void>();
  #cancelPause: (() => void) | undefined;
  #cancelDeadline: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #failures = 0;
  /** Counts what ended a draft, so that an answer that was under way does not bring it back. */
  #endings = 0;

  constructor(ports: DraftPorts, server: ConfigurationDraft | null, unsent: Unsent | undefined) {
    this.#ports = ports;
    this.#state = stateOf(server);
    if (unsent === undefined) return;
    const isOnTop = unsent.revision === this.#state.revision;
    this.#state = {
      draft: unsent.draft,
      revision: this.#state.revision,
      saving: isOnTop ? { kind: "saving" } : { kind: "elsewhere", there: server },
    };
    if (isOnTop) this.#sendSoon();
  }

  get state(): DraftState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether the control plane has all of it. */
  get isKept(): boolean {
    const { kind } = this.#state.saving;
    return kind === "none" || kind === "saved";
  }

  change(draft: Draft): void {
    const { saving, revision } = this.#state;
    if (saving.kind === "elsewhere") {
      this.#set({ draft });
      return this.#ports.keepHere({ draft, revision: -1 });
    }
    this.#set({ draft, saving: { kind: "saving" } });
    this.#ports.keepHere({ draft, revision });
    this.#sendSoon();
  }

  /** What the control plane says it has, read anew: taken over when nothing here is newer. */
  adopt(server: ConfigurationDraft | null): void {
    if (!this.isKept || this.#sending !== undefined || (server?.revision ?? 0) === this.#state.revision)
      return;
    this.#set(stateOf(server));
  }

  /** Sends at once what waits for a pause in typing; for when the page is left. */
  flush(): void {
    if (this.#state.saving.kind === "saving" || this.#state.saving.kind === "failed") void this.#send();
  }

  /** Of two windows this one's is right. */
  keepMine(): void {
    const { draft, saving } = this.#state;
    if (draft === undefined || saving.kind !== "elsewhere") return;
    const revision = saving.there?.revision ?? 0;
    this.#set({ revision, saving: { kind: "saving" } });
    this.#ports.keepHere({ draft, revision });
    void this.#send();
  }

  /** Of two windows the other one's is right. */
  takeTheirs(): void {
    const { saving } = this.#state;
    if (saving.kind !== "elsewhere") return;
    this.#ports.keepHere(undefined);
    this.#set(stateOf(saving.there));
  }

  /**
   * Sends nothing more until something is typed or `resume` is called, and ends when nothing is under way: what follows comes
   * after it. Its answer is the revision that the control plane has.
   */
  async pause(): Promise<number> {
    this.#stopTimers();
    await this.#sending;
    this.#stopTimers();
    return this.#state.revision;
  }

  /** What was paused for did not happen. */
  resume(): void {
    const { kind } = this.#state.saving;
    if (kind === "saving" || kind === "failed") this.#sendSoon();
  }

  /** Throws it away, here and there. Throws when the control plane does not answer; then it is still there. */
  async discard(): Promise<void> {
    await this.pause();
    try {
      await this.#ports.discard();
    } catch (error) {
      this.resume();
      throw error;
    }
    this.ended();
  }

  /** It is no draft any more: it was saved as a version, or its configuration is gone. */
  ended(): void {
    this.#stopTimers();
    this.#endings += 1;
    this.#ports.keepHere(undefined);
    this.#set({ draft: undefined, revision: 0, saving: { kind: "none" } });
  }

  #sendSoon(): void {
    this.#cancelPause?.();
    this.#cancelPause = this.#ports.after(SEND_AFTER_MS, () => void this.#send());
    this.#cancelDeadline ??= this.#ports.after(SEND_AT_LEAST_EVERY_MS, () => void this.#send());
  }

  async #send(): Promise<void> {
    this.#stopTimers();
    const { draft, revision } = this.#state;
    // One at a time: the next takes everything that was typed meanwhile.
    if (draft === undefined || this.#sending !== undefined) return;
    this.#sending = this.#put(draft, revision);
    await this.#sending;
    this.#sending = undefined;
    const { saving } = this.#state;
    if (saving.kind === "saving") this.#sendSoon();
    if (saving.kind === "failed" && saving.retryInMs !== null)
      this.#cancelPause = this.#ports.after(saving.retryInMs, () => void this.#send());
  }

  async #put(draft: Draft, revision: number): Promise<void> {
    const ending = this.#endings;
    try {
      if (this.#ports.saysNothing(draft)) {
        if (revision > 0) await this.#ports.discard();
        if (ending !== this.#endings) return;
        if (this.#state.draft === draft) return this.ended();
        return this.#set({ revision: 0 });
      }
      const kept = await this.#ports.put(draft, revision);
      this.#failures = 0;
      if (ending !== this.#endings) return;
      const now = this.#state.draft ?? draft;
      const isAll = now === draft;
      this.#ports.keepHere(isAll ? undefined : { draft: now, revision: kept.revision });
      this.#set({
        revision: kept.revision,
        saving: isAll ? { kind: "saved", at: kept.updated_at } : { kind: "saving" },
      });
    } catch (error) {
      if (ending === this.#endings) await this.#failed(error, ending);
    }
  }

  async #failed(error: unknown, ending: number): Promise<void> {
    const status = error instanceof ApiError ? error.problem.status : undefined;
    if (status === 409) {
      const there = await this.#ports.read().catch(() => undefined);
      if (ending !== this.#endings) return;
      // It got there and the answer was lost, or another window kept the same.
      if (there != null && this.#state.draft !== undefined && isSameDraft(there, this.#state.draft)) {
        this.#ports.keepHere(undefined);
        return this.#set(stateOf(there));
      }
      if (there !== undefined && (there?.revision ?? 0) !== this.#state.revision)
        return this.#set({ saving: { kind: "elsewhere", there } });
    }
    const isWorthIt = status === undefined || status === 0 || status === 429 || status >= 500;
    const retryInMs = isWorthIt ? Math.min(RETRY_FIRST_MS * 2 ** this.#failures, RETRY_MAX_MS) : null;
    this.#failures += 1;
    this.#set({ saving: { kind: "failed", error, retryInMs } });
  }

  #stopTimers(): void {
    this.#cancelPause?.();
    this.#cancelDeadline?.();
    this.#cancelPause = undefined;
    this.#cancelDeadline = undefined;
  }

  #set(part: Partial<DraftState>): void {
    this.#state = { ...this.#state, ...part };
    for (const listener of this.#listeners) listener();
  }
}

function stateOf(server: ConfigurationDraft | null): DraftState {
  if (server === null) return { draft: undefined, revision: 0, saving: { kind: "none" } };
  const { body, overlays, based_on: base, revision, updated_at: at } = server;
  return { draft: { body, overlays, base }, revision, saving: { kind: "saved", at } };
}

function isSameDraft(there: ConfigurationDraft, here: Draft): boolean {
  return there.based_on === here.base && sameText(there, here);
}
