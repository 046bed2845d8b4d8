import type { Generated } from "kysely";

/** The tables of the library that signs people in. */
export interface SignInTables {
  auth_users: {
    id: string;
    name: string;
    email: string;
    email_verified: Generated<boolean>;
    image: string | null;
    created_at: Generated<Date>;
    updated_at: Generated<Date>;
    last_signed_in_at: Date | null;
  };
  auth_sessions: {
    id: string;
    user_id: string;
    token: string;
    expires_at: Date;
    ip_address: string | null;
    user_agent: string | null;
    created_at: Generated<Date>;
    updated_at: Generated<Date>;
  };
  auth_verifications: { id: string; identifier: string; value: string; expires_at: Date };
  auth_device_codes: { id: string; device_code: string; user_code: string; expires_at: Date };
}
