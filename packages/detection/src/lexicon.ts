import { HASH_START, mix } from "./hash.ts";

/**
 * What words say about a line. Words are compared by hash while a line is scanned, whole and by their camel-case parts
 * (`NullPointerException` ends in `exception`); only meanings that hold for any program are listed.
 */
export const Word = {
  failure: 1 << 0,
  retry: 1 << 1,
  restart: 1 << 2,
  success: 1 << 3,
  waiting: 1 << 4,
  /** Makes the words that follow it mean the opposite. */
  negation: 1 << 5,
  /** A failure when a number other than 0 follows. */
  exit: 1 << 6,
  levelError: 1 << 7,
  levelLow: 1 << 9,
  /** Who knocks at a server. */
  inbound: 1 << 11,
  access: 1 << 12,
  memory: 1 << 13,
  elapsed: 1 << 14,
  pid: 1 << 15,
  month: 1 << 16,
  not: 1 << 17,
  state: 1 << 18,
  modal: 1 << 19,
  trace: 1 << 20,
  /** A failure even as a part of a name, as in `NullPointerException`. */
  suffix: 1 << 21,
  /** Another program cannot be reached. */
  connect: 1 << 22,
  /** The failure spoken of is over. */
  healed: 1 << 23,
  /** What agents call what they do. */
  action: 1 << 24,
} as const;

const WORDS: Readonly<Record<keyof typeof Word, string>> = {
  failure: `error errors exception exceptions fail fails failed failing failure failures traceback fatal panic panicked
    refused denied unreachable unavailable unable cannot aborted abort crash crashed segfault rejected invalid undefined
    timeout timeouts timed broken corrupt corrupted deadlock oom unresolved unauthorized forbidden overflow
    erro erros erreur fehler fallo falha echec
    econnrefused econnreset etimedout enotfound eacces eaddrinuse enoent epipe ehostunreach enospc emfile eperm`,
  retry: `retry retries retrying retried attempt attempts attempting reconnect reconnecting reconnection backoff backing
    again tried tries reconnects redelivered requeued requeue`,
  restart: `restart restarts restarted restarting respawn respawned respawning spawned spawning relaunch relaunching relaunched
    crashloopbackoff`,
  success: `success successful successfully succeeded done completed complete completes finished saved connected
    established accepted received passed ok alive recovered resolved healthy`,
  waiting: `waiting wait pending notready unready unreachable unavailable timeout timed blocked stuck idle quorum ready responding responsive available reachable
    election standby`,
  negation: `no without zero non never none ignoring ignored ignore suppressed`,
  exit: `exit exited exits exitcode status code terminated returned died dead killed`,
  levelError: `error err fatal crit critical severe emerg alert`,
  levelLow: `debug trace verbose fine finer finest`,
  inbound: `from rhost client peer remote preauth rip`,
  access: `authentication auth password passwd login user logon preauth disconnect disconnected client invalid closed
    forbidden denied pam rhost script directory`,
  memory: `heap rss memory gc mem metaspace allocated`,
  elapsed: `elapsed uptime took eta duration latency age ago since`,
  pid: `pid tid ppid thread proc port`,
  month: `jan feb mar apr may jun jul aug sep oct nov dec`,
  not: `not`,
  state: `ready found expected available responding responsive connected reachable exist exists open connect respond
    accessible supported permitted allowed defined valid contact resolve start load read acquire access bind`,
  modal: `could can couldn didn doesn isn wasn won wouldn`,
  trace: `traceback`,
  connect: `refused unreachable econnrefused econnreset enotfound ehostunreach etimedout`,
  healed: `corrected recovered resolved repaired fixed handled`,
  action: `action command observation`,
  suffix: `error errors exception exceptions failure failed timeout`,
};

const TABLE_BITS = 11;
const TABLE_SIZE = 1 << TABLE_BITS;
const TABLE_MASK = TABLE_SIZE - 1;
const keys = new Int32Array(TABLE_SIZE);
const meanings = new Int32Array(TABLE_SIZE);
export const WORD_LENGTH_MAX = 16;

for (const [name, words] of Object.entries(WORDS)) {
  for (const word of words.split(/\s+/).filter(Boolean)) {
    let hash = HASH_START;
    for (let index = 0; index < word.length; index += 1) hash = mix(hash, word.charCodeAt(index));
    const slot = slotOf(hash);
    keys[slot] = hash;
    // Object.entries types its names as string; they are the keys of WORDS.
    meanings[slot] = (meanings[slot] ?? 0) | Word[name as keyof typeof Word];
  }
}

/** What the lower-case word with this FNV-1a hash means; 0 for most words. */
export function meaningOf(hash: number): number {
  return meanings[slotOf(hash)] ?? 0;
}

function slotOf(hash: number): number {
  let slot = (hash ^ (hash >>> TABLE_BITS) ^ (hash >>> (2 * TABLE_BITS))) & TABLE_MASK;
  while (keys[slot] !== 0 && keys[slot] !== hash) slot = (slot + 1) & TABLE_MASK;
  return slot;
}
