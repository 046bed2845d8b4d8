import { lstatSync } from "node:fs";
import { findSocketPath } from "@flowplane/agent/local";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";
import { agentFolder, dataFolder } from "./places.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** The socket of this machine's agent, when there is one of ours; whether somebody answers there only a call tells. */
export function findLocalAgent(env: Env): string | null {
  const sockets = [agentFolder(env, undefined), dataFolder(env)].map(findSocketPath);
  return sockets.find(isOurSocket) ?? null;
}

/** The same where nothing else will do. */
export function requireLocalAgent(env: Env): string {
  const socket = findLocalAgent(env);
  if (socket !== null) return socket;
  throw new CliError("No agent runs on this machine's data folder.", {
    exitCode: EXIT.unreachable,
    advice: `Start one with \`flowplane agent run\`, or set FLOWPLANE_DATA to where it keeps its data (now ${dataFolder(env)}).`,
  });
}

/** Somebody else's socket is no place to send a command and its environment to. */
function isOurSocket(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const uid = process.getuid?.();
  return found?.isSocket() === true && (uid === undefined || uid === 0 || found.uid === uid);
}
