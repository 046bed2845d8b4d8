const CAPACITY = 4_096;
const SLOTS_MAX = CAPACITY * 2;
const SLOTS_AT_START = 64;

/**
 * Remembers at least the last 4,096 different hashes it was shown, and at most twice as many: two generations of an open
 * table, the older forgotten whole when the younger is full. A table grows with what it holds, so that a run that says
 * little costs little; what is remembered does not depend on that.
 */
export interface Recent {
  young: Int32Array;
  old: Int32Array;
  count: number;
}

export function newRecent(): Recent {
  return { young: new Int32Array(SLOTS_AT_START), old: new Int32Array(1), count: 0 };
}

/** Whether `hash` (never 0) was there already; it is afterwards. */
export function remember(recent: Recent, hash: number): boolean {
  const slot = find(recent.young, hash);
  if (recent.young[slot] === hash) return true;
  const known = recent.old.length > 1 && recent.old[find(recent.old, hash)] === hash;
  recent.young[slot] = hash;
  recent.count += 1;
  if (recent.count === CAPACITY) {
    const emptied = recent.old.length > 1 ? recent.old.fill(0) : new Int32Array(SLOTS_MAX);
    recent.old = recent.young;
    recent.young = emptied;
    recent.count = 0;
  } else if (recent.count * 2 > recent.young.length) recent.young = grown(recent.young);
  return known;
}

function grown(table: Int32Array): Int32Array {
  const larger = new Int32Array(table.length * 4 > SLOTS_MAX ? SLOTS_MAX : table.length * 4);
  for (const hash of table) if (hash !== 0) larger[find(larger, hash)] = hash;
  return larger;
}

function find(table: Int32Array, hash: number): number {
  const mask = table.length - 1;
  let slot = (hash >>> 1) & mask;
  while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) & mask;
  return slot;
}
