import { z } from "zod";
import { EnvName, ISOLATION_MODES, Labels, Name, RETRY_REASONS, SecretName } from "@flowplane/contract";
import { readCores, readDuration, readSize } from "../amounts.ts";
import { splitCommand } from "./split-command.ts";

// What a file of jobs may say. Amounts become numbers here; what the API calls things is another file's matter.

const Text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

function amount(read: (text: string) => number | null, example: string) {
  return Text.transform((text, ctx) => {
    const value = read(text);
    if (value !== null) return value;
    ctx.addIssue({ code: "custom", message: `write it like ${example}` });
    return z.NEVER;
  });
}

const Duration = amount(readDuration, "90s, 5m, 1h30m or 7d");
const Size = amount(readSize, "512m or 1.5g");

const Command = z.union([
  z.array(Text).min(1, "say which program to run"),
  z.string().transform((line, ctx) => {
    const split = splitCommand(line);
    if ("words" in split) return split.words;
    ctx.addIssue({ code: "custom", message: split.problem });
    return z.NEVER;
  }),
]);

/** A map, or a list of `NAME=value`; a name without a value is taken over from the agent. */
const Environment = z.union([
  z.record(EnvName, Text.nullable()),
  z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*(=|$)/, "write it like NAME=value")).transform((pairs) =>
    Object.fromEntries(
      pairs.map((pair): [string, string | null] => {
        const equals = pair.indexOf("=");
        return equals < 0 ? [pair, null] : [pair.slice(0, equals), pair.slice(equals + 1)];
      }),
    ),
  ),
]);

/** A list of names, or a map from variables to names. */
const Secrets = z.union([
  z.array(SecretName).transform((names) => Object.fromEntries(names.map((name) => [name, name]))),
  z.record(EnvName, SecretName),
]);

const Isolation = z.union([
  z.enum(ISOLATION_MODES).transform((mode) => ({ mode })),
  z.strictObject({
    mode: z.enum(ISOLATION_MODES).default("container"),
    image: z.string().optional(),
    network: z.enum(["none", "host", "bridge"]).optional(),
  }),
]);

export const JobShape = z.strictObject({
  command: Command,
  description: z.string().max(2_000).optional(),
  schedule: z.string().optional(),
  every: Duration.optional(),
  at: z.union([z.string(), z.date()]).transform(String).optional(),
  time_zone: z.string().optional(),
  overlap: z.enum(["skip", "queue", "replace", "allow"]).optional(),
  misfire: z.enum(["skip", "last", "all"]).optional(),
  paused: z.boolean().optional(),
  concurrency: z.number().int().min(1).max(1_000).optional(),
  env: Environment.optional(),
  secrets: Secrets.optional(),
  limits: z
    .strictObject({
      memory: Size.optional(),
      cpu: amount(readCores, "0.5 or 2").optional(),
      pids: z.number().int().min(1).optional(),
      open_files: z.number().int().min(3).optional(),
      file_size: Size.optional(),
      nice: z.number().int().min(-20).max(19).optional(),
      umask: Text.optional(),
      runtime: Duration.optional(),
    })
    .optional(),
  restart: z.enum(["always", "on-failure", "never"]).optional(),
  retry: z
    .strictObject({
      max: z.number().int().min(0).max(1_000).optional(),
      on: z.array(z.enum(RETRY_REASONS)).min(1).optional(),
      backoff: Duration.optional(),
      backoff_max: Duration.optional(),
      reset_after: Duration.optional(),
    })
    .optional(),
  progress: z
    .strictObject({
      heartbeat: Duration.optional(),
      file: z.string().optional(),
      pattern: z.string().optional(),
    })
    .optional(),
  working_dir: z.string().min(1).optional(),
  grace: Duration.optional(),
  user: Text.optional(),
  group: Text.optional(),
  isolation: Isolation.optional(),
  policy: Text.optional(),
  agent: z.string().optional(),
  labels: Labels.optional(),
  site: z.string().optional(),
});
export type JobShape = z.output<typeof JobShape>;

export const FileShape = z.looseObject({ jobs: z.record(Name, JobShape) }).superRefine((file, ctx) => {
  for (const key of Object.keys(file))
    if (key !== "jobs" && !key.startsWith("x-"))
      ctx.addIssue({ code: "unrecognized_keys", keys: [key], path: [], input: file });
});
