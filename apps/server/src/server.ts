import { join } from "node:path";
import type { Logger } from "pino";
import { runAll, type Task } from "@flowplane/runtime";
import { ConfigError, type Config } from "./config.ts";
import { configurationRoutes } from "./features/configurations/routes.ts";
import { auditRoutes } from "./features/audit/routes.ts";
import { deliveryRoutes } from "./features/delivery/routes.ts";
import { configurationSource } from "./features/delivery/source.ts";
import { openEnrolment } from "./features/enrolment/enrolment.ts";
import { enrolmentRoutes } from "./features/enrolment/routes.ts";
import { figures } from "./features/figures/look.ts";
import { counting } from "./features/figures/reports.ts";
import { fleetRoutes } from "./features/fleet/routes.ts";
import { createGateway } from "./features/gateway/gateway.ts";
import { gatewayRoutes } from "./features/gateway/routes.ts";
import { gatewayApiRoutes } from "./features/gateways/routes.ts";
import { healthRoutes } from "./features/health/routes.ts";
import { healthSweep } from "./features/health/sweep.ts";
import { createAuthenticate } from "./features/identity/authenticate.ts";
import { ensureInstallation } from "./features/identity/installation.ts";
import { identityRoutes } from "./features/identity/routes.ts";
import { guardNews } from "./features/incidents/guard.ts";
import { incidentRoutes } from "./features/incidents/routes.ts";
import { overviewRoutes } from "./features/overview/routes.ts";
import { policyRoutes } from "./features/policies/routes.ts";
import { connected } from "./features/rollouts/connected.ts";
import { rolloutRoutes } from "./features/rollouts/routes.ts";
import { runRollouts } from "./features/rollouts/worker.ts";
import { runDeadlines } from "./features/runs/deadlines.ts";
import { runDispatch } from "./features/runs/dispatch.ts";
import { applyRunEvents } from "./features/runs/events.ts";
import { runBulkRoutes } from "./features/runs/logs/bulk-routes.ts";
import { runRoutes } from "./features/runs/routes.ts";
import { jobScheduler } from "./features/jobs/scheduler.ts";
import { jobRoutes } from "./features/jobs/routes.ts";
import { connectionSource } from "./features/connections/source.ts";
import { connectionRoutes } from "./features/connections/routes.ts";
import { packageSource } from "./features/releases/source.ts";
import { releaseRoutes } from "./features/releases/routes.ts";
import { telemetryOffers } from "./features/telemetry/offer.ts";
import { openReceiver } from "./features/telemetry/receiver.ts";
import { telemetryRoutes } from "./features/telemetry/routes.ts";
import { telemetryRollUp } from "./features/telemetry/rollup.ts";
import { variableRoutes } from "./features/variables/routes.ts";
import { secretRoutes } from "./features/secrets/routes.ts";
import { enqueueComparison, startJobs } from "./jobs.ts";
import { createAuth, type SignInLink } from "./platform/auth/auth.ts";
import { installAuth } from "./platform/auth/mount.ts";
import { createInProcessBus } from "./platform/bus/in-process.ts";
import type { Base } from "./platform/context.ts";
import { openDataFolder, readMasterKey } from "./platform/data-folder.ts";
import { createHttp } from "./platform/http/server.ts";
import { createLog } from "./platform/log.ts";
import { createDiskObjects } from "./platform/objects/disk.ts";
import { openQueue } from "./platform/queue/queue.ts";
import { createSecrets } from "./platform/secrets/secrets.ts";
import { openStorage } from "./platform/storage/database.ts";
import { startEmbeddedPostgres } from "./platform/storage/embedded.ts";
import { migrate } from "./platform/storage/migrate.ts";
import { openTraces } from "./platform/traces/traces.ts";

/** A control plane that is up. */
export interface RunningServer {
  readonly publicUrl: string;
  readonly agentsUrl: string;
  readonly adminKeyFile: string;
  /** The first site of the first organization, where a local site agent goes. */
  readonly siteId: string;
  /** A link that signs the local owner in, once. */
  createSignInLink(): Promise<SignInLink>;
  /** Settles only when something it cannot run without has ended by itself. */
  readonly failed: Promise<Error>;
  /** Readiness goes red, intake stops, what is under way finishes, everything is closed in reverse. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly log?: Logger;
  /** Told what it is doing now, for people who wait. */
  readonly onProgress?: (step: string) => void;
}

