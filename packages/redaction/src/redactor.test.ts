import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";
import { CONTEXT_BYTES } from "./limits.ts";
import { createRedactor, FRESH_STATE } from "./redactor.ts";
import type { RedactionState, Redactor } from "./redactor.ts";

const digits = (secret: Uint8Array) => createHmac("sha256", "key").update(secret).digest("hex").slice(0, 8);
const redactor = (known: string[] = [], patterns: Pattern[] = []) =>
  createRedactor({ known, patterns, digits });
const plain = redactor();
const hide = (text: string, by: Redactor = plain) =>
  by.redactText(text).replaceAll(/\[redacted:(\w+):[0-9a-f]{8}\]/g, "<$1>");

/** Feeds the text in the given pieces, as a reader of a growing file does. */
function inPieces(by: Redactor, bytes: Buffer, sizes: readonly number[]): { text: Buffer; marks: number } {
  let state = FRESH_STATE;
  let at = 0;
  let known = 0;
  let marks = 0;
  const out: Uint8Array[] = [];
  const feed = (take: "lines" | "all") => {
    const context = Math.min(CONTEXT_BYTES, at);
    const redacted = by.redact(state, bytes.subarray(at - context, known), context, take);
    out.push(redacted.bytes.slice());
    at += redacted.taken;
    marks += redacted.marks;
    state = redacted.state;
  };
  for (const size of sizes) {
    known = Math.min(bytes.length, known + size);
    feed("lines");
  }
  known = bytes.length;
  while (at < known) feed("all");
  return { text: Buffer.concat(out), marks };
}

test("what has the shape of a key is found where it stands and named by its kind", () => {
  const A = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2dE3f";
  expect(hide(`id AKIAIOSFODNN7EXAMPLE.`)).toBe("id <aws_key>.");
  expect(hide(`ghp_${A.slice(0, 36)} pushed`)).toBe("<github_token> pushed");
  expect(hide(`sk-ant-api03-${A}`)).toBe("<anthropic_key>");
  expect(hide(`sk-proj-${A}_${A}`)).toBe("<openai_key>");
  expect(hide(`use AIza${A.slice(0, 35)}, please`)).toBe("use <google_key>, please");
  expect(hide(`jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r.`)).toBe(
    "jwt <jwt>.",
  );
  expect(hide(`https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop`)).toBe(
    "https://hooks.slack.com/services/<slack_webhook>",
  );
  expect(hide("postgres://app:hunter2@db:5432/x and redis://:pw@h")).toBe(
    "postgres://app:<url_password>@db:5432/x and redis://:<url_password>@h",
  );
});

test("a value behind a secret's word is hidden, the word stays", () => {
  for (const [text, expected] of [
    ["password=hunter2", "password=<assigned>"],
    ["DB_PASSWORD: 'it is long'", "DB_PASSWORD: '<assigned>'"],
    ['{"api_key":"abc def","n":1}', '{"api_key":"<assigned>","n":1}'],
    ['{\\"client_secret\\":\\"q1w2e3\\"}', '{\\"client_secret\\":\\"<assigned>\\"}'],
    ["SECRET_KEY_BASE=0f9a8b7c", "SECRET_KEY_BASE=<assigned>"],
    ["GET /?access_token=abcd1234&x=1", "GET /?access_token=<assigned>&x=1"],
    ["curl --api-token q1w2e3r4 https://x", "curl --api-token <assigned> https://x"],
    ["authorization: Bearer abcdefgh12345678", "authorization: Bearer <header>"],
    ["Cookie: session=4f3e2d1c; theme=dark", "Cookie: <header>"],
    ["<password>hunter2</password>", "<password><assigned></password>"],
    ["the secret is Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg and works", "the secret is <random> and works"],
  ] as const)
    expect(hide(text)).toBe(expected);
});

test("text that only speaks of secrets stays as it is", () => {
  for (const text of [
    "prompt_tokens: 512, max_tokens=4096, total_tokens=4608",
    "Unexpected token: foo in JSON",
    "password: incorrect for user root",
    "password=${PASSWORD} token=$TOKEN secret=*** api_key=<your key>",
    "Failed password for invalid user admin from 10.0.0.1 port 22 ssh2",
    "token_type=bearer secret_name=my-secret password_file=/run/secrets/db",
    "primary_key=5 sort_key=name keyboard: qwerty",
    "see https://example.com/a@b and http://user@host/",
    "task-1234 risk-averse-and-a-very-long-hyphenated-name-of-things",
    "-----BEGIN CERTIFICATE-----",
    "const token = await getToken()",
  ])
    expect(hide(text)).toBe(text);
});

