import { ONE } from "./fixed.ts";

/**
 * Many processes of one job say the same at the same moment. Such echoes are not repetition: of equal lines within a
 * second only the first weighs, up to as many as there may be processes. Whether a job has many processes is learnt from its news: a loop's lines teach nothing.
 */
export interface Echoes {
  text: Int32Array;
  at: Float64Array;
  copies: Uint16Array;
  news: Uint8Array;
  /** How much of what is new comes with copies. */
  share: number;
}

const SLOTS_MAX = 1_024;
const SLOTS_AT_START = 64;
const ECHO_MS = 1_000;
const PROCESSES_MAX = 256;
const COPIES_COUNTED = 0xffff;
const COPIES_THAT_TEACH = 4;
/** It takes seven new lines with copies to be believed: a loop of a few lines was new once as well. */
const SHARE_OF_MANY = Math.floor(ONE / 3);
const LEARN_SHIFT = 4;
const FORGET_SHIFT = 6;

export function newEchoes(slots = SLOTS_AT_START): Echoes {
  return {
    text: new Int32Array(slots),
    at: new Float64Array(slots),
    copies: new Uint16Array(slots),
    news: new Uint8Array(slots),
    share: 0,
  };
}

/** A collision of two texts in one slot only makes an echo weigh as a line. */
export function isEcho(echoes: Echoes, text: number, at: number): boolean {
  let slot = slotOf(echoes, text);
  const taken = echoes.text[slot] !== text && echoes.text[slot] !== 0;
  if (taken && echoes.text.length < SLOTS_MAX && at - (echoes.at[slot] as number) < ECHO_MS) {
    grow(echoes);
    slot = slotOf(echoes, text);
  }
  if (echoes.text[slot] !== text || at - (echoes.at[slot] as number) >= ECHO_MS) {
    echoes.text[slot] = text;
    echoes.at[slot] = at;
    echoes.copies[slot] = 1;
    echoes.news[slot] = 0;
    return false;
  }
  const copies = Math.min((echoes.copies[slot] as number) + 1, COPIES_COUNTED);
  echoes.copies[slot] = copies;
  if (copies === COPIES_THAT_TEACH && echoes.news[slot] === 1)
    echoes.share += (ONE - echoes.share) >> LEARN_SHIFT;
  return echoes.share > SHARE_OF_MANY && copies <= PROCESSES_MAX;
}

/** The line last asked about was new. */
export function noteNews(echoes: Echoes, text: number): void {
  const slot = slotOf(echoes, text);
  // A copy beyond the limit is no news of its own.
  if (echoes.copies[slot] !== 1) return;
  echoes.news[slot] = 1;
  echoes.share -= echoes.share >> FORGET_SHIFT;
}

function grow(echoes: Echoes): void {
  const larger = newEchoes(echoes.text.length * 4);
  for (let from = 0; from < echoes.text.length; from += 1) {
    if (echoes.text[from] === 0) continue;
    const to = slotOf(larger, echoes.text[from] as number);
    larger.text[to] = echoes.text[from] as number;
    larger.at[to] = echoes.at[from] as number;
    larger.copies[to] = echoes.copies[from] as number;
    larger.news[to] = echoes.news[from] as number;
  }
  const { text, at, copies, news } = larger;
  Object.assign(echoes, { text, at, copies, news });
}

function slotOf(echoes: Echoes, text: number): number {
  return (text >>> 1) & (echoes.text.length - 1);
}