/**
 * Starts a control plane with the roles of its configuration. What was opened is closed again when a later step fails.
 * Throws `ConfigError` for what the person who started it can mend.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const log = options.log ?? createLog(config.logLevel);
  const step = options.onProgress ?? (() => undefined);
  const failure = Promise.withResolvers<Error>();
  await using opening = new AsyncDisposableStack();

  const folder = opening.use(openDataFolder(config.dataDir));
  const secrets = createSecrets(readMasterKey(folder, config.masterKey));
  const databaseUrl = config.databaseUrl ?? (await openEmbedded());
  step("database migrations");
  await migrate(databaseUrl);
  const storage = openStorage(databaseUrl);
  opening.defer(() => storage.close());
  const bus = createInProcessBus((error) => log.error({ err: error }, "a listener of the bus failed"));
  opening.defer(() => bus.close());
  const objects = createDiskObjects(join(config.dataDir, "objects"));
  const traces = await openTraces(config.tracesEndpoint, log);
  opening.defer(() => traces?.close());
  const base: Base = {
    config,
    log,
    storage,
    bus,
    objects,
    secrets,
    now: Date.now,
    ...(traces === undefined ? {} : { traces }),
  };
  const installation = await ensureInstallation(base);

  step("listeners");
  const enrolment = await openEnrolment(base, {
    agentsUrl: () => config.agentsUrl,
    httpUrl: () => config.publicUrl,
  });
  const auth = createAuth(base);
  const has = (role: Config["roles"][number]) => config.roles.includes(role);
  const queue = await openQueue(base);
  opening.defer(() => queue.stop());
  const gateway = has("gateway")
    ? await createGateway(base, {
        enrolment,
        applyEvents: counting(applyRunEvents),
        desiredSources: [
          configurationSource(base),
          telemetryOffers(base, enrolment),
          connectionSource(base),
          packageSource(base, enrolment),
        ],
      })
    : undefined;
  const http = await createHttp(base, createAuthenticate(base));
  opening.defer(() => http.fastify.close());
  if (has("api")) {
    installAuth(http, auth);
    overviewRoutes(http);
    fleetRoutes(http);
    configurationRoutes(http);
    deliveryRoutes(http);
    variableRoutes(http);
    releaseRoutes(http);
    rolloutRoutes(http, connected);
    enrolmentRoutes(http, enrolment);
    connectionRoutes(http, enrolment);
    gatewayRoutes(http, gateway);
    gatewayApiRoutes(http, enrolment);
    runRoutes(http);
    policyRoutes(http, enqueueComparison(queue));
    incidentRoutes(http);
    jobRoutes(http);
    telemetryRoutes(http);
    healthRoutes(http);
    secretRoutes(http);
    identityRoutes(http, auth);
    auditRoutes(http);
  }

  const tasks: Task[] = [];
  if (gateway !== undefined) {
    opening.defer(() => gateway.close());
    gateway.installOpamp(http.fastify);
    runBulkRoutes(gateway.agentHttp);
    const receiver = openReceiver(gateway.agentHttp);
    opening.defer(() => receiver.close());
    receiver.install(gateway.agentHttp.fastify, false);
    receiver.install(http.fastify, true);
    tasks.push(gateway.task);
    await gateway.listen().catch(explainListen("FLOWPLANE_AGENTS", config.agents));
  }
  if (has("worker")) {
    tasks.push(
      runDeadlines(base),
      runDispatch(base),
      jobScheduler(base),
      runRollouts(base, connected),
      guardNews(base),
      figures(base),
      telemetryRollUp(base),
      healthSweep(base),
    );
    await startJobs(base, queue);
  }
  await http.fastify.listen(config.http).catch(explainListen("FLOWPLANE_HTTP", config.http));

  const stopping = new AbortController();
  const running = runAll(tasks.length === 0 ? [idle] : tasks, stopping.signal);
  running.catch((error: Error) => failure.resolve(error));
  opening.defer(async () => {
    stopping.abort();
    // A task that failed has been told through `failed`; here it only must have ended.
    await running.catch(() => undefined);
  });
  opening.defer(() => http.drain());

  const opened = opening.move();
  log.info(
    {
      event_type: "server.started",
      roles: config.roles,
      public_url: config.publicUrl,
      agents_url: config.agentsUrl,
    },
    "control plane started",
  );
  return {
    publicUrl: config.publicUrl,
    agentsUrl: config.agentsUrl,
    adminKeyFile: installation.adminKeyFile,
    siteId: installation.site_id,
    createSignInLink: () => auth.createSignInLink(installation.owner.email),
    failed: failure.promise,
    stop: () => opened.disposeAsync(),
  };

  async function openEmbedded(): Promise<string> {
    step("PostgreSQL");
    const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
    opening.defer(() => postgres.stop());
    void postgres.failed.then((error) => failure.resolve(error));
    return postgres.url;
  }
}

/** Keeps a server without background roles alive until it is told to stop. */
const idle: Task = {
  name: "waiting",
  run: (signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
};

function explainListen(setting: string, { host, port }: Config["http"]) {
  return (cause: unknown): never => {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EADDRINUSE")
      throw new ConfigError(
        `${host}:${port} is in use by another program. Stop it, or set ${setting} to another HOST:PORT.`,
        { cause },
      );
    if (code === "EACCES")
      throw new ConfigError(
        `Not allowed to listen on ${host}:${port}. Set ${setting} to a port above 1023.`,
        { cause },
      );
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
      throw new ConfigError(`${host} is no address of this machine. Set ${setting} to one that is.`, {
        cause,
      });
    throw cause;
  };
}
