import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { plainCommand, type Context } from "../context.ts";
import { findTarget, isLoopback, parseOrigin } from "../connection.ts";
import {
  readCredentials,
  withCredential,
  withoutCredential,
  writeCredentials,
  type Credential,
} from "../credentials.ts";
import { CliError } from "../failure.ts";
import { EXIT } from "../exit-codes.ts";
import { readSecret } from "../input.ts";
import { credentialsFile } from "../places.ts";
import { printable } from "../text-width.ts";
import { pollDevice, requestDevice } from "../device-flow.ts";

interface LoginOptions {
  key?: string;
  json?: true;
}

export function declareLogin(program: Command, context: Context): void {
  plainCommand(program, "login", "Sign in on this machine: in a browser, or with an API key")
    .argument("[url]", "address of the control plane (default: FLOWPLANE_URL, else the last one)")
    .option("--key <key>", "an API key; - reads it from stdin, where no other user can see it")
    .option("--json", "print who was signed in as JSON")
    .action((url: string | undefined, options: LoginOptions) => login(context, url, options));

  plainCommand(program, "logout", "Forget the sign-in; a browser session ends on the control plane too")
    .argument("[url]", "address of the control plane (default: the one used now)")
    .option("--json", "print what was forgotten as JSON")
    .action((url: string | undefined, options: { json?: true }) => logout(context, url, options));
}

async function login(context: Context, url: string | undefined, options: LoginOptions): Promise<void> {
  const { env, output } = context;
  const origin = url === undefined ? (await findTarget(env, undefined)).origin : parseOrigin(url, "url");
  if (origin.startsWith("http:") && !isLoopback(origin)) {
    output.note(
      `${origin} is not encrypted: everybody on the way can read the key. Use https:// where you can.`,
    );
  }
  const secret =
    options.key === undefined
      ? await throughBrowser(context, origin)
      : await readSecret(options.key, process.stdin);
  const { createClient } = await import("@flowplane/contract/light");
  const client = createClient({ origin, headers: () => ({ authorization: `Bearer ${secret}` }) });
  const me = await client.me({});
  const credential: Credential = {
    secret,
    kind: options.key === undefined ? "session" : "api_key",
    name: me.email ?? me.actor.name,
    saved_at: new Date(context.now()).toISOString(),
  };
  const file = credentialsFile(env);
  await writeCredentials(file, withCredential(await readCredentials(file), origin, credential));
  if (options.json === true) return output.json({ url: origin, ...me });
  output.print(
    printable(
      `Signed in to ${origin} as ${credential.name} (${me.organization.role} of ${me.organization.name}).`,
    ),
  );
}

async function throughBrowser({ output, now }: Context, origin: string): Promise<string> {
  const device = await requestDevice(origin);
  output.note("Open this page in a browser where you are signed in, and compare the code:\n");
  output.note(printable(`  ${device.verification_uri_complete}`));
  output.note(`  code ${printable(device.user_code)}\n`);
  const deadline = now() + device.expires_in * 1_000;
  let intervalMs = device.interval * 1_000;
  while (now() < deadline) {
    await sleep(intervalMs);
    const answer = await pollDevice(origin, device.device_code);
    switch (answer.kind) {
      case "token":
        return answer.token;
      case "slow_down":
        intervalMs += SLOW_DOWN_STEP_MS;
        break;
      case "pending":
        break;
      case "denied":
        throw new CliError("The sign-in was refused in the browser.", { exitCode: EXIT.notAllowed });
      case "expired":
        throw expired();
    }
  }
  throw expired();
}

/** RFC 8628 §3.5. */
const SLOW_DOWN_STEP_MS = 5_000;

function expired(): CliError {
  return new CliError("Nobody confirmed the code in time.", {
    exitCode: EXIT.notAllowed,
    advice: "Run `flowplane login` again for a new one.",
  });
}

async function logout(context: Context, url: string | undefined, options: { json?: true }): Promise<void> {
  const { env, output } = context;
  const file = credentialsFile(env);
  const credentials = await readCredentials(file);
  const origin =
    url === undefined
      ? (credentials.current ?? (await findTarget(env, undefined)).origin)
      : parseOrigin(url, "url");
  const credential = credentials.servers[origin];
  if (credential === undefined) {
    throw new CliError(`There is no login to ${origin} to forget.`, { exitCode: EXIT.notFound });
  }
  const ended = credential.kind === "session" ? await endSession(origin, credential.secret) : null;
  await writeCredentials(file, withoutCredential(credentials, origin));
  if (options.json === true) return output.json({ url: origin, session_ended: ended });
  output.print(printable(`Signed out of ${origin}.`));
  if (ended === false)
    output.note("The control plane did not answer; the session there ends when it expires.");
  if (credential.kind === "api_key")
    output.note("The key itself stays valid; revoke it with `flowplane api-tokens revoke`.");
}

async function endSession(origin: string, secret: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/api/auth/sign-out`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", origin },
      body: "{}",
    });
    return response.ok;
  } catch (error) {
    // Being offline must not keep anybody from forgetting a secret.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
