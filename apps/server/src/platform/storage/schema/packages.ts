import type { ActorRef, PackageStatusName, PackageType, ReleaseChannel } from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** What agents can be upgraded with, who is to have what of it, and how far that has come. */
export interface PackageTables {
  packages: Tenant & {
    id: string;
    name: string;
    type: PackageType;
    description: string;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  releases: Tenant & {
    id: string;
    package_id: string;
    version: string;
    channel: ReleaseChannel;
    message: string;
    published_at: Date | null;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  release_files: Tenant & {
    id: string;
    release_id: string;
    os: string;
    arch: string;
    bytes: number;
    sha256: Buffer;
    signature: Buffer;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  package_sets: Tenant & {
    agent_id: string;
    reason: string;
    retry_id: string | null;
    set_by: Json<ActorRef>;
    set_at: Date;
    withdrawn_at: Date | null;
    changed_at: Date;
  };
  package_set_releases: Tenant & {
    agent_id: string;
    package_id: string;
    release_id: string;
  };
  reported_packages: Tenant & {
    agent_id: string;
    name: string;
    has_version: string;
    offered_version: string;
    offered_hash: string;
    status: PackageStatusName;
    error: string;
    percent: number | null;
    bytes_per_second: number | null;
    reported_at: Date;
  };
  package_attempts: Tenant & {
    id: string;
    agent_id: string;
    name: string;
    version: string;
    hash: string;
    status: PackageStatusName;
    error: string;
    started_at: Date;
    status_at: Date;
  };
}
