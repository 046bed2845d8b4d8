import { readFile } from "node:fs/promises";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";

/** Whether somebody means a document and no policy that is stored: names of policies have neither slash nor such an end. */
export function isPolicyFile(policy: string): boolean {
  return policy === "-" || policy.includes("/") || /\.(json|ya?ml)$/.test(policy);
}

/** A policy document from a file (`-`: stdin), JSON or YAML; the control plane judges what is in it. */
export async function readPolicyFile(file: string): Promise<unknown> {
  const text = file === "-" ? await readStdin() : await readFile(file, "utf8");
  try {
    const { parse } = await import("yaml");
    return parse(text) as unknown;
  } catch (cause) {
    throw new CliError(
      `${file === "-" ? "stdin" : file} is neither JSON nor YAML: ${(cause as Error).message.split("\n", 1)[0]}`,
      { exitCode: EXIT.usage, cause },
    );
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
