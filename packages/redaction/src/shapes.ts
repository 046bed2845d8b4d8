// Secrets that can be told by their beginning. The list follows what issuers publish of their keys; every rule is a
// prefix and a run of one set of bytes, so that judging it costs what its run is long.

import { CHARSETS } from "./charsets.ts";
import type { Charset, Runs } from "./charsets.ts";
import { makeFinding, RANK } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { SECRET_BYTES_MAX } from "./limits.ts";
import { isDigit, isLetter, latin1 } from "./text.ts";

type Shape = {
  kind: string;
  prefixes: readonly string[];
  set: Charset;
  /** Bytes after the prefix: at least, and at most when it is exact. */
  min: number;
  max?: number;
  /** A dot must lie within: a key of several parts. */
  parts?: boolean;
  /** Letters and digits must both be there: the prefix alone is a word, too. */
  mixed?: boolean;
  /** The prefix is not part of the secret: what names it stays. */
  keepsPrefix?: boolean;
};

const DOT = 46;
const COLOUR_BYTES_MAX = 20;
const MIXED_BYTES = 256;
/** A key's part is at least this long. */
const PART_BYTES_MIN = 8;
const { alnum, base64, dotted, hex, path, token, upper, word } = CHARSETS;

const SHAPES: readonly Shape[] = [
  { kind: "aws_key", prefixes: ["AKIA", "ASIA", "ABIA", "ACCA"], set: upper, min: 16, max: 16 },
  { kind: "github_token", prefixes: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], set: alnum, min: 36 },
  { kind: "github_token", prefixes: ["github_pat_"], set: word, min: 30 },
  { kind: "gitlab_token", prefixes: ["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-"], set: dotted, min: 20 },
  {
    kind: "slack_token",
    prefixes: [
      "xoxa-",
      "xoxb-",
      "xoxe-",
      "xoxe.",
      "xoxo-",
      "xoxp-",
      "xoxr-",
      "xoxs-",
      "xoxc-",
      "xoxd-",
      "xapp-",
    ],
    set: token,
    min: 10,
  },
  { kind: "slack_webhook", prefixes: ["hooks.slack.com/services/"], set: path, min: 20, keepsPrefix: true },
  { kind: "discord_webhook", prefixes: ["discord.com/api/webhooks/"], set: path, min: 30, keepsPrefix: true },
  { kind: "anthropic_key", prefixes: ["sk-ant-"], set: word, min: 20 },
  { kind: "openai_key", prefixes: ["sk-proj-", "sk-svcacct-", "sk-admin-"], set: word, min: 20 },
  { kind: "api_key", prefixes: ["sk-or-v1-", "sk-lf-"], set: word, min: 20 },
  { kind: "openai_key", prefixes: ["sk-"], set: alnum, min: 32, mixed: true },
  { kind: "google_key", prefixes: ["AIza"], set: word, min: 35 },
  { kind: "google_token", prefixes: ["ya29."], set: dotted, min: 20 },
  { kind: "google_secret", prefixes: ["GOCSPX-"], set: word, min: 20 },
  { kind: "jwt", prefixes: ["eyJ"], set: dotted, min: 24, parts: true },
  { kind: "npm_token", prefixes: ["npm_"], set: alnum, min: 36 },
  { kind: "pypi_token", prefixes: ["pypi-AgE"], set: word, min: 50 },
  { kind: "rubygems_key", prefixes: ["rubygems_"], set: hex, min: 40 },
  { kind: "docker_token", prefixes: ["dckr_pat_", "dckr_oat_"], set: word, min: 20 },
  { kind: "huggingface_token", prefixes: ["hf_", "api_org_"], set: alnum, min: 30 },
  { kind: "vault_token", prefixes: ["hvs.", "hvb.", "hvr."], set: word, min: 20 },
  { kind: "digitalocean_token", prefixes: ["dop_v1_", "doo_v1_", "dor_v1_"], set: hex, min: 60 },
  { kind: "sendgrid_key", prefixes: ["SG."], set: dotted, min: 40, parts: true },
  { kind: "sendinblue_key", prefixes: ["xkeysib-"], set: word, min: 40 },
  {
    kind: "stripe_key",
    prefixes: ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
    set: base64,
    min: 16,
  },
  { kind: "square_token", prefixes: ["sq0atp-", "sq0csp-"], set: word, min: 20 },
  { kind: "shopify_token", prefixes: ["shpat_", "shpss_", "shpca_", "shppa_"], set: hex, min: 30 },
  { kind: "telegram_token", prefixes: [":AA"], set: word, min: 32, max: 34, mixed: true },
  { kind: "mailgun_key", prefixes: ["key-"], set: hex, min: 32, max: 32 },
  { kind: "databricks_token", prefixes: ["dapi"], set: hex, min: 32 },
  { kind: "grafana_token", prefixes: ["glc_", "glsa_"], set: base64, min: 30 },
  { kind: "atlassian_token", prefixes: ["ATATT3"], set: base64, min: 50 },
  { kind: "linear_key", prefixes: ["lin_api_"], set: alnum, min: 30 },
  { kind: "figma_token", prefixes: ["figd_"], set: word, min: 30 },
  { kind: "notion_token", prefixes: ["ntn_"], set: alnum, min: 40 },
  { kind: "postman_key", prefixes: ["PMAK-"], set: word, min: 50 },
  { kind: "newrelic_key", prefixes: ["NRAK-"], set: alnum, min: 20 },
  { kind: "pulumi_token", prefixes: ["pul-"], set: hex, min: 40 },
  { kind: "sentry_token", prefixes: ["sntrys_", "sntryu_"], set: base64, min: 40 },
  { kind: "supabase_key", prefixes: ["sbp_"], set: hex, min: 40 },
  { kind: "age_key", prefixes: ["AGE-SECRET-KEY-1"], set: upper, min: 50 },
  { kind: "azure_signature", prefixes: ["sig="], set: token, min: 40, keepsPrefix: true },
];

