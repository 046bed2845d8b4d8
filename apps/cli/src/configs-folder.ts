import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OVERLAYS_MAX, type ConfigurationOverlay } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";

/** A configuration as a folder has it. */
export interface KeptConfiguration {
  readonly name: string;
  readonly body: string;
  readonly overlays: readonly ConfigurationOverlay[];
}

const BODY_FILE = "configuration.yaml";
const OVERLAYS_FOLDER = "overlays";
/** Most configurations read from one folder. */
const FOLDERS_MAX = 10_000;
/** `NN-NAME.yaml`: files are laid over each other in the order of their numbers. */
const OVERLAY_FILE = /^(\d{2,4})-(.+)\.yaml$/;
const SELECTOR_LINE = /^# selector: ([^\r\n]+)\r?\n/;

/** The folder of a configuration. What a path could misread is written as in a URL, so that every name has one folder. */
export function folderOf(name: string): string {
  return encodeURIComponent(name).replaceAll("%20", " ").replace(/^\./, "%2E").replaceAll("*", "%2A");
}

/** Writes a configuration below `dir`, and takes away overlays that it no longer has. */
export async function writeConfiguration(
  dir: string,
  { name, body, overlays }: KeptConfiguration,
): Promise<void> {
  const folder = join(dir, folderOf(name));
  const overlaysFolder = join(folder, OVERLAYS_FOLDER);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, BODY_FILE), body);
  const files = overlays.map((overlay, index) => ({
    file: `${String(index + 1).padStart(2, "0")}-${overlay.name}.yaml`,
    text: `# selector: ${overlay.selector}\n${overlay.body}`,
  }));
  const kept = new Set(files.map(({ file }) => file));
  for (const file of await namesIn(overlaysFolder))
    if (OVERLAY_FILE.test(file) && !kept.has(file)) await rm(join(overlaysFolder, file));
  if (files.length > 0) await mkdir(overlaysFolder, { recursive: true });
  for (const { file, text } of files) await writeFile(join(overlaysFolder, file), text);
}

/** Every configuration below `dir`, by name; folders without a `configuration.yaml` are none. Throws `CliError`. */
export async function readConfigurations(dir: string): Promise<KeptConfiguration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  if (folders.length > FOLDERS_MAX)
    throw wrong(`${dir} has ${folders.length} folders; at most ${FOLDERS_MAX} are read.`);
  const found: KeptConfiguration[] = [];
  for (const { name: folder } of folders) {
    const path = join(dir, folder);
    if (!(await namesIn(path)).includes(BODY_FILE)) continue;
    const name = nameOf(folder, path);
    if (found.some((other) => other.name === name))
      throw wrong(`Two folders of ${dir} are named ${name}. Keep one.`);
    const body = await readFile(join(path, BODY_FILE), "utf8");
    found.push({ name, body, overlays: await readOverlays(join(path, OVERLAYS_FOLDER)) });
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readOverlays(folder: string): Promise<ConfigurationOverlay[]> {
  const files = (await namesIn(folder)).filter((file) => !file.startsWith("."));
  if (files.length > OVERLAYS_MAX)
    throw wrong(`${folder} has ${files.length} files; a version has at most ${OVERLAYS_MAX} overlays.`);
  const overlays: (ConfigurationOverlay & { order: number })[] = [];
  for (const file of files) {
    const [, number, name] = OVERLAY_FILE.exec(file) ?? [];
    if (number === undefined || name === undefined)
      throw wrong(`${join(folder, file)} is named otherwise than NN-NAME.yaml, such as 01-prod.yaml.`);
    const text = await readFile(join(folder, file), "utf8");
    const line = SELECTOR_LINE.exec(text);
    if (line?.[1] === undefined)
      throw wrong(
        `${join(folder, file)} does not begin with its selector. Write it in the first line: # selector: labels.env == "prod"`,
      );
    const order = Number(number);
    if (overlays.some((other) => other.order === order))
      throw wrong(`Two overlays in ${folder} have the number ${number}. Which comes first?`);
    overlays.push({ order, name, selector: line[1].trim(), body: text.slice(line[0].length) });
  }
  return overlays
    .toSorted((a, b) => a.order - b.order)
    .map(({ name, selector, body }) => ({ name, selector, body }));
}

function nameOf(folder: string, path: string): string {
  try {
    return decodeURIComponent(folder);
  } catch {
    throw wrong(`${path} is no name of a configuration: % is followed by two hex digits. Write a % as %25.`);
  }
}

/** Nothing where there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

function wrong(sentence: string): CliError {
  return new CliError(sentence, { exitCode: EXIT.usage });
}
