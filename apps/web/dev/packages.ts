/** Packages of the mock: a Collector with two releases and an open one, and what agents say of it. */
import type {
  AgentPackages,
  Package,
  PackagePlace,
  PackageStatusName,
  PackageWithReleases,
  Release,
} from "@flowplane/contract";
import { ADA, found, MockProblem, nextSerial, paged, type Handlers } from "./answer.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;
const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * HOUR_MS).toISOString();

let all: PackageWithReleases[] = [
  {
    ...packageOf("pkg-otelcol", "otelcol", "top_level", "The Collector itself, as we build it"),
    newest_version: "0.149.1",
    agents: 3,
    installed: 2,
    failed: 1,
    releases: 3,
    all_releases: [
      releaseOf("rel-3", "pkg-otelcol", "0.150.0", "canary", "With the new sampler", false),
      {
        ...releaseOf("rel-2", "pkg-otelcol", "0.149.1", "canary", "Repairs the exporter's queue", true),
        agents: 3,
      },
      releaseOf("rel-1", "pkg-otelcol", "0.149.0", "stable", "First release", true),
    ],
  },
  {
    ...packageOf("pkg-rules", "redaction-rules", "addon", "What is taken out of logs before they leave"),
    newest_version: "2026.11",
    releases: 1,
    all_releases: [releaseOf("rel-9", "pkg-rules", "2026.11", "stable", "Card numbers with spaces", true)],
  },
];

/** What was said through the page, by agent. */
const said = new Map<string, readonly string[]>();

export const packages = {
  packageList: (_ctx, { query }) =>
    paged(
      all
        .map(({ all_releases: _releases, ...shown }) => shown)
        .filter(({ name }) => name.includes(query.q ?? "")),
      query,
    ),
  packageCreate: (_ctx, { body }) => {
    if (all.some(({ name }) => name === body.name))
      throw new MockProblem(409, "conflict", `There is a package named ${body.name} already.`);
    const made = packageOf(`pkg-${nextSerial()}`, body.name, body.type, body.description);
    all = [...all, { ...made, all_releases: [] }];
    return made;
  },
  packageRead: (_ctx, { params }) => packageBy(params.package_id),
  packageDelete: (_ctx, { params }) => {
    const { agents, name } = packageBy(params.package_id);
    if (agents > 0)
      throw new MockProblem(409, "conflict", `The package ${name} cannot be deleted: agents are to have it.`);
    all = all.filter(({ id }) => id !== params.package_id);
    return undefined;
  },
  packagePlaces: ({ world }, { params, query }) =>
    paged(placesOf(world, packageBy(params.package_id)), query),
  releaseCreate: (_ctx, { params, body }) => {
    const { version, channel, message } = body;
    const made = {
      ...releaseOf(`rel-${nextSerial()}`, params.package_id, version, channel, message, false),
      files: [],
    };
    change(params.package_id, (releases) => [made, ...releases]);
    return made;
  },
  // What is sent is not looked at.
  releaseFilePut: (_ctx, { params, query }) => {
    const file = {
      id: `file-${nextSerial()}`,
      ...query,
      bytes: 38_000_000,
      sha256: "7e23ec29af22b0b4e41da31e868d5722".repeat(2),
      signature_bytes: 0,
      created_at: at(0),
    };
    change(params.package_id, (releases) =>
      releases.map((each) =>
        each.id === params.release_id ? { ...each, files: [...each.files, file] } : each,
      ),
    );
    return file;
  },
  releaseFileSign: (_ctx, { params }) =>
    found(releaseBy(params.package_id, params.release_id).files.find(({ id }) => id === params.file_id)),
  releasePublish: (_ctx, { params }) => {
    const published = { ...releaseBy(params.package_id, params.release_id), published_at: at(0) };
    change(params.package_id, (releases) =>
      releases.map((each) => (each.id === published.id ? published : each)),
    );
    return published;
  },
  releaseDelete: (_ctx, { params }) => {
    change(params.package_id, (releases) => releases.filter(({ id }) => id !== params.release_id));
    return undefined;
  },
  packageSetsPut: (_ctx, { body }) => {
    for (const id of body.agent_ids) said.set(id, body.release_ids);
    return { items: body.agent_ids.map((agent_id) => ({ agent_id, held: null })) };
  },
  agentPackages: ({ world }, { params }) => packagesOfAgent(world, params.agent_id),
  agentPackagesPut: ({ world }, { params, body }) => {
    said.set(params.agent_id, body.release_ids);
    return packagesOfAgent(world, params.agent_id);
  },
  agentPackagesRetry: ({ world }, { params }) => packagesOfAgent(world, params.agent_id),
  agentPackagesWithdraw: (_ctx, { params }) => {
    said.delete(params.agent_id);
    return undefined;
  },
} satisfies Partial<Handlers>;

