import { closeSync, openSync, writeSync } from "node:fs";

const LEVELS = ["INFO", "INFO", "INFO", "DEBUG", "WARN"];
const MODULES = ["http.server", "worker.pool", "db.session", "cache", "scheduler", "trainer"];
const MESSAGES = [
  (n: number) => `GET /api/v1/items/${n % 977} 200 ${(n % 313) + 1}ms bytes=${(n * 37) % 65_521}`,
  (n: number) =>
    `job ${(n * 7919) % 100_003} finished in ${(n % 90) + 1}.${n % 10}s, ${n % 17} left in queue`,
  (n: number) => `step ${n} loss ${(4 / (1 + n / 5000)).toFixed(5)} lr ${(1e-3 / (1 + n / 1e6)).toFixed(8)}`,
  (n: number) => `SELECT id, name FROM items WHERE owner = ${n % 512} ORDER BY id LIMIT 50 took ${n % 41} ms`,
  (n: number) =>
    `connection from 10.${n % 7}.${n % 251}.${n % 253}:${1024 + (n % 60_000)} accepted by worker-${n % 8}`,
];

/** Writes about so many bytes of an ordinary service's log; one line in a thousand shows a key. */
export function writeLogText(path: string, bytes: number): void {
  const fd = openSync(path, "w");
  let written = 0;
  let n = 0;
  while (written < bytes) {
    const lines: string[] = [];
    for (let i = 0; i < 5000; i += 1, n += 1) {
      const at = new Date(1_767_225_600_000 + n * 3).toISOString();
      const text = n % 1000 === 999 ? `login token=tk_${(n * 48_271).toString(36)}a1b2c3` : message(n);
      lines.push(`${at} ${LEVELS[n % LEVELS.length]} [${MODULES[(n * 31) % MODULES.length]}] ${text}`);
    }
    written += writeSync(fd, `${lines.join("\n")}\n`);
  }
  closeSync(fd);
}

function message(n: number): string {
  return MESSAGES[(n * 13) % MESSAGES.length]?.(n) ?? "";
}
