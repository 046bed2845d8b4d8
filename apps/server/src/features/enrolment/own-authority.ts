import { createHash, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
  type Extension,
} from "./x509.ts";
import type { Base } from "../../platform/context.ts";
import {
  AGENT_CERTIFICATE_LIFETIME_MS,
  agentUri,
  CLOCK_TOLERANCE_MS,
  type AgentCertificateRequest,
  type CertificateAuthority,
  type IssuedCertificate,
  type RevokedCertificate,
  type ServerCertificate,
} from "./authority.ts";

const { subtle } = webcrypto;
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const ROOT_LIFETIME_MS = 10 * 365 * 86_400_000;
/** The listener renews it by itself long before. */
export const SERVER_CERTIFICATE_LIFETIME_MS = 30 * 86_400_000;
const REVOCATION_LIST_LIFETIME_MS = 86_400_000;
const SERIAL_BYTES = 16;
/** Row of `installation` and purpose of its seal. */
const INSTALLATION_KEY = "certificate-authority";

interface Root {
  readonly certificatePem: string;
  /** PKCS #8, base64. */
  readonly privateKey: string;
}

/**
 * Opens the installation's own authority, making it at the very first start. Any number of servers may start at once:
 * the first to insert the row wins and all use that one. Throws when the row was sealed under another master key.
 */
export async function openOwnAuthority(
  base: Pick<Base, "storage" | "secrets" | "now">,
): Promise<CertificateAuthority> {
  const found = await readRoot(base);
  if (found !== undefined) return authorityOf(found);
  const value = base.secrets.seal(INSTALLATION_KEY, JSON.stringify(await makeRoot(base.now())));
  await base.storage.system
    .insertInto("installation")
    .values({ key: INSTALLATION_KEY, value })
    .onConflict((conflict) => conflict.column("key").doNothing())
    .execute();
  const stored = await readRoot(base);
  if (stored === undefined) throw new Error("the certificate authority was stored but is not there");
  return authorityOf(stored);
}

async function readRoot({ storage, secrets }: Pick<Base, "storage" | "secrets">): Promise<Root | undefined> {
  const row = await storage.system
    .selectFrom("installation")
    .select("value")
    .where("key", "=", INSTALLATION_KEY)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  try {
    return JSON.parse(secrets.open(INSTALLATION_KEY, row.value).toString("utf8")) as Root; // sealed by us
  } catch (cause) {
    throw new Error(
      "The certificate authority in the database cannot be opened with this master key. Start with the master key it was made with (FLOWPLANE_MASTER_KEY, or master.key of the data folder).",
      { cause },
    );
  }
}

async function makeRoot(now: number): Promise<Root> {
  const keys = await subtle.generateKey(KEY, true, ["sign", "verify"]);
  const name = [{ O: ["Flowplane"] }, { CN: [`Flowplane CA ${randomBytes(4).toString("hex")}`] }];
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name,
    keys,
    notBefore: new Date(now - CLOCK_TOLERANCE_MS),
    notAfter: new Date(now + ROOT_LIFETIME_MS),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: certificate.toString("pem"),
    privateKey: Buffer.from(await subtle.exportKey("pkcs8", keys.privateKey)).toString("base64"),
  };
}

async function authorityOf(stored: Root): Promise<CertificateAuthority> {
  const root = new X509Certificate(stored.certificatePem);
  const signingKey = await subtle.importKey("pkcs8", Buffer.from(stored.privateKey, "base64"), KEY, false, [
    "sign",
  ]);
  const authorityKeyId = await AuthorityKeyIdentifierExtension.create(root);

  const issue = async (leaf: {
    subject: { [type: string]: string[] }[];
    publicKey: PublicKey;
    now: number;
    lifetimeMs: number;
    extensions: Extension[];
  }) =>
    X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: leaf.subject,
      issuer: root.subject,
      publicKey: leaf.publicKey,
      signingKey,
      notBefore: new Date(leaf.now - CLOCK_TOLERANCE_MS),
      notAfter: new Date(Math.min(leaf.now + leaf.lifetimeMs, root.notAfter.getTime())),
      signingAlgorithm: SIGNATURE,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        authorityKeyId,
        await SubjectKeyIdentifierExtension.create(leaf.publicKey),
        ...leaf.extensions,
      ],
    });

  return {
    certificatePem: root.toString("pem"),
    fingerprint: sha256(root.rawData),
    notAfter: root.notAfter.getTime(),

    async issueAgentCertificate({
      agentId,
      organizationId,
      publicKey,
      now,
    }: AgentCertificateRequest): Promise<IssuedCertificate> {
      const certificate = await issue({
        subject: [{ O: [organizationId] }, { CN: [agentId] }],
        publicKey: new PublicKey(publicKey),
        now,
        lifetimeMs: AGENT_CERTIFICATE_LIFETIME_MS,
        extensions: [
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
          new SubjectAlternativeNameExtension([{ type: "url", value: agentUri(organizationId, agentId) }]),
        ],
      });
      return {
        pem: certificate.toString("pem"),
        serial: plainSerial(certificate.serialNumber),
        fingerprint: sha256(certificate.rawData),
        notBefore: certificate.notBefore.getTime(),
        notAfter: certificate.notAfter.getTime(),
      };
    },

    async issueServerCertificate(hosts: readonly string[], now: number): Promise<ServerCertificate> {
      const keys = await subtle.generateKey(KEY, true, ["sign", "verify"]);
      const certificate = await issue({
        subject: [{ O: ["Flowplane"] }, { CN: ["Flowplane agents' listener"] }],
        publicKey: await PublicKey.create(keys.publicKey),
        now,
        lifetimeMs: SERVER_CERTIFICATE_LIFETIME_MS,
        extensions: [
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          new SubjectAlternativeNameExtension(
            hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
          ),
        ],
      });
      const privateKey = await subtle.exportKey("pkcs8", keys.privateKey);
      return {
        // The root goes along: an agent that knows only its fingerprint finds it in the chain.
        certificatePem: `${certificate.toString("pem")}\n${root.toString("pem")}\n`,
        privateKeyPem: PemConverter.encode(privateKey, "PRIVATE KEY"),
        notAfter: certificate.notAfter.getTime(),
      };
    },

    async revocationList(revoked: readonly RevokedCertificate[], now: number): Promise<string> {
      const list = await X509CrlGenerator.create({
        issuer: root.subject,
        thisUpdate: new Date(now),
        nextUpdate: new Date(now + REVOCATION_LIST_LIFETIME_MS),
        entries: revoked.map(({ serial, revokedAt }) => ({
          serialNumber: serial.length % 2 === 0 ? serial : `0${serial}`,
          revocationDate: revokedAt,
          reason: X509CrlReason.privilegeWithdrawn,
        })),
        signingAlgorithm: SIGNATURE,
        signingKey,
        extensions: [authorityKeyId],
      });
      return list.toString("pem");
    },
  };
}

/** 16 random bytes whose first is neither 0 nor above 0x7f, so that every library writes the number alike. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

/** One spelling of a serial number: lower-case hex without leading zeros. */
export function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, "");
}

function sha256(bytes: ArrayBuffer | Uint8Array): string {
  return createHash("sha256").update(new Uint8Array(bytes)).digest("hex");
}
