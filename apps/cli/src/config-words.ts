import type { ConfigurationChange } from "@flowplane/contract";

/** One difference between two configurations: `~ receiver otlp: protocols.grpc.endpoint`. */
export function describeChange({ change, what, id, settings }: Described): string {
  const mark = { added: "+", removed: "-", changed: "~" }[change];
  const changed = settings.map((path) => path.join(".")).filter((path) => path !== "");
  return `${mark} ${what} ${id}${changed.length === 0 ? "" : `: ${changed.join(", ")}`}`;
}

/** What files are compared by says the same in its own type. */
type Described = Pick<ConfigurationChange, "change" | "what" | "id"> & {
  readonly settings: readonly (readonly (string | number)[])[];
};
