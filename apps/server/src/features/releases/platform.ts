/** What a file is made for, or what an agent runs on. */
export interface Platform {
  /** As in the attribute `os.type`: linux, darwin, windows. */
  readonly os: string;
  /** As in `host.arch`: amd64, arm64. */
  readonly arch: string;
}

export const ANY = "any";

/** Other words for the same. */
const OS: Readonly<Record<string, string>> = { macos: "darwin", win32: "windows" };
const ARCH: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  x64: "amd64",
  aarch64: "arm64",
  arm64v8: "arm64",
  arm32: "arm",
  armv7l: "arm",
  i386: "386",
  i686: "386",
  x86: "386",
};

/** In one spelling, so that what is meant for an agent is found. */
export function platformOf({ os, arch }: Platform): Platform {
  const [name, machine] = [os.toLowerCase(), arch.toLowerCase()];
  return { os: OS[name] ?? name, arch: ARCH[machine] ?? machine };
}

/** The file made for a platform as closely as there is one; undefined when there is none. */
export function fileFor<File extends Platform>(
  files: readonly File[],
  { os, arch }: Partial<Platform>,
): File | undefined {
  const find = (wantedOs: string | undefined, wantedArch: string | undefined) =>
    files.find((file) => file.os === wantedOs && file.arch === wantedArch);
  return find(os, arch) ?? find(os, ANY) ?? find(ANY, arch) ?? find(ANY, ANY);
}
