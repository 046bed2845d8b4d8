// A run in a container: podman's or docker's command line, which both understand. Values of variables are named only; the
// engine takes them from its own environment. Pure.

import type { RunSpec } from "@flowplane/link";
import { refuse } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import type { Tools } from "./tools.ts";

/** What finds the container again, for the agent that adopts the run as well. */
export type Container = { engine: string; name: string };

export type ContainerNeeds = {
  runId: string;
  mark: string;
  /** Where the engine writes the container's id. */
  cidFile: string;
  /** A file of the host that the run may write to as a sign of life. */
  heartbeatFile: string;
  /** Names of the variables to take along. */
  envNames: readonly string[];
};

/** Where the sign of life is, inside. */
export const HEARTBEAT_INSIDE = "/run/flowplane-heartbeat";

export function planContainer(
  tools: Tools,
  spec: RunSpec,
  { runId, mark, cidFile, heartbeatFile, envNames }: ContainerNeeds,
): { container: Container; argv: string[]; enforced: string[] } | Refusal {
  const engine = tools.podman ?? tools.docker;
  if (engine === null) return refuse("it asks for a container, and this host has neither podman nor docker");
  const image = spec.isolation?.image;
  if (image === undefined || image.startsWith("-"))
    return refuse(
      image === undefined ? "it asks for a container and names no image" : `${image} is no image`,
    );
  const name = `flowplane-${runId}-${mark.slice(0, 8)}`;
  const { limits = {}, user, group, cwd } = spec;
  const flags = ["--rm", "--init", "--read-only", "--tmpfs", "/tmp", "--cidfile", cidFile, "--name", name];
  flags.push("--label", `flowplane.run=${runId}`, "--network", spec.isolation?.network ?? "none");
  flags.push("--volume", `${heartbeatFile}:${HEARTBEAT_INSIDE}`, "--ulimit", "core=0:0");
  const enforced: string[] = [];
  const limit = (field: keyof typeof limits, ...given: string[]) => {
    flags.push(...given);
    enforced.push(field);
  };
  const { memory_bytes: memory, cpu_millicores: cpu, pids, open_files: files, file_bytes: bytes } = limits;
  if (memory !== undefined)
    limit("memory_bytes", "--memory", String(memory), "--memory-swap", String(memory));
  if (cpu !== undefined) limit("cpu_millicores", "--cpus", String(cpu / 1000));
  if (pids !== undefined) limit("pids", "--pids-limit", String(pids));
  if (files !== undefined) limit("open_files", "--ulimit", `nofile=${files}:${files}`);
  if (bytes !== undefined) limit("file_bytes", "--ulimit", `fsize=${bytes}:${bytes}`);
  if (limits.nice !== undefined || limits.umask !== undefined)
    return refuse("nice and umask cannot be set for a container");
  if (user !== undefined || group !== undefined)
    flags.push("--user", `${user ?? "0"}${group === undefined ? "" : `:${group}`}`);
  if (cwd !== null) flags.push("--workdir", cwd);
  for (const variable of envNames) flags.push("--env", variable);
  return {
    container: { engine, name },
    argv: [
      engine,
      "run",
      ...flags,
      "--",
      image,
      ...(spec.command === "" ? [] : [spec.command]),
      ...spec.args,
    ],
    enforced,
  };
}
