import { randomSecret } from "../../platform/secrets/secrets.ts";

/** An API token as its owner keeps it: `fpk_ID_SECRET`. Only a hash of the secret is stored. */
export interface ApiTokenText {
  readonly id: string;
  readonly secret: string;
}

const FORM = /^fpk_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export function writeApiToken({ id, secret }: ApiTokenText): string {
  return `fpk_${id}_${secret}`;
}

/** Undefined for what is no API token by its form. */
export function readApiToken(text: string): ApiTokenText | undefined {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function newTokenSecret(): string {
  return randomSecret(32);
}