const PEM = [
  "-----BEGIN RSA PRIVATE KEY-----",
  ...Array.from({ length: 12 }, (_, i) => `MIIEpAIBAAKCAQEA${"x9Y8z7W6".repeat(6)}`.slice(0, 64 - (i % 2))),
  "q1w2e3==",
  "-----END RSA PRIVATE KEY-----",
];

test("what is encoded as base64 holds no words and stays whole", () => {
  const text = createHmac("sha512", "key").update("anything").digest("base64").replaceAll("=", "");
  const blob = `pwd${text}+pwd/${text}`.repeat(50);
  expect(hide(`data:${blob} end`)).toBe(`data:${blob} end`);
});

test("a private key is hidden line by line, behind a logger's prefix and with written-out newlines as well", () => {
  const lines = hide(`before\n${PEM.join("\n")}\nafter MIIEpAIBAAKCAQEA stays\n`).split("\n");
  expect(lines.slice(0, 2)).toEqual(["before", PEM[0]]);
  expect(new Set(lines.slice(2, 15))).toEqual(new Set(["<private_key>"]));
  expect(lines.slice(15)).toEqual([PEM.at(-1), "after MIIEpAIBAAKCAQEA stays", ""]);
  const prefixed = hide(PEM.map((line) => `12:00 INFO ${line}`).join("\n"));
  expect(prefixed).not.toContain("MIIE");
  expect(hide(PEM.join("\\n"))).not.toMatch(/MIIE|x9Y8/);
  // A key that never ends takes nothing of the log behind it.
  const text = "all is well again\n".repeat(20);
  expect(hide(`${PEM[0]}\n${text}`)).toBe(`${PEM[0]}\n${text}`);
});

const encoders: Record<string, (value: string, before: string, after: string) => string> = {
  plain: (value) => value,
  json: (value) => JSON.stringify({ a: value }),
  "json in json": (value) => JSON.stringify(JSON.stringify({ a: value })),
  uri: (value) => encodeURIComponent(value),
  form: (value) => new URLSearchParams({ a: value }).toString(),
  "every byte in percent": (value) => Buffer.from(value).toString("hex").replaceAll(/../g, "%$&"),
  hex: (value) => Buffer.from(value).toString("hex").toUpperCase(),
  base64: (value, before, after) => Buffer.from(before + value + after).toString("base64"),
  base64url: (value, before, after) => Buffer.from(before + value + after).toString("base64url"),
  shell: (value) => `'${value.replaceAll("'", "'\\''")}'`,
  "printf %q": (value) => value.replaceAll(/[^A-Za-z0-9_@%+=:,./-]/g, "\\$&"),
};
const secretText = fc
  .string({
    minLength: 8,
    maxLength: 60,
    unit: fc.constantFrom(...Array.from("abcXYZ019 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~äß€")),
  })
  .filter((value) => value.trim() === value && new Set(value).size >= 5);
const ascii = fc.string({ maxLength: 40, unit: fc.constantFrom(...Array.from("abc 019=:-/\n")) });

