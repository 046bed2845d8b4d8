/** Takes secrets out of output before anything else sees it. Pure: no IO, no clock, no chance. */
export { CONTEXT_BYTES, LOOKAHEAD_BYTES, PATTERNS_MAX } from "./limits.ts";
export { isSecretName, secretValues } from "./names.ts";
export { compilePattern, type Pattern } from "./pattern.ts";
export {
  createRedactor,
  FRESH_STATE,
  type RedactionState,
  type Redacted,
  type Redactor,
  type RedactorOptions,
} from "./redactor.ts";
