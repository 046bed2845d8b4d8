// What redaction needs of this host: a key of its own for the marks, the patterns of whoever runs it, and of each run the
// secrets it was started with.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunSpec } from "@flowplane/link";
import { compilePattern, createRedactor, PATTERNS_MAX, secretValues } from "@flowplane/redaction";
import type { Pattern, Redactor } from "@flowplane/redaction";
import { z } from "zod";
import { writeFileAtomically } from "../data/folder.ts";
import { AgentProblem } from "../data/problem.ts";

const KEY_FILE = "redaction.key";
const KEY_BYTES = 32;
export const PATTERNS_FILE = "redaction.json";
const MARK_DIGITS = 8;
/** Marks remembered: a secret that is printed line after line is hashed once. */
const MARKS_MAX = 1000;
/** Kept for runs with the same secrets, of one job mostly. */
const REDACTORS_MAX = 100;

const patternsSchema = z.object({
  patterns: z.array(z.object({ name: z.string(), pattern: z.string() })).max(PATTERNS_MAX),
});

export class Redactors {
  readonly #patterns: readonly Pattern[];
  readonly #key: Buffer;
  readonly #marks = new Map<string, string>();
  readonly #made = new Map<string, Redactor>();

  /** Reads the key, made when missing, and the patterns. Throws an AgentProblem when they cannot be used. */
  constructor(dataDir: string) {
    this.#key = readKey(join(dataDir, KEY_FILE));
    this.#patterns = readPatterns(join(dataDir, PATTERNS_FILE));
  }

  /** For all that a run prints and that is told of it. */
  of(spec: Pick<RunSpec, "env" | "secret_env" | "inherit_env">): Redactor {
    const environment = { ...inherited(spec.inherit_env ?? []), ...spec.env };
    const known = secretValues(environment, spec.secret_env);
    const name = createHash("sha256").update(JSON.stringify(known)).digest("hex");
    const present = this.#made.get(name);
    if (present) return present;
    const redactor = createRedactor({
      known,
      patterns: this.#patterns,
      digits: (secret) => this.#digits(secret),
    });
    if (this.#made.size >= REDACTORS_MAX) this.#made.clear();
    this.#made.set(name, redactor);
    return redactor;
  }

  #digits(secret: Uint8Array): string {
    const text = Buffer.from(secret.buffer, secret.byteOffset, secret.length).toString("latin1");
    const present = this.#marks.get(text);
    if (present !== undefined) return present;
    const digits = createHmac("sha256", this.#key).update(secret).digest("hex").slice(0, MARK_DIGITS);
    if (this.#marks.size >= MARKS_MAX) this.#marks.clear();
    this.#marks.set(text, digits);
    return digits;
  }
}

function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (name in process.env ? [[name, process.env[name] ?? ""]] : [])),
  );
}

function readKey(path: string): Buffer {
  if (!existsSync(path)) writeFileAtomically(path, randomBytes(KEY_BYTES).toString("hex"));
  const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
  if (key.length === KEY_BYTES) return key;
  throw new AgentProblem(
    `${path} holds no key; remove it, and a new one is made (marks of secrets change with it).`,
  );
}

function readPatterns(path: string): Pattern[] {
  if (!existsSync(path)) return [];
  const parsed = patternsSchema.safeParse(parseJson(path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AgentProblem(
      `${path} is not as it should be: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}; expected is {"patterns": [{"name": "…", "pattern": "…"}]}, at most ${PATTERNS_MAX}.`,
    );
  }
  return parsed.data.patterns.map(({ name, pattern }) => {
    const compiled = compilePattern(name, pattern);
    if ("problem" in compiled) throw new AgentProblem(`${path}: ${compiled.problem}`);
    return compiled;
  });
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AgentProblem(`${path} cannot be read as JSON: ${reason}`, { cause: error });
  }
}
