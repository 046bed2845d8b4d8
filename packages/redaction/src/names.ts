// Words that say of a value that it is a secret, as variables, keys and headers use them.

/** How a name ends when it speaks about a secret and is none: `token_type`, `SECRET_NAME`, `password_file`. */
export const TAILS_OF_NO_SECRET =
  /(count|counts|id|ids|len|length|max|min|limit|limits|usage|used|type|name|names|file|files|path|paths|dir|url|uri|host|port|field|prompt|hint|policy|reset|expires|expiry|expiration|expire|ttl|age|date|at|time|timeout|label|ref|arn|version|algorithm|alg|method|provider|sock|enabled|required|budget|rate|size|index|status|error|errors|endpoint|issuer|audience|scope|scopes|class|store|manager|mode|env|s)$/i;

const SECRET_WORDS =
  /(password|passwd|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key|signing_?key|encryption_?key|account_?key|master_?key|auth_?key|ssh_?key|deploy_?key|license_?key|authorization|bearer|cookie|database_url|connection_string|dsn)/i;
/** As a word of its own: too short to be looked for within others. */
const SHORT_WORDS = /(^|_)(pass|pw|auth|key|pat|jwt|sas|salt|pin)($|_)/i;

/** A value shorter than this is taken for a secret only when somebody says that it is one. */
export const GUESSED_BYTES_MIN = 8;

/** Whether an environment variable's name says that its value is a secret. */
export function isSecretName(name: string): boolean {
  const words = name.replaceAll("-", "_");
  if (!SECRET_WORDS.test(words) && !SHORT_WORDS.test(words)) return false;
  if (/(database_url|connection_string|dsn)$/i.test(words)) return true;
  const tail = /_([a-z]+)$/i.exec(words)?.[1] ?? "";
  return tail === "" || !new RegExp(`^${TAILS_OF_NO_SECRET.source}`, "i").test(tail);
}

/**
 * The values to know by heart for a run with this environment: those of the variables named in `secret`, and those whose
 * names look secret and whose values are long enough to be one.
 */
export function secretValues(
  environment: Readonly<Record<string, string>>,
  secret: readonly string[] = [],
): string[] {
  const named = new Set(secret);
  return Object.entries(environment)
    .filter(
      ([name, value]) =>
        named.has(name) ||
        (isSecretName(name) && value.length >= GUESSED_BYTES_MIN && !/^\/[\w./-]*$/.test(value)),
    )
    .map(([, value]) => value);
}