test("a known value survives in no encoding, wherever it stands, and equal ones get equal marks", () => {
  fc.assert(
    fc.property(
      secretText,
      fc.constantFrom(...Object.keys(encoders)),
      ascii,
      ascii,
      (secret, encoding, before, after) => {
        const by = redactor([secret]);
        const encoded = encoders[encoding]?.(secret, before, after) ?? "";
        const text = `${before}\n ${encoded} \n${after}`;
        const hidden = by.redactText(text);
        expect(hidden).toMatch(/\[redacted:\w+:[0-9a-f]{8}\]/);
        // Unless a word or a shape before it made it a secret already, it goes by its own name.
        if (encoding === "json") expect(hidden).toContain(digits(Buffer.from(secret)));
        for (const [name, encode] of Object.entries(encoders)) {
          if (!name.startsWith("base64")) expect(hidden.includes(encode(secret, "", ""))).toBe(false);
        }
        if (encoding.startsWith("base64")) {
          for (const [run] of hidden.matchAll(/[A-Za-z0-9+/=_-]{4,}/g))
            expect(Buffer.from(run, "base64").toString().includes(secret)).toBe(false);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

const secrets = ["correct horse battery", "s3cr3t!value", "line one of it\nline two of it"];
const piece = fc.oneof(
  fc.constantFrom(
    ...secrets,
    ...PEM.map((line) => `${line}\n`),
    Buffer.from("xx" + secrets[0]).toString("base64"),
    "\n",
    "\n",
    "password=",
    'token="',
    '"',
    "Authorization: Bearer ",
    "ghp_aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2",
    "https://user:pa55word@host/",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP",
    "ACME-1234-ABCD",
    "-----BEGIN PRIVATE KEY-----",
    "\\n",
    "\r",
    "\x1b[31m",
    "\0\xff\xfe",
  ),
  fc.string({ maxLength: 30 }),
  fc.integer({ min: 1, max: 3 }).map((n) => "aZ09-_".repeat(n * 900)),
  fc.integer({ min: 1, max: 4 }).map((n) => "lorem ipsum dolor ".repeat(n * 300)),
);

test("the same bytes give the same result, whatever the pieces they come in", () => {
  const pattern = compilePattern("acme", "ACME-\\d{4}-[A-Z]{2,8}");
  if ("problem" in pattern) throw new Error(pattern.problem);
  const by = redactor(secrets, [pattern]);
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 40 }),
      (parts, sizes) => {
        const bytes = Buffer.from(parts.join(""), "latin1");
        const whole = inPieces(by, bytes, [bytes.length]);
        const cut = inPieces(by, bytes, sizes);
        expect(cut.text.equals(whole.text)).toBe(true);
        expect(cut.marks).toBe(whole.marks);
        for (const secret of secrets.flatMap((value) => value.split("\n")))
          expect(whole.text.includes(secret)).toBe(false);
      },
    ),
    { numRuns: 1500 },
  );
});

test("secrets of different bytes that overlap in a giant line end where the longest of them ends", () => {
  // To base64 the "." is the end; to a value behind a word it is not.
  const bytes = Buffer.from(`-----BEGIN PRIVATE KEY-----password=${"aZ09-_".repeat(1800)}.`);
  for (const sizes of [[], [bytes.length], [6937, 1292], [8229, 2000]]) {
    const { text, marks } = inPieces(plain, bytes, sizes);
    expect(text.toString()).toMatch(/^-----BEGIN PRIVATE KEY-----\[redacted:private_key:\w{8}\]$/);
    expect(marks).toBe(1);
  }
});

test("a state that was stored with a single set is gone on with", () => {
  const bytes = Buffer.from("secretpart and on\n");
  // The fifth set is of letters, digits, "_" and "-".
  const { growing: _, ...old } = { ...FRESH_STATE, skip: 2, swallow: 4 };
  const { bytes: rest } = plain.redact(old as RedactionState, bytes, 0, "lines");
  expect(Buffer.from(rest).toString()).toBe(" and on\n");
});

test("a key is found behind the beginning of another that is too long to be one, wherever the line is cut", () => {
  const line = `eyJ${"a1b2".repeat(500)}-eyJ${"c3d4".repeat(900)}.xyz123456789${"e".repeat(9000)} end\n`;
  const bytes = Buffer.from(line);
  for (const sizes of [[bytes.length], [9000, 1000, 3000], [8192, 2500], [10_500, 100]]) {
    const { text, marks } = inPieces(plain, bytes, sizes);
    expect(text.toString()).toMatch(/^eyJ(a1b2){500}-\[redacted:jwt:\w{8}\] end\n$/);
    expect(marks).toBe(1);
  }
});

test("redacting what needs none gives back the very bytes, broken UTF-8, NUL and all", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
      const bytes = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
      const { text, marks } = inPieces(plain, bytes, [50, 500]);
      if (marks === 0) expect(text.equals(bytes)).toBe(true);
    }),
  );
});

test("what had to be taken early is looked at again when more of its line comes", () => {
  const bytes = Buffer.from("Password: hunter2hunter2 ok\n");
  const first = plain.redact(FRESH_STATE, bytes.subarray(0, 10), 0, "all");
  expect(Buffer.from(first.bytes).toString()).toBe("Password: ");
  const second = plain.redact(first.state, bytes, 10, "lines");
  expect(Buffer.from(second.bytes).toString()).toMatch(/^\[redacted:assigned:\w{8}\] ok\n$/);
  // A secret cut in the middle: its rest is dropped with it.
  const early = plain.redact(FRESH_STATE, Buffer.from("password=hunt"), 0, "all");
  const earlyText = Buffer.from(early.bytes).toString();
  const rest = plain.redact(early.state, Buffer.from("password=hunter2 ok\n"), 13, "lines");
  expect(earlyText).toMatch(/^password=\[redacted:assigned:\w{8}\]$/);
  expect(Buffer.from(rest.bytes).toString()).toBe(" ok\n");
});

test("a secret without an end is marked once and dropped whole", () => {
  const bytes = Buffer.from(`token="${"aB3".repeat(100_000)}" and on\n`);
  const { text, marks } = inPieces(
    plain,
    bytes,
    Array.from({ length: 40 }, () => 9000),
  );
  expect(text.toString()).toMatch(/^token="\[redacted:assigned:\w{8}\]" and on\n$/);
  expect(marks).toBe(1);
});
