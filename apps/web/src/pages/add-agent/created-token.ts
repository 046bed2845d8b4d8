import type { Api, EndpointOutput } from "@flowplane/contract";

/** The answer that carries the secret, which is shown once. */
export type CreatedToken = EndpointOutput<Api["enrolmentTokenCreate"]>;
