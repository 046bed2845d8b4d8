/** The text to paste, per platform. Everything comes from the token's creation, so nothing has to be filled in by hand. */
import type { AddPlatform } from "../../search.ts";

export interface Enrolment {
  readonly secret: string;
  readonly agentsUrl: string;
  readonly opampUrl: string;
  /** The agent's program; null where the control plane has none to hand out. */
  readonly archive: { readonly url: string; readonly sha256: string } | null;
}

export const PLATFORM_WORD: Readonly<Record<AddPlatform, string>> = {
  linux: "Linux",
  docker: "Docker",
  kubernetes: "Kubernetes",
  collector: "OpenTelemetry Collector",
};

export const PLATFORM_HINT: Readonly<Record<AddPlatform, string>> = {
  linux:
    "Paste into a shell on the machine; it needs Node 24.12 or newer. It fetches the agent from here, checks it, enrols it and runs it.",
  docker: "The agent keeps its identity in the volume, so the container may be replaced.",
  kubernetes: "Save as flowplane-agent.yaml, then: kubectl apply -f flowplane-agent.yaml",
  collector:
    "Add to the collector's configuration and restart it. Any distribution with the opamp extension will do.",
};

/** A container has nothing but what it can fetch from here. */
const NOT_BUILT = "# This control plane has no agent to hand out. Start it with npm start, which builds it.";
const IMAGE = "node:26-slim";
const PROGRAM = "flowplane-agent/dist/main.js";

export function commandFor(platform: AddPlatform, enrolment: Enrolment): string {
  const { secret, agentsUrl, opampUrl, archive } = enrolment;
  switch (platform) {
    case "linux":
      // Without an archive there is only a clone of the repository to run it from.
      return archive === null
        ? `npx flowplane agent enroll --server ${agentsUrl} --token ${secret} && npx flowplane agent run`
        : [
            `curl -fksSo flowplane-agent.tgz ${archive.url} \\`,
            `  && echo '${archive.sha256}  flowplane-agent.tgz' | sha256sum -c - \\`,
            "  && tar -xzf flowplane-agent.tgz \\",
            `  && node ${PROGRAM} start --data ~/.local/share/flowplane-agent --server ${agentsUrl} --token ${secret}`,
          ].join("\n");
    case "docker":
      if (archive === null) return NOT_BUILT;
      return [
        "docker run -d --name flowplane-agent --init --restart unless-stopped \\",
        ...(isLoopback(agentsUrl) ? ["  --network host \\"] : []),
        `  -v flowplane-agent:/data -w /data -e FLOWPLANE_TOKEN=${secret} \\`,
        `  ${IMAGE} sh -c '${inContainer(agentsUrl, archive)}'`,
      ].join("\n");
    case "kubernetes":
      return archive === null ? NOT_BUILT : kubernetes(secret, inContainer(agentsUrl, archive));
    case "collector":
      return [
        "extensions:",
        "  opamp:",
        "    server:",
        "      ws:",
        `        endpoint: ${opampUrl}`,
        "        headers:",
        `          Authorization: "Bearer ${secret}"`,
        "    capabilities:",
        "      reports_effective_config: true",
        "      reports_health: true",
        "service:",
        "  extensions: [opamp]",
      ].join("\n");
  }
}

/**
 * What a container of the slim Node image does, which has no curl: fetch with Node, check, unpack, become the agent. Whose
 * certificate the connection has does not matter: the checksum came with the command.
 */
function inContainer(agentsUrl: string, { url, sha256 }: NonNullable<Enrolment["archive"]>): string {
  const get = `require("https").get("${url}",{rejectUnauthorized:false},r=>r.pipe(fs.createWriteStream("agent.tgz")))`;
  return [
    `node -e "${get.replaceAll('"', '\\"')}"`,
    `echo "${sha256}  agent.tgz" | sha256sum -c -`,
    "tar -xzf agent.tgz",
    `exec node ${PROGRAM} start --data /data/agent --server ${agentsUrl}`,
  ].join(" && ");
}

/** An address that means "this machine" to whoever dials it. */
export function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function kubernetes(secret: string, script: string): string {
  return `apiVersion: v1
kind: Secret
metadata:
  name: flowplane-agent
stringData:
  token: ${secret}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: flowplane-agent
spec:
  serviceName: flowplane-agent
  replicas: 1
  selector:
    matchLabels: { app: flowplane-agent }
  template:
    metadata:
      labels: { app: flowplane-agent }
    spec:
      containers:
        - name: agent
          image: ${IMAGE}
          workingDir: /data
          command: [sh, -c]
          args:
            - >-
              ${script}
          env:
            - name: FLOWPLANE_TOKEN
              valueFrom: { secretKeyRef: { name: flowplane-agent, key: token } }
          volumeMounts:
            - { name: data, mountPath: /data }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 1Gi } }`;
}
