import { useEffect, useRef } from "react";
import type { RolloutAgentState } from "@flowplane/contract";
import { ROLLOUT_AGENT_LOOK } from "../../api/rollouts.ts";
import { useThemeOnPage } from "../../theme/onPage.ts";
import type { TokenName } from "../../theme/tokens.ts";
import { placesByLetter, squareAt } from "./squares.ts";

interface Look {
  readonly token: TokenName;
  /** Hollow and half squares tell states of one colour apart where there is room for it. */
  readonly form: "full" | "half" | "hollow" | "dot";
}
const LOOK: Readonly<Record<RolloutAgentState, Look>> = {
  waiting: { token: "n6", form: "hollow" },
  offered: { token: "busy", form: "hollow" },
  applying: { token: "busy", form: "half" },
  soaking: { token: "busy", form: "full" },
  passed: { token: "ok", form: "full" },
  failed: { token: "bad", form: "full" },
  unreachable: { token: "attention", form: "hollow" },
  skipped: { token: "n6", form: "dot" },
  reverting: { token: "attention", form: "half" },
  reverted: { token: "n7", form: "full" },
};
/** Smaller squares are only full or pale. */
const FORMS_FROM_PX = 5;

interface WaveSquaresProps {
  readonly letters: string;
  readonly stateOf: Readonly<Record<string, RolloutAgentState>>;
  readonly pitch: number;
  readonly columns: number;
  readonly rows: number;
  readonly label: string;
  readonly onState: (state: RolloutAgentState) => void;
}

/** One square an agent, on a canvas: 25,000 of them are one element and a few thousandths of a second. */
export function WaveSquares({ letters, stateOf, pitch, columns, rows, label, onState }: WaveSquaresProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useThemeOnPage();
  const [width, height] = [columns * pitch, rows * pitch];
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (canvas.current === null || context === null || context === undefined) return;
    const scale = window.devicePixelRatio;
    canvas.current.width = width * scale;
    canvas.current.height = height * scale;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(document.documentElement);
    for (const [letter, places] of placesByLetter(letters)) {
      const state = stateOf[letter];
      if (state === undefined) continue;
      const { token, form } = LOOK[state];
      draw(context, places, { pitch, columns, form, colour: style.getPropertyValue(`--${token}`).trim() });
    }
  }, [letters, stateOf, pitch, columns, width, height, theme]);
  const stateAt = (event: React.MouseEvent): RolloutAgentState | undefined => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = squareAt(event.clientX - box.left, event.clientY - box.top, {
      pitch,
      columns,
      count: letters.length,
    });
    return at === undefined ? undefined : stateOf[letters[at] ?? ""];
  };
  return (
    // What a click does, the counts below do by keyboard.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      style={{ width, height }}
      onMouseMove={(event) => {
        const state = stateAt(event);
        event.currentTarget.title = state === undefined ? "" : ROLLOUT_AGENT_LOOK[state].word;
        event.currentTarget.style.cursor = state === undefined ? "" : "pointer";
      }}
      onClick={(event) => {
        const state = stateAt(event);
        if (state !== undefined) onState(state);
      }}
    />
  );
}

interface Drawing {
  readonly pitch: number;
  readonly columns: number;
  readonly form: Look["form"];
  readonly colour: string;
}

function draw(
  context: CanvasRenderingContext2D,
  places: readonly number[],
  { pitch, columns, form, colour }: Drawing,
): void {
  const size = pitch - (pitch >= 9 ? 3 : pitch >= 6 ? 2 : pitch >= 3 ? 1 : 0);
  const hasForms = size >= FORMS_FROM_PX;
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.globalAlpha = hasForms || form === "full" ? 1 : form === "half" ? 0.7 : 0.4;
  context.beginPath();
  for (const place of places) {
    const x = (place % columns) * pitch;
    const y = Math.floor(place / columns) * pitch;
    if (!hasForms || form === "full") context.rect(x, y, size, size);
    else if (form === "dot") context.rect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
    else {
      outline(context, x, y, size);
      if (form === "half") context.rect(x, y + size / 2, size, size / 2);
    }
  }
  context.fill();
  context.globalAlpha = 1;
}

/** The rim of a square as four thin areas, so that all of one look are one path. */
function outline(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.rect(x, y, size, 1);
  context.rect(x, y + size - 1, size, 1);
  context.rect(x, y + 1, 1, size - 2);
  context.rect(x + size - 1, y + 1, 1, size - 2);
}
