/** What one line of an agent's transcript holds. */
export type Turn =
  | {
      readonly kind: "call";
      readonly tool: string;
      readonly args: string;
      readonly conversation: string | null;
    }
  | { readonly kind: "result"; readonly text: string; readonly conversation: string | null }
  | { readonly kind: "conversation" };

/** What an agent says stands for a step of its own. */
export const SAID = "say";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** Structured logs have these; transcripts do not. */
const LOG_KEYS = ["level", "severity", "logger", "msg", "lvl"];

/** Turns of a JSON line in the shapes model APIs use; null when it is no transcript at all. */
export function turnsOfJson(text: string): Turn[] | null {
  const value = parse(text);
  if (!isObject(value) || LOG_KEYS.some((key) => key in value)) return null;
  const message = isObject(value["message"]) ? value["message"] : value;
  const conversation = firstText(value, ["run", "session_id", "sessionId", "conversation_id", "trace_id"]);
  const role = firstText(message, ["role", "type"]);
  const turns: Turn[] = [];
  for (const call of callsIn(message)) turns.push({ kind: "call", ...call, conversation });
  for (const result of resultsIn(message, role)) turns.push({ kind: "result", text: result, conversation });
  if (turns.length > 0) return turns;
  const content = message["content"];
  if (role === "assistant" && typeof content === "string" && content !== "")
    return [{ kind: "call", tool: SAID, args: content, conversation }];
  const known = role === "assistant" || role === "user" || role === "system" || role === "tool";
  return known && "content" in message ? [] : null;
}

function callsIn(message: JsonObject): { tool: string; args: string }[] {
  const calls: { tool: string; args: string }[] = [];
  const add = (tool: Json | undefined, args: Json | undefined) => {
    if (typeof tool === "string" && tool !== "") calls.push({ tool, args: canonical(args ?? null) });
  };
  const single = message["function_call"];
  if (isObject(single)) add(single["name"], single["arguments"]);
  for (const call of listOf(message["tool_calls"])) {
    const inner = isObject(call["function"]) ? call["function"] : call;
    add(inner["name"], inner["arguments"] ?? inner["args"] ?? inner["input"]);
  }
  for (const block of listOf(message["content"])) {
    if (block["type"] === "tool_use") add(block["name"], block["input"]);
  }
  if (calls.length > 0) return calls;
  const args =
    message["args"] ?? message["arguments"] ?? message["input"] ?? message["params"] ?? message["tool_input"];
  const isTurn = ["role", "thought", "observation", "step"].some((key) => key in message);
  const tool = message["tool"] ?? message["tool_name"] ?? (isTurn ? message["action"] : undefined);
  if (args !== undefined && message["role"] !== "tool") add(tool, args);
  return calls;
}

function resultsIn(message: JsonObject, role: string | null): string[] {
  const results: string[] = [];
  for (const block of listOf(message["content"])) {
    if (block["type"] === "tool_result") results.push(canonical(block["content"] ?? null));
  }
  if (role === "tool" || role === "function" || role === "tool_result")
    results.push(canonical(message["content"] ?? message["output"] ?? message["result"] ?? null));
  else if (results.length === 0) {
    const outcome = message["observation"] ?? message["result"] ?? message["output"] ?? message["error"];
    if (outcome !== undefined && outcome !== null) results.push(canonical(outcome));
  }
  return results;
}

/** Equal for equal arguments, whatever the order of keys or the white space. Digits stay: file_1 is not file_2. */
export function canonical(value: Json): string {
  if (typeof value === "string") {
    const inner = value.startsWith("{") || value.startsWith("[") ? parse(value) : undefined;
    return inner === undefined ? value.replace(/\s+/g, " ").trim() : canonical(inner);
  }
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(",")}]`;
  if (isObject(value)) {
    const keys = Object.keys(value).toSorted();
    return `{${keys.map((key) => `${key}:${canonical(value[key] ?? null)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const CALL = /^(?:\W{0,4})(?:Action|Act|Tool|COMMAND)(?: \d+)?\s*[:=]\s*(.+)$/;
const COMMAND = /COMMAND = (.+?)\s+ARGUMENTS = (.*)$/;
const INPUT = /^(?:\W{0,4})(?:Action Input|Arguments|Args)(?: \d+)?\s*[:=]\s*(.*)$/;
const RESULT = /^(?:\W{0,4})(?:Observation|Obs|Result|Tool output)(?: \d+)?\s*[:=]\s*(.*)$/;
const RETURNED = /SYSTEM:\s+(?:Command \S+ returned|Error)[:]?\s*(.*)$/;
/** A prompt and what was typed, as text games and shells show it. */
const TYPED = /^> ?([a-z].*)$/;
const QUESTION = /^(?:Question|Task|Environment|Goal)(?: #?\d+)?\s*:/;

export type TextTurn =
  | Turn
  | { readonly kind: "input"; readonly args: string }
  /** The next line is its result. */
  | { readonly kind: "typed"; readonly text: string };

/** A line of a transcript written for people, in the manner of ReAct. */
export function turnOfText(text: string): TextTurn | null {
  const command = COMMAND.exec(text);
  if (command !== null) return call(command[1] ?? "", command[2] ?? "");
  const input = INPUT.exec(text);
  if (input !== null) return { kind: "input", args: canonical(input[1] ?? "") };
  const result = RESULT.exec(text) ?? RETURNED.exec(text);
  if (result !== null) return { kind: "result", text: canonical(result[1] ?? ""), conversation: null };
  const action = CALL.exec(text);
  if (action !== null) {
    const words = /^(\w+)[[(](.*)[\])]\s*$/.exec(action[1] ?? "");
    return words === null ? call(action[1] ?? "", "") : call(words[1] ?? "", words[2] ?? "");
  }
  const typed = TYPED.exec(text);
  if (typed !== null) return { kind: "typed", text: canonical(typed[1] ?? "") };
  return QUESTION.test(text) ? { kind: "conversation" } : null;
}

function call(tool: string, args: string): Turn {
  return { kind: "call", tool: tool.trim(), args: canonical(args), conversation: null };
}

function parse(text: string): Json | undefined {
  try {
    // JSON.parse gives exactly these shapes.
    return JSON.parse(text) as Json;
  } catch {
    // Most lines are not JSON; that is an answer, not an error.
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item: Json) => isObject(item)) : [];
}

function firstText(object: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === "string" || typeof value === "number") return String(value);
  }
  return null;
}
