import type { AuditTables } from "./schema/audit.ts";
import type { ConfigurationTables } from "./schema/configurations.ts";
import type { DetectionTables } from "./schema/detection.ts";
import type { EnrolmentTables } from "./schema/enrolment.ts";
import type { FleetTables } from "./schema/fleet.ts";
import type { InstallationTables } from "./schema/installation.ts";
import type { OrganizationTables } from "./schema/organizations.ts";
import type { PackageTables } from "./schema/packages.ts";
import type { RolloutTables } from "./schema/rollouts.ts";
import type { RunTables } from "./schema/runs.ts";
import type { SignInTables } from "./schema/sign-in.ts";
import type { TelemetryTables } from "./schema/telemetry.ts";

/**
 * Rows as the migrations define them, a file for each subject in `schema/`; the names are those of the API. Times come as `Date`,
 * bigints as numbers (see database.ts).
 */
export interface Database
  extends
    AuditTables,
    ConfigurationTables,
    DetectionTables,
    EnrolmentTables,
    FleetTables,
    InstallationTables,
    OrganizationTables,
    PackageTables,
    RolloutTables,
    RunTables,
    SignInTables,
    TelemetryTables {}
