import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** The data folder: `FLOWPLANE_DATA`, else `flowplane` in the XDG data home. Absolute. */
export function dataFolder(env: Env): string {
  const chosen = env["FLOWPLANE_DATA"];
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  return join(xdg(env["XDG_DATA_HOME"], ".local/share"), "flowplane");
}

/** An API key of the local owner, made by the control plane at its first start. */
export function adminKeyFile(env: Env): string {
  return join(dataFolder(env), "admin.key");
}

/** Where `flowplane up` notes the address it serves, so that other shells find a port that was changed. */
export function addressFile(env: Env): string {
  return join(dataFolder(env), "address");
}

/** What `flowplane login` remembers, 0600. */
export function credentialsFile(env: Env): string {
  return join(xdg(env["XDG_CONFIG_HOME"], ".config"), "flowplane", "credentials.json");
}

/** The data folder of a site agent: of its own, or the one `flowplane up` runs beside the control plane. */
export function agentFolder(env: Env, option: string | undefined): string {
  if (option !== undefined) return resolve(option);
  return join(dataFolder(env), "agent");
}

/** The XDG specification says to ignore relative paths. */
function xdg(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}
