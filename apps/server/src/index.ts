export { ConfigError, dataDirOf, readConfig, ROLES, type Config, type ServerRole } from "./config.ts";
export { startServer, type RunningServer, type StartOptions } from "./server.ts";
export { createLog } from "./platform/log.ts";
