// Programs of the host that starting a run needs, by absolute path: a run's own PATH may lead nowhere, or to something else.

import { delimiter } from "node:path";
import { DEFAULT_PATH } from "./environment.ts";
import { findExecutable } from "./find.ts";

/** The first three are needed by every run; the others only by runs that ask for what they do. */
export type Tools = {
  sh: string;
  setsid: string;
  mv: string;
  nice: string | null;
  ionice: string | null;
  prlimit: string | null;
  setpriv: string | null;
  podman: string | null;
  docker: string | null;
};

/** Throws one sentence when the host lacks a program that every run needs. */
export function findTools(path = process.env["PATH"] ?? ""): Tools {
  const find = (name: string) => {
    const found = findExecutable(name, `${path}${delimiter}${DEFAULT_PATH}`, "/");
    return typeof found === "string" ? found : null;
  };
  const need = (name: string) => {
    const found = find(name);
    if (found !== null) return found;
    throw new Error(
      `this host has no "${name}" program, which supervising runs needs; install util-linux and coreutils`,
    );
  };
  return {
    sh: need("sh"),
    setsid: need("setsid"),
    mv: need("mv"),
    nice: find("nice"),
    ionice: find("ionice"),
    prlimit: find("prlimit"),
    setpriv: find("setpriv"),
    podman: find("podman"),
    docker: find("docker"),
  };
}
