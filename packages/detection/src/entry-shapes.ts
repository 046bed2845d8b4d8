import { detectorConfig, RULES_VERSIONS } from "./config.ts";
import type { Entry } from "./evidence.ts";

// Evidence may come from anywhere: before it is believed, it has to have the shape that reading it relies on.

type Check = (value: unknown) => boolean;

export function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const check = ENTRIES[String(value["type"])];
  return check !== undefined && check(value);
}

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isNumber: Check = (value) => typeof value === "number";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(String(value));
const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([key, check]) => check(value[key]));

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isAction: Check = fields({
  do: oneOf("notify", "freeze", "stop", "restart", "stop_for_good"),
});

const isPolicy: Check = fields({
  mode: oneOf("shadow", "canary", "enforce"),
  canary_percent: orAbsent(isNumber),
  warm_up_ms: isCount,
  cooldown_ms: isCount,
  rate_limit: fields({ interventions_max: isCount, window_ms: isCount, fallback_ms: isCount }),
  actions: (value) => isObject(value) && Object.values(value).every((rungs) => listOf(isAction)(rungs)),
});

/** Every setting there is, each of its kind. */
const isConfig: Check = (value) =>
  isObject(value) &&
  Object.entries(detectorConfig()).every(([key, usual]) => {
    const given = value[key];
    // Newer rules than these cannot be repeated here.
    if (key === "version") return RULES_VERSIONS.some((version) => version === given);
    if (key === "heartbeatMs") return orNull(isCount)(given);
    if (key === "progressPattern") return orNull(isText)(given);
    return Array.isArray(usual) ? listOf(isText)(given) : typeof given === typeof usual;
  });

const isPast: Check = fields({
  run_id: isText,
  category: isText,
  key: isText,
  action: isText,
  outcome: isText,
  at: isNumber,
});

const OBSERVATIONS: Readonly<Record<string, Check>> = {
  start: () => true,
  past_exit: fields({
    run_id: isText,
    code: orNull(isNumber),
    signal: orNull(isText),
    uptime_ms: isNumber,
    signature: isNumber,
    text: isText,
    acted: isFlag,
  }),
  sample: (value) =>
    isObject(value) && Object.entries(value).every(([key, item]) => key === "kind" || isNumber(item)),
  heartbeat: fields({ progress: orNull(isNumber) }),
  progress: fields({ what: isText }),
  tick: () => true,
  clock: fields({ offset_ms: isNumber }),
  frozen: fields({ frozen: isFlag }),
  guard: fields({ until: orNull(isNumber), spent: isFlag }),
  exit: fields({ code: orNull(isNumber), signal: orNull(isText) }),
  resumed_afresh: fields({ why: isText, incidents: isCount, history: listOf(isPast) }),
  end: () => true,
};

const isObservation: Check = (value) =>
  isObject(value) && isNumber(value["at"]) && (OBSERVATIONS[String(value["kind"])]?.(value) ?? false);

const ENTRIES: Readonly<Record<string, Check>> = {
  chunk: fields({ format: isText, run_id: isText, chunk: isCount, previous: orNull(isText) }),
  header: fields({
    run_id: isText,
    lineage: isText,
    attempt: isCount,
    at: isNumber,
    policy: fields({ id: orNull(isText), name: isText, version: isCount, document: isPolicy }),
    detector: fields({ config: isConfig, hash: isText }),
    history: listOf(isPast),
  }),
  observed: fields({ after: isCount, event: isObservation }),
  decision: fields({
    after: isCount,
    at: isNumber,
    kind: isText,
    category: isText,
    score: isNumber,
    line: isCount,
  }),
  verdict: fields({
    after: isCount,
    at: isNumber,
    incident: isCount,
    action: isAction,
    outcome: isText,
    why: isText,
  }),
  segment: fields({ segment: isCount, first_seq: isCount, last_seq: isCount, sha256: isText }),
  note: fields({ after: isCount, at: isNumber, what: isText }),
};
