const CAPACITY = 4_096;
const SLOTS = CAPACITY * 2;
const MASK = SLOTS - 1;

/**
 * Remembers at least the last 4,096 different hashes it was shown, and at most twice as many: two generations of an open
 * table, the older forgotten whole when the younger is full. Constant space, no allocation.
 */
export interface Recent {
  young: Int32Array;
  old: Int32Array;
  count: number;
}

export function newRecent(): Recent {
  return { young: new Int32Array(SLOTS), old: new Int32Array(SLOTS), count: 0 };
}

/** Whether `hash` (never 0) was there already; it is afterwards. */
export function remember(recent: Recent, hash: number): boolean {
  const slot = find(recent.young, hash);
  if (recent.young[slot] === hash) return true;
  const known = recent.old[find(recent.old, hash)] === hash;
  recent.young[slot] = hash;
  recent.count += 1;
  if (recent.count === CAPACITY) {
    const emptied = recent.old.fill(0);
    recent.old = recent.young;
    recent.young = emptied;
    recent.count = 0;
  }
  return known;
}

function find(table: Int32Array, hash: number): number {
  let slot = (hash >>> 1) & MASK;
  while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) & MASK;
  return slot;
}
