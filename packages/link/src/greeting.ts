// Agent side of tenure: on each connection the agent says which spool it has, and acts for the control plane only once that
// has given it the next token and knows that it is stored.

/** A hello that is not answered is said again after this long. */
export const HELLO_RESEND_MS = 10_000;

export type GreetingState = {
  readonly phase: "away" | "waiting" | "held";
  readonly saidAt: number;
};

export type GreetingInput =
  | { kind: "connected" }
  | { kind: "disconnected" }
  /** The control plane wants to be told (again). */
  | { kind: "greet" }
  /** `isOurs`: what is stored of the spool was written here; see `isOwnHistory`. */
  | { kind: "offered"; token: string; isOurs: boolean }
  | { kind: "kept" }
  /** This spool went on elsewhere. */
  | { kind: "copy" }
  | { kind: "tick" };

export type GreetingEffect =
  | { kind: "say_hello" }
  /** Store it, then say that it is stored. */
  | { kind: "take"; token: string }
  /** Events and orders may flow from here on. */
  | { kind: "hold" }
  /** They may not any more. */
  | { kind: "let_go" }
  /** Go on under a spool of one's own: see `renewSpool`. */
  | { kind: "become_copy" };

export const awayGreeting: GreetingState = { phase: "away", saidAt: 0 };

export function stepGreeting(
  state: GreetingState,
  input: GreetingInput,
  now: number,
): { state: GreetingState; effects: GreetingEffect[] } {
  const letGo: GreetingEffect[] = state.phase === "held" ? [{ kind: "let_go" }] : [];
  switch (input.kind) {
    case "connected":
      return { state: { phase: "waiting", saidAt: now }, effects: [...letGo, { kind: "say_hello" }] };
    case "disconnected":
      return { state: awayGreeting, effects: letGo };
    case "greet":
      // One hello is on its way already, or has been answered: whoever asks has not seen it.
      if (state.phase !== "held") return { state, effects: [] };
      return { state: { phase: "waiting", saidAt: now }, effects: [...letGo, { kind: "say_hello" }] };
    case "offered":
      if (state.phase !== "waiting") return { state, effects: [] };
      if (!input.isOurs) return stepGreeting(state, { kind: "copy" }, now);
      return { state: { ...state, saidAt: now }, effects: [{ kind: "take", token: input.token }] };
    case "kept":
      return state.phase === "waiting"
        ? { state: { ...state, phase: "held" }, effects: [{ kind: "hold" }] }
        : { state, effects: [] };
    case "copy":
      if (state.phase === "away") return { state, effects: [] };
      return {
        state: { phase: "waiting", saidAt: now },
        effects: [...letGo, { kind: "become_copy" }, { kind: "say_hello" }],
      };
    case "tick":
      if (now < greetingWakeAt(state)) return { state, effects: [] };
      return { state: { ...state, saidAt: now }, effects: [{ kind: "say_hello" }] };
  }
}

/** When the next `tick` is due, in ms since epoch; Infinity when nothing is waited for. */
export function greetingWakeAt(state: GreetingState): number {
  return state.phase === "waiting" ? state.saidAt + HELLO_RESEND_MS : Infinity;
}
