import { connect, pause, useLiveState, type LiveState } from "../live/live.ts";
import { useNow } from "../lib/now.ts";
import { duration } from "../lib/time.ts";
import { StateShape } from "../ui/StateMark.tsx";
import { Tip } from "../ui/Tip.tsx";
import type { Tone } from "../api/states.ts";

/** Whether what is on the page is current. A click pauses the page and lets it go on. */
export function LiveMark() {
  const state = useLiveState();
  const now = useNow();
  const { tone, word, hint } = look(state, now);
  return (
    <Tip text={hint}>
      <button
        type="button"
        onClick={state.kind === "paused" ? connect : pause}
        className="flex h-7 items-center gap-1.5 rounded-md px-2 text-sm text-n9 hover:bg-n2"
      >
        <StateShape tone={tone} />
        {word}
      </button>
    </Tip>
  );
}

function look(state: LiveState, now: number): { tone: Tone; word: string; hint: string } {
  switch (state.kind) {
    case "connecting":
      return { tone: "busy", word: "Connecting", hint: "Connecting to the control plane." };
    case "live":
      return { tone: "ok", word: "Live", hint: "The page changes as things happen. Click to pause." };
    case "reconnecting":
      return {
        tone: "attention",
        word: `Reconnecting for ${duration(Math.floor(Math.max(0, now - state.since) / 1000) * 1000)}`,
        hint: "No connection to the control plane. What you see may be old; nothing will be missed.",
      };
    case "paused":
      return { tone: "off", word: "Paused", hint: "The page stands still. Click to go on." };
  }
}
