/** The text to paste, per platform. Everything comes from the token's creation, so nothing has to be filled in by hand. */
import type { AddPlatform } from "../../search.ts";

export interface Enrolment {
  readonly secret: string;
  readonly agentsUrl: string;
  readonly opampUrl: string;
  readonly version: string;
}

export const PLATFORM_WORD: Readonly<Record<AddPlatform, string>> = {
  linux: "Linux",
  docker: "Docker",
  kubernetes: "Kubernetes",
  collector: "OpenTelemetry Collector",
};

export const PLATFORM_HINT: Readonly<Record<AddPlatform, string>> = {
  linux:
    "Paste into a shell on the machine, where the flowplane command is (npm install -g flowplane, or a clone).",
  docker: "The agent keeps its identity in the volume, so the container may be replaced.",
  kubernetes: "Save as flowplane-agent.yaml, then: kubectl apply -f flowplane-agent.yaml",
  collector:
    "Add to the collector's configuration and restart it. Any distribution with the opamp extension will do.",
};

export function commandFor(platform: AddPlatform, enrolment: Enrolment): string {
  const { secret, agentsUrl, opampUrl } = enrolment;
  const image = "node:26-slim";
  const program = `npx --yes flowplane@${enrolment.version}`;
  switch (platform) {
    case "linux":
      return `flowplane agent enroll --server ${agentsUrl} --token ${secret} && flowplane agent run`;
    case "docker":
      return [
        "docker run -d --name flowplane-agent --restart unless-stopped \\",
        ...(isLoopback(agentsUrl) ? ["  --network host \\"] : []),
        "  -v flowplane-agent:/data -e FLOWPLANE_DATA=/data \\",
        `  ${image} sh -c '${program} agent enroll --server ${agentsUrl} --token ${secret} && ${program} agent run'`,
      ].join("\n");
    case "kubernetes":
      return kubernetes(image, program, enrolment);
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

/** An address that means "this machine" to whoever dials it. */
export function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function kubernetes(image: string, program: string, { secret, agentsUrl }: Enrolment): string {
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
          image: ${image}
          command: [sh, -c]
          args:
            - >-
              ${program} agent enroll --server ${agentsUrl} --token "$TOKEN"
              && ${program} agent run
          env:
            - { name: FLOWPLANE_DATA, value: /data }
            - name: TOKEN
              valueFrom: { secretKeyRef: { name: flowplane-agent, key: token } }
          volumeMounts:
            - { name: data, mountPath: /data }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 1Gi } }`;
}
