import { BUILT_IN_VARIABLES, isBuiltIn } from "./builtins.ts";
import type { Tell } from "./problem.ts";
import { isSection, type Section, type Value } from "./read.ts";
import { OUR_SCHEMES } from "./template.ts";

/**
 * `${env:NAME}`, `${file:/path}` and the like are resolved by the Collector; `${secret:NAME}` and `${var:NAME}` by the
 * control plane when the configuration is delivered, so that no version ever holds a secret's value.
 */
export interface Reference {
  readonly scheme: string;
  readonly name: string;
  readonly path: readonly (string | number)[];
}

const REFERENCE = /\$\{(?:([a-z][a-z0-9+.-]*):)?([^{}]*)\}/gi;
const OURS_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const COLLECTOR_SCHEMES = ["env", "file", "http", "https", "yaml"];
/** Keys whose values are secrets by what they are called. */
const SECRET_KEY =
  /(?:^|[_-])(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|credentials?)$/i;

/** Every reference in the values of a configuration, in order. */
export function findReferences(config: Value): Reference[] {
  const found: Reference[] = [];
  walk(config, [], (text, path) => {
    for (const [, scheme = "env", name = ""] of unescaped(text).matchAll(REFERENCE))
      found.push({ scheme, name, path });
  });
  return found;
}

export function checkReferences(config: Section, tell: Tell): void {
  for (const { scheme, name, path } of findReferences(config)) {
    if ((OUR_SCHEMES as readonly string[]).includes(scheme)) {
      if (!OURS_NAME.test(name) && !(scheme === "var" && isBuiltIn(name)))
        tell(
          "error",
          "bad_reference",
          path,
          scheme === "var" && name.includes(".")
            ? `\${var:${name}} names nothing: of the agent itself there are ${BUILT_IN_VARIABLES.join(", ")} and label.KEY.`
            : `\${${scheme}:${name}} names nothing: letters, digits and _ only.`,
        );
    } else if (!COLLECTOR_SCHEMES.includes(scheme))
      tell(
        "error",
        "bad_reference",
        path,
        `\${${scheme}:…} is a reference that no Collector resolves. It knows ${COLLECTOR_SCHEMES.join(", ")}; the control plane ${OUR_SCHEMES.join(" and ")}.`,
      );
  }
  walk(config, [], (text, path) => {
    const key = path.findLast((part) => typeof part === "string");
    const isPlain = text !== "" && !unescaped(text).includes("${");
    if (key !== undefined && SECRET_KEY.test(String(key)) && isPlain)
      tell(
        "warning",
        "plain_secret",
        path,
        `${String(key)} stands here in plain text, for everybody who reads the version. Store it as a secret and write \${secret:NAME}.`,
      );
  });
}

/** `$$` is a dollar and begins no reference. */
function unescaped(text: string): string {
  return text.replaceAll("$$", "\0\0");
}

function walk(
  value: Value,
  path: readonly (string | number)[],
  tell: (text: string, path: readonly (string | number)[]) => void,
): void {
  if (typeof value === "string") tell(value, path);
  else if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index], tell));
  else if (isSection(value))
    for (const [key, item] of Object.entries(value)) walk(item as Value, [...path, key], tell);
}
