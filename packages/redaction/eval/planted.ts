// Made-up secrets in the places logs have them, from a seed.

const ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX = "0123456789abcdef";

export type Random = () => number;
export type Planted = { kind: string; secret: string; line: string };

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

function draw(random: Random, alphabet: string, length: number): string {
  return Array.from({ length }, () => pick(random, Array.from(alphabet))).join("");
}

const KEYS: Record<string, (random: Random) => string> = {
  aws: (r) => `AKIA${draw(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`,
  github: (r) => `${pick(r, ["ghp_", "gho_", "ghs_"])}${draw(r, ALNUM, 36)}`,
  gitlab: (r) => `glpat-${draw(r, ALNUM, 20)}`,
  slack: (r) => `xoxb-${draw(r, "0123456789", 11)}-${draw(r, ALNUM, 24)}`,
  openai: (r) => `sk-proj-${draw(r, ALNUM, 48)}`,
  anthropic: (r) => `sk-ant-api03-${draw(r, ALNUM, 60)}`,
  google: (r) => `AIza${draw(r, ALNUM, 35)}`,
  jwt: (r) => `eyJ${draw(r, ALNUM, 20)}.eyJ${draw(r, ALNUM, 60)}.${draw(r, ALNUM, 43)}`,
  npm: (r) => `npm_${draw(r, ALNUM, 36)}`,
  huggingface: (r) => `hf_${draw(r, ALNUM, 34)}`,
  stripe: (r) => `sk_live_${draw(r, ALNUM, 24)}`,
  vault: (r) => `hvs.${draw(r, ALNUM, 90)}`,
};

const AROUND: ((key: string) => string)[] = [
  (key) => key,
  (key) => `2026-01-02T03:04:05Z INFO using ${key} for upload`,
  (key) => `{"level":"info","key":"${key}"}`,
  (key) => `curl -H 'X-Key: ${key}' https://api.example.com/v1`,
  (key) => `value=${key};`,
  (key) => `\u001b[32m${key}\u001b[0m`,
];

const ASSIGNED: ((value: string) => string)[] = [
  (value) => `password=${value}`,
  (value) => `DB_PASSWORD: ${value}`,
  (value) => `{"client_secret": "${value}", "id": 7}`,
  (value) => `export API_KEY='${value}'`,
  (value) => `GET /callback?access_token=${value}&state=1`,
  (value) => `Authorization: Bearer ${value}`,
  (value) => `mysql --user root --password ${value} -h db`,
  (value) => `postgres://app:${value}@db.example.com:5432/app`,
  (value) => `secret_key => "${value}"`,
  (value) => `Cookie: session=${value}; Path=/`,
];

/** Secrets nobody told the redactor of: keys by their shape, and values by the word before them. */
export function plantUnknown(random: Random): Planted {
  if (random() < 0.5) {
    const kind = pick(random, Object.keys(KEYS));
    const secret = KEYS[kind]?.(random) ?? "";
    return { kind, secret, line: pick(random, AROUND)(secret) };
  }
  const secret = draw(random, `${ALNUM}${HEX}`, 16 + Math.floor(random() * 24));
  return { kind: "assigned", secret, line: pick(random, ASSIGNED)(secret) };
}

const ENCODERS: Record<string, (value: string) => string> = {
  plain: (value) => value,
  base64: (value) => Buffer.from(`user:${value}`).toString("base64"),
  base64url: (value) => Buffer.from(`x${value}`).toString("base64url"),
  hex: (value) => Buffer.from(value).toString("hex"),
  percent: (value) => encodeURIComponent(value),
  json: (value) => JSON.stringify(value),
  shell: (value) => `'${value.replaceAll("'", "'\\''")}'`,
};

/** A value the run was given, somewhere in its output in one of its encodings. */
export function plantKnown(random: Random, value: string): Planted {
  const kind = pick(random, Object.keys(ENCODERS));
  const secret = ENCODERS[kind]?.(value) ?? value;
  return { kind, secret, line: `worker ${Math.floor(random() * 99)} says ${secret} and goes on` };
}