const SENTENCES: readonly (readonly [PackageStatusName, string | null, string])[] = [
  ["installed", "0.149.1", "0.149.1 is installed."],
  [
    "install_failed",
    "0.149.0",
    "Installing 0.149.1 failed: no space left on device. It has 0.149.0 meanwhile.",
  ],
  ["downloading", "0.149.0", "0.149.1 is being downloaded, 62 %. It has 0.149.0 meanwhile."],
];

function placesOf(world: World, { id }: PackageWithReleases): PackagePlace[] {
  if (id !== "pkg-otelcol") return [];
  return collectors(world).map((agent, index) => {
    const [status, has_version, sentence] = SENTENCES[index % SENTENCES.length] ?? ["unknown", null, ""];
    const { id: agent_id, name: agent_name } = agent;
    return { agent_id, agent_name, wanted_version: "0.149.1", has_version, status, sentence };
  });
}

function packagesOfAgent(world: World, agentId: string): AgentPackages {
  const index = collectors(world).findIndex(({ id }) => id === agentId);
  if (index === -1 && !said.has(agentId))
    return {
      state: "none",
      sentence: "Nobody said what packages this agent is to have; it is offered none, and keeps what it has.",
      set: null,
      error: "",
      items: [],
      attempts: [],
    };
  const [status, has_version, sentence] = SENTENCES[Math.max(0, index) % SENTENCES.length] ?? [
    "unknown",
    null,
    "",
  ];
  const hasFailed = status === "install_failed";
  return {
    state: status === "installed" ? "installed" : hasFailed ? "failed" : "offered",
    sentence: hasFailed
      ? "A package could not be installed. Bring out a release that can be, or offer the set once more."
      : status === "installed"
        ? "Everything is installed."
        : "The agent was offered the set and is at work on it.",
    set: { reason: "The exporter's queue", set_by: ADA, set_at: at(2) },
    error: "",
    items: [
      {
        name: "otelcol",
        wanted: { package_id: "pkg-otelcol", release_id: "rel-2", version: "0.149.1", channel: "canary" },
        has_version,
        status,
        percent: status === "downloading" ? 62 : null,
        bytes_per_second: status === "downloading" ? 4_200_000 : null,
        error: hasFailed ? "no space left on device" : "",
        reported_at: at(0.1),
        sentence,
      },
    ],
    attempts: [
      {
        name: "otelcol",
        version: "0.149.1",
        status,
        error: hasFailed ? "no space left on device" : "",
        started_at: at(0.3),
        status_at: at(0.1),
      },
      {
        name: "otelcol",
        version: "0.149.0",
        status: "installed",
        error: "",
        started_at: at(700),
        status_at: at(700),
      },
    ],
  };
}

function collectors(world: World) {
  return world.agents.filter(({ kind }) => kind === "collector").slice(0, 3);
}

function packageBy(id: string): PackageWithReleases {
  return found(all.find((each) => each.id === id));
}

function releaseBy(packageId: string, id: string): Release {
  return found(packageBy(packageId).all_releases.find((each) => each.id === id));
}

function change(id: string, next: (releases: readonly Release[]) => Release[]): void {
  const all_releases = next(packageBy(id).all_releases);
  all = all.map((each) => (each.id === id ? { ...each, all_releases, releases: all_releases.length } : each));
}

function packageOf(id: string, name: string, type: Package["type"], description: string): Package {
  return {
    id,
    name,
    type,
    description,
    releases: 0,
    newest_version: null,
    agents: 0,
    installed: 0,
    failed: 0,
    created_by: ADA,
    created_at: at(800),
  };
}

function releaseOf(
  id: string,
  packageId: string,
  version: string,
  channel: Release["channel"],
  message: string,
  isPublished: boolean,
): Release {
  return {
    id,
    version,
    channel,
    message,
    package_id: packageId,
    published_at: isPublished ? at(20) : null,
    files: ["linux/amd64", "linux/arm64"].map((platform, index) => {
      const [os = "any", arch = "any"] = platform.split("/");
      return {
        id: `${id}-${index}`,
        os,
        arch,
        bytes: 38_000_000 + index * 1_400_000,
        sha256: `${index}b7e23ec29af22b0b4e41da31e868d57226121c84${version.replace(/\D/g, "0")}`.padEnd(
          64,
          "a",
        ),
        signature_bytes: 0,
        created_at: at(21),
      };
    }),
    agents: 0,
    created_by: ADA,
    created_at: at(22),
  };
}