/** Tells the finding, if it is one, and returns the end of what needs no second look by the same rule. */
export type Judge = (input: Uint8Array, at: number, tell: (finding: Finding) => void) => number;

/** Each prefix with the function that judges what follows it; `runs` are those of the input being judged. */
export function shapeRules(runs: Runs): { prefix: Uint8Array; judge: Judge }[] {
  return SHAPES.flatMap((shape) =>
    shape.prefixes.map((prefix) => {
      const bytes = latin1(prefix);
      return { prefix: bytes, judge: (input, at, tell) => judge(shape, bytes, runs, input, at, tell) };
    }),
  );
}

function judge(
  shape: Shape,
  prefix: Uint8Array,
  runs: Runs,
  input: Uint8Array,
  at: number,
  tell: (finding: Finding) => void,
): number {
  const { kind, set, min, max, parts = false, mixed = false, keepsPrefix = false } = shape;
  // A word that merely ends in the prefix: "task-" is no key.
  const isInWord = alnum[prefix[0] as number] === 1 && at > 0 && alnum[input[at - 1] as number] === 1;
  if (isInWord && !isAfterColour(input, at)) return at;
  const start = at + prefix.length;
  const from = keepsPrefix ? start : at;
  const run = runs.end(input, start, set);
  const full = Math.min(run, from + SECRET_BYTES_MAX);
  // A dot at the end closes the sentence.
  const end = full - from < SECRET_BYTES_MAX && input[full - 1] === DOT ? full - 1 : full;
  const length = end - start;
  const isIt =
    length >= min &&
    (max === undefined || (length <= max && alnum[input[end] ?? 0] === 0)) &&
    (!parts || hasParts(input, start, end, runs)) &&
    (!mixed || isMixed(input, start, end));
  if (isIt) tell(makeFinding(input, from, end, kind, RANK.shape, set));
  // Whatever begins within this run ends with it. When it was too long to be seen whole, another that begins later in it may
  // be a secret where this one is none.
  return isIt || full === run ? run : at;
}

/** The letter before may be the end of a terminal's colour: ESC [ 3 2 m. */
function isAfterColour(input: Uint8Array, at: number): boolean {
  let start = at - 2;
  const least = Math.max(0, at - COLOUR_BYTES_MAX);
  while (start > least && (isDigit(input[start] as number) || input[start] === 59)) start -= 1;
  return input[start] === 91 && input[start - 1] === 27;
}

function hasParts(input: Uint8Array, start: number, end: number, runs: Runs): boolean {
  const dot = runs.end(input, start + PART_BYTES_MIN, word);
  return input[dot] === DOT && dot < end - PART_BYTES_MIN;
}

/** Letters and digits both, in what is looked at of it. */
export function isMixed(input: Uint8Array, from: number, to: number): boolean {
  const end = Math.min(to, from + MIXED_BYTES);
  let letters = 0;
  let digits = 0;
  for (let i = from; i < end; i += 1) {
    if (isDigit(input[i] as number)) digits += 1;
    else if (isLetter(input[i] as number)) letters += 1;
  }
  return letters > 0 && digits > 0;
}
