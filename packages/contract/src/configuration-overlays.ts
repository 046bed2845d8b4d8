import { z } from "zod";
import { SELECTOR_CHARS_MAX } from "./common.ts";

/** Most characters of a Collector's configuration as it is sent to the API; its bytes are limited as well. */
export const CONFIGURATION_CHARS_MAX = 512 * 1024;
/** Most overlays of one version; each agent is held against all of them. */
export const OVERLAYS_MAX = 32;
/** Most characters of one overlay. */
export const OVERLAY_CHARS_MAX = 64 * 1024;
/** Most characters of all overlays of a version together, so that it fits into one request with its body. */
export const OVERLAYS_CHARS_MAX = 256 * 1024;
/** It names a file where configurations are kept in a repository. */
export const OVERLAY_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

const OverlayName = z
  .string()
  .regex(OVERLAY_NAME, "has to begin with a letter or digit, and has letters, digits, _ . and - only");
const OneLine = /^[^\r\n]*$/;

/** A part that is laid over the body for the agents that its selector matches. */
export const ConfigurationOverlay = z.object({
  name: OverlayName,
  selector: z
    .string()
    .trim()
    .min(1)
    .max(SELECTOR_CHARS_MAX)
    .regex(OneLine, "has to be one line")
    .describe("CEL over one agent, as for rollouts, in one line"),
  body: z.string().min(1).max(OVERLAY_CHARS_MAX).describe("YAML; merged as a supervisor merges"),
});
export type ConfigurationOverlay = z.output<typeof ConfigurationOverlay>;

/** An overlay while somebody writes it: everything but its name may be unfinished. */
const UnfinishedOverlay = z.object({
  name: OverlayName,
  selector: z.string().max(SELECTOR_CHARS_MAX).regex(OneLine, "has to be one line"),
  body: z.string().max(OVERLAY_CHARS_MAX),
});

export const OverlayList = listOf(ConfigurationOverlay);
export const UnfinishedOverlayList = listOf(UnfinishedOverlay);

/** The same limits for overlays of either kind. */
function listOf<S extends z.ZodType<ConfigurationOverlay>>(overlay: S) {
  return z
    .array(overlay)
    .max(OVERLAYS_MAX)
    .superRefine((overlays, check) => {
      const names = new Set<string>();
      overlays.forEach(({ name }, index) => {
        // Two files whose names differ in case alone are one file on some machines.
        if (names.has(name.toLowerCase()))
          check.addIssue({
            code: "custom",
            path: [index, "name"],
            message: `there is an overlay ${name} already`,
          });
        names.add(name.toLowerCase());
      });
      if (overlays.reduce((sum, { body }) => sum + body.length, 0) > OVERLAYS_CHARS_MAX)
        check.addIssue({
          code: "custom",
          message: `can have ${OVERLAYS_CHARS_MAX} characters together at most`,
        });
    });
}
