// Agent side of tenure: on each connection the agent says which spool it has, and acts for the control plane only once that
// has given it the next token and knows that it is stored.

/** A hello that is not answered is said again after this long, and each time after twice as long, up to a limit. */
export const HELLO_RESEND_MS = 10_000;
export const HELLO_RESEND_MS_MAX = 60_000;
/** Whoever asks for a hello this soon after one was said has not seen it yet. */
const HELLO_UNDER_WAY_MS = 1_000;

export type GreetingState = {
  readonly phase: "away" | "waiting" | "held";
  readonly saidAt: number;
  /** How often it was said again without an answer. */
  readonly repeats: number;
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

export const awayGreeting: GreetingState = { phase: "away", saidAt: 0, repeats: 0 };

export function stepGreeting(
  state: GreetingState,
  input: GreetingInput,
  now: number,
): { state: GreetingState; effects: GreetingEffect[] } {
  const letGo: GreetingEffect[] = state.phase === "held" ? [{ kind: "let_go" }] : [];
  switch (input.kind) {
    case "connected":
      return { state: waiting(now), effects: [...letGo, { kind: "say_hello" }] };
    case "disconnected":
      return { state: awayGreeting, effects: letGo };
    case "greet":
      if (state.phase === "away") return { state, effects: [] };
      if (state.phase === "waiting" && now - state.saidAt < HELLO_UNDER_WAY_MS) return { state, effects: [] };
      return { state: waiting(now), effects: [...letGo, { kind: "say_hello" }] };
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
        state: waiting(now),
        effects: [...letGo, { kind: "become_copy" }, { kind: "say_hello" }],
      };
    case "tick":
      if (now < greetingWakeAt(state)) return { state, effects: [] };
      return {
        state: { ...state, saidAt: now, repeats: state.repeats + 1 },
        effects: [{ kind: "say_hello" }],
      };
  }
}

function waiting(now: number): GreetingState {
  return { phase: "waiting", saidAt: now, repeats: 0 };
}

/** When the next `tick` is due, in ms since epoch; Infinity when nothing is waited for. */
export function greetingWakeAt(state: GreetingState): number {
  if (state.phase !== "waiting") return Infinity;
  return state.saidAt + Math.min(HELLO_RESEND_MS_MAX, HELLO_RESEND_MS * 2 ** state.repeats);
}
